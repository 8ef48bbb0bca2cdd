"""Price lists and routes, made in a sentence each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from uuid import UUID

from messa_platform.core.clock import stockholm_day
from messa_platform.providers.prices import lists
from messa_platform.providers.prices.lists import OfChannel, Refusal, Sale, Stored
from messa_platform.providers.prices.table import Price
from messa_platform.providers.routing import routes
from messa_platform.providers.routing.routes import Fault, Wanted
from messa_platform.providers.routing.rules import SenderKind
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import Author
from tests.support.world import World

OPERATOR = Author(Actor.OPERATOR, UUID(int=1), "drift@messa.example")


def put(world: World, of: UUID | str, amounts: Mapping[str, int], days: int = 0) -> Stored | Refusal:
    """Let a channel cost, or a sale list of a name charge, so many millionths of a krona by prefix, from so many days ahead on."""
    with world.database.unit_of_work() as session:
        now = world.clock.now()
        where = OfChannel(of) if isinstance(of, UUID) else Sale(of)
        prices = [Price(prefix, micros) for prefix, micros in amounts.items()]
        return lists.put(session, now, OPERATOR, where, today(world, days), prices)


def today(world: World, days: int = 0) -> date:
    """The day in Stockholm, so many days ahead."""
    return stockholm_day(world.clock.now()) + timedelta(days=days)


def stored(world: World, of: UUID | str, amounts: Mapping[str, int], days: int = 0) -> UUID:
    """The same, which must be taken; gives the version's id."""
    made = put(world, of, amounts, days)
    assert isinstance(made, Stored), made
    return made.version_id


def route(
    world: World,
    *channels: UUID,
    tenant: UUID | None = None,
    prefix: str = "",
    kind: SenderKind | None = None,
    needs: tuple[str, ...] = (),
    is_cheapest: bool = False,
) -> UUID:
    """A route, which must be taken; gives its id."""
    made = try_route(world, Wanted(tenant, prefix, kind, needs, channels, is_cheapest))
    assert isinstance(made, UUID), made
    return made


def try_route(world: World, wanted: Wanted) -> UUID | Fault:
    """A route, or why it is not taken."""
    with world.database.unit_of_work() as session:
        return routes.add(session, world.clock.now(), OPERATOR, wanted)
