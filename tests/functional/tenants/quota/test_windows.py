"""What a quota counts: since it was set, or in the days of its window (spec G6)."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.tenants.models import Group
from tests.support.quotas import sends, stockholm
from tests.support.world import World


def test_without_a_window_only_what_is_sent_since_the_limit_was_set_counts(
    world: World, clock: FixedClock, master: Group, anna: UUID
) -> None:
    assert sends(world, anna, 7) == 7
    clock.move(timedelta(minutes=1))
    world.group_quota(master, 3)
    assert sends(world, anna, 2) == 2
    clock.move(timedelta(days=400))
    assert sends(world, anna, 2) == 1
    world.group_quota(master, 3)
    assert sends(world, anna, 4) == 3


def test_a_window_counts_what_was_sent_before_the_limit_was_set(
    world: World, clock: FixedClock, master: Group, anna: UUID
) -> None:
    assert sends(world, anna, 7) == 7
    clock.move(timedelta(minutes=1))
    world.group_quota(master, 8, window_days=1)
    assert sends(world, anna, 2) == 1


@pytest.mark.parametrize("days", [1, 2, 30])
def test_a_window_of_n_days_is_today_and_the_days_before_it(
    world: World, clock: FixedClock, master: Group, anna: UUID, days: int
) -> None:
    world.group_quota(master, 3, window_days=days)
    assert sends(world, anna, 3) == 3
    clock.at = stockholm("2026-11-19 23:59") + timedelta(days=days - 1)
    assert sends(world, anna) == 0
    clock.move(timedelta(minutes=1))
    assert sends(world, anna, 4) == 3


def test_a_day_ends_at_midnight_in_stockholm(
    world: World, clock: FixedClock, master: Group, anna: UUID
) -> None:
    world.group_quota(master, 1, window_days=1)
    for minute, allowed in [
        ("2026-11-19 23:59:59.999999", 1),
        ("2026-11-20 00:00:00", 1),
        ("2026-11-20 00:59", 0),
        ("2026-11-20 01:00", 0),
        ("2026-11-20 23:59:59.999999", 0),
        ("2026-11-21 00:00", 1),
    ]:
        clock.at = stockholm(minute)
        assert sends(world, anna) == allowed, minute


@pytest.mark.parametrize(
    ("first", "last", "after"),
    [
        # a day of 25 hours, and one of 23
        ("2026-10-25 00:00", "2026-10-25 23:59:59", "2026-10-26 00:00"),
        ("2026-03-29 00:00", "2026-03-29 23:59:59", "2026-03-30 00:00"),
    ],
)
def test_on_the_days_when_the_clocks_change_a_day_is_the_calendars(
    world: World, clock: FixedClock, master: Group, anna: UUID, first: str, last: str, after: str
) -> None:
    clock.at = stockholm(first)
    world.group_quota(master, 1, window_days=1)
    assert sends(world, anna) == 1
    clock.at = stockholm(last)
    assert sends(world, anna) == 0
    clock.at = stockholm(after)
    assert sends(world, anna) == 1


def test_a_week_across_the_change_of_the_clocks_reaches_back_to_its_first_midnight(
    world: World, clock: FixedClock, master: Group, anna: UUID
) -> None:
    clock.at = stockholm("2026-10-22 00:00")
    world.group_quota(master, 1, window_days=7)
    assert sends(world, anna) == 1
    clock.at = stockholm("2026-10-28 23:59:59")
    assert sends(world, anna) == 0
    clock.at = stockholm("2026-10-29 00:00")
    assert sends(world, anna) == 1


def test_a_limit_without_a_window_that_is_set_anew_the_same_day_begins_anew(
    world: World, clock: FixedClock, master: Group, anna: UUID
) -> None:
    for _ in range(3):
        clock.move(timedelta(minutes=1))
        world.account_quota(master, 2)
        assert sends(world, anna, 3) == 2
    clock.move(timedelta(minutes=1))
    world.account_quota(master, 7, window_days=1)
    assert sends(world, anna, 3) == 1


def test_an_account_that_moves_goes_on_counting_in_its_new_group(
    world: World, clock: FixedClock, master: Group, anna: UUID
) -> None:
    school = world.group(master, "Skolan")
    world.account_quota(master, 5)
    assert sends(world, anna, 4) == 4
    clock.move(timedelta(minutes=1))
    world.move_account(anna, school)
    assert sends(world, anna, 6) == 1
    clock.move(timedelta(days=3))
    world.move_account(anna, master)
    assert sends(world, anna) == 0


def test_what_an_account_sent_in_a_group_without_a_limit_counts_for_the_limit_of_the_next(
    world: World, clock: FixedClock, master: Group, anna: UUID
) -> None:
    school = world.group(master, "Skolan")
    world.account_quota(school, 5)
    clock.move(timedelta(minutes=1))
    assert sends(world, anna, 3) == 3
    clock.move(timedelta(minutes=1))
    world.move_account(anna, school)
    assert sends(world, anna, 6) == 2


def test_an_account_that_comes_from_another_tenant_begins_anew(
    world: World, clock: FixedClock, master: Group
) -> None:
    elsewhere = world.tenant("annan", "Annan kommun")
    world.account_quota(elsewhere, 100)
    world.account_quota(master, 5)
    bo = world.account(elsewhere, "bo@annan.example")
    assert sends(world, bo, 4) == 4
    clock.move(timedelta(minutes=1))
    world.move_account(bo, master)
    assert sends(world, bo, 6) == 5


def test_an_account_that_moves_takes_what_a_window_counts_along(
    world: World, clock: FixedClock, master: Group, anna: UUID
) -> None:
    school = world.group(master, "Skolan")
    world.account_quota(master, 5, window_days=30)
    assert sends(world, anna, 4) == 4
    clock.move(timedelta(minutes=1))
    world.move_account(anna, school)
    assert sends(world, anna, 6) == 1


def test_what_an_account_sent_stays_with_the_group_that_it_left(
    world: World, clock: FixedClock, master: Group
) -> None:
    school, care = world.group(master, "Skolan"), world.group(master, "Omsorgen")
    world.group_quota(school, 2)
    world.group_quota(care, 2)
    teacher = world.account(school, "larare@kommun.example")
    assert sends(world, teacher, 2) == 2
    clock.move(timedelta(minutes=1))
    world.move_account(teacher, care)
    assert sends(world, teacher, 3) == 2
    assert sends(world, world.account(school, "vikarie@kommun.example")) == 0
