"""The ranges that numbers are lent from: added, stopped and opened (spec R1, O1)."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from messa_platform.tenants import number_ranges, numbers
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import Author
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.number_ranges import MOST_NUMBERS, Added, Fault, Refused, read_number
from messa_platform.tenants.numbers import OwnRange
from tests.support.observe import together
from tests.support.world import World

OPERATOR = Author(Actor.OPERATOR, UUID(int=7), "drift@messa.example")


def add(world: World, first: str, last: str) -> Added | Refused:
    with world.database.unit_of_work() as session:
        return number_ranges.add(session, world.clock.now(), OPERATOR, first, last)


def added(world: World, first: str, last: str) -> UUID:
    made = add(world, first, last)
    assert isinstance(made, Added), made
    return made.id


def set_open(world: World, range_id: UUID, *, is_open: bool) -> bool:
    with world.database.unit_of_work() as session:
        return number_ranges.set_open(session, world.clock.now(), OPERATOR, range_id, is_open=is_open)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+46 70 174 06 05", 46701740605),
        ("0046-701740605", 46701740605),
        ("46701740605", 46701740605),
        ("467301214000000", 467301214000000),
        ("070-174 06 05", Fault.NATIONAL),
        ("", Fault.NOT_A_NUMBER),
        ("+", Fault.NOT_A_NUMBER),
        ("46701740x05", Fault.NOT_A_NUMBER),
        ("++46701740605", Fault.NOT_A_NUMBER),
        ("٤٦٧٠١٧٤٠٦٠٥", Fault.NOT_A_NUMBER),
        ("467017406", Fault.WRONG_LENGTH),
        ("4673012140000001", Fault.WRONG_LENGTH),
        ("9" * 5000, Fault.WRONG_LENGTH),
    ],
)
def test_a_number_is_read_as_people_write_it_with_its_country_code(written: str, number: int | Fault) -> None:
    assert read_number(written) == number


def test_a_range_of_ordinary_numbers_and_one_of_15_digits_can_be_lent_from_at_once(world: World) -> None:
    ordinary = added(world, "+46 70 174 07 00", "+46 70 174 07 01")
    own = added(world, "467301214000000", "467301214999999")
    master = world.tenant()
    world.set(master, Key.MAY_RECEIVE, True)
    borrowers = [world.sender(world.account(master, f"p{i}@kommun.example")) for i in range(3)]
    with world.database.unit_of_work() as session:
        lent = numbers.lend(session, world.clock.now(), borrowers)
    assert sorted(lent.values()) == ["+46701740700", "+46701740701", "+467301214000000"]
    assert {row.id for row in world.rows("SELECT id FROM number_range WHERE is_open")} == {ordinary, own}


def test_ranges_never_overlap_and_the_other_one_is_told(world: World) -> None:
    added(world, "+46701740600", "+46701740699")
    other = OwnRange(46701740600, 46701740699)
    for first, last in (
        ("+46701740600", "+46701740699"),
        ("+46701740500", "+46701740600"),
        ("+46701740699", "+46701740799"),
        ("+46701740650", "+46701740650"),
        ("+46701740000", "+46701749999"),
    ):
        assert add(world, first, last) == Refused({"first": Fault.OVERLAP}, other)
    assert isinstance(add(world, "+46701740700", "+46701740700"), Added)


@pytest.mark.parametrize(
    ("first", "last", "faults"),
    [
        ("070", "x", {"first": Fault.NATIONAL, "last": Fault.NOT_A_NUMBER}),
        ("+46701740605", "467301214000000", {"last": Fault.LENGTHS_DIFFER}),
        ("+46701740605", "+46701740604", {"last": Fault.BACKWARDS}),
        ("467301200000000", f"{467301200000000 + MOST_NUMBERS}", {"last": Fault.TOO_MANY}),
    ],
)
def test_what_can_be_no_range_is_refused_with_its_reason(
    world: World, first: str, last: str, faults: dict[str, Fault]
) -> None:
    assert add(world, first, last) == Refused(faults)
    assert world.value("SELECT count(*) FROM number_range") == 0


def test_ten_million_numbers_fit_in_a_range(world: World) -> None:
    assert isinstance(add(world, "467301200000000", f"{467301200000000 + MOST_NUMBERS - 1}"), Added)


def test_of_two_who_add_the_same_numbers_at_once_one_is_told(world: World) -> None:
    made = together([lambda: add(world, "+46701740600", "+46701740699")] * 2)
    assert sorted(isinstance(m, Added) for m in made) == [False, True]
    assert world.value("SELECT count(*) FROM number_range") == 1


def test_a_stopped_range_keeps_what_is_lent_and_lends_no_more_until_it_is_opened(world: World) -> None:
    range_id = added(world, "+46701740600", "+46701740699")
    master = world.tenant()
    world.set(master, Key.MAY_RECEIVE, True)
    anna, bo = (world.sender(world.account(master, f"{name}@kommun.example")) for name in ("anna", "bo"))

    def lend(sender: Any) -> list[str]:
        with world.database.unit_of_work() as session:
            return list(numbers.lend(session, world.clock.now(), [sender]).values())

    assert lend(anna) == ["+46701740600"]
    assert set_open(world, range_id, is_open=False)
    assert lend(bo) == []
    assert lend(anna) == ["+46701740600"]
    assert set_open(world, range_id, is_open=True)
    assert lend(bo) == ["+46701740601"]


def test_what_happens_to_ranges_is_written_down_once_in_the_platforms_own_log(world: World) -> None:
    range_id = added(world, "+46701740600", "+46701740699")
    assert set_open(world, range_id, is_open=False)
    assert not set_open(world, range_id, is_open=False)
    assert not set_open(world, uuid4(), is_open=False)
    rows = world.rows("SELECT * FROM audit_entry ORDER BY id")
    assert [(r.action, r.subject, r.before, r.after) for r in rows] == [
        ("range_added", "+46701740600–+46701740699", None, {"is_open": True}),
        ("range_changed", "+46701740600–+46701740699", {"is_open": True}, {"is_open": False}),
    ]
    assert {(r.tenant_id, r.group_id, r.actor, r.actor_address) for r in rows} == {
        (None, None, "operator", "drift@messa.example")
    }
