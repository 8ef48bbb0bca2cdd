"""API users of a group: made, renamed, removed (spec A4). Their keys stand in `keys`.

The sessions see every tenant, since numbers are no tenant's to change; each statement names the tenant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from messa_platform.core.ids import new_id
from messa_platform.tenants import numbers
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.authority import NotAdmin, administers
from messa_platform.tenants.numbers import REST
from messa_platform.tenants.people.moving import hold
from messa_platform.tenants.places import Place

LONGEST_NAME = 60
MOST = 200
"""API users that a group may have."""


@dataclass(frozen=True, slots=True)
class ApiUser:
    """An API user. `number` is the one lent to it, if any."""

    id: UUID
    tenant_id: UUID
    group_id: UUID
    name: str
    number: str | None
    created_at: datetime
    version: int


class Refusal(StrEnum):
    """Why nothing was changed."""

    NO_NAME = "no_name"
    TOO_LONG = "too_long"
    """The name has more than `LONGEST_NAME` characters."""
    TAKEN = "taken"
    """The group has another API user of that name."""
    TOO_MANY = "too_many"
    """The group has `MOST` already."""
    UNKNOWN = "unknown"
    """There is no such API user in the group."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody has changed it since the form was made; its version is now this one."""

    version: int


_COLUMNS = (
    "SELECT a.id, a.tenant_id, a.group_id, a.display_name AS name, n.msisdn AS number, a.created_at, a.version FROM account a"
    " LEFT JOIN number n ON n.account_id = a.id WHERE a.tenant_id = :tenant_id AND a.kind = 'api' AND a.removed_at IS NULL"
)
_HERE = f"{_COLUMNS} AND a.group_id = :group_id"
_OF_GROUP = text(f"{_HERE} ORDER BY lower(a.display_name), a.id")
_ONE = text(f"{_HERE} AND a.id = :id")
_HELD = text(f"{_HERE} AND a.id = :id FOR NO KEY UPDATE OF a")


def of_group(session: Session, place: Place) -> list[ApiUser]:
    """The API users right in a group, by name."""
    rows = session.execute(_OF_GROUP, {"tenant_id": place.tenant_id, "group_id": place.id})
    return [ApiUser(*row) for row in rows]


def read(session: Session, place: Place, user_id: UUID) -> ApiUser | None:
    """One of them; None if the group has none of that id."""
    row = session.execute(_ONE, _parameters(place, user_id)).first()
    return None if row is None else ApiUser(*row)


_WITHIN = text(
    f"{_COLUMNS} AND a.group_id = ANY(CAST(:group_ids AS uuid[])) AND (CAST(:after AS uuid) IS NULL OR a.id > :after)"
    " ORDER BY a.id LIMIT :most"
)


def within(
    session: Session, tenant_id: UUID, group_ids: Sequence[UUID], after: UUID | None, most: int
) -> list[ApiUser]:
    """The API users of these groups of a tenant, oldest first; `most` of those behind the one with the id `after`."""
    parameters = {"tenant_id": tenant_id, "group_ids": list(group_ids), "after": after, "most": most}
    return [ApiUser(*row) for row in session.execute(_WITHIN, parameters)]


_GROUP = text(
    "SELECT group_id FROM account WHERE id = :id AND tenant_id = :tenant_id AND kind = 'api' AND removed_at IS NULL"
)


def group_of(session: Session, tenant_id: UUID, user_id: UUID) -> UUID | None:
    """The group that an API user is in; None if the tenant has none of that id."""
    found: UUID | None = session.execute(_GROUP, {"id": user_id, "tenant_id": tenant_id}).scalar()
    return found


def _parameters(place: Place, user_id: UUID) -> dict[str, object]:
    return {"tenant_id": place.tenant_id, "group_id": place.id, "id": user_id}


_TAKEN = text(
    "SELECT count(*) AS held, count(*) FILTER (WHERE lower(display_name) = lower(:name) AND id <> :id) AS taken FROM account"
    " WHERE tenant_id = :tenant_id AND group_id = :group_id AND kind = 'api' AND removed_at IS NULL"
)
_CREATE = text(
    "INSERT INTO account (id, kind, tenant_id, group_id, group_since, tenant_since, address, display_name, placed_by_hand, created_at)"
    " VALUES (:id, 'api', :tenant_id, :group_id, :now, :now, :address, :name, true, :now)"
)


def create(
    session: Session, now: datetime, author: Author, place: Place, name: str
) -> ApiUser | Refusal | NotAdmin:
    """A new API user in the group; it sends once it has a key."""
    if not _holds(session, author, place):
        return NotAdmin()
    user = ApiUser(new_id(), place.tenant_id, place.id, one_line(name), None, now, 1)
    if refusal := _refusal(session, user, is_new=True):
        return refusal
    # what is no address collides with none, and no mail comes from it
    values = {**_parameters(place, user.id), "now": now, "address": f"api:{user.id.hex}", "name": user.name}
    session.execute(_CREATE, values)
    record(session, now, author, [_change(user, Action.API_USER_ADDED)])
    return user


def _holds(session: Session, author: Author, place: Place) -> bool:
    """Keep the tenant's tree as it is, and tell whether the group is the author's to change."""
    hold(session, place.tenant_id)
    return administers(session, author, place.tenant_id, place.id)


def one_line(written: str) -> str:
    """A name as it is kept: printable, with single spaces."""
    return "".join(c for c in " ".join(written.split()) if c.isprintable())


# Two who take the same name at once come one after the other.
_TURN = text('SELECT FROM "group" WHERE id = :group_id AND tenant_id = :tenant_id FOR NO KEY UPDATE')


def _refusal(session: Session, user: ApiUser, *, is_new: bool) -> Refusal | None:
    if not user.name:
        return Refusal.NO_NAME
    if len(user.name) > LONGEST_NAME:
        return Refusal.TOO_LONG
    where = {"tenant_id": user.tenant_id, "group_id": user.group_id}
    session.execute(_TURN, where)
    row = session.execute(_TAKEN, {**where, "id": user.id, "name": user.name}).one()
    if row.taken:
        return Refusal.TAKEN
    return Refusal.TOO_MANY if is_new and row.held >= MOST else None


def _change(user: ApiUser, action: Action, before: Any = None, after: Any = None) -> Change:
    return Change(user.tenant_id, user.group_id, action, user.name, user.id, before, after)


def held(
    session: Session, author: Author, place: Place, user_id: UUID, version: int | None = None
) -> ApiUser | Conflict | Refusal | NotAdmin:
    """An API user, locked, if it is the author's to change, and as the author has seen it. `version` None: however it is."""
    if not _holds(session, author, place):
        return NotAdmin()
    row = session.execute(_HELD, _parameters(place, user_id)).first()
    if row is None:
        return Refusal.UNKNOWN
    user = ApiUser(*row)
    return user if version in (None, user.version) else Conflict(user.version)


_RENAME = text(
    "UPDATE account SET display_name = :name, version = version + 1 WHERE id = :id AND tenant_id = :tenant_id AND kind = 'api'"
)


def rename(
    session: Session,
    now: datetime,
    author: Author,
    place: Place,
    user_id: UUID,
    version: int | None,
    name: str,
) -> ApiUser | Conflict | Refusal | NotAdmin:
    """Give an API user another name; the log calls it so from then on, also where it sent before. `version` None: however it is."""
    user = held(session, author, place, user_id, version)
    if not isinstance(user, ApiUser):
        return user
    wanted = ApiUser(
        user.id, user.tenant_id, user.group_id, one_line(name), user.number, user.created_at, user.version + 1
    )
    if wanted.name == user.name:
        return user
    if refusal := _refusal(session, wanted, is_new=False):
        return refusal
    session.execute(_RENAME, {"id": user.id, "tenant_id": user.tenant_id, "name": wanted.name})
    names = {"name": user.name}, {"name": wanted.name}
    record(session, now, author, [_change(wanted, Action.API_USER_RENAMED, *names)])
    return wanted


_REMOVE = text(
    "UPDATE account SET removed_at = :now, blocked = true, version = version + 1"
    " WHERE id = :id AND tenant_id = :tenant_id AND kind = 'api'"
)
_DROP_KEYS = text("DELETE FROM api_key WHERE account_id = :id AND tenant_id = :tenant_id RETURNING kind")


def remove(
    session: Session,
    now: datetime,
    author: Author,
    place: Place,
    user_id: UUID,
    version: int | None,
    rest: timedelta = REST,
) -> ApiUser | Conflict | Refusal | NotAdmin:
    """Remove an API user with its keys, which work no more; its number rests, its messages stay. Gives it as it was. `version` None: however
    it is."""
    user = held(session, author, place, user_id, version)
    if not isinstance(user, ApiUser):
        return user
    parameters = {"id": user.id, "tenant_id": user.tenant_id}
    keys: Sequence[Row[Any]] = session.execute(_DROP_KEYS, parameters).all()
    session.execute(_REMOVE, {**parameters, "now": now})
    numbers.take_back_many(session, now, [user.id], rest)
    record(session, now, author, [_change(user, Action.API_USER_REMOVED, after={"keys": len(keys)})])
    return user
