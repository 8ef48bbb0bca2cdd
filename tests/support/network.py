"""A provider's side of a channel, told by hand what to do: it takes texts or refuses them, sends receipts, and brings texts in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from messa_platform.core.work import Claim
from messa_platform.messaging.dispatch import queue
from messa_platform.messaging.incoming import Arrival
from messa_platform.messaging.outcomes import Outcomes
from messa_platform.messaging.sink import EventSink
from messa_platform.providers.base import Accepted, IncomingText, Receipt, ReceiptStatus, Rejected
from tests.support.world import World

QUEUE = queue(timedelta(seconds=90))


class Network:
    """One channel and what is at its other end. It calls a message `ref-` and our id."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.channel_id = world.channel()
        self.outcomes = Outcomes(QUEUE, self)
        self.arrived: list[Arrival] = []
        self.told_unsent: list[UUID] = []

    def _settle(self, answer: Callable[[Claim], Accepted | Rejected]) -> list[UUID]:
        now = self.world.clock.now()
        with self.world.database.unit_of_work() as session:
            claims = QUEUE.claim(session, now, 1000)
        with self.world.database.unit_of_work() as session:
            self.outcomes.write(session, now, self.channel_id, [(c, answer(c)) for c in claims])
        return [claim.id for claim in claims]

    def accept(self) -> list[UUID]:
        """Take all that waits; gives the messages, in order."""
        return self._settle(lambda claim: Accepted(reference(claim.id)))

    def refuse(self, permanent: bool = True, code: str = "barred") -> list[UUID]:
        """Refuse all that waits."""
        return self._settle(lambda claim: Rejected(permanent, code))

    def says(self, *words: tuple[UUID, str | None], code: str = "", at: datetime | None = None) -> None:
        """Send receipts in one callback: messages, and a status each (None: a word that nobody knows)."""
        given = [Receipt(reference(i), ReceiptStatus(s) if s else None, code, at) for i, s in words]
        self._call(given)

    def brings(self, *texts: IncomingText) -> None:
        """Bring texts in, in one callback."""
        self._call(texts)

    def _call(self, events: Sequence[Receipt | IncomingText]) -> None:
        with self.world.database.unit_of_work() as session:
            EventSink(self).take(session, self.world.clock.now(), self.channel_id, events)

    def unsent(self, session: Session, now: datetime, message_ids: Sequence[UUID]) -> None:
        """Note what its sender is to be told of."""
        self.told_unsent += message_ids

    def came_in(self, session: Session, now: datetime, arrivals: Sequence[Arrival]) -> None:
        """Note what reached an account."""
        self.arrived += arrivals

    def status(self, message_id: UUID) -> str:
        """Where a message stands."""
        status: str = self.world.value("SELECT status FROM message WHERE id = :id", id=message_id)
        return status

    def events(self, message_id: UUID) -> list[Any]:
        """A message's history, in order."""
        return self.world.rows(
            "SELECT * FROM message_event WHERE message_id = :id ORDER BY id", id=message_id
        )

    def history(self, message_id: UUID) -> list[str]:
        """The statuses that a message has had, in order."""
        return [event.status for event in self.events(message_id) if event.changed]


def reference(message_id: UUID) -> str:
    """By which the network knows a message."""
    return f"ref-{message_id}"
