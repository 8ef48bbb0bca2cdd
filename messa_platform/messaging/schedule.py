"""Texts that are sent later (spec P2): cancelled until then, or released when their time has come.

Their quota is reserved and the 24-hour guard has noted them since they were handed in, so that a text whose time comes is never refused;
a cancelled one gives both back. Which of a release and a cancellation comes first is settled by the row in `scheduled_text`: whoever takes
it away decides, and once. Then messages, texts and quotas are locked in the order in which all others lock them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import as_parameter, given
from messa_platform.core.clock import Clock
from messa_platform.core.db import Database
from messa_platform.core.logs import logger
from messa_platform.core.work import Claim, WorkQueue, pauses, work_off
from messa_platform.messaging import guard
from messa_platform.messaging.changes import Moved, Word, apply
from messa_platform.messaging.drafts import sender_id
from messa_platform.messaging.lead import as_stored
from messa_platform.messaging.outward.note import Push
from messa_platform.messaging.statuses import Status
from messa_platform.messaging.store import MESSAGE, SCHEDULED, Touch, threads
from messa_platform.messaging.submit import Announcer
from messa_platform.providers.routing.ask import routers
from messa_platform.providers.routing.choose import Router
from messa_platform.tenants import quota
from messa_platform.tenants.models import TenantState
from messa_platform.tenants.senders import Sender, senders

log = logger(__name__)

RELEASE_ACTOR = "release_scheduled"
BATCH = 500
QUEUE = WorkQueue("scheduled_text", SCHEDULED, timedelta(seconds=60), pauses(1, 5, 30, 300, 1800))

FURTHEST = timedelta(days=366)
"""How far ahead a text may be scheduled."""

ACCOUNT_BLOCKED = "account_blocked"
"""The code of a cancellation since the account may not send any more."""
ACCOUNT_LEFT = "account_left"
"""The code of a cancellation since the account belongs to another organisation by now; the other codes are status words."""


class TimeFault(StrEnum):
    """Why a text cannot be sent at a chosen time."""

    TOO_FAR = "too_far"


def check_time(now: datetime, send_at: datetime) -> TimeFault | None:
    """What is wrong with a chosen time. One that has passed is taken as now (see `Submission`)."""
    return TimeFault.TOO_FAR if send_at > now + FURTHEST else None


# The rows are locked in the order of their ids whoever takes them, so that two who take many never wait for each other in a ring.
_TAKE = (
    "DELETE FROM scheduled_text s USING (SELECT id FROM scheduled_text q WHERE {} ORDER BY id FOR UPDATE) AS held"
    " WHERE s.id = held.id RETURNING s.id"
)
_TAKE_ONE = text(_TAKE.format("id = :id AND account_id = :account"))
_TAKE_CLAIMED = text(_TAKE.format("id = ANY(CAST(:ids AS uuid[])) AND lease_id = :lease"))
_TAKE_STOPPED = text(
    _TAKE.format("EXISTS (SELECT FROM opt_out o WHERE o.account_id = q.account_id AND o.remote = q.remote)")
)


def cancel(
    session: Session, now: datetime, account_id: UUID, message_id: UUID, push: Push | None = None
) -> bool:
    """Cancel a text of an account; False if there is none of that id that still waits for its time.

    `push` wakes who tells endpoints of it.

    It locks quotas, and `submit` locks texts before them: to replace a text, cancel and submit in two transactions.
    """
    taken = _take(session, _TAKE_ONE, id=message_id, account=account_id)
    return bool(_cancel(session, [Word(i, Status.CANCELLED, "", now) for i in taken], push=push))


def cancel_stopped(session: Session, now: datetime, push: Push | None = None) -> int:
    """Cancel what is scheduled for numbers that have said STOP meanwhile (spec R4); gives how many."""
    taken = _take(session, _TAKE_STOPPED)
    return len(_cancel(session, [Word(i, Status.CANCELLED, Status.BLOCKED, now) for i in taken], push=push))


def _take(session: Session, statement: TextClause, **parameters: object) -> list[UUID]:
    return sorted(session.execute(statement, parameters).scalars())


def _cancel(
    session: Session, words: Sequence[Word], others: Sequence[Word] = (), push: Push | None = None
) -> list[Moved]:
    """Apply cancellations, and `others` with them, and give back what the cancelled texts held; gives what moved."""
    moved = apply(session, [*words, *others], push)
    freed = [m for m in moved if m.status is Status.CANCELLED]
    # in the order in which `submit` takes them, texts before quotas, so that neither waits for the other in a ring
    guard.release(session, [m.message_id for m in freed])
    quota.give_back(session, [(m.buckets, m.parts) for m in freed])
    return moved


def release(database: Database, clock: Clock, announcer: Announcer, push: Push | None = None) -> bool:
    """Send off what is due; True if more may wait.

    A text leaves by the channel and as the sender that hold at its time: its account's number may be another's by then, and what was chosen
    for it no longer open to it. One whose account
    or tenant may not send any more, or whose number has said STOP, is cancelled instead, the event's code saying why: to keep it until the
    tenant may send again would send yesterday's appointments.
    """
    return work_off(
        database,
        QUEUE,
        clock,
        lambda session, claims: _release(session, clock.now(), announcer, claims, push),
        batch=BATCH,
    )


@dataclass(frozen=True, slots=True)
class _Way:
    """How a text leaves: `code` says why it does not. `reason` is why it leaves by its channel."""

    code: str = ""
    channel_id: UUID | None = None
    local: str = ""
    reason: str | None = None


def _release(
    session: Session,
    now: datetime,
    announcer: Announcer,
    claims: Sequence[Claim],
    push: Push | None,
) -> None:
    parameters = {"ids": [c.id for c in claims], "lease": claims[0].lease_id}
    taken = set(_take(session, _TAKE_CLAIMED, **parameters))
    rows = [c.row for c in claims if c.id in taken]  # the others were cancelled meanwhile
    if not rows:
        return
    ways = _ways(session, now, rows)
    stopped = [Word(i, Status.CANCELLED, way.code, now) for i, way in ways.items() if way.code]
    due = [Word(i, Status.QUEUED, "", now) for i, way in ways.items() if not way.code]
    moved = _cancel(session, stopped, due, push)
    leaving = {m.message_id: ways[m.message_id] for m in moved if m.status is Status.QUEUED}
    threads(session, now, [_touch(row) for row in rows if row.id in leaving])
    for channel_id in _send_off(session, now, leaving):
        announcer.waiting(session, channel_id)


def _touch(row: Any) -> Touch:
    return Touch(row.tenant_id, row.account_id, row.remote, row.id)


def _ways(session: Session, now: datetime, rows: Sequence[Any]) -> dict[UUID, _Way]:
    known = senders(session, {row.account_id for row in rows})
    deciding = routers(session, now, {row.tenant_id for row in rows})
    texts = _texts(session, [row.id for row in rows])
    stopped = guard.opted_out(session, {(row.account_id, row.remote) for row in rows})
    return {
        row.id: _way(
            known.get(row.account_id),
            row,
            (row.account_id, row.remote) in stopped,
            deciding[row.tenant_id],
            texts.get(row.id) or "",
        )
        for row in rows
    }


_TEXTS = text(
    "SELECT id, text FROM message WHERE id = ANY(CAST(:ids AS uuid[])) AND id BETWEEN :first AND :last"
)


def _texts(session: Session, ids: Sequence[UUID]) -> dict[UUID, str | None]:
    bounds = {"first": min(ids), "last": max(ids)}
    return {row.id: row.text for row in session.execute(_TEXTS, {"ids": list(ids), **bounds})}


def _way(sender: Sender | None, row: Any, stopped: bool, deciding: Router, words: str) -> _Way:
    if sender is None or sender.blocked:
        return _Way(ACCOUNT_BLOCKED)
    if sender.settings.tenant_id != row.tenant_id:  # who paid for it has the account no more
        return _Way(ACCOUNT_LEFT)
    if sender.tenant_state is not TenantState.ACTIVE:
        return _Way(Status.TENANT_SUSPENDED)
    if stopped:
        return _Way(Status.BLOCKED)
    local = sender_id(sender, chosen=row.sender_id)
    decision = deciding.decide(as_stored(row.remote, local, words))
    reason = decision.way.code() if decision.channel_id else None
    return _Way("", decision.channel_id, local, reason)


# Without any channel a text keeps the one that it had when it was handed in, and waits there as all others do until that is back.
_LEAVE_BY = text(
    "UPDATE message SET channel_id = coalesce(given.channel_id, message.channel_id), local = given.local,"
    " way = coalesce(given.way, message.way)"
    f" FROM {given(MESSAGE, ('id', 'channel_id', 'local', 'way'))} WHERE message.id = given.id AND message.id BETWEEN :first AND :last"
)
_WAIT = text(
    "INSERT INTO dispatch_queue (id, tenant_id, channel_id, remote, local, text, parts, next_attempt_at)"
    " SELECT id, tenant_id, channel_id, remote, local, text, parts, :now FROM message"
    " WHERE id = ANY(CAST(:ids AS uuid[])) AND id BETWEEN :first AND :last ORDER BY id RETURNING channel_id"
)


def _send_off(session: Session, now: datetime, leaving: Mapping[UUID, _Way]) -> list[UUID]:
    """Put messages into the dispatchers' queue; gives the channels that they leave by."""
    if not leaving:
        return []
    bounds = {"first": min(leaving), "last": max(leaving)}
    rows = [
        {"id": i, "channel_id": way.channel_id, "local": way.local, "way": way.reason}
        for i, way in leaving.items()
    ]
    session.execute(_LEAVE_BY, {"rows": as_parameter(rows), **bounds})
    channels = session.execute(_WAIT, {"ids": sorted(leaving), "now": now, **bounds}).scalars()
    return sorted(set(channels))
