"""Numbers lent to accounts: on first send, from our ranges, back after they rested (spec R1, R5, R6, B3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.core.ids import new_id
from messa_platform.tenants.models import Number, NumberLending
from messa_platform.tenants.senders import Sender

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


def own_ranges(session: Session) -> tuple[OwnRange, ...]:
    """Every range of ours."""
    rows = session.execute(text("SELECT first, last FROM number_range ORDER BY first"))
    return tuple(OwnRange(first, last) for first, last in rows)


# A number that another transaction is about to lend is passed over, not waited for.
_RESTED = text(
    "SELECT msisdn FROM number WHERE account_id IS NULL AND rests_until <= :now ORDER BY rests_until LIMIT :most"
    " FOR UPDATE SKIP LOCKED"
)
_LEND_RESTED = text(
    "UPDATE number SET account_id = given.account_id, rests_until = NULL"
    " FROM unnest(CAST(:msisdn AS text[]), CAST(:account_id AS uuid[])) AS given (msisdn, account_id)"
    " WHERE number.msisdn = given.msisdn"
)
# Ranges are emptied in order; the row lock on the range keeps two lenders from the same number.
_RANGE = text(
    "SELECT id, next_number, last FROM number_range WHERE next_number <= last ORDER BY first LIMIT 1 FOR UPDATE"
)
_ADVANCE = text("UPDATE number_range SET next_number = next_number + :count WHERE id = :id")
_LOCK_ACCOUNTS = text(
    "SELECT id FROM account WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE"
)
_HELD = text("SELECT account_id, msisdn FROM number WHERE account_id = ANY(CAST(:ids AS uuid[]))")


def lend(session: Session, now: datetime, borrowers: Sequence[Sender]) -> dict[UUID, str]:
    """A number for each borrower that has none, by account id; those for whom the pool had none are left out (spec R6)."""
    if not borrowers:
        return {}
    wanted = {b.account_id: b for b in borrowers}
    # Two sends of one account at once must not lend it two numbers: whoever waited here then sees what the first one lent.
    session.execute(_LOCK_ACCOUNTS, {"ids": sorted(wanted)}).all()
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
    session: Session, now: datetime, lent: Mapping[UUID, str], borrowers: Mapping[UUID, Sender]
) -> None:
    rows = [
        {
            "id": new_id(),
            "tenant_id": borrowers[account_id].settings.tenant_id,
            "group_id": borrowers[account_id].settings.group_id,
            "account_id": account_id,
            "msisdn": msisdn,
            "lent_at": now,
        }
        for account_id, msisdn in lent.items()
    ]
    insert_rows(session, LENDING, rows)


_RETURN = text(
    "UPDATE number SET account_id = NULL, rests_until = :until WHERE account_id = :account_id RETURNING msisdn"
)
_RETURNED = text(
    "UPDATE number_lending SET returned_at = :now WHERE account_id = :account_id AND returned_at IS NULL"
)


def take_back(session: Session, now: datetime, account_id: UUID, rest: timedelta = REST) -> str | None:
    """Take an account's number back to rest; gives the number, or None if it held none."""
    found = session.execute(_RETURN, {"until": now + rest, "account_id": account_id}).first()
    if found is None:
        return None
    session.execute(_RETURNED, {"now": now, "account_id": account_id})
    msisdn: str = found.msisdn
    return msisdn


_HOLDERS = text(
    "SELECT DISTINCT ON (n.msisdn) n.msisdn, coalesce(n.account_id, l.account_id) AS account_id, n.account_id IS NULL AS resting"
    " FROM number n LEFT JOIN number_lending l ON l.msisdn = n.msisdn WHERE n.msisdn = ANY(CAST(:msisdns AS text[]))"
    " ORDER BY n.msisdn, l.lent_at DESC"
)


def holders(session: Session, msisdns: Sequence[str]) -> dict[str, Holder]:
    """Who holds, or held last, each of these numbers; a number never lent is left out."""
    rows = session.execute(_HOLDERS, {"msisdns": list(msisdns)})
    return {row.msisdn: Holder(row.account_id, row.resting) for row in rows}
