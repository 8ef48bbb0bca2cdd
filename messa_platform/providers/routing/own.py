"""A tenant's routes as its admins see and keep them (spec V5, X4).

They read all that hold for its texts, and make and change its own, which lead over its own channels alone (see `routes`). Of channels they are
told their own; the platform's are only told to be some, as on a message's page (`portal.way_words`). Another tenant's route is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from messa_platform.providers.routing import routes
from messa_platform.providers.routing.routes import Fault, Listed, Wanted
from messa_platform.providers.routing.rules import Route, SenderKind, in_order, route_of
from messa_platform.providers.stamp import changing
from messa_platform.tenants.audit import Author
from messa_platform.tenants.authority import NotAdmin, administers
from messa_platform.tenants.people.moving import hold
from messa_platform.tenants.places import Place


class By(StrEnum):
    """Who keeps a route."""

    ORGANISATION = "organisation"
    OPERATOR = "operator"
    """For this tenant, by channels of the platform's."""
    PLATFORM = "platform"
    """For all tenants."""


@dataclass(frozen=True, slots=True)
class OwnChannel:
    """A channel of the tenant's that a route names; one that `is_removed` is passed over."""

    id: UUID
    name: str
    is_removed: bool


@dataclass(frozen=True, slots=True)
class Held:
    """A route that holds for a tenant. `channels` are in the route's order; None stands for those of the platform's that follow each other,
    however many."""

    route: Route
    by: By
    channels: tuple[OwnChannel | None, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """A route to be, whoever it is for: see `models.RouteRow`."""

    prefix: str
    sender_kind: SenderKind | None
    needs: tuple[str, ...]
    channel_ids: tuple[UUID, ...]
    is_cheapest: bool

    def of(self, tenant_id: UUID | None) -> Wanted:
        """As a route of a tenant, or of all."""
        return Wanted(
            tenant_id,
            self.prefix,
            self.sender_kind,
            self.needs,
            self.channel_ids,
            self.is_cheapest,
        )


@dataclass(frozen=True, slots=True)
class Unfit:
    """Channels that a wish cannot name, by their places, from 0: those that are `strange`, since they are not the tenant's or are gone, and
    those that are `repeated`."""

    strange: tuple[int, ...]
    repeated: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Theirs:
    """The route holds for the tenant, but is the operator's to change."""

    by: By


Undone = Fault | Unfit | Theirs | NotAdmin

_HELD = (
    "SELECT id, tenant_id, prefix, sender_kind, needs, channel_ids, is_cheapest FROM route"
    " WHERE (tenant_id = :tenant OR tenant_id IS NULL)"
)
_ALL = text(_HELD)
_ONE = text(f"{_HELD} AND id = :id")
# no name of the platform's is read
_CHANNELS = text(
    "SELECT id, CASE WHEN tenant_id = :tenant THEN name END AS name, removed_at IS NOT NULL AS is_removed FROM channel"
    " WHERE id = ANY(CAST(:ids AS uuid[])) AND (tenant_id = :tenant OR tenant_id IS NULL AND removed_at IS NULL)"
)


def held(session: Session, master: Place) -> list[Held]:
    """The routes that hold for the tenant of this Master, in the order in which they decide: its own, then those for all."""
    found = session.execute(_ALL, {"tenant": master.tenant_id})
    return _told(session, master, in_order(route_of(row) for row in found))


def one(session: Session, route_id: UUID, master: Place) -> Held | None:
    """A route that holds for the tenant; None if there is none of that id."""
    row = session.execute(_ONE, {"id": route_id, "tenant": master.tenant_id}).first()
    return None if row is None else _told(session, master, [route_of(row)])[0]


def _told(session: Session, master: Place, found: Sequence[Route]) -> list[Held]:
    ids = sorted({i for route in found for i in route.channel_ids})
    rows = session.execute(_CHANNELS, {"ids": ids, "tenant": master.tenant_id})
    known = {row.id: _channel_of(row) for row in rows}
    return [Held(route, _by(route, known), _channels(route, known)) for route in found]


def _channel_of(row: Row[Any]) -> OwnChannel | None:
    return None if row.name is None else OwnChannel(row.id, row.name, row.is_removed)


def _by(route: Route, known: Mapping[UUID, OwnChannel | None]) -> By:
    if route.tenant_id is None:
        return By.PLATFORM
    is_own = all(known.get(i) is not None for i in route.channel_ids)
    return By.ORGANISATION if is_own else By.OPERATOR


def _channels(route: Route, known: Mapping[UUID, OwnChannel | None]) -> tuple[OwnChannel | None, ...]:
    """What is told of a route's channels: how many of the platform's there are is its own affair."""
    named = [known[i] for i in route.channel_ids if i in known]
    return tuple(channel for channel, _ in groupby(named))


# Changing


def add(session: Session, now: datetime, author: Author, master: Place, wish: Wish) -> Held | Undone:
    """Make a route of the tenant's own. It holds for texts from now on, and for those that move."""
    if isinstance(no := _enter(session, author, master), NotAdmin):
        return no
    wanted = _wanted(session, master, wish)
    if isinstance(wanted, Unfit):
        return wanted
    return _found(session, routes.insert(session, now, author, wanted), master)


def change(
    session: Session,
    now: datetime,
    author: Author,
    master: Place,
    route_id: UUID,
    wish: Callable[[Wish], Wish],
) -> Held | Undone:
    """Let a route of the tenant's own say something else, as `wish` makes it of what it says now. Of its channels those that are gone are let
    go."""
    former = _own(session, author, master, route_id)
    if not isinstance(former, _Own):
        return former
    wanted = _wanted(session, master, wish(former.wish))
    if isinstance(wanted, Unfit):
        return wanted
    return _found(session, routes.update(session, now, author, former.listed, wanted), master)


def remove(session: Session, now: datetime, author: Author, master: Place, route_id: UUID) -> Undone | None:
    """Take a route of the tenant's own away; None if that was done."""
    former = _own(session, author, master, route_id)
    if not isinstance(former, _Own):
        return former
    routes.delete(session, now, author, former.listed)
    return None


def _enter(session: Session, author: Author, master: Place) -> NotAdmin | None:
    """Wait until nobody else changes routes; whether the author may is asked then. Who changes the tree holds the tenant and takes no stamp, so
    nobody waits for somebody who waits for him."""
    hold(session, master.tenant_id)
    changing(session)
    return None if administers(session, author, master.tenant_id, master.id) else NotAdmin()


@dataclass(frozen=True, slots=True)
class _Own:
    """A route that may be changed, and what it says but for channels that are gone."""

    listed: Listed
    wish: Wish


def _own(session: Session, author: Author, master: Place, route_id: UUID) -> _Own | Fault | Theirs | NotAdmin:
    if isinstance(no := _enter(session, author, master), NotAdmin):
        return no
    found, listed = one(session, route_id, master), routes.one(session, route_id)
    if found is None or listed is None:
        return Fault.GONE
    if found.by is not By.ORGANISATION:
        return Theirs(found.by)
    route = found.route
    there = tuple(channel.id for channel in found.channels if channel and not channel.is_removed)
    return _Own(listed, Wish(route.prefix, route.sender_kind, route.needs, there, route.is_cheapest))


_IS_THERE = text(
    "SELECT id FROM channel WHERE id = ANY(CAST(:ids AS uuid[])) AND tenant_id = :tenant AND removed_at IS NULL"
)


def _wanted(session: Session, master: Place, wish: Wish) -> Wanted | Unfit:
    """A wish of the tenant's; or the channels that it cannot name."""
    ids, tenant_id = wish.channel_ids, master.tenant_id
    there = set(session.execute(_IS_THERE, {"ids": list(ids), "tenant": tenant_id}).scalars())
    strange = tuple(n for n, i in enumerate(ids) if i not in there)
    repeated = tuple(n for n, i in enumerate(ids) if i in ids[:n])
    if strange or repeated:
        return Unfit(strange, repeated)
    return wish.of(tenant_id)


def _found(session: Session, done: UUID | Fault, master: Place) -> Held | Fault:
    if isinstance(done, Fault):
        return done
    return one(session, done, master) or Fault.GONE
