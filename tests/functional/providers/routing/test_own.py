"""A tenant's routes as its admins keep them: whether they may is asked when it is their turn (spec G10, X4)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest

from messa_platform.providers.routing import own
from messa_platform.providers.routing.own import By, Held, Wish
from messa_platform.providers.routing.routes import Fault
from messa_platform.providers.stamp import changing
from messa_platform.tenants.audit import Author
from messa_platform.tenants.authority import NotAdmin
from messa_platform.tenants.places import Place, place_of
from tests.support.observe import wait_until_blocked
from tests.support.prices import route
from tests.support.world import World


@dataclass
class Admin:
    """Somebody who looks after a tenant's routes, and a channel of the tenant's."""

    world: World
    place: Place
    author: Author
    channel: UUID

    def wish(self, **changes: Any) -> Wish:
        return replace(Wish("46", None, (), (self.channel,), False), **changes)

    def does(self, what: Callable[..., Any], *given: Any) -> Any:
        with self.world.database.unit_of_work() as session:
            return what(session, self.world.clock.now(), self.author, self.place, *given)

    def has(self) -> list[Held]:
        with self.world.database.unit_of_work() as session:
            return own.held(session, self.place)


def an_admin(world: World, slug: str) -> Admin:
    master = world.tenant(slug)
    channel = world.channel(f"av {slug}", tenant_id=master.tenant_id)
    with world.database.unit_of_work() as session:
        place = place_of(session, master.tenant_id, master.id)
    assert place is not None
    return Admin(world, place, world.author(master), channel)


@pytest.fixture
def admin(world: World) -> Admin:
    return an_admin(world, "kommun")


def attempts(admin: Admin, made: UUID) -> list[Callable[[], Any]]:
    """All that can be done to routes."""
    return [
        lambda: admin.does(own.add, admin.wish(prefix="47")),
        lambda: admin.does(own.change, made, lambda was: replace(was, is_cheapest=True)),
        lambda: admin.does(own.remove, made),
    ]


def test_who_is_no_admin_any_more_changes_nothing(world: World, admin: Admin) -> None:
    made = admin.does(own.add, admin.wish())
    world.dismiss(admin.author)
    assert [attempt() for attempt in attempts(admin, made.route.id)] == [NotAdmin()] * 3
    assert admin.has() == [made]


@pytest.mark.parametrize("which", range(3))
def test_who_is_dismissed_while_others_change_routes_changes_nothing(
    world: World, admin: Admin, which: int
) -> None:
    made = admin.does(own.add, admin.wish())
    with ThreadPoolExecutor(1) as threads:
        with world.database.unit_of_work() as session:
            changing(session)
            later = threads.submit(attempts(admin, made.route.id)[which])
            wait_until_blocked(world.database)
            world.dismiss(admin.author)
        assert later.result(30) == NotAdmin()
    assert admin.has() == [made]


def test_a_tenants_route_is_neither_seen_nor_changed_by_another(world: World, admin: Admin) -> None:
    other = an_admin(world, "annan")
    theirs = other.does(own.add, other.wish()).route.id
    assert admin.does(own.change, theirs, lambda was: was) is Fault.GONE
    assert admin.does(own.remove, theirs) is Fault.GONE
    assert admin.has() == [] and len(other.has()) == 1


def test_what_is_wished_is_made_of_what_holds_when_it_is_ones_turn(world: World, admin: Admin) -> None:
    made = admin.does(own.add, admin.wish()).route.id
    with ThreadPoolExecutor(1) as threads:
        with world.database.unit_of_work() as session:
            changing(session)
            later = threads.submit(admin.does, own.change, made, lambda was: replace(was, prefix="47"))
            wait_until_blocked(world.database)
            world.run("UPDATE route SET sender_kind = 'name'")
        done = later.result(30)
    assert (done.route.prefix, done.route.sender_kind) == ("47", "name")


def test_a_route_that_names_any_channel_but_the_tenants_is_the_operators(world: World, admin: Admin) -> None:
    platforms, tenant = world.channel("telia"), admin.place.tenant_id
    mixed = route(world, admin.channel, platforms, tenant=tenant, prefix="47")
    alone = route(world, admin.channel, tenant=tenant, prefix="48")
    for_all = route(world, platforms)
    world.run("UPDATE channel SET removed_at = now(), enabled = false")
    assert {held.route.id: held.by for held in admin.has()} == {
        mixed: By.OPERATOR,
        alone: By.ORGANISATION,
        for_all: By.PLATFORM,
    }
    world.run("DELETE FROM channel")  # of which nobody knows whose they were
    assert {held.by for held in admin.has()} == {By.OPERATOR, By.PLATFORM}
