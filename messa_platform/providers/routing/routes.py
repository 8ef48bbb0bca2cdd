"""The routes as the operator keeps them. Which of them decides follows from what they say (see `rules.Route.rank`), so they have no order of
their own; of two that say the same there is one."""

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
MOST_CHANNELS = 20


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
    """A route with the names that it is shown by; `tenant` is the tenant's name, "" of all tenants'. `channels` are the names of its channels
    that are there, in order."""

    route: Route
    tenant: str
    channels: tuple[tuple[UUID, str], ...]


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


_ROUTES = text(
    "SELECT r.id, r.tenant_id, r.prefix, r.sender_kind, r.needs, r.channel_ids, r.is_cheapest, coalesce(t.name, '') AS tenant FROM route r"
    " LEFT JOIN tenant t ON t.id = r.tenant_id"
)
_NAMES = text("SELECT id, name FROM channel WHERE id = ANY(CAST(:ids AS uuid[]))")


def listed(session: Session) -> list[Listed]:
    """All routes, those for one tenant by the tenant's name, then those for all; of each the one first that decides first."""
    rows = session.execute(_ROUTES).all()
    names = _names(session, {i for row in rows for i in row.channel_ids})
    found = [Listed(route_of(row), row.tenant, _known(row.channel_ids, names)) for row in rows]
    return sorted(
        found, key=lambda one: (not one.tenant, one.tenant.casefold(), one.route.rank, one.route.id)
    )


def _names(session: Session, ids: Iterable[UUID]) -> dict[UUID, str]:
    return {row.id: row.name for row in session.execute(_NAMES, {"ids": list(ids)})}


def _known(ids: Iterable[UUID], names: Mapping[UUID, str]) -> tuple[tuple[UUID, str], ...]:
    return tuple((i, names[i]) for i in ids if i in names)


_TENANT = text("SELECT slug FROM tenant WHERE id = :id FOR KEY SHARE")
_CHANNELS = text(
    "SELECT id, name FROM channel WHERE id = ANY(CAST(:ids AS uuid[])) AND removed_at IS NULL"
    " AND (tenant_id IS NULL OR tenant_id = :tenant)"
)
_SAME = text(
    "SELECT id FROM route WHERE tenant_id IS NOT DISTINCT FROM CAST(:tenant AS uuid) AND prefix = :prefix"
    " AND sender_kind IS NOT DISTINCT FROM CAST(:kind AS varchar)"
)
_COUNT = text("SELECT count(*) FROM route")
_ADD = text(
    "INSERT INTO route (id, tenant_id, prefix, sender_kind, needs, channel_ids, is_cheapest, created_at)"
    " VALUES (:id, :tenant, :prefix, :kind, :needs, CAST(:channels AS uuid[]), :cheapest, :now)"
)


def add(session: Session, now: datetime, author: Author, wanted: Wanted) -> UUID | Fault:
    """Make a route; gives its id. It holds for texts from now on, and for those that move."""
    changing(session)
    names = _checked(session, wanted)
    if isinstance(names, Fault):
        return names
    if session.execute(_SAME, _key(wanted)).first() is not None:
        return Fault.EXISTS
    if session.execute(_COUNT).scalar_one() >= MOST_ROUTES:
        return Fault.TOO_MANY
    route_id = new_id()
    session.execute(_ADD, {"id": route_id, "now": now, **_key(wanted), **_values(wanted)})
    after = _told(session, wanted, names)
    record(
        session,
        now,
        author,
        [Change(None, None, Action.ROUTE_ADDED, _subject(wanted), route_id, None, after)],
    )
    return route_id


_CHANGE = text(
    "UPDATE route SET tenant_id = :tenant, prefix = :prefix, sender_kind = :kind, needs = :needs,"
    " channel_ids = CAST(:channels AS uuid[]), is_cheapest = :cheapest WHERE id = :id"
)
_ONE = text(f"{_ROUTES.text} WHERE r.id = :id")


def change(session: Session, now: datetime, author: Author, route_id: UUID, wanted: Wanted) -> UUID | Fault:
    """Let a route say something else, such as its channels in another order."""
    changing(session)
    former = one(session, route_id)
    if former is None:
        return Fault.GONE
    names = _checked(session, wanted)
    if isinstance(names, Fault):
        return names
    same = session.execute(_SAME, _key(wanted)).scalar()
    if same not in (None, route_id):
        return Fault.EXISTS
    before, after = _of_listed(session, former), _told(session, wanted, names)
    if before != after or former.route.prefix != wanted.prefix:
        session.execute(_CHANGE, {"id": route_id, **_key(wanted), **_values(wanted)})
        told = Change(None, None, Action.ROUTE_CHANGED, _subject(wanted), route_id, before, after)
        record(session, now, author, [told])
    return route_id


_REMOVE = text("DELETE FROM route WHERE id = :id")


def remove(session: Session, now: datetime, author: Author, route_id: UUID) -> bool:
    """Take a route away; False if there is none of that id any more."""
    changing(session)
    former = one(session, route_id)
    if former is None:
        return False
    session.execute(_REMOVE, {"id": route_id})
    before = _of_listed(session, former)
    told = Change(None, None, Action.ROUTE_REMOVED, _subject(former.route), route_id, before)
    record(session, now, author, [told])
    return True


def one(session: Session, route_id: UUID) -> Listed | None:
    """A route; None if there is none of that id."""
    row = session.execute(_ONE, {"id": route_id}).first()
    if row is None:
        return None
    return Listed(route_of(row), row.tenant, _known(row.channel_ids, _names(session, row.channel_ids)))


def _checked(session: Session, wanted: Wanted) -> Fault | dict[UUID, str]:
    """The names of its channels, in order; or what is wrong with it."""
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
    found = session.execute(_CHANNELS, {"ids": ids, "tenant": wanted.tenant_id})
    names = {row.id: row.name for row in found}
    if len(ids) > MOST_CHANNELS or len(ids) < len(wanted.channel_ids) or set(ids) != set(names):
        return Fault.STRANGE_CHANNEL
    return {i: names[i] for i in ids}


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
