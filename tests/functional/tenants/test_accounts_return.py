"""Removed accounts come back when their address is looked up for its next mail, unless they are blocked (spec G11)."""

from __future__ import annotations

from functools import partial
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.tenants import accounts
from messa_platform.tenants.accounts import Known, Newcomer
from messa_platform.tenants.models import Group
from tests.support.observe import statements, together
from tests.support.world import World

ANNA = "anna@kommun.example"
NOBODY = Newcomer("", None)


@pytest.fixture
def master(world: World) -> Group:
    group = world.tenant()
    world.domain(group, "kommun.example")
    return group


def come(
    world: World, *addresses: str, newcomer: Newcomer = NOBODY, bring_back: bool = True
) -> dict[str, Known]:
    with world.database.unit_of_work() as session:
        newcomers = dict.fromkeys(addresses, newcomer)
        return accounts.find_or_create(session, world.clock.now(), newcomers, bring_back=bring_back)


def removed(world: World, group: Group, address: str, **values: object) -> UUID:
    return world.account(group, address, removed_at=world.clock.now(), **values)


def test_one_comes_back_as_somebody_new_where_its_address_belongs_by_now(
    world: World, clock: FixedClock, master: Group
) -> None:
    school = world.group(master, "Skolan")
    anna = removed(world, school, ANNA, placed_by_hand=True, display_name="Anna", language="en")
    world.run("UPDATE account SET group_since = now() - interval '9 days'")
    assert come(world, ANNA) == {ANNA: Known(anna, True)}
    [row] = world.rows("SELECT * FROM account")
    assert (row.tenant_id, row.group_id, row.group_since) == (master.tenant_id, master.id, clock.now())
    assert (row.removed_at, row.placed_by_hand, row.display_name, row.language) == (None, False, "Anna", "en")
    assert row.version == 2
    assert come(world, ANNA) == {ANNA: Known(anna, False)}


def test_one_whose_address_is_nobodys_comes_back_as_a_free_one(world: World, master: Group) -> None:
    bo = removed(world, master, "bo@fri.example")
    newcomer = Newcomer("Bo Berg", "en")
    assert come(world, "bo@fri.example", newcomer=newcomer) == {"bo@fri.example": Known(bo, True)}
    [row] = world.rows("SELECT a.*, t.is_free FROM account a JOIN tenant t ON t.id = a.tenant_id")
    assert (row.is_free, row.display_name, row.language) == (True, "Bo Berg", "en")


def test_a_blocked_one_stays_away(world: World, master: Group) -> None:
    anna = removed(world, master, ANNA, blocked=True)
    assert come(world, ANNA) == {ANNA: Known(anna, False)}
    assert world.value("SELECT removed_at IS NOT NULL FROM account")


def test_who_looks_for_another_reason_brings_nobody_back(world: World, master: Group) -> None:
    anna = removed(world, master, ANNA)
    assert come(world, ANNA, bring_back=False) == {ANNA: Known(anna, False)}
    assert world.value("SELECT removed_at IS NOT NULL FROM account")


def test_of_many_who_bring_one_back_at_once_one_finds_it_new(world: World, master: Group) -> None:
    addresses = [f"p{i}@kommun.example" for i in range(20)]
    for address in addresses:
        removed(world, master, address)
    orders = [addresses, addresses[::-1], addresses[7:] + addresses[:7]]
    answers = together([partial(come, world, *order) for order in orders])
    for address in addresses:
        assert sorted(answer[address].is_new for answer in answers) == [False, False, True]


def test_many_come_back_by_as_many_statements_as_one(world: World, master: Group) -> None:
    def count(key: str, many: int) -> int:
        for i in range(many):
            removed(world, master, f"{key}{i}@kommun.example")
            world.account(master, f"{key}known{i}@kommun.example")
        addresses = [f"{key}{kind}{i}@kommun.example" for i in range(many) for kind in ("", "known", "new")]
        with statements(world.database.engine) as seen:
            known = come(world, *addresses)
        assert sum(k.is_new for k in known.values()) == 2 * many
        return len(seen)

    assert count("a", 1) == count("b", 40)
