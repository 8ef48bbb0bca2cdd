"""Two channels of the platform's whose providers do as a test tells them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from messa_platform.messaging import dispatch
from messa_platform.messaging.dispatch import Dispatcher, due_channels
from messa_platform.messaging.outcomes import Outcomes
from messa_platform.providers.base import Rejected, State
from tests.support.providers import Obedient, a_pool, obedient
from tests.support.world import World

NUMBERS = [f"+4670174{n:04d}" for n in range(500)]
REFUSED = Rejected(permanent=False, code="refused_connection")


class Told:
    """Hears of the texts that end as UNSENT."""

    def unsent(self, session: Session, now: datetime, message_ids: Sequence[UUID]) -> None:
        """Nothing is done."""


class Two:
    """Two channels of the platform's, `first` before `second`, whose providers do as they are told."""

    def __init__(self, world: World, first: type[Obedient], second: type[Obedient] | None) -> None:
        self.world = world
        self.plugins: dict[str, Any] = {"first": first} | ({"second": second} if second else {})
        self.ids = {
            name: world.channel(name, plugin=name, settings={}, priority=place)
            for place, name in enumerate(self.plugins)
        }
        self.anna = world.account(world.tenant(), "anna@kommun.example")
        self.pool = a_pool(self.plugins, 20)
        self.woken: list[UUID] = []
        self.count = 0

    def dispatcher(self) -> Dispatcher:
        """One, as a process of its own would have."""
        written = Outcomes(dispatch.queue(timedelta(seconds=90)), Told())
        return Dispatcher(
            self.world.database,
            self.world.clock,
            self.pool,
            written,
            threading.Event(),
            lambda _s, c: self.woken.append(c),
        )

    def submit(self, texts: int = 1) -> None:
        """Hand texts in, each to another number."""
        self.world.submit(self.anna, NUMBERS[self.count : self.count + texts])
        self.count += texts

    def run(self, *names: str) -> None:
        """Dispatch by the channels, or by those that something waits for until nothing does."""
        for name in names:
            self.dispatcher().run(self.ids[name], lambda: False)
        while not names:
            with self.world.database.unit_of_work() as session:
                due = due_channels(session, self.world.clock.now())
            if not due:
                return
            for channel_id in due:
                self.dispatcher().run(channel_id, lambda: False)

    def run_while(self, goes_on: Callable[[], bool]) -> None:
        """Dispatch by the first channel, in one run, as long as more comes."""
        self.dispatcher().run(self.ids["first"], goes_on)

    def later(self, seconds: float) -> None:
        self.world.clock.move(timedelta(seconds=seconds))

    def state(self, name: str = "first") -> str:
        """Where a channel's breaker stands."""
        found: str = self.world.value("SELECT breaker FROM channel WHERE name = :name", name=name)
        return found

    def sent(self, name: str) -> list[str]:
        """The numbers that a provider was asked to send to."""
        return [message.recipient for message in self.plugins[name].sent]

    def of(self, status: str) -> int:
        """How many messages have a status."""
        return int(self.world.value("SELECT count(*) FROM message WHERE status = :s", s=status))


def failing(**changes: Any) -> type[Obedient]:
    """A provider that refuses each text for now, and cannot be reached by a test."""
    return obedient(**{"answer": lambda _: REFUSED, "verdict": State.UNREACHABLE, **changes})
