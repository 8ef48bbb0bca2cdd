"""Several members at once, chosen in the list: moved to another group, or removed (spec G11). By the same rules as one (`member`).

The sessions see every tenant, since numbers are no tenant's to change. The number of statements does not depend on how many are chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from messa_platform.tenants.admins import beyond, of_master
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.authority import NotAdmin, administers
from messa_platform.tenants.numbers import REST
from messa_platform.tenants.people import moving
from messa_platform.tenants.people.member import Refusal
from messa_platform.tenants.people.moving import Comer
from messa_platform.tenants.people.plan import Held
from messa_platform.tenants.places import Place, place_of

# `:authority` is the topmost group of the admin's, as a label of the tree's paths.
_SEEN = ":authority = ANY(string_to_array(g.path::text, '.'))"
_CHOSEN = (
    "SELECT a.id, a.address, a.display_name, a.blocked, a.is_operator, a.tenant_id, a.group_id, g.path::text AS path FROM account a"
    ' JOIN "group" g ON g.id = a.group_id WHERE a.id = ANY(CAST(:ids AS uuid[])) AND a.tenant_id = :tenant_id'
    f" AND a.removed_at IS NULL AND a.kind = 'person' AND {_SEEN}"
)
_READ = text(f"{_CHOSEN} ORDER BY a.address")
_HELD = text(f"{_CHOSEN} ORDER BY a.id FOR NO KEY UPDATE OF a")


@dataclass(frozen=True, slots=True)
class Chosen:
    """One of those that were chosen, as the list shows it."""

    id: UUID
    address: str
    display_name: str
    group_id: UUID


def read(session: Session, tenant_id: UUID, authority_id: UUID, ids: Iterable[UUID]) -> list[Chosen]:
    """Those of these accounts that are members in the group `authority_id` or below it, by address; any session will do."""
    parameters = {"ids": list(ids), "tenant_id": tenant_id, "authority": authority_id.hex}
    return [
        Chosen(row.id, row.address, row.display_name, row.group_id)
        for row in session.execute(_READ, parameters)
    ]


@dataclass(frozen=True, slots=True)
class Result:
    """How many it was done to, and who was left out, and why, by address. Who is not the author's to change is in neither."""

    done: int
    refused: tuple[tuple[str, Refusal], ...] = ()


def move(
    session: Session,
    now: datetime,
    author: Author,
    tenant_id: UUID,
    ids: Iterable[UUID],
    to: Place,
    rest: timedelta = REST,
) -> Result | NotAdmin:
    """Put members into another group of the tenant; whether that one is the author's to see is for the caller to ask."""
    rows = _hold(session, author, tenant_id, ids)
    if isinstance(rows, NotAdmin):
        return rows
    if place_of(session, tenant_id, to.id) is None:
        return Result(0)
    refused = {row.id: Refusal.OPERATOR for row in rows if row.is_operator}
    comers = [
        Comer(row.address, Held(row.id, row.tenant_id, row.group_id, row.path, False, row.blocked, False))
        for row in rows
        if row.id not in refused and row.group_id != to.id
    ]
    moving.bring(session, now, author, to, comers, rest)
    return _result(rows, refused)


def _hold(
    session: Session, author: Author, tenant_id: UUID, ids: Iterable[UUID]
) -> Sequence[Row[Any]] | NotAdmin:
    """Those of the accounts that are the author's to change, locked."""
    assert author.group_id is not None, "members are changed by somebody's adminship"
    moving.hold(session, tenant_id)
    parameters = {"ids": list(ids), "tenant_id": tenant_id, "authority": author.group_id.hex}
    rows = session.execute(_HELD, parameters).all()
    return rows if administers(session, author, tenant_id, author.group_id) else NotAdmin()


def _result(rows: Sequence[Row[Any]], refused: dict[UUID, Refusal]) -> Result:
    left_out = sorted((row.address, refused[row.id]) for row in rows if row.id in refused)
    return Result(len(rows) - len(left_out), tuple(left_out))


def remove(
    session: Session,
    now: datetime,
    author: Author,
    tenant_id: UUID,
    ids: Iterable[UUID],
    *,
    block: bool,
    rest: timedelta = REST,
) -> Result | NotAdmin:
    """Remove members; unless `block`, they come back by their next mails (spec G11). Their messages stay."""
    rows = _hold(session, author, tenant_id, ids)
    if isinstance(rows, NotAdmin):
        return rows
    refused = _irremovable(session, author, tenant_id, rows)
    going = [row for row in rows if row.id not in refused]
    if going:
        moving.part(session, now, author, [row.id for row in going], block=block, rest=rest)
        record(session, now, author, [_removed(row, block) for row in going])
    return _result(rows, refused)


def _irremovable(
    session: Session, author: Author, tenant_id: UUID, rows: Sequence[Row[Any]]
) -> dict[UUID, Refusal]:
    refused = {row.id: Refusal.OPERATOR for row in rows if row.is_operator}
    refused |= {row.id: Refusal.YOURSELF for row in rows if row.id == author.account_id}
    ids = [row.id for row in rows if row.id not in refused]
    refused |= dict.fromkeys(beyond(session, tenant_id, author.group_id, ids), Refusal.HIGHER_ADMIN)
    going = {row.id for row in rows} - refused.keys()
    last = of_master(session, tenant_id)
    return refused | dict.fromkeys(last, Refusal.LAST_ADMIN) if last and last <= going else refused


def _removed(row: Row[Any], block: bool) -> Change:
    after = {"blocked": True} if block else None
    return Change(row.tenant_id, row.group_id, Action.ACCOUNT_REMOVED, row.address, row.id, after=after)
