"""An account whose texts leave by one channel, whose provider does as a test tells it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from messa_platform.messaging import dispatch
from messa_platform.messaging.dispatch import Dispatcher
from messa_platform.messaging.outcomes import Outcomes
from tests.support.providers import Obedient, a_pool
from tests.support.world import World

LEASE = timedelta(seconds=90)
NUMBERS = [f"+4670174{n:04d}" for n in range(1000)]


class Told:
    """Hears of the texts that end as UNSENT."""

    def __init__(self) -> None:
        self.unsent_ids: list[UUID] = []

    def unsent(self, session: Session, now: datetime, message_ids: Sequence[UUID]) -> None:
        self.unsent_ids += message_ids


class Way:
    """An account with a channel whose provider obeys the test."""

    def __init__(self, world: World, plugin: type[Obedient], **channel: Any) -> None:
        self.world, self.plugin = world, plugin
        self.channel_id = world.channel("obedient", plugin="obedient", settings={}, **channel)
        self.group = world.tenant()
        self.anna = world.account(self.group, "anna@kommun.example")
        self.pool = a_pool({"obedient": plugin}, 5)
        self.told = Told()
        self.dispatcher = self.another()

    def another(self) -> Dispatcher:
        """A dispatcher, as a process of its own would have."""
        written = Outcomes(dispatch.queue(LEASE), self.told)
        return Dispatcher(self.world.database, self.world.clock, self.pool, written, threading.Event())

    def send(self, *numbers: str, text: str = "Hej") -> list[str]:
        """Submit to the numbers and dispatch once; gives the statuses after it."""
        self.world.submit(self.anna, numbers or NUMBERS[:1], text)
        return self.run()

    def run(self) -> list[str]:
        """Dispatch what is due; gives the statuses after it, in order."""
        self.dispatcher.run(self.channel_id, lambda: False)
        return self.statuses

    @property
    def statuses(self) -> list[str]:
        return [row.status for row in self.world.rows("SELECT status FROM message ORDER BY id")]

    @property
    def waiting(self) -> int:
        return int(self.world.value("SELECT count(*) FROM dispatch_queue"))

    def later(self, seconds: float) -> None:
        self.world.clock.move(timedelta(seconds=seconds))
