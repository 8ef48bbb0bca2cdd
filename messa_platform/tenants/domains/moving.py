"""Accounts moved between groups, many at once, with all that follows from it; the number of statements does not depend on how many."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import as_parameter, given, insert_rows
from messa_platform.core.ids import new_id
from messa_platform.tenants import numbers
from messa_platform.tenants.admins import drop_strayed
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.models import Account, NumberLending
from messa_platform.tenants.people.moving import as_told_outside, end_sessions
from messa_platform.tenants.senders import settings_of

ACCOUNT = cast(Table, Account.__table__)
LENDING = cast(Table, NumberLending.__table__)


@dataclass(frozen=True, slots=True)
class Home:
    """Where an account is: `since` when, since when in that tenant, and whether an admin has put it there by hand."""

    tenant_id: UUID
    group_id: UUID
    since: datetime
    tenant_since: datetime
    by_hand: bool


@dataclass(frozen=True, slots=True)
class Move:
    """An account on its way from one home to another."""

    account_id: UUID
    address: str
    was: Home
    to: Home


_COLUMNS = ("id", "tenant_id", "group_id", "group_since", "tenant_since", "placed_by_hand")
_PUT = text(
    "UPDATE account SET tenant_id = given.tenant_id, group_id = given.group_id, group_since = given.group_since,"
    " tenant_since = CASE WHEN account.tenant_id = given.tenant_id THEN account.tenant_since ELSE given.tenant_since END,"
    f" placed_by_hand = given.placed_by_hand, version = account.version + 1 FROM {given(ACCOUNT, _COLUMNS)} WHERE account.id = given.id"
)


def move(
    session: Session,
    now: datetime,
    author: Author,
    tenant_id: UUID,
    moves: Sequence[Move],
    rest: timedelta,
) -> set[UUID]:
    """Move accounts that the caller has locked; gives those that may receive where they are now.

    `tenant_id` is the author's own, in whose logs alone it is told who it was. A number goes along where the new group may receive, and is
    given back elsewhere, to rest for `rest`. Who leaves its tenant is signed out. `session` sees every tenant.
    """
    if not moves:
        return set()
    session.execute(_PUT, {"rows": as_parameter([_row(m.account_id, m.to) for m in moves])})
    settings = settings_of(session, {m.to.group_id for m in moves})
    receiving = {m.account_id for m in moves if settings[m.to.group_id].may_receive}
    numbers.take_back_many(session, now, [m.account_id for m in moves if m.account_id not in receiving], rest)
    numbers.follow(session, now, receiving)
    end_sessions(session, [m.account_id for m in moves if m.was.tenant_id != m.to.tenant_id])
    for writer, own in ((author, True), (as_told_outside(author), False)):
        leavers = [m.account_id for m in moves if (m.was.tenant_id == tenant_id) is own]
        drop_strayed(session, now, writer, leavers)
        homes = [(m, home) for m in moves for home in (m.was, m.to) if (home.tenant_id == tenant_id) is own]
        record(session, now, writer, [_entry(m, home) for m, home in homes])
    return receiving


def _row(account_id: UUID, to: Home) -> dict[str, object]:
    values = (account_id, to.tenant_id, to.group_id, to.since, to.tenant_since, to.by_hand)
    return dict(zip(_COLUMNS, values, strict=True))


def _entry(m: Move, home: Home) -> Change:
    """In the log of the group that an account leaves, or of that to which it comes."""
    before, after = {"group": str(m.was.group_id)}, {"group": str(m.to.group_id)}
    return Change(home.tenant_id, home.group_id, Action.ACCOUNT_MOVED, m.address, m.account_id, before, after)


_REST_ENDED = text(
    "UPDATE number n SET account_id = l.account_id, rests_until = NULL FROM (SELECT DISTINCT ON (account_id) account_id, msisdn, returned_at"
    " FROM number_lending WHERE account_id = ANY(CAST(:ids AS uuid[])) ORDER BY account_id, lent_at DESC) l WHERE n.msisdn = l.msisdn"
    " AND n.account_id IS NULL AND l.returned_at BETWEEN :first AND :last"
    " AND NOT EXISTS (SELECT FROM number held WHERE held.account_id = l.account_id) RETURNING l.account_id, n.msisdn"
)


def lend_again(
    session: Session,
    now: datetime,
    moves: Sequence[Move],
    account_ids: Collection[UUID],
    first: datetime,
    last: datetime,
) -> None:
    """Lend those of `account_ids` the very number that they gave back between `first` and `last`, if nobody has it; two statements."""
    if not account_ids:
        return
    parameters = {"ids": sorted(account_ids), "first": first, "last": last}
    lent = {row.account_id: row.msisdn for row in session.execute(_REST_ENDED, parameters)}
    rows = [
        {
            "id": new_id(),
            "tenant_id": m.to.tenant_id,
            "group_id": m.to.group_id,
            "account_id": m.account_id,
            "msisdn": lent[m.account_id],
            "lent_at": now,
        }
        for m in moves
        if m.account_id in lent
    ]
    insert_rows(session, LENDING, rows)
