"""The one way out: what waits for a channel is claimed, sent concurrently, and its outcomes written back in one go.

Never sent twice on a doubt: the claim is committed before the provider is called, with no transaction open. A claim found with a lease that ran out
belonged to a worker that died, perhaps after the text had left: it is asked for by our id first, and only what the provider says
it never got is sent again. Where it cannot be asked, the message becomes UNCONFIRMED and is not resent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, Table, func, select, text, update
from sqlalchemy.orm import Session

from messa_platform.core.clock import Clock
from messa_platform.core.db import Database
from messa_platform.core.logs import logger
from messa_platform.core.work import Claim, WorkQueue, pauses
from messa_platform.messaging import outcomes
from messa_platform.messaging.models import DispatchItem
from messa_platform.providers.base import Absent, Accepted, Found, Outcome, OutgoingText, Rejected, Unknown
from messa_platform.providers.models import Channel
from messa_platform.providers.pool import NoProvider, ProviderPool

log = logger(__name__)

DISPATCH_ACTOR = "dispatch"

TABLE = cast(Table, DispatchItem.__table__)
CHANNEL = cast(Table, Channel.__table__)

BATCH = 200
"""Texts claimed at once."""


def queue(lease: timedelta) -> WorkQueue:
    """The queue of what waits to leave; a text is tried for about a day before it ends as UNSENT."""
    return WorkQueue("dispatch_queue", TABLE, lease, pauses(2, 5, 15, 60, 300, 900, 1800, *[3600] * 22))


@dataclass(frozen=True)
class Dispatcher:
    """What dispatching needs of its process."""

    database: Database
    clock: Clock
    providers: ProviderPool
    queue: WorkQueue

    def run(self, channel_id: UUID, rounds: int = 100) -> bool:
        """Send what is due by a channel; True if more may wait."""
        for _ in range(rounds):
            with self.database.unit_of_work() as session:
                now = self.clock.now()
                channel = session.execute(select(CHANNEL).where(CHANNEL.c.id == channel_id)).first()
                if channel is None or not channel.enabled:
                    return False
                most = _permitted(session, channel, now)
                claims = (
                    self.queue.claim(session, now, most, TABLE.c.channel_id == channel_id) if most else []
                )
            if not claims:
                return False
            self._send(channel, [c for c in claims if not c.orphaned])
            self._reconcile(channel, [c for c in claims if c.orphaned])
        return True

    def _send(self, channel: Row[Any], claims: Sequence[Claim]) -> None:
        if not claims:
            return
        texts = [OutgoingText(c.row.id, c.row.remote, c.row.local, c.row.text, c.row.parts) for c in claims]
        try:
            answers = self.providers.send_all(
                channel.id, channel.name, channel.plugin, channel.settings, texts, channel.rate
            )
        except NoProvider as error:
            log.error("no_provider", channel=channel.name, why=str(error))
            answers = [Rejected(permanent=False, code="no_provider")] * len(texts)
        self._settle(channel, list(zip(claims, answers, strict=True)))

    def _settle(self, channel: Row[Any], answers: Sequence[tuple[Claim, Outcome]]) -> None:
        doubtful = [claim for claim, answer in answers if isinstance(answer, Unknown)]
        sure = [(c, a) for c, a in answers if not isinstance(a, Unknown)]
        with self.database.unit_of_work() as session:
            outcomes.write(session, self.clock.now(), self.queue, channel.id, sure)
        self._reconcile(channel, doubtful)

    def _reconcile(self, channel: Row[Any], claims: Sequence[Claim]) -> None:
        """Ask the provider what it has of doubtful claims; send again only what it surely never got."""
        if not claims:
            return
        try:
            found = self.providers.find_all(
                channel.id, channel.name, channel.plugin, channel.settings, [c.row.id for c in claims]
            )
        except NoProvider:
            found = [Unknown("no_provider")] * len(claims)
        idempotent = found is None and self.providers.plugin(channel.plugin).capabilities.idempotent_submit
        answers: Sequence[Found] = found if found is not None else [_unasked(idempotent)] * len(claims)
        pairs = list(zip(claims, answers, strict=True))
        with self.database.unit_of_work() as session:
            now = self.clock.now()
            settled = [(c, a) for c, a in pairs if isinstance(a, Accepted | Rejected)]
            outcomes.write(session, now, self.queue, channel.id, settled)
            outcomes.try_again(session, now, self.queue, [c for c, a in pairs if isinstance(a, Absent)])
            unknown = [c for c, a in pairs if isinstance(a, Unknown)]
            if found is None:
                outcomes.leave_unconfirmed(session, now, self.queue, unknown)
            else:
                outcomes.ask_again(session, now, self.queue, unknown)
        log.warning(
            "reconciled", channel=channel.name, asked=len(claims), settled=len(settled), unknown=len(unknown)
        )


def _unasked(idempotent: bool) -> Found:
    # a provider that knows a repeat by our id may simply be sent it again
    return Absent() if idempotent else Unknown("cannot_be_asked")


def _permitted(session: Session, channel: Row[Any], now: datetime) -> int:
    """How many texts may leave by a channel now: a token bucket of one second, in the channel's row, so that it holds for all processes."""
    if channel.rate is None:
        return BATCH
    locked = session.execute(select(CHANNEL).where(CHANNEL.c.id == channel.id).with_for_update()).one()
    passed = max(0.0, (now - locked.refilled_at).total_seconds())
    tokens = min(max(1.0, locked.rate), locked.tokens + passed * locked.rate)
    waiting = session.execute(
        select(func.count()).select_from(
            select(TABLE.c.id)
            .where(TABLE.c.channel_id == channel.id, TABLE.c.next_attempt_at <= now)
            .limit(BATCH)
            .subquery()
        )
    ).scalar_one()
    most = min(int(tokens), int(waiting), BATCH)
    session.execute(
        update(CHANNEL).where(CHANNEL.c.id == channel.id).values(tokens=tokens - most, refilled_at=now)
    )
    return most


_DUE = text(
    "SELECT DISTINCT channel_id FROM dispatch_queue WHERE state IN ('ready', 'leased') AND next_attempt_at <= :now"
)


def due_channels(session: Session, now: datetime) -> list[UUID]:
    """The channels for which something is due."""
    return [row.channel_id for row in session.execute(_DUE, {"now": now})]
