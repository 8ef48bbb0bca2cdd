"""Numbers whose holders' group is removed count for the group that takes its people (spec B3, G1)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.tenants import numbers
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from messa_platform.tenants.move_groups import Moved
from messa_platform.tenants.moved_groups import rehouse
from tests.support.observe import statements
from tests.support.office import Office
from tests.support.world import World


@pytest.fixture
def master(world: World) -> Group:
    group = world.tenant()
    world.set(group, Key.MAY_RECEIVE, True)
    world.channel()
    world.numbers()
    return group


@pytest.fixture
def school(world: World, master: Group) -> Group:
    return world.group(master, "Skolan")


@pytest.fixture
def office(world: World, master: Group) -> Office:
    return Office(world, master)


def holder(world: World, group: Group, address: str) -> UUID:
    account_id = world.account(group, address)
    with world.database.unit_of_work() as session:
        assert numbers.lend(session, world.clock.now(), [world.sender(account_id)])
    return account_id


def lendings(world: World, account_id: UUID) -> list[tuple[Any, ...]]:
    """Where an account's numbers counted, from when, and until when."""
    rows = world.rows(
        "SELECT group_id, lent_at, returned_at FROM number_lending WHERE account_id = :id ORDER BY lent_at, returned_at",
        id=account_id,
    )
    return [tuple(row) for row in rows]


def test_a_number_goes_along_to_the_group_that_takes_the_people(
    world: World, clock: FixedClock, office: Office, master: Group, school: Group
) -> None:
    care, below = world.group(master, "Omsorgen"), world.group(school, "Klassen")
    anna = holder(world, school, "anna@kommun.example")
    bo, cia = holder(world, care, "bo@kommun.example"), holder(world, below, "cia@kommun.example")
    lent, number = clock.now(), world.sender(anna).number
    clock.move(timedelta(days=40))
    assert isinstance(office.remove(school, care, master), Moved)
    removed = clock.now()
    assert lendings(world, anna) == [(school.id, lent, removed), (care.id, removed, None)]
    assert world.sender(anna).number == number
    # nobody else's counts elsewhere
    assert lendings(world, bo) == [(care.id, lent, None)]
    assert lendings(world, cia) == [(below.id, lent, None)]


def test_what_was_returned_before_stays_where_it_was(
    world: World, clock: FixedClock, office: Office, master: Group, school: Group
) -> None:
    anna = holder(world, school, "anna@kommun.example")
    lent = clock.now()
    clock.move(timedelta(days=1))
    world.take_back_number(anna)
    office.remove(school, master)
    assert lendings(world, anna) == [(school.id, lent, clock.now())]


def test_where_the_people_may_not_receive_it_last_counted_for_the_group_that_is_gone(
    world: World, clock: FixedClock, office: Office, master: Group, school: Group
) -> None:
    silent = world.group(master, "Tysta")
    world.set(silent, Key.MAY_RECEIVE, False)
    anna = holder(world, school, "anna@kommun.example")
    lent = clock.now()
    removed = office.remove(school, silent, master)
    assert isinstance(removed, Moved) and removed.task_ids
    assert lendings(world, anna) == [(school.id, lent, None)]


def test_it_takes_as_many_statements_for_fifty_as_for_one(
    world: World, office: Office, master: Group, school: Group
) -> None:
    def cost(group: Group, people: int) -> int:
        for n in range(people):
            holder(world, group, f"p{n}@{group.slug}.example")
        with statements(world.database.engine) as seen:
            assert isinstance(office.remove(group, master), Moved)
        return len(seen)

    assert cost(school, 1) == cost(world.group(master, "Stora"), 50)


@pytest.mark.parametrize("receives", [True, False])
def test_who_came_too_late_is_put_there_with_the_number_or_without(
    world: World, clock: FixedClock, office: Office, master: Group, school: Group, receives: bool
) -> None:
    home = world.group(master, "Hemmet")
    office.remove(school, home, master)
    late = holder(world, school, "sen@kommun.example")
    world.set(home, Key.MAY_RECEIVE, receives)
    lent = clock.now()
    clock.move(timedelta(minutes=2))
    with world.database.unit_of_work() as session:
        rehouse(session, clock.now())
    there = [(home.id, clock.now(), None)] if receives else []
    assert lendings(world, late) == [(school.id, lent, clock.now()), *there]
    assert (world.sender(late).number is not None) is receives
