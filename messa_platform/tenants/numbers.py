"""Numbers lent to accounts: on first send, from our ranges, back after they rested (spec R1, R5, R6, B3).

Numbers are lent and taken back by sessions that see every tenant: one that is confined to a tenant may read them alone, and write down
for which of its groups they count.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.core.ids import new_id
from messa_platform.core.pipeline import Pipeline, Reply
from messa_platform.tenants.models import Number, NumberLending
from messa_platform.tenants.senders import AskedSenders, Sender, Whose, ask_senders, senders

NUMBER = cast(Table, Number.__table__)
LENDING = cast(Table, NumberLending.__table__)

REST = timedelta(days=90)
"""How long a number rests after it was taken back, by default (spec R5)."""


@dataclass(frozen=True, slots=True)
class OwnRange:
    """Numbers from `first` to `last`, as E.164 digits."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Holder:
    """Who a number belongs to: `account_id` now holds it, or, if `resting`, held it last."""

    account_id: UUID
    resting: bool


_OWN = text("SELECT first, last FROM number_range ORDER BY first")


def own_ranges(session: Session) -> tuple[OwnRange, ...]:
    """Every range of ours."""
    return _own(session.execute(_OWN))


def ask_own_ranges(pipeline: Pipeline) -> Callable[[], tuple[OwnRange, ...]]:
    """The same, once the pipeline was sent."""
    reply = pipeline.ask(_OWN, {})
    return lambda: _own(reply.rows)


def _own(rows: Iterable[Any]) -> tuple[OwnRange, ...]:
    return tuple(OwnRange(first, last) for first, last in rows)


# A number that another transaction is about to lend is passed over, not waited for.
_RESTED = text(
    "SELECT n.msisdn FROM number n JOIN number_range r ON r.id = n.range_id WHERE n.account_id IS NULL AND n.rests_until <= :now"
    " AND r.is_open ORDER BY n.rests_until LIMIT :most FOR UPDATE OF n SKIP LOCKED"
)
_LEND_RESTED = text(
    "UPDATE number SET account_id = given.account_id, rests_until = NULL"
    " FROM unnest(CAST(:msisdn AS text[]), CAST(:account_id AS uuid[])) AS given (msisdn, account_id)"
    " WHERE number.msisdn = given.msisdn"
)
# Ranges are emptied in order; the row lock on the range keeps two lenders from the same number.
_RANGE = text(
    "SELECT id, next_number, last FROM number_range WHERE next_number <= last AND is_open ORDER BY first LIMIT 1 FOR UPDATE"
)
_ADVANCE = text("UPDATE number_range SET next_number = next_number + :count WHERE id = :id")
_LOCK_ACCOUNTS = text(
    "SELECT id, tenant_id, group_id FROM account WHERE id = ANY(CAST(:ids AS uuid[])) AND removed_at IS NULL AND NOT blocked"
    " ORDER BY id FOR NO KEY UPDATE"
)
_HELD = text("SELECT account_id, msisdn FROM number WHERE account_id = ANY(CAST(:ids AS uuid[]))")


def lend(session: Session, now: datetime, borrowers: Sequence[Sender]) -> dict[UUID, str]:
    """A number for each borrower that has none, by account id; those for whom the pool had none are left out (spec R6).

    Who was moved meanwhile borrows for where it is now; who was removed or blocked meanwhile does not borrow.
    """
    if not borrowers:
        return {}
    # Two sends of one account at once must not lend it two numbers: whoever waited here then sees what the first one lent.
    rows = session.execute(_LOCK_ACCOUNTS, {"ids": sorted({b.account_id for b in borrowers})})
    wanted = {row.id: (row.tenant_id, row.group_id) for row in rows}
    held = {row.account_id: row.msisdn for row in session.execute(_HELD, {"ids": list(wanted)})}
    without = [account_id for account_id in sorted(wanted) if account_id not in held]
    lent = _from_ranges(session, without)
    lent |= _from_rested(session, now, [i for i in without if i not in lent])
    _record(session, now, lent, wanted)
    return held | lent


def _from_ranges(session: Session, account_ids: Sequence[UUID]) -> dict[UUID, str]:
    lent: dict[UUID, str] = {}
    waiting = list(account_ids)
    while waiting:
        found = session.execute(_RANGE).first()
        if found is None:
            break
        count = min(len(waiting), found.last - found.next_number + 1)
        session.execute(_ADVANCE, {"count": count, "id": found.id})
        taken, waiting = waiting[:count], waiting[count:]
        msisdns = [f"+{found.next_number + i}" for i in range(count)]
        insert_rows(
            session,
            NUMBER,
            [
                {"msisdn": m, "range_id": found.id, "account_id": a}
                for m, a in zip(msisdns, taken, strict=True)
            ],
        )
        lent |= dict(zip(taken, msisdns, strict=True))
    return lent


def _from_rested(session: Session, now: datetime, account_ids: Sequence[UUID]) -> dict[UUID, str]:
    if not account_ids:
        return {}
    free = [row.msisdn for row in session.execute(_RESTED, {"now": now, "most": len(account_ids)})]
    lent = dict(zip(account_ids, free, strict=False))
    if lent:
        session.execute(_LEND_RESTED, {"msisdn": list(lent.values()), "account_id": list(lent)})
    return lent


def _record(
    session: Session, now: datetime, lent: Mapping[UUID, str], homes: Mapping[UUID, tuple[UUID, UUID]]
) -> None:
    """Write down from when on each account holds its number; `homes` are its tenant and group."""
    rows = [
        {
            "id": new_id(),
            "tenant_id": homes[account_id][0],
            "group_id": homes[account_id][1],
            "account_id": account_id,
            "msisdn": msisdn,
            "lent_at": now,
        }
        for account_id, msisdn in lent.items()
    ]
    insert_rows(session, LENDING, rows)


# Locked in one order, so that two who take back many never wait for each other in a ring.
_TAKE_BACK_MANY = text(
    "WITH held AS (SELECT msisdn, account_id FROM number WHERE account_id = ANY(CAST(:ids AS uuid[])) ORDER BY msisdn FOR UPDATE),"
    " back AS (UPDATE number n SET account_id = NULL, rests_until = :until FROM held WHERE n.msisdn = held.msisdn RETURNING held.account_id),"
    " closed AS (UPDATE number_lending l SET returned_at = :now FROM back WHERE l.account_id = back.account_id AND l.returned_at IS NULL)"
    " SELECT count(*) FROM back"
)


def take_back_many(
    session: Session, now: datetime, account_ids: Collection[UUID], rest: timedelta = REST
) -> int:
    """Take the numbers of these accounts back to rest, in one statement; gives how many there were."""
    if not account_ids:
        return 0
    parameters = {"ids": sorted(account_ids), "until": now + rest, "now": now}
    return int(session.execute(_TAKE_BACK_MANY, parameters).scalar_one())


_LEAVE = text(
    "UPDATE number_lending l SET returned_at = :now FROM account a WHERE a.id = l.account_id AND a.id = ANY(CAST(:ids AS uuid[]))"
    " AND l.returned_at IS NULL AND l.group_id <> a.group_id RETURNING a.id, a.tenant_id, a.group_id, l.msisdn"
)


def follow(session: Session, now: datetime, account_ids: Collection[UUID]) -> None:
    """Let the numbers that accounts have kept while they were moved count for the group that they are in now: the fee is billed where
    an address last held a number (spec B3). At most two statements; call it after the move."""
    if not account_ids:
        return
    rows = session.execute(_LEAVE, {"ids": sorted(account_ids), "now": now}).all()
    homes = {row.id: (row.tenant_id, row.group_id) for row in rows}
    _record(session, now, {row.id: row.msisdn for row in rows}, homes)


_LEAVE_GROUP = text(
    "UPDATE number_lending l SET returned_at = :now FROM account a WHERE a.tenant_id = :tenant_id AND a.group_id = :home AND l.account_id = a.id"
    " AND l.tenant_id = :tenant_id AND l.group_id = :group_id AND l.returned_at IS NULL RETURNING a.id, a.tenant_id, a.group_id, l.msisdn"
)


def follow_group(session: Session, now: datetime, tenant_id: UUID, group_id: UUID, home: UUID) -> None:
    """The same for all whom the removal of a group has moved to `home`. Two statements; the session may be confined to the tenant."""
    parameters = {"tenant_id": tenant_id, "group_id": group_id, "home": home, "now": now}
    rows = session.execute(_LEAVE_GROUP, parameters).all()
    homes = {row.id: (row.tenant_id, row.group_id) for row in rows}
    _record(session, now, {row.id: row.msisdn for row in rows}, homes)


@dataclass(frozen=True, slots=True)
class Lent:
    """A number that an account holds, since `lent_at`, in the group where it is; or one that rests until `rests_until`, taken back at
    `returned_at`, which nobody has held since. `id` is the lending's."""

    id: UUID
    number: str
    group_id: UUID
    account_id: UUID
    is_api_user: bool
    lent_at: datetime
    returned_at: datetime | None
    rests_until: datetime | None


# The last lending of a number that rests is the one that its taking back has ended; whoever held it before that does not count.
_WITHIN = text(
    "SELECT l.id, l.msisdn, l.group_id, l.account_id, a.kind = 'api' AS is_api_user, l.lent_at, l.returned_at, n.rests_until"
    " FROM number_lending l JOIN number n ON n.msisdn = l.msisdn JOIN account a ON a.id = l.account_id"
    " WHERE l.tenant_id = :tenant_id AND l.group_id = ANY(CAST(:group_ids AS uuid[])) AND (CAST(:after AS uuid) IS NULL OR l.id > :after)"
    " AND (l.returned_at IS NULL OR n.account_id IS NULL AND n.rests_until > :now"
    " AND NOT EXISTS (SELECT FROM number_lending later WHERE later.msisdn = l.msisdn AND later.id > l.id))"
    " ORDER BY l.id LIMIT :most"
)


def within(
    session: Session, now: datetime, tenant_id: UUID, group_ids: Sequence[UUID], after: UUID | None, most: int
) -> list[Lent]:
    """The numbers that are lent to members of these groups of a tenant, or rest after they were; the earliest lent first, `most` of those
    behind the lending with the id `after`. One statement. The session sees every tenant, as numbers that rest are no tenant's."""
    parameters = {
        "tenant_id": tenant_id,
        "group_ids": list(group_ids),
        "now": now,
        "after": after,
        "most": most,
    }
    return [Lent(*row) for row in session.execute(_WITHIN, parameters)]


_HOLDING = (
    "SELECT DISTINCT ON (n.msisdn) n.msisdn, coalesce(n.account_id, l.account_id) AS account_id, n.account_id IS NULL AS resting"
    " FROM number n LEFT JOIN number_lending l ON l.msisdn = n.msisdn WHERE n.msisdn = ANY(CAST(:msisdns AS text[]))"
    " ORDER BY n.msisdn, l.lent_at DESC"
)
_HOLDERS = text(_HOLDING)
_OF_HOLDERS = f"a.id IN (SELECT held.account_id FROM ({_HOLDING}) AS held)"


@dataclass(frozen=True, slots=True)
class AskedHolders:
    """Who holds numbers, asked for in a pipeline, with all that is to be known of them."""

    holders: Reply
    senders: AskedSenders

    def found(self, session: Session) -> tuple[dict[str, Holder], Mapping[UUID, Sender]]:
        """Who holds, or held last, each number, one never lent left out; and those as senders. Once the pipeline was sent."""
        held = {row.msisdn: Holder(row.account_id, row.resting) for row in self.holders.rows}
        known = self.senders.found()
        # a number that was lent, or an account that was moved, between one statement and the next
        missing = {holder.account_id for holder in held.values()} - known.keys()
        return held, {**known, **senders(session, missing)} if missing else known


def ask_holders(pipeline: Pipeline, msisdns: Sequence[str]) -> AskedHolders:
    """Ask who holds these numbers."""
    parameters = {"msisdns": list(msisdns)}
    asked = pipeline.ask(_HOLDERS, parameters)
    return AskedHolders(asked, ask_senders(pipeline, Whose(_OF_HOLDERS, parameters)))


@dataclass(frozen=True, slots=True)
class RangeUse:
    """A range and what has become of its numbers. `resting`: taken back and not to be lent yet; `rested`: to be lent again; `never_lent`:
    of which none has ever had one. `told_at` is when the operator was last told that it runs low."""

    id: UUID
    first: int
    last: int
    is_open: bool
    told_at: datetime | None
    lent: int
    resting: int
    rested: int
    never_lent: int

    @property
    def size(self) -> int:
        """Numbers in all."""
        return self.last - self.first + 1

    @property
    def left(self) -> int:
        """Numbers that can be lent now, or could if the range were open."""
        return self.rested + self.never_lent


_RANGES = text(
    "SELECT r.id, r.first, r.last, r.is_open, r.told_at, coalesce(n.lent, 0) AS lent, coalesce(n.resting, 0) AS resting,"
    " coalesce(n.rested, 0) AS rested, r.last - r.next_number + 1 AS never_lent FROM number_range r LEFT JOIN"
    " (SELECT range_id, count(account_id) AS lent, count(*) FILTER (WHERE rests_until > :now) AS resting,"
    " count(*) FILTER (WHERE rests_until <= :now) AS rested FROM number GROUP BY range_id) n ON n.range_id = r.id ORDER BY r.first"
)


def ranges(session: Session, now: datetime) -> list[RangeUse]:
    """Every range, by its first number. One statement, which looks at each number that was ever lent."""
    return [RangeUse(*row) for row in session.execute(_RANGES, {"now": now})]


def running_low(uses: Sequence[RangeUse], percent: int) -> list[RangeUse]:
    """The open ranges of which less than `percent` can be lent, unless the other open ones make up for it: they are emptied one after the
    other, so one that is used up is no trouble while another is full."""
    opened = [use for use in uses if use.is_open]
    if _share(opened) >= percent:
        return []
    return [use for use in opened if _share([use]) < percent]


def _share(uses: Sequence[RangeUse]) -> float:
    """How much of these ranges can be lent, in percent."""
    size = sum(use.size for use in uses)
    return 100 * sum(use.left for use in uses) / size if size else 100.0


TOLD_AGAIN = timedelta(days=1)
"""So long after the operator was told of a range, it is told again while nothing was done about it."""

Tell = Callable[[Session, datetime, Sequence[RangeUse]], None]
"""Tells the operator of ranges that run low."""

_TOLD = text("UPDATE number_range SET told_at = :now WHERE id = ANY(CAST(:ids AS uuid[]))")


def warn_low(session: Session, now: datetime, percent: int, tell: Tell) -> None:
    """Tell the operator of the ranges that run low, of each at most once a day. For the sweeper, every ten minutes or so."""
    low = running_low(ranges(session, now), percent)
    untold = [use for use in low if use.told_at is None or now - use.told_at >= TOLD_AGAIN]
    if untold:
        session.execute(_TOLD, {"ids": [use.id for use in untold], "now": now})
        tell(session, now, untold)
