"""Organisations suspended, closed and resumed (spec O1).

A suspended one sends nothing; its people sign in and read as before. A closed one is as good as gone: nobody of it signs in, its numbers
rest, and its domains are free for others to prove. Its groups, accounts and messages stay, so that it can be resumed; its domains are then
to be proven anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from messa_platform.core.logs import logger
from messa_platform.tenants import numbers
from messa_platform.tenants.access.sessions import CHANNEL
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.models import TenantState

log = logger(__name__)

_FROM: Mapping[TenantState, tuple[TenantState, ...]] = {
    TenantState.ACTIVE: (TenantState.SUSPENDED, TenantState.CLOSED),
    TenantState.SUSPENDED: (TenantState.ACTIVE,),
    TenantState.CLOSED: (TenantState.ACTIVE, TenantState.SUSPENDED),
}
"""From which states each is reached."""


class Refusal(StrEnum):
    """Why the state was not changed."""

    STALE = "stale"
    """Somebody has changed the organisation meanwhile."""
    IMPOSSIBLE = "impossible"
    """The state that it is in does not lead there, or it is the platform's own, which nothing stops."""


@dataclass(frozen=True, slots=True)
class Turned:
    """The state was changed; how many sessions ended, numbers went to rest and domains were released by it."""

    before: TenantState
    after: TenantState
    sessions: int = 0
    numbers: int = 0
    domains: int = 0


def reachable(state: TenantState, *, is_free: bool) -> tuple[TenantState, ...]:
    """The states that an organisation in `state` can be put into."""
    return () if is_free else tuple(to for to, origins in _FROM.items() if state in origins)


def suspend(
    session: Session, now: datetime, author: Author, tenant_id: UUID, version: int
) -> Turned | Refusal:
    """Let the organisation send nothing; `version` is the one that the author has seen."""
    outcome = _turn(session, now, author, tenant_id, version, TenantState.SUSPENDED)
    return outcome if isinstance(outcome, Refusal) else Turned(outcome.before, TenantState.SUSPENDED)


def resume(
    session: Session, now: datetime, author: Author, tenant_id: UUID, version: int
) -> Turned | Refusal:
    """Let the organisation send again, and its people sign in. What its closing has released stays so until it is proven, or lent, anew."""
    outcome = _turn(session, now, author, tenant_id, version, TenantState.ACTIVE)
    if isinstance(outcome, Refusal):
        return outcome
    if outcome.before is TenantState.CLOSED:
        session.execute(_WAIT_AGAIN, {"tenant_id": tenant_id, "now": now})
    return Turned(outcome.before, TenantState.ACTIVE)


def close(
    session: Session,
    now: datetime,
    author: Author,
    tenant_id: UUID,
    version: int,
    rest: timedelta = numbers.REST,
) -> Turned | Refusal:
    """Close the organisation: sessions end, numbers go to rest for `rest`, domains are released. A fixed number of statements, whatever
    its size."""
    outcome = _turn(session, now, author, tenant_id, version, TenantState.CLOSED)
    if isinstance(outcome, Refusal):
        return outcome
    author = replace(author, group_id=outcome.master_id)
    session.execute(_WAIT_FOR_TASKS, {"tenant_id": tenant_id}).all()
    recalled = _recall(session, now, tenant_id, rest)
    ended = len(session.execute(_END_SESSIONS, {"tenant_id": tenant_id}).all())
    if recalled:
        after = {"numbers": recalled}
        taken = Change(tenant_id, outcome.master_id, Action.NUMBERS_RECALLED, after=after)
        record(session, now, author, [taken])
    released = _release(session, now, author, tenant_id)
    log.info("tenant_closed", tenant=str(tenant_id), sessions=ended, numbers=recalled, domains=released)
    return Turned(outcome.before, TenantState.CLOSED, ended, recalled, released)


@dataclass(frozen=True, slots=True)
class _Step:
    before: TenantState
    master_id: UUID


_LOCK = text(
    'SELECT t.name, t.state, t.version, t.is_free, g.id AS master_id FROM tenant t JOIN "group" g ON g.tenant_id = t.id AND g.parent_id IS NULL'
    " WHERE t.id = :id FOR NO KEY UPDATE OF t"
)
_SET = text("UPDATE tenant SET state = :state, version = version + 1 WHERE id = :id")


def _turn(
    session: Session, now: datetime, author: Author, tenant_id: UUID, version: int, to: TenantState
) -> _Step | Refusal:
    row = session.execute(_LOCK, {"id": tenant_id}).one()
    before = TenantState(row.state)
    if row.version != version:
        return Refusal.STALE
    if to not in reachable(before, is_free=row.is_free):
        return Refusal.IMPOSSIBLE
    session.execute(_SET, {"id": tenant_id, "state": to.value})
    change = Change(
        tenant_id,
        row.master_id,
        Action.TENANT_CHANGED,
        row.name,
        tenant_id,
        {"state": before.value},
        {"state": to.value},
    )
    record(session, now, replace(author, group_id=row.master_id), [change])
    return _Step(before, row.master_id)


_END_SESSIONS = text(
    "WITH ended AS (DELETE FROM web_session s USING account a WHERE a.id = s.account_id AND a.tenant_id = :tenant_id RETURNING s.id)"
    f" SELECT pg_notify('{CHANNEL}', id::text) FROM ended"
)
# A task locks itself, then what it is about: a chunk that is under way is waited for, and the next one sees what was closed.
_WAIT_FOR_TASKS = text(
    "SELECT t.id FROM task t JOIN task_work w ON w.id = t.id WHERE t.tenant_id = :tenant_id AND w.state IN ('ready', 'leased')"
    " ORDER BY t.id FOR UPDATE OF t"
)
# In the order in which lenders lock accounts, so that neither waits for the other in a circle.
_HOLDERS = text(
    "SELECT a.id FROM account a JOIN number n ON n.account_id = a.id WHERE a.tenant_id = :tenant_id ORDER BY a.id FOR NO KEY UPDATE OF a"
)


def _recall(session: Session, now: datetime, tenant_id: UUID, rest: timedelta) -> int:
    holders = list(session.execute(_HOLDERS, {"tenant_id": tenant_id}).scalars())
    return numbers.take_back_many(session, now, holders, rest)


# One that waits must not be found proven either: its accounts would move to where nobody can sign in. With another token the record that
# still stands in the DNS proves nothing any more.
_RELEASE = text(
    "UPDATE domain d SET state = 'suspended', proof = NULL, check_at = NULL, failing_since = NULL, fault = NULL, told_at = NULL,"
    " token = md5(gen_random_uuid()::text)"
    " FROM (SELECT id, state FROM domain WHERE tenant_id = :tenant_id ORDER BY id FOR UPDATE) held"
    " WHERE d.id = held.id RETURNING d.id, d.name, d.group_id, held.state = 'verified' AS was_verified"
)
_RIVALS = text(
    "UPDATE domain SET check_at = :now WHERE tenant_id <> :tenant_id AND name = ANY(CAST(:names AS text[])) AND state = 'waiting'"
)
_WAIT_AGAIN = text(
    "UPDATE domain SET state = 'waiting', verified_at = NULL, check_at = :now WHERE tenant_id = :tenant_id AND state = 'suspended'"
)


def _release(session: Session, now: datetime, author: Author, tenant_id: UUID) -> int:
    rows: list[Row[Any]] = [
        row for row in session.execute(_RELEASE, {"tenant_id": tenant_id}).all() if row.was_verified
    ]
    changes = [
        Change(tenant_id, row.group_id, Action.DOMAIN_SUSPENDED, row.name, row.id)
        for row in sorted(rows, key=lambda row: row.name)
    ]
    record(session, now, author, changes)
    # whoever else claims one of them need wait no longer
    names = [row.name for row in rows]
    session.execute(_RIVALS, {"tenant_id": tenant_id, "names": names, "now": now})
    return len(rows)
