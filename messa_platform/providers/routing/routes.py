"""The routes as the operator keeps them, and how they are written whoever does it (a tenant's admins: `own`). Which of them decides follows from
what they say (see `rules.Route.rank`), so they have no order of their own; of two that say the same there is one.

A route of a tenant's that leads over its own channels alone is the tenant's *own*: its admins look after it, its entries stand in their audit
log, and it counts among theirs. All others are the operator's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.ids import new_id
from messa_platform.providers.capabilities import NAMES
from messa_platform.providers.prices.cells import LONGEST_PREFIX
from messa_platform.providers.routing.rules import Route, SenderKind, route_of
from messa_platform.providers.stamp import changing
from messa_platform.tenants.audit import Action, Author, Change, record

MOST_ROUTES = 500
"""Of the operator's."""
MOST_OWN = 20
"""Of a tenant's own: each text of its looks through them, and each process holds those of all tenants."""
MOST_CHANNELS = 20
"""That a route may name."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A route to be: see `models.RouteRow`."""

    tenant_id: UUID | None
    prefix: str
    sender_kind: SenderKind | None
    needs: tuple[str, ...]
    channel_ids: tuple[UUID, ...]
    is_cheapest: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """A route with the names that it is shown by; `tenant` is the tenant's name, "" of all tenants'. `channels` are the names of its channels,
    in order; `is_own`: it is the tenant's own."""

    route: Route
    tenant: str
    channels: tuple[tuple[UUID, str], ...]
    is_own: bool


class Fault(StrEnum):
    """Why a route is not taken."""

    NO_TENANT = "no_tenant"
    NOT_A_PREFIX = "not_a_prefix"
    UNKNOWN_NEED = "unknown_need"
    NO_CHANNEL = "no_channel"
    STRANGE_CHANNEL = "strange_channel"
    """A channel that is gone, or another tenant's; a route of all tenants' may name the platform's only."""
    EXISTS = "exists"
    """There is a route for these texts already."""
    TOO_MANY = "too_many"
    GONE = "gone"
    """There is no such route any more."""


# a channel that was removed is still its owner's
_IS_OWN = (
    "(r.tenant_id IS NOT NULL AND NOT EXISTS (SELECT FROM unnest(r.channel_ids) AS named (id)"
    " LEFT JOIN channel c ON c.id = named.id AND c.tenant_id = r.tenant_id WHERE c.id IS NULL))"
)
_ROUTES = text(
    "SELECT r.id, r.tenant_id, r.prefix, r.sender_kind, r.needs, r.channel_ids, r.is_cheapest, coalesce(t.name, '') AS tenant,"
    f" {_IS_OWN} AS is_own FROM route r LEFT JOIN tenant t ON t.id = r.tenant_id"
)
_NAMES = text("SELECT id, name FROM channel WHERE id = ANY(CAST(:ids AS uuid[]))")


MOST_LISTED = 200
"""Of tenants' own, that are told to the operator at once."""
_OPERATORS = text(f"{_ROUTES.text} WHERE NOT {_IS_OWN}")
_OWN = text(f"{_ROUTES.text} WHERE {_IS_OWN} ORDER BY t.name, t.id, r.id LIMIT :most")


def listed(session: Session) -> list[Listed]:
    """The operator's routes and `MOST_LISTED` of tenants' own at the most: those for one tenant by the tenant's name, then those for all; of
    each the one first that decides first."""
    rows = [*session.execute(_OPERATORS), *session.execute(_OWN, {"most": MOST_LISTED})]
    names = _names(session, {i for row in rows for i in row.channel_ids})
    found = [Listed(route_of(row), row.tenant, _known(row.channel_ids, names), row.is_own) for row in rows]
    return sorted(
        found, key=lambda one: (not one.tenant, one.tenant.casefold(), one.route.rank, one.route.id)
    )


def _names(session: Session, ids: Iterable[UUID]) -> dict[UUID, str]:
    return {row.id: row.name for row in session.execute(_NAMES, {"ids": list(ids)})}


def _known(ids: Iterable[UUID], names: Mapping[UUID, str]) -> tuple[tuple[UUID, str], ...]:
    return tuple((i, names[i]) for i in ids if i in names)


_TENANT = text("SELECT slug FROM tenant WHERE id = :id FOR KEY SHARE")
_CHANNELS = text(
    "SELECT id, name, tenant_id FROM channel WHERE id = ANY(CAST(:ids AS uuid[])) AND removed_at IS NULL"
    " AND (tenant_id IS NULL OR tenant_id = :tenant)"
)
_SAME = text(
    "SELECT id FROM route WHERE tenant_id IS NOT DISTINCT FROM CAST(:tenant AS uuid) AND prefix = :prefix"
    " AND sender_kind IS NOT DISTINCT FROM CAST(:kind AS varchar)"
)
_COUNT = text(f"SELECT count(*) FROM route r WHERE NOT {_IS_OWN}")
_COUNT_OWN = text(f"SELECT count(*) FROM route r WHERE r.tenant_id = :tenant AND {_IS_OWN}")
_ADD = text(
    "INSERT INTO route (id, tenant_id, prefix, sender_kind, needs, channel_ids, is_cheapest, created_at)"
    " VALUES (:id, :tenant, :prefix, :kind, :needs, CAST(:channels AS uuid[]), :cheapest, :now)"
)
_CHANGE = text(
    "UPDATE route SET tenant_id = :tenant, prefix = :prefix, sender_kind = :kind, needs = :needs,"
    " channel_ids = CAST(:channels AS uuid[]), is_cheapest = :cheapest WHERE id = :id"
)
_REMOVE = text("DELETE FROM route WHERE id = :id")
_ONE = text(f"{_ROUTES.text} WHERE r.id = :id")


def add(session: Session, now: datetime, author: Author, wanted: Wanted) -> UUID | Fault:
    """Make a route; gives its id. It holds for texts from now on, and for those that move."""
    changing(session)
    return insert(session, now, author, wanted)


def change(session: Session, now: datetime, author: Author, route_id: UUID, wanted: Wanted) -> UUID | Fault:
    """Let a route say something else, such as its channels in another order."""
    changing(session)
    former = one(session, route_id)
    return Fault.GONE if former is None else update(session, now, author, former, wanted)


def remove(session: Session, now: datetime, author: Author, route_id: UUID) -> bool:
    """Take a route away; False if there is none of that id any more."""
    changing(session)
    former = one(session, route_id)
    if former is None:
        return False
    delete(session, now, author, former)
    return True


def one(session: Session, route_id: UUID) -> Listed | None:
    """A route; None if there is none of that id."""
    row = session.execute(_ONE, {"id": route_id}).first()
    if row is None:
        return None
    names = _names(session, row.channel_ids)
    return Listed(route_of(row), row.tenant, _known(row.channel_ids, names), row.is_own)


# Writing, once nobody else is `changing`


def insert(session: Session, now: datetime, author: Author, wanted: Wanted) -> UUID | Fault:
    """Make a route; gives its id."""
    checked = _checked(session, wanted)
    if isinstance(checked, Fault):
        return checked
    if session.execute(_SAME, _key(wanted)).first() is not None:
        return Fault.EXISTS
    if _is_full(session, wanted, checked):
        return Fault.TOO_MANY
    route_id = new_id()
    session.execute(_ADD, {"id": route_id, "now": now, **_key(wanted), **_values(wanted)})
    after = _told(session, wanted, checked.names)
    log = _log_of(session, wanted.tenant_id if checked.is_own else None)
    record(session, now, author, [Change(*log, Action.ROUTE_ADDED, _subject(wanted), route_id, None, after)])
    return route_id


def update(session: Session, now: datetime, author: Author, former: Listed, wanted: Wanted) -> UUID | Fault:
    """Let a route that is there say something else; gives its id."""
    route = former.route
    checked = _checked(session, wanted)
    if isinstance(checked, Fault):
        return checked
    if session.execute(_SAME, _key(wanted)).scalar() not in (None, route.id):
        return Fault.EXISTS
    if wanted == _said(route):
        return route.id
    session.execute(_CHANGE, {"id": route.id, **_key(wanted), **_values(wanted)})
    before, after = _of_listed(session, former), _told(session, wanted, checked.names)
    # what names a channel of the platform's is for the operator alone
    log = _log_of(session, wanted.tenant_id if former.is_own and checked.is_own else None)
    told = Change(*log, Action.ROUTE_CHANGED, _subject(wanted), route.id, before, after)
    record(session, now, author, [told])
    return route.id


def delete(session: Session, now: datetime, author: Author, former: Listed) -> None:
    """Take a route away that is there."""
    route = former.route
    session.execute(_REMOVE, {"id": route.id})
    log = _log_of(session, route.tenant_id if former.is_own else None)
    before = _of_listed(session, former)
    record(session, now, author, [Change(*log, Action.ROUTE_REMOVED, _subject(route), route.id, before)])


@dataclass(frozen=True, slots=True)
class _Checked:
    """What a route that is wanted names: its channels, in order; `is_own`: all are of its tenant."""

    names: Mapping[UUID, str]
    is_own: bool


def _checked(session: Session, wanted: Wanted) -> Fault | _Checked:
    """What it names; or what is wrong with it."""
    digits = wanted.prefix
    if digits and not (
        digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_PREFIX and digits[0] != "0"
    ):
        return Fault.NOT_A_PREFIX
    if not set(wanted.needs) <= set(NAMES):
        return Fault.UNKNOWN_NEED
    if wanted.tenant_id and session.execute(_TENANT, {"id": wanted.tenant_id}).first() is None:
        return Fault.NO_TENANT
    if not wanted.channel_ids:
        return Fault.NO_CHANNEL
    ids = list(dict.fromkeys(wanted.channel_ids))
    found = session.execute(_CHANNELS, {"ids": ids, "tenant": wanted.tenant_id}).all()
    names = {row.id: row.name for row in found}
    if len(ids) > MOST_CHANNELS or len(ids) < len(wanted.channel_ids) or set(ids) != set(names):
        return Fault.STRANGE_CHANNEL
    return _Checked({i: names[i] for i in ids}, all(row.tenant_id is not None for row in found))


def _is_full(session: Session, wanted: Wanted, checked: _Checked) -> bool:
    """Whether there are as many as there can be, of the operator's, or of the tenant's own."""
    if checked.is_own:
        return bool(session.execute(_COUNT_OWN, {"tenant": wanted.tenant_id}).scalar_one() >= MOST_OWN)
    return bool(session.execute(_COUNT).scalar_one() >= MOST_ROUTES)


_MASTER = text('SELECT id FROM "group" WHERE tenant_id = :tenant AND parent_id IS NULL')


def _log_of(session: Session, tenant_id: UUID | None) -> tuple[UUID | None, UUID | None]:
    """In whose audit log an entry stands: tenant and group; None: in the platform's own."""
    if tenant_id is None:
        return None, None
    return tenant_id, session.execute(_MASTER, {"tenant": tenant_id}).scalar_one()


def _said(route: Route) -> Wanted:
    """What a route says by now."""
    return Wanted(
        route.tenant_id,
        route.prefix,
        route.sender_kind,
        route.needs,
        route.channel_ids,
        route.is_cheapest,
    )


def _key(wanted: Wanted) -> dict[str, Any]:
    return {"tenant": wanted.tenant_id, "prefix": wanted.prefix, "kind": wanted.sender_kind}


def _values(wanted: Wanted) -> dict[str, Any]:
    return {
        "needs": list(wanted.needs),
        "channels": list(wanted.channel_ids),
        "cheapest": wanted.is_cheapest,
    }


def _subject(wanted: Wanted | Route) -> str:
    return f"+{wanted.prefix}" if wanted.prefix else "*"


def _told(session: Session, wanted: Wanted | Route, names: Mapping[UUID, str]) -> dict[str, Any]:
    """As the audit log tells of it."""
    tenant = session.execute(_TENANT, {"id": wanted.tenant_id}).scalar() if wanted.tenant_id else None
    return {
        "tenant": tenant,
        "sender": wanted.sender_kind,
        "needs": list(wanted.needs),
        "channels": list(names.values()),
        "cheapest": wanted.is_cheapest,
    }


def _of_listed(session: Session, former: Listed) -> dict[str, Any]:
    return _told(session, former.route, dict(former.channels))
