"""Quotas: reserving parts along the whole chain of limits, and giving back what was not sent.

Two kinds apply, the first that strikes decides: *each account in this very group* (`Personal`) and *the group together with its
subgroups* (`Group`), the latter for every group from the account's own up to Master. They are asked in that order.

A quota is never overspent, however many senders race: a reservation locks the counters of every scope that it touches, in one statement and
in the order of their ids, then reads what is used, then writes. The first two travel together, and what is written with the commit. Two
reservations that share a scope therefore wait for each other, and
never for each other in a ring.

What is used is kept in buckets of time, and a limit without a window counts the whole buckets since it was set. A group's bucket is cut when
its own limit is set.

A limit on each account counts what an account has used in this tenant: since the limit was set, or, if that is later, since the account
came from another tenant. That it moves to another group here, or is removed and comes back, begins nothing anew, else whoever may not
change a limit could refill it so. An account's bucket is therefore cut when it comes to the tenant, and whenever any group of the tenant
sets a limit on each account: whichever of these limits holds for it later, by a move of its own, by inheritance that comes and goes or by
a group that moves, was set at a cut or will be set at one. That a limit is removed takes nothing away: no limit will ever count from that
instant again.

Only where a domain took an account to another tenant and that was undone, it counts here since when it did before; of what it sent there
meanwhile some may count here, too, but nothing from before the limit, and nothing that it sent here is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import as_parameter, ask_insert, given, insert_rows
from messa_platform.core.clock import start_of_stockholm_day, stockholm_day
from messa_platform.core.pipeline import Pipeline, Reply, at_commit
from messa_platform.tenants.group_settings import LONG_AGO, InForce, Quota
from messa_platform.tenants.models import QuotaCounter, QuotaUsage

COUNTER = cast(Table, QuotaCounter.__table__)
USAGE = cast(Table, QuotaUsage.__table__)


class Kind(StrEnum):
    """Which kind of limit struck, in the words of spec S6."""

    PERSONAL = "Personal"
    GROUP = "Group"


@dataclass(frozen=True, slots=True)
class Demand:
    """`parts` that an account wants to send under `settings`; `tenant_since` is when it came to its tenant."""

    account_id: UUID
    tenant_since: datetime
    settings: InForce
    parts: int


@dataclass(frozen=True, slots=True)
class Granted:
    """The parts are reserved; `buckets` are the usage rows that hold them, for `give_back`."""

    buckets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Struck:
    """A limit struck: `used_up` says that the window's quota is spent, otherwise sending is not allowed at all."""

    kind: Kind
    used_up: bool
    group_id: UUID
    group_name: str


Answer = Granted | Struck


@dataclass(frozen=True, slots=True)
class _Scope:
    """A counter that a demand touches: where its parts are booked, and the limit on it, if any, with the start of what counts."""

    id: UUID
    kind: Kind
    bucket: datetime
    quota: Quota | None
    counts_from: datetime


def _counts_from(quota: Quota, now: datetime) -> datetime:
    if quota.window_days is None:
        return quota.since
    return start_of_stockholm_day(stockholm_day(now) - timedelta(days=quota.window_days - 1))


def _of_account(demand: Demand, now: datetime) -> _Scope:
    settings, came = demand.settings, demand.tenant_since
    quota = settings.account_quota
    midnight = start_of_stockholm_day(stockholm_day(now))
    # where no limit was ever set there is nothing to be told apart
    bucket = max(midnight, came, settings.accounts_cut) if settings.accounts_cut > LONG_AGO else midnight
    if quota is None:
        return _Scope(demand.account_id, Kind.PERSONAL, bucket, None, bucket)
    counts_from = _counts_from(quota, now)
    since = max(counts_from, came) if quota.window_days is None else counts_from
    return _Scope(demand.account_id, Kind.PERSONAL, bucket, quota, since)


def _of_group(group_id: UUID, quota: Quota | None, now: datetime) -> _Scope:
    midnight = start_of_stockholm_day(stockholm_day(now))
    if quota is None:
        return _Scope(group_id, Kind.GROUP, midnight, None, midnight)
    return _Scope(group_id, Kind.GROUP, max(midnight, quota.since), quota, _counts_from(quota, now))


def _scopes(demand: Demand, now: datetime) -> tuple[_Scope, ...]:
    """The scopes of a demand in the order in which they are asked: the account, its group, and so up to Master."""
    settings = demand.settings
    quotas = {q.group_id: q for q in settings.group_quotas}
    return (_of_account(demand, now), *(_of_group(g, quotas.get(g), now) for g in reversed(settings.path)))


def _struck(scopes: Iterable[_Scope], parts: int, left: Mapping[UUID, int]) -> Struck | None:
    for scope in scopes:
        quota = scope.quota
        if quota is None or quota.sms is None:
            continue
        if quota.sms == 0 or parts > left[scope.id]:
            return Struck(scope.kind, quota.sms != 0, quota.group_id, quota.group_name)
    return None


class Reservation:
    """Demands on their way to an answer: their counters are locked, and what is used is read, with what else a pipeline sends.

    The locks are held until the session's transaction ends, so reserve late in it.
    """

    def __init__(self, pipeline: Pipeline, now: datetime, demands: Sequence[Demand]) -> None:
        self._session = pipeline.session
        self._chains = {d.account_id: _scopes(d, now) for d in demands}
        self._scopes = {scope.id: scope for chain in self._chains.values() for scope in chain}
        rows = [{"scope_id": i} for i in sorted(self._scopes)]
        ask_insert(pipeline, COUNTER, rows, _LOCK)
        self._used = _ask_used(pipeline, list(self._scopes.values()))

    def grant(self, demands: Sequence[Demand]) -> list[Answer]:
        """Reserve for each demand, in order, all its parts or nothing; gives an answer for each. They are some of those that were asked
        for, or all."""
        chains = [self._chains[d.account_id] for d in demands]
        left = _left(self._scopes.values(), {row.scope_id: int(row.used) for row in self._used.rows})
        struck: list[Struck | None] = []
        spent: dict[UUID, int] = {}
        for demand, chain in zip(demands, chains, strict=True):
            blow = _struck(chain, demand.parts, left)
            struck.append(blow)
            if blow is None:
                for scope in chain:
                    spent[scope.id] = spent.get(scope.id, 0) + demand.parts
                    if scope.id in left:
                        left[scope.id] -= demand.parts
        bucket = self._book(spent)
        return [
            blow if blow is not None else Granted(tuple(bucket[s.id] for s in chain))
            for blow, chain in zip(struck, chains, strict=True)
        ]

    def _book(self, spent: Mapping[UUID, int]) -> Mapping[UUID, int]:
        """Book parts on the buckets that there are, which can wait for the commit, and on new ones, whose ids are needed now."""
        there = {row.scope_id: row.bucket_id for row in self._used.rows if row.bucket_id is not None}
        more = [{"id": there[i], "parts": parts} for i, parts in sorted(spent.items()) if i in there]
        if more:
            at_commit(self._session).ask(_ADD, {"rows": as_parameter(more)})
        new = [
            {"scope_id": i, "bucket": self._scopes[i].bucket, "parts": parts}
            for i, parts in sorted(spent.items())
            if i not in there
        ]
        return there | {row.scope_id: row.id for row in insert_rows(self._session, USAGE, new, _RETURN)}


# Makes the counters that are missing and locks the others in one go, each in its turn: PostgreSQL locks the rows that a DO UPDATE
# leaves as they are, too. Locking first what is there and then adding the rest is two orders, and so a ring of three.
_LOCK = "ON CONFLICT (scope_id) DO UPDATE SET scope_id = EXCLUDED.scope_id WHERE false"

# What counts, and the bucket in which is booked now, if it is there. That one is never older than what counts.
_USED = text(
    "SELECT w.scope_id, coalesce(sum(u.parts), 0) AS used, max(u.id) FILTER (WHERE u.bucket = w.bucket) AS bucket_id"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:since AS timestamptz[]), CAST(:buckets AS timestamptz[])) AS w (scope_id, since, bucket)"
    " LEFT JOIN quota_usage u ON u.scope_id = w.scope_id AND u.bucket >= w.since GROUP BY w.scope_id"
)
_ADD = text(
    f"UPDATE quota_usage AS u SET parts = u.parts + given.parts FROM {given(USAGE, ('id', 'parts'))} WHERE u.id = given.id"
)
_RETURN = "ON CONFLICT (scope_id, bucket) DO UPDATE SET parts = quota_usage.parts + EXCLUDED.parts RETURNING scope_id, id"


def _ask_used(pipeline: Pipeline, scopes: Sequence[_Scope]) -> Reply:
    if not scopes:
        return Reply([])
    parameters = {
        "ids": [s.id for s in scopes],
        "since": [s.counts_from for s in scopes],
        "buckets": [s.bucket for s in scopes],
    }
    return pipeline.ask(_USED, parameters)


def _used(session: Session, scopes: Sequence[_Scope]) -> dict[UUID, int]:
    pipeline = Pipeline(session)
    reply = _ask_used(pipeline, scopes)
    pipeline.send()
    return {row.scope_id: int(row.used) for row in reply.rows}


def _left(scopes: Iterable[_Scope], used: Mapping[UUID, int]) -> dict[UUID, int]:
    """What is left in each of the scopes that have a limit."""
    return {s.id: s.quota.sms - used[s.id] for s in scopes if s.quota is not None and s.quota.sms is not None}


def used_by_groups(session: Session, now: datetime, quotas: Sequence[Quota]) -> dict[UUID, int]:
    """The parts that count against each of these group quotas now, by its group's id; they may be more than a limit that was lowered."""
    return _used(session, [_of_group(q.group_id, q, now) for q in quotas]) if quotas else {}


_LOCK_OF_BUCKETS = text(
    "SELECT scope_id FROM quota_counter WHERE scope_id IN (SELECT scope_id FROM quota_usage WHERE id = ANY(CAST(:ids AS bigint[])))"
    " ORDER BY scope_id FOR UPDATE"
)
_GIVE_BACK = text(
    f"UPDATE quota_usage AS u SET parts = u.parts - given.parts FROM {given(USAGE, ('id', 'parts'))} WHERE u.id = given.id"
)


def give_back(session: Session, unsent: Iterable[tuple[Sequence[int], int]]) -> None:
    """Give back the parts of messages that ended as UNSENT: for each its buckets and its parts (spec G7)."""
    back: dict[int, int] = {}
    for buckets, parts in unsent:
        for bucket in buckets:
            back[bucket] = back.get(bucket, 0) + parts
    if not back:
        return
    session.execute(_LOCK_OF_BUCKETS, {"ids": sorted(back)}).all()
    rows = [{"id": bucket, "parts": parts} for bucket, parts in back.items()]
    session.execute(_GIVE_BACK, {"rows": as_parameter(rows)})


@dataclass(frozen=True, slots=True)
class Left:
    """What remains under one limit: `sms` parts of it, of `quota.sms` in all."""

    kind: Kind
    quota: Quota
    sms: int


def left(
    session: Session, now: datetime, account_id: UUID, tenant_since: datetime, settings: InForce
) -> list[Left]:
    """What remains under each limit that applies to an account, in the order in which they are asked."""
    scopes = _scopes(Demand(account_id, tenant_since, settings, 0), now)
    limited = [s for s in scopes if s.quota is not None and s.quota.sms is not None]
    remaining = _left(limited, _used(session, limited))
    return [Left(s.kind, s.quota, max(0, remaining[s.id])) for s in limited if s.quota is not None]
