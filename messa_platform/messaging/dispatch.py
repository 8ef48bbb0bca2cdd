"""The one way out: what waits for a channel is claimed, sent concurrently, and its outcomes written back in one go.

Never sent twice on a doubt: the claim is committed before the provider is called, with no transaction open. A send whose outcome is
unknown keeps its lease for a while, and a claim found with a lease that ran out is either such a one or belonged to a worker that
died. It is asked for by our id, and only what the provider says it never got is sent again. Where it cannot be asked, the message
becomes UNCONFIRMED and is not resent.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from typing import cast
from uuid import UUID

from sqlalchemy import Table, func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from messa_platform.core.clock import Clock
from messa_platform.core.db import Database
from messa_platform.core.logs import logger
from messa_platform.core.work import OPEN_SQL, Claim, WorkQueue, pauses
from messa_platform.messaging.models import DispatchItem
from messa_platform.messaging.outcomes import Outcomes
from messa_platform.providers.base import Absent, Accepted, Found, Outcome, OutgoingText, Rejected, Unknown
from messa_platform.providers.models import Channel
from messa_platform.providers.pool import Line, ProviderPool
from messa_platform.providers.registry import NoProvider

log = logger(__name__)

DISPATCH_ACTOR = "dispatch"

TABLE = cast(Table, DispatchItem.__table__)
CHANNEL = cast(Table, Channel.__table__)

BATCH = 250
"""Texts claimed, and outcomes written, at once at the most."""
WINDOW = 1000
"""Texts of a channel in flight in one process at the most."""
LONGEST = 240.0
"""Seconds after which an actor at work begins nothing new, well within its time limit; it is woken again."""
SETTLE_PAUSES = (0.2, 1.0, 3.0, 10.0)
"""Seconds between tries to write outcomes while the database refuses."""
FIRST_ANSWER, NEXT_ANSWER = 0.05, 0.003
"""Seconds to wait for an outcome before looking for new work, and for another one to write with it."""


def queue(lease: timedelta) -> WorkQueue:
    """The queue of what waits to leave; a text is tried for about a day before it ends as UNSENT."""
    return WorkQueue("dispatch_queue", TABLE, lease, pauses(2, 5, 15, 60, 300, 900, 1800, *[3600] * 22))


Answer = tuple[Claim, Outcome]


@dataclass(frozen=True)
class Dispatcher:
    """What dispatching needs of its process."""

    database: Database
    clock: Clock
    providers: ProviderPool
    outcomes: Outcomes
    stopping: threading.Event

    def run(self, channel_id: UUID, more: Callable[[], bool]) -> bool:
        """Send what is due by a channel, until nothing is due and nothing in flight; True if more may wait.

        Up to `WINDOW` texts are in flight at once, and outcomes are written as they come, so that one slow answer holds up no other.
        `more` tells whether something new was announced since it was last asked. After `LONGEST` seconds, or when the process is to
        stop, nothing new is begun, and what is in flight is waited for.
        """
        answers: SimpleQueue[Answer] = SimpleQueue()
        line: Line | None = None
        in_flight, look = 0, True
        until = time.monotonic() + LONGEST
        while in_flight or (look and self._may_begin(until)):
            room = min(BATCH, WINDOW - in_flight)
            if look and room and self._may_begin(until):
                found, claims = self._claim(channel_id, room)
                line, look = found or line, len(claims) == room
                if found is not None:
                    in_flight += self._start(found, claims, answers)
                    self._reconcile(found, [c for c in claims if c.orphaned])
            done = _gather(answers) if in_flight else []
            in_flight -= len(done)
            if done and line is not None:
                self._settle(line, done)
            look = more() or look
        return look

    def _may_begin(self, until: float) -> bool:
        return time.monotonic() < until and not self.stopping.is_set()

    def _claim(self, channel_id: UUID, room: int) -> tuple[Line | None, list[Claim]]:
        with self.database.unit_of_work() as session:
            now = self.clock.now()
            channel = session.execute(select(CHANNEL).where(CHANNEL.c.id == channel_id)).first()
            if channel is None or not channel.enabled:
                return None, []
            line = Line(
                channel.id,
                channel.name,
                channel.plugin,
                channel.settings,
                channel.sealed,
                channel.rate,
                channel.tenant_id is None,
            )
            most = room if channel.rate is None else _permitted(session, channel_id, now, room)
            of_channel = TABLE.c.channel_id == channel_id
            return line, self.outcomes.queue.claim(session, now, most, of_channel) if most else []

    def _start(self, line: Line, claims: Sequence[Claim], answers: SimpleQueue[Answer]) -> int:
        """Begin to send the claims that no dead worker may have sent; gives how many there are."""
        fresh = [c for c in claims if not c.orphaned]
        if not fresh:
            return 0
        texts = [OutgoingText(c.row.id, c.row.remote, c.row.local, c.row.text, c.row.parts) for c in fresh]
        try:
            self.providers.start_sends(
                line, texts, lambda place, outcome: answers.put((fresh[place], outcome))
            )
        except NoProvider as error:
            log.error("no_provider", channel=line.name, why=str(error))
            self._settle(line, [(c, Rejected(permanent=False, code="no_provider")) for c in fresh])
            return 0
        return len(fresh)

    def _settle(self, line: Line, answers: Sequence[Answer]) -> None:
        """Write outcomes. They are known nowhere else, so a fault of the database is not the end: a deadlock, a restart."""
        sure = [(c, a) for c, a in answers if not isinstance(a, Unknown)]
        doubtful = [c for c, a in answers if isinstance(a, Unknown)]
        for pause in (*SETTLE_PAUSES, None):
            try:
                with self.database.unit_of_work() as session:
                    now = self.clock.now()
                    self.outcomes.write(session, now, line.channel_id, sure)
                    self.outcomes.doubt(session, now, doubtful)
                return
            except DBAPIError as error:
                log.warning(
                    "outcomes_not_written", channel=line.name, rows=len(answers), error=type(error).__name__
                )
                if pause is None:
                    raise
                time.sleep(pause)

    def _reconcile(self, line: Line, claims: Sequence[Claim]) -> None:
        """Ask the provider what it has of doubtful claims; send again only what it surely never got."""
        if not claims:
            return
        try:
            found = self.providers.find_all(line, [c.row.id for c in claims])
        except NoProvider:
            found = [Unknown("no_provider")] * len(claims)
        if found is None and self.providers.plugin(line.plugin).capabilities.idempotent_submit:
            found = [Absent()] * len(
                claims
            )  # a provider that knows a repeat by our id may simply be sent it again
        answers: Sequence[Found] = [Unknown("cannot_be_asked")] * len(claims) if found is None else found
        pairs = list(zip(claims, answers, strict=True))
        with self.database.unit_of_work() as session:
            now = self.clock.now()
            settled = [(c, a) for c, a in pairs if isinstance(a, Accepted | Rejected)]
            absent = [c for c, a in pairs if isinstance(a, Absent)]
            self.outcomes.write(session, now, line.channel_id, settled, absent)
            unknown = [c for c, a in pairs if isinstance(a, Unknown)]
            if found is None:
                self.outcomes.leave_unconfirmed(session, now, unknown)
            else:
                self.outcomes.doubt(session, now, unknown)
        log.warning(
            "reconciled", channel=line.name, asked=len(claims), settled=len(settled), unknown=len(unknown)
        )


def _gather(answers: SimpleQueue[Answer]) -> list[Answer]:
    """The outcomes that have come: waits for the first a moment, then for its neighbours a shorter one."""
    done: list[Answer] = []
    patience = FIRST_ANSWER
    while len(done) < BATCH:
        try:
            done.append(answers.get(timeout=patience))
        except Empty:
            break
        patience = NEXT_ANSWER
    return done


def _permitted(session: Session, channel_id: UUID, now: datetime, room: int) -> int:
    """How many texts may leave by a channel now: a token bucket in the channel's row, so that it holds for all processes together."""
    channel = session.execute(select(CHANNEL).where(CHANNEL.c.id == channel_id).with_for_update()).one()
    passed = max(0.0, (now - channel.refilled_at).total_seconds())
    # the sweeper looks once a second: what a second's bucket holds must not spill before it comes
    tokens = min(max(1.0, 2 * channel.rate), channel.tokens + passed * channel.rate)
    due = (
        select(TABLE.c.id).where(TABLE.c.channel_id == channel_id, TABLE.c.next_attempt_at <= now).limit(room)
    )
    waiting = session.execute(select(func.count()).select_from(due.subquery())).scalar_one()
    most: int = min(int(tokens), waiting, max(1, math.ceil(channel.rate)), room)
    session.execute(
        update(CHANNEL).where(CHANNEL.c.id == channel_id).values(tokens=tokens - most, refilled_at=now)
    )
    return most


_DUE = text(
    "SELECT c.id AS channel_id FROM channel c WHERE EXISTS (SELECT FROM dispatch_queue d"
    f" WHERE d.channel_id = c.id AND d.{OPEN_SQL} AND d.next_attempt_at <= :now)"
)


def due_channels(session: Session, now: datetime) -> list[UUID]:
    """The channels for which something is due."""
    return [row.channel_id for row in session.execute(_DUE, {"now": now})]
