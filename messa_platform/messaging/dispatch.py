"""The one way out: what waits for a channel is claimed, sent concurrently, and its outcomes written back in one go.

Never sent twice on a doubt: the claim is committed before the provider is called, with no transaction open. A send whose outcome is
unknown keeps its lease for a while, and a claim found with a lease that ran out is either such a one or belonged to a worker that
died. It is asked for by our id, and only what the provider says it never got is sent again. Where it cannot be asked, the message
becomes UNCONFIRMED, unless the provider knows a repeat, or the channel's owner would rather risk one.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from typing import TypeVar, cast
from uuid import UUID

from sqlalchemy import Table, func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from messa_platform.core.clock import Clock
from messa_platform.core.db import Database
from messa_platform.core.logs import logger
from messa_platform.core.work import OPEN_SQL, Claim, WorkQueue, WorkState, pauses
from messa_platform.messaging import failover
from messa_platform.messaging.flight import Flight
from messa_platform.messaging.models import DispatchItem
from messa_platform.messaging.outcomes import SENT_AGAIN, Outcomes
from messa_platform.providers import breaker
from messa_platform.providers.base import (
    Absent,
    Accepted,
    Found,
    Outcome,
    OutgoingText,
    Rejected,
    State,
    Unknown,
)
from messa_platform.providers.breaker import Breaker
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
Reply = tuple[Claim, Found]
T = TypeVar("T")


@dataclass(frozen=True)
class Dispatcher:
    """What dispatching needs of its process."""

    database: Database
    clock: Clock
    providers: ProviderPool
    outcomes: Outcomes
    stopping: threading.Event
    waiting: Callable[[Session, UUID], None] = lambda _session, _channel_id: None
    """Tells that something waits for a channel, after the commit."""

    def run(
        self, channel_id: UUID, more: Callable[[], bool], given_up: Callable[[], bool] = lambda: False
    ) -> bool:
        """Send what is due by a channel, until nothing is due and nothing in flight; True if more may wait.

        Up to `WINDOW` texts are in flight at once, and outcomes are written as they come, so that one slow answer holds up no other.
        `more` tells whether something new was announced since it was last asked. After `LONGEST` seconds, when the process is to stop or
        the channel is `given_up`, nothing new is begun, and what is in flight is waited for.
        """
        answers, replies = SimpleQueue[Answer](), SimpleQueue[Reply]()
        line: Line | None = None
        flight, asked, look = Flight(), 0, True
        until = time.monotonic() + LONGEST

        def may_begin() -> bool:
            return time.monotonic() < until and not self.stopping.is_set() and not given_up()

        while flight.size or asked or (look and may_begin()):
            room = min(BATCH, self._window(channel_id) - flight.size - asked)
            if look and room > 0 and may_begin():
                found, claims = self._claim(channel_id, room, flight.fresh)
                line, look = found or line, len(claims) == room
                if found is not None:
                    flight.begun(self._start(found, [c for c in claims if not c.orphaned], answers))
                    asked += self._ask(found, [c for c in claims if c.orphaned], replies)
                look = self._go_another_way(channel_id, found) or look
            done = _gather(answers) if flight.size else []
            flight.answered(len(done))
            if done and line is not None:
                self._settle(line, done)
            elif flight.stalled():
                self._note_stalled(channel_id)
            said = _gather(replies, 0.0 if flight.size else FIRST_ANSWER) if asked else []
            asked -= len(said)
            if said and line is not None:
                self._reconcile(line, said)
            look = more() or look
        return look

    def _go_another_way(self, channel_id: UUID, line: Line | None) -> bool:
        """Where a channel does not work, or is paused: test it if it is time, and move what waits for it. True if it may work again."""
        if line is not None and line.breaker is not Breaker.OPEN:
            return False
        if line is not None and self._probe(line):
            return True
        self.move_all(channel_id)
        return False

    def move_all(self, channel_id: UUID) -> None:
        """Let what waits for a channel go another way, where there is one."""
        while not self.stopping.is_set():
            with self.database.unit_of_work() as session:
                if not failover.move(session, self.clock.now(), channel_id, self.waiting):
                    return

    def _probe(self, line: Line) -> bool:
        """Test the connection of a channel that does not work, if nobody else does; True if that went well."""
        with self.database.unit_of_work() as session:
            if not breaker.take_probe(session, self.clock.now(), line.channel_id):
                return False
        try:
            well = self.providers.check(line).state is State.WELL
        except NoProvider:
            well = False
        with self.database.unit_of_work() as session:
            breaker.probed(session, self.clock.now(), line.channel_id, well)
        return well

    def _note_stalled(self, channel_id: UUID) -> None:
        """Texts are without an answer for too long: their time is not up, but others need not be led there meanwhile."""
        with self.database.unit_of_work() as session:
            breaker.give_up(session, self.clock.now(), channel_id)

    def _window(self, channel_id: UUID) -> int:
        """How many texts may be in flight: a provider that holds sessions may have less room."""
        room = self.providers.room(channel_id)
        return WINDOW if room is None else min(WINDOW, room)

    def _claim(self, channel_id: UUID, room: int, in_flight: int) -> tuple[Line | None, list[Claim]]:
        """A channel, and what may leave by it: of one that does not work, or is paused, only what is in doubt, to be asked for."""
        with self.database.unit_of_work() as session:
            now = self.clock.now()
            channel = session.execute(select(CHANNEL).where(CHANNEL.c.id == channel_id)).first()
            if channel is None:
                return None, []
            line = Line.of(channel)
            if not channel.enabled:
                line = replace(line, breaker=Breaker.OPEN)
            where = [TABLE.c.channel_id == channel_id]
            if line.breaker is Breaker.OPEN:
                where.append(TABLE.c.state == WorkState.LEASED)
            elif line.breaker is Breaker.TRIAL:
                room = max(0, min(room, breaker.TRIALS - in_flight))
            most = room if channel.rate is None or not room else _permitted(session, channel_id, now, room)
            return line, self.outcomes.queue.claim(session, now, most, *where) if most else []

    def _start(self, line: Line, fresh: Sequence[Claim], answers: SimpleQueue[Answer]) -> int:
        """Begin to send claims that no dead worker may have sent; gives how many have begun."""
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
        """Write outcomes, and note what they say of the channel."""
        sure = [(c, a) for c, a in answers if not isinstance(a, Unknown)]
        doubtful = [(c, a) for c, a in answers if isinstance(a, Unknown)]

        def write(session: Session, now: datetime) -> None:
            self.outcomes.write(session, now, line.channel_id, sure, doubtful=doubtful)
            breaker.note(session, now, line.channel_id, *self._judged(answers))

        self._surely(line, len(answers), write)

    def _surely(self, line: Line, rows: int, write: Callable[[Session, datetime], None]) -> None:
        """Write what is known nowhere else: so a fault of the database is not the end, be it a deadlock or a restart."""
        for pause in (*SETTLE_PAUSES, None):
            try:
                with self.database.unit_of_work() as session:
                    write(session, self.clock.now())
                return
            except DBAPIError as error:
                log.warning("outcomes_not_written", channel=line.name, rows=rows, error=type(error).__name__)
                if pause is None:
                    raise
                time.sleep(pause)

    def _judged(self, answers: Sequence[Answer]) -> tuple[int, list[datetime], list[datetime]]:
        """How many of the answers say that the channel works, and of those that say that it does not when their texts were claimed: of texts
        that were first sent, and of texts that were sent again."""
        bad = [
            c for c, a in answers if isinstance(a, Unknown) or (isinstance(a, Rejected) and not a.permanent)
        ]
        lease = self.outcomes.queue.lease
        new = [c.row.next_attempt_at - lease for c in bad if c.row.attempts == 1]
        again = [c.row.next_attempt_at - lease for c in bad if c.row.attempts > 1]
        return len(answers) - len(bad), new, again

    def _ask(self, line: Line, claims: Sequence[Claim], replies: SimpleQueue[Reply]) -> int:
        """Begin to ask the provider what it has of doubtful claims; gives how many it is asked for, 0 if it cannot be asked."""
        if not claims:
            return 0
        ids = [c.row.id for c in claims]
        try:
            if self.providers.start_finds(
                line, ids, lambda place, found: replies.put((claims[place], found))
            ):
                return len(claims)
        except NoProvider:
            self._reconcile(line, [(c, Unknown("no_provider")) for c in claims])
            return 0
        self._surely(line, len(claims), lambda session, now: self._end_doubts(session, now, line, claims))
        return 0

    def _end_doubts(self, session: Session, now: datetime, line: Line, claims: Sequence[Claim]) -> None:
        """What becomes of doubtful claims of a provider that cannot be asked: one that knows repeats is sent them again; else the channel's
        policy says whether they are risked once more."""
        knows_repeats = self.providers.plugin(line.plugin).capabilities.idempotent_submit

        def may_again(claim: Claim) -> bool:
            return knows_repeats or (line.resends and claim.row.last_error != SENT_AGAIN)

        self.outcomes.send_again(session, now, [c for c in claims if may_again(c)])
        self.outcomes.leave_unconfirmed(session, now, [c for c in claims if not may_again(c)])

    def _reconcile(self, line: Line, replies: Sequence[Reply]) -> None:
        """Write what the provider says it has of doubtful claims; what it surely never got is sent again, and nothing else."""
        settled = [(c, a) for c, a in replies if isinstance(a, Accepted | Rejected)]
        absent = [c for c, a in replies if isinstance(a, Absent)]
        unknown = [(c, a) for c, a in replies if isinstance(a, Unknown)]
        self._surely(
            line,
            len(replies),
            lambda session, now: self.outcomes.write(session, now, line.channel_id, settled, absent, unknown),
        )
        tally = {"settled": len(settled), "absent": len(absent), "unknown": len(unknown)}
        log.warning("reconciled", channel=line.name, asked=len(replies), **tally)


def _gather(answers: SimpleQueue[T], patience: float = FIRST_ANSWER) -> list[T]:
    """The answers that have come: waits `patience` seconds for the first, then a moment for its neighbours."""
    done: list[T] = []
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
    "SELECT c.id AS channel_id FROM channel c WHERE c.enabled AND c.breaker = 'open' AND c.probe_at <= :now"
    " OR EXISTS (SELECT FROM dispatch_queue d"
    f" WHERE d.channel_id = c.id AND d.{OPEN_SQL} AND d.next_attempt_at <= :now)"
)


def due_channels(session: Session, now: datetime) -> list[UUID]:
    """The channels for which something is due, if only a test."""
    return [row.channel_id for row in session.execute(_DUE, {"now": now})]
