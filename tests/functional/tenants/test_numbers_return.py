"""Numbers taken back from many, following an account that moves, and ranges that run low (spec R5, R6, B3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from messa_platform.core.clock import FixedClock
from messa_platform.tenants import numbers
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from messa_platform.tenants.numbers import REST, RangeUse, ranges, running_low
from messa_platform.tenants.numbers_settings import NumberSettings
from tests.support.observe import statements, together
from tests.support.world import World

FIRST = 467301214000000


@pytest.fixture
def master(world: World) -> Group:
    """A group whose accounts may receive, on a platform that has a channel."""
    group = world.tenant()
    world.set(group, Key.MAY_RECEIVE, True)
    world.channel()
    return group


def people(world: World, group: Group, count: int) -> list[UUID]:
    return [world.account(group, f"person{i}@kommun.example") for i in range(count)]


def take_back(world: World, account_ids: Sequence[UUID], rest: timedelta = REST) -> int:
    with world.database.unit_of_work() as session:
        return numbers.take_back_many(session, world.clock.now(), account_ids, rest)


def follow(world: World, *account_ids: UUID) -> None:
    with world.database.unit_of_work() as session:
        numbers.follow(session, world.clock.now(), account_ids)


def uses(world: World) -> list[RangeUse]:
    with world.database.unit_of_work() as session:
        return ranges(session, world.clock.now())


# Taking back


def test_the_numbers_of_many_go_to_rest_at_once_and_the_others_stay(
    world: World, clock: FixedClock, master: Group
) -> None:
    world.numbers()
    accounts = people(world, master, 5)
    lent = world.lend(*accounts[:4])
    clock.move(timedelta(days=2))
    assert take_back(world, [*accounts[:3], accounts[4]]) == 3
    assert take_back(world, accounts[:3]) == 0
    rows = world.rows("SELECT account_id, msisdn, rests_until FROM number ORDER BY msisdn")
    assert [(r.account_id, r.rests_until) for r in rows] == [(None, clock.now() + REST)] * 3 + [
        (accounts[3], None)
    ]
    ended = world.rows("SELECT account_id FROM number_lending WHERE returned_at = :now", now=clock.now())
    assert {r.account_id for r in ended} == set(accounts[:3])
    assert world.sender(accounts[3]).number == lent[accounts[3]]
    assert take_back(world, []) == 0


def test_how_long_a_number_rests_can_be_set(world: World, clock: FixedClock, master: Group) -> None:
    world.numbers(FIRST, FIRST)
    anna, bo = people(world, master, 2)
    world.lend(anna)
    take_back(world, [anna], NumberSettings(rest_days=7).rest)
    clock.move(timedelta(days=7) - timedelta(seconds=1))
    assert world.lend(bo) == {}
    clock.move(timedelta(seconds=1))
    assert world.lend(bo) == {bo: f"+{FIRST}"}


def test_taking_back_from_many_takes_one_statement(world: World, master: Group) -> None:
    world.numbers()
    accounts = people(world, master, 30)
    world.lend(*accounts)
    for some in (accounts[:1], accounts[1:]):
        with world.database.unit_of_work() as session, statements(world.database.engine) as seen:
            assert numbers.take_back_many(session, world.clock.now(), some) == len(some)
        assert len(seen) == 1


@pytest.mark.parametrize("attempt", range(3))
def test_who_take_back_the_same_numbers_at_once_do_not_wait_for_each_other_in_a_ring(
    world: World, master: Group, attempt: int
) -> None:
    world.numbers()
    accounts = people(world, master, 40)
    world.lend(*accounts)
    orders = [accounts, accounts[::-1], accounts[20:] + accounts[:20], accounts]
    taken = together([lambda o=order: take_back(world, o) for order in orders])  # type: ignore[misc]
    assert sum(taken) == 40


def test_who_is_removed_or_blocked_while_it_sends_borrows_nothing(world: World, master: Group) -> None:
    world.numbers()
    anna, bo, cia = people(world, master, 3)
    borrowers = [world.sender(account) for account in (anna, bo, cia)]
    world.run("UPDATE account SET removed_at = now() WHERE id = :id", id=anna)
    world.run("UPDATE account SET blocked = true WHERE id = :id", id=bo)
    with world.database.unit_of_work() as session:
        assert numbers.lend(session, world.clock.now(), borrowers) == {cia: f"+{FIRST}"}


# Following


def test_a_number_that_moves_along_is_billed_where_it_is_held_last(
    world: World, clock: FixedClock, master: Group
) -> None:
    world.numbers()
    school = world.group(master, "Skolan")
    anna, bo = people(world, master, 2)
    lent = world.lend(anna, bo)
    start = clock.now()
    clock.move(timedelta(days=1))
    for account in (anna, bo):
        world.move_account(account, school)
    follow(world, anna)
    rows = world.rows("SELECT * FROM number_lending WHERE account_id = :id ORDER BY lent_at", id=anna)
    assert [(r.group_id, r.msisdn, r.lent_at, r.returned_at) for r in rows] == [
        (master.id, lent[anna], start, clock.now()),
        (school.id, lent[anna], clock.now(), None),
    ]
    assert world.value("SELECT count(*) FROM number_lending WHERE account_id = :id", id=bo) == 1
    clock.move(timedelta(days=1))
    follow(world, anna)
    assert world.value("SELECT count(*) FROM number_lending WHERE account_id = :id", id=anna) == 2
    assert take_back(world, [anna]) == 1
    assert (
        world.value(
            "SELECT count(*) FROM number_lending WHERE account_id = :id AND returned_at IS NULL", id=anna
        )
        == 0
    )


def test_who_holds_no_number_has_nothing_that_follows(world: World, master: Group) -> None:
    world.numbers()
    [anna] = people(world, master, 1)
    world.lend(anna)
    take_back(world, [anna])
    world.move_account(anna, world.group(master, "Skolan"))
    follow(world, anna)
    follow(world)
    assert world.value("SELECT count(*) FROM number_lending") == 1


def test_who_was_moved_while_it_sent_its_first_text_is_billed_where_it_is(
    world: World, master: Group
) -> None:
    world.numbers()
    school = world.group(master, "Skolan")
    [anna] = people(world, master, 1)
    borrower = world.sender(anna)
    world.move_account(anna, school)
    with world.database.unit_of_work() as session:
        numbers.lend(session, world.clock.now(), [borrower])
    assert world.value("SELECT group_id FROM number_lending") == school.id


# Ranges


def close(world: World, first: int) -> None:
    world.run("UPDATE number_range SET is_open = false WHERE first = :first", first=first)


def test_from_a_closed_range_nothing_is_lent_neither_new_nor_rested(
    world: World, clock: FixedClock, master: Group
) -> None:
    world.numbers(FIRST, FIRST + 9)
    world.numbers(FIRST + 100, FIRST + 100)
    anna, bo, cia, dan = people(world, master, 4)
    kept = world.lend(anna, bo)
    take_back(world, [bo])
    clock.move(REST)
    close(world, FIRST)
    assert world.lend(cia) == {cia: f"+{FIRST + 100}"}
    assert world.lend(dan) == {}
    assert world.lend(anna) == {anna: kept[anna]}


def test_of_each_range_it_is_known_what_became_of_its_numbers(
    world: World, clock: FixedClock, master: Group
) -> None:
    world.numbers(FIRST, FIRST + 9)
    world.numbers(FIRST + 100, FIRST + 100)
    close(world, FIRST + 100)
    accounts = people(world, master, 6)
    world.lend(*accounts)
    take_back(world, accounts[:2])
    clock.move(REST)
    take_back(world, accounts[2:3])
    used, unused = uses(world)
    assert (used.first, used.last, used.is_open, used.size) == (FIRST, FIRST + 9, True, 10)
    assert (used.lent, used.resting, used.rested, used.never_lent, used.left) == (3, 1, 2, 4, 6)
    assert (unused.is_open, unused.lent, unused.never_lent, unused.left) == (False, 0, 1, 1)


def use(lent: int, left: int, *, is_open: bool = True) -> RangeUse:
    return RangeUse(UUID(int=lent), FIRST, FIRST + lent + left - 1, is_open, None, lent, 0, 0, left)


@pytest.mark.parametrize(
    ("held", "low"),
    [
        ([use(90, 10)], []),
        ([use(91, 9)], [0]),
        ([use(100, 0)], [0]),
        ([use(91, 9, is_open=False)], []),
        # the next one makes up for it
        ([use(100, 0), use(0, 100)], []),
        ([use(100, 0), use(0, 100, is_open=False)], [0]),
        ([use(1000, 0), use(0, 100)], [0]),
        ([use(1000, 0), use(99, 1)], [0, 1]),
        ([], []),
    ],
)
def test_a_range_runs_low_where_few_can_be_lent_and_no_other_one_makes_up_for_it(
    held: list[RangeUse], low: list[int]
) -> None:
    assert running_low(held, 10) == [held[i] for i in low]
    assert running_low(held, 0) == []


def test_the_operator_is_told_of_a_range_once_a_day_until_something_is_done(
    world: World, clock: FixedClock, master: Group
) -> None:
    world.numbers(FIRST, FIRST + 9)
    told: list[list[int]] = []

    def tell(_session: Session, _now: datetime, low: Sequence[RangeUse]) -> None:
        told.append([use.first for use in low])

    def warn() -> None:
        with world.database.unit_of_work() as session:
            numbers.warn_low(session, clock.now(), 10, tell)

    warn()
    assert told == []
    accounts = people(world, master, 10)
    world.lend(*accounts)
    warn()
    warn()
    clock.move(timedelta(hours=23))
    warn()
    assert told == [[FIRST]]
    clock.move(timedelta(hours=1))
    warn()
    assert told == [[FIRST], [FIRST]]
    world.numbers(FIRST + 100, FIRST + 199)
    clock.move(timedelta(days=2))
    warn()
    assert len(told) == 2


# Settings


@pytest.mark.parametrize("values", [{"rest_days": 0}, {"warn_percent": -1}, {"warn_percent": 101}])
def test_settings_that_make_no_sense_stop_the_start(values: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"numbers\."):
        NumberSettings(**values)


def test_numbers_rest_for_90_days_unless_it_is_set() -> None:
    assert NumberSettings().rest == REST == timedelta(days=90)
