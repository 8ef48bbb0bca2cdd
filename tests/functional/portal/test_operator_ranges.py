"""The operator's page of number ranges (spec R1, R6, O1)."""

from __future__ import annotations

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.db import Database
from messa_platform.runtime import Runtime
from messa_platform.tenants import numbers
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import NumberRange
from tests.support.observe import statements
from tests.support.operators import an_operator, at_the_pages, done, page
from tests.support.portal import field_of, seen
from tests.support.visitors import Visitor
from tests.support.world import World

RANGES, NEW = "/operator/ranges", "/operator/ranges/@@new"


@pytest.fixture
def operator(world: World, runtime: Runtime) -> Visitor:
    return at_the_pages(runtime, an_operator(world))


def lend(world: World, count: int) -> list[str]:
    """Lend numbers to so many new accounts; gives their addresses."""
    master = world.tenant(f"kommun-{count}")
    world.set(master, Key.MAY_RECEIVE, True)
    addresses = [f"p{i}@kommun-{count}.example" for i in range(count)]
    with world.database.unit_of_work() as session:
        numbers.lend(session, world.clock.now(), [world.sender(world.account(master, a)) for a in addresses])
    return addresses


def test_a_range_is_added_and_shown_with_nothing_lent(operator: Visitor) -> None:
    assert "No number ranges yet" in seen(page(operator, RANGES))
    added = seen(done(operator, NEW, {"first": "+46 70 174 06 00", "last": "0046 70 174 06 99"}))
    assert "Numbers are lent from it." in added
    assert "+46701740600 +46701740699 100 0 0 0 100 In use" in added


def test_what_can_be_no_range_is_said_beside_its_field(operator: Visitor, world: World) -> None:
    done(operator, NEW, {"first": "+46701740600", "last": "+46701740699"})
    for first, last, field, sentence in (
        ("070-174 06 05", "+46701740799", "first", "Begin with the country code"),
        ("", "+46701740799", "first", "Enter a number with its country code"),
        ("+46701740700", "46", "last", "A number has 10 to 15 digits"),
        ("+46701740700", "467301214000000", "last", "need to have as many digits"),
        ("+46701740701", "+46701740700", "last", "The last number comes before the first."),
        ("+467301200000000", "+467301299999999", "last", "A range holds 10,000,000 numbers at the most."),
        ("+46701740690", "+46701740799", "first", "in the range +46701740600 to +46701740699 already"),
    ):
        answer = operator.send(NEW, {"first": first, "last": last})
        assert answer.status_int == 422
        assert f'id="{field}-error"' in answer.text and sentence in seen(answer), seen(answer)
        assert f'value="{last}"' in answer.text
    assert world.value("SELECT count(*) FROM number_range") == 1


def test_what_has_become_of_the_numbers_is_told_by_range_and_in_all(
    operator: Visitor, world: World, clock: FixedClock
) -> None:
    done(operator, NEW, {"first": "+46701740600", "last": "+46701740699"})
    done(operator, NEW, {"first": "467301214000000", "last": "467301214000999"})
    addresses = lend(world, 4)
    for address in addresses[:2]:
        world.take_back_number(world.value("SELECT id FROM account WHERE address = :a", a=address))
    assert "+46701740600 +46701740699 100 2 2 0 96 In use" in seen(page(operator, RANGES))
    assert "In all 1,100 2 2 0 1,096 1,096 to lend now" in seen(page(operator, RANGES))
    clock.move(numbers.REST)
    again = at_the_pages(operator.runtime, world.value("SELECT id FROM account WHERE is_operator"))
    assert "+46701740600 +46701740699 100 2 0 2 96 In use" in seen(page(again, RANGES))


def test_a_range_that_runs_low_is_marked_and_an_empty_pool_is_told_plainly(
    operator: Visitor, world: World
) -> None:
    done(operator, NEW, {"first": "+46701740600", "last": "+46701740619"})
    assert "run low" not in seen(page(operator, RANGES))
    lend(world, 19)
    low = seen(page(operator, RANGES))
    assert "Numbers run low." in low and "Runs low" in low
    lend(world, 1)
    assert "There is no number left to lend." in seen(page(operator, RANGES))


def test_lending_from_a_range_is_stopped_and_opened_again(operator: Visitor, world: World) -> None:
    done(operator, NEW, {"first": "+46701740600", "last": "+46701740619"})
    range_id = field_of(page(operator, RANGES), "range")
    stopped = done(operator, RANGES, {"range": range_id, "lend": "no"}, "/operator/ranges/@@lending")
    assert "No more numbers are lent from the range." in seen(stopped)
    assert "Stopped Lend again from +46701740600" in seen(stopped)
    assert "There is no number left to lend." in seen(stopped)
    lend(world, 1)
    assert world.value("SELECT count(*) FROM number") == 0
    opened = done(operator, RANGES, {"range": range_id, "lend": "yes"}, "/operator/ranges/@@lending")
    assert "Numbers are lent from the range." in seen(opened)


def test_a_range_that_is_none_is_not_found(operator: Visitor) -> None:
    done(operator, NEW, {"first": "+46701740600", "last": "+46701740619"})
    assert operator.send(RANGES, {"range": "x", "lend": "no"}, "/operator/ranges/@@lending").status_int == 404


def test_the_page_costs_as_many_statements_for_many_ranges_as_for_one(
    operator: Visitor, runtime: Runtime, database: Database, world: World
) -> None:
    done(operator, NEW, {"first": "+46701740600", "last": "+46701740619"})

    def cost() -> int:
        with statements(runtime.database.engine) as asked:
            page(operator, RANGES)
        return len(asked)

    few = cost()
    with database.unit_of_work() as session:
        for i in range(50):
            first = 467301210000000 + i * 1000
            session.add(NumberRange(first=first, last=first + 999, next_number=first))
    assert few == cost() <= 4
