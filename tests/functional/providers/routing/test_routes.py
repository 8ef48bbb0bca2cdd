"""Routes as the operator keeps them (spec X4)."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from messa_platform.core.ids import new_id
from messa_platform.providers.routing import routes
from messa_platform.providers.routing.routes import Fault, Wanted
from messa_platform.providers.routing.rules import SenderKind, rules
from tests.support.observe import together
from tests.support.prices import OPERATOR, route, try_route
from tests.support.world import World


@pytest.fixture
def a(world: World) -> UUID:
    return world.channel("a")


def change(world: World, route_id: UUID, wanted: Wanted) -> UUID | Fault:
    with world.database.unit_of_work() as session:
        return routes.change(session, world.clock.now(), OPERATOR, route_id, wanted)


def remove(world: World, route_id: UUID) -> bool:
    with world.database.unit_of_work() as session:
        return routes.remove(session, world.clock.now(), OPERATOR, route_id)


def wanted(*channels: UUID) -> Wanted:
    return Wanted(None, "46", None, (), channels, False)


def test_a_route_that_does_not_fit_is_refused_with_the_reason(world: World, a: UUID) -> None:
    master, other = world.tenant(), world.tenant("annan", "Annan")
    strange = world.channel("annans", tenant_id=other.tenant_id)
    good = wanted(a)
    cases = {
        Fault.NOT_A_PREFIX: [replace(good, prefix=p) for p in ("046", "+46", "4x", "4" * 16, "４６")],
        Fault.UNKNOWN_NEED: [replace(good, needs=("flying",))],
        Fault.NO_TENANT: [replace(good, tenant_id=new_id())],
        Fault.NO_CHANNEL: [wanted()],
        Fault.STRANGE_CHANNEL: [
            wanted(new_id()),
            wanted(a, a),
            wanted(a, strange),
            replace(wanted(strange), tenant_id=master.tenant_id),
        ],
    }
    for fault, each in cases.items():
        assert [try_route(world, one) for one in each] == [fault] * len(each)
    assert world.value("SELECT count(*) FROM route") == 0
    own = replace(wanted(strange, a), tenant_id=other.tenant_id)
    assert isinstance(try_route(world, own), UUID)


def test_of_two_routes_for_the_same_texts_there_is_one_however_many_add_it_at_once(
    world: World, a: UUID
) -> None:
    made = together([lambda: try_route(world, wanted(a)) for _ in range(5)])
    assert sorted(isinstance(one, UUID) for one in made) == [False] * 4 + [True]
    assert made.count(Fault.EXISTS) == 4
    assert isinstance(try_route(world, replace(wanted(a), prefix="4670")), UUID)
    assert isinstance(try_route(world, replace(wanted(a), sender_kind=SenderKind.NAME)), UUID)
    assert isinstance(try_route(world, replace(wanted(a), tenant_id=world.tenant().tenant_id)), UUID)


def test_a_route_can_be_changed_and_removed_once(world: World, a: UUID) -> None:
    b = world.channel("b")
    first, second = route(world, a, b, prefix="46"), route(world, a, prefix="47")
    assert change(world, first, wanted(b, a)) == first
    assert change(world, second, wanted(a)) is Fault.EXISTS
    assert change(world, new_id(), wanted(a)) is Fault.GONE
    assert change(world, first, wanted()) is Fault.NO_CHANNEL
    with world.database.unit_of_work() as session:
        found = [(one.route.prefix, [name for _, name in one.channels]) for one in routes.listed(session)]
    assert found == [("46", ["b", "a"]), ("47", ["a"])]
    assert [remove(world, first), remove(world, first)] == [True, False]


def test_each_change_stands_in_the_audit_log_and_one_that_changes_nothing_does_not(
    world: World, a: UUID
) -> None:
    master = world.tenant()
    made = route(world, a, tenant=master.tenant_id, prefix="46", is_cheapest=True)
    same = Wanted(master.tenant_id, "46", None, (), (a,), True)
    change(world, made, same)
    change(world, made, replace(same, is_cheapest=False, sender_kind=SenderKind.NAME))
    remove(world, made)
    first = {"tenant": "kommun", "sender": None, "needs": [], "channels": ["a"], "cheapest": True}
    second = {**first, "sender": "name", "cheapest": False}
    assert world.rows("SELECT action, subject, before, after FROM audit_entry ORDER BY id") == [
        ("route_added", "+46", None, first),
        ("route_changed", "+46", first, second),
        ("route_removed", "+46", second, None),
    ]


def test_those_for_one_tenant_stand_first_and_of_each_the_one_that_decides_first(
    world: World, a: UUID
) -> None:
    ours, theirs = world.tenant(), world.tenant("annan", "Annan kommun")
    route(world, a)
    route(world, a, prefix="4670")
    route(world, a, kind=SenderKind.NAME)
    route(world, a, tenant=ours.tenant_id, prefix="1")
    route(world, a, tenant=theirs.tenant_id, prefix="4")
    route(world, a, tenant=theirs.tenant_id, prefix="46")
    with world.database.unit_of_work() as session:
        found = [(one.tenant, one.route.prefix, one.route.sender_kind) for one in routes.listed(session)]
    assert found == [
        ("Annan kommun", "46", None),
        ("Annan kommun", "4", None),
        ("Kommunen", "1", None),
        ("", "4670", None),
        ("", "", SenderKind.NAME),
        ("", "", None),
    ]


def test_a_text_looks_through_its_tenants_routes_and_those_for_all_in_their_order_and_no_others(
    world: World, a: UUID
) -> None:
    ours, theirs = world.tenant().tenant_id, world.tenant("annan", "Annan kommun").tenant_id
    for_all = [route(world, a), route(world, a, prefix="4670")]
    own = [route(world, a, tenant=ours, prefix="1"), route(world, a, tenant=ours, prefix="46")]
    strange = route(world, a, tenant=theirs, prefix="46701")
    stamp = world.value("SELECT stamp FROM routing_stamp")
    with world.database.unit_of_work() as session:
        held = rules(session, stamp)
    assert [one.id for one in held.of_tenant(ours)] == [own[1], own[0], for_all[1], for_all[0]]
    assert [one.id for one in held.of_tenant(theirs)] == [strange, for_all[1], for_all[0]]
    assert [one.id for one in held.of_tenant(new_id())] == [for_all[1], for_all[0]]
