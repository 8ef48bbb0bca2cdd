"""Quotas: who may send how much, whose rule struck, and what a window counts (spec G6, G7)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from messa_platform.core.clock import STOCKHOLM, FixedClock
from messa_platform.tenants import quota
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from messa_platform.tenants.quota import Answer, Granted, Kind, Left, Struck
from tests.support.observe import statements
from tests.support.world import World


def stockholm(day: str) -> datetime:
    """An instant by Stockholm's clocks: `2026-10-25 00:30`."""
    return datetime.fromisoformat(day).replace(tzinfo=STOCKHOLM)


@pytest.fixture
def clock() -> FixedClock:
    """Noon on a Thursday in winter."""
    return FixedClock(stockholm("2026-11-19 12:00"))


@pytest.fixture
def master(world: World) -> Group:
    return world.tenant()


@pytest.fixture
def anna(world: World, master: Group) -> UUID:
    """An account in Master."""
    return world.account(master, "anna@kommun.example")


def how_many(answers: Sequence[Answer]) -> int:
    """How many were granted, which must be the first ones."""
    granted = [isinstance(answer, Granted) for answer in answers]
    assert granted == sorted(granted, reverse=True)
    return sum(granted)


def sends(world: World, account_id: UUID, texts: int = 1) -> int:
    """How many of so many texts of one part an account may send now."""
    return how_many(world.reserve(account_id, *[1] * texts))


def left(world: World, account_id: UUID) -> list[Left]:
    sender = world.sender(account_id)
    with world.database.unit_of_work() as session:
        return quota.left(session, world.clock.now(), account_id, sender.tenant_since, sender.settings)


def give_back(world: World, granted: Answer, parts: int) -> None:
    assert isinstance(granted, Granted)
    with world.database.unit_of_work() as session:
        quota.give_back(session, [(granted.buckets, parts)])


def test_where_no_limit_is_set_everything_goes(world: World, anna: UUID) -> None:
    assert sends(world, anna, 500) == 500


def test_with_two_left_the_first_two_of_five_go(world: World, master: Group, anna: UUID) -> None:
    world.group_quota(master, 2)
    answers = world.reserve(anna, 1, 1, 1, 1, 1)
    assert how_many(answers) == 2
    assert answers[2:] == [Struck(Kind.GROUP, True, master.id, "Master")] * 3


def test_an_unlimited_quota_is_no_limit(world: World, master: Group, anna: UUID) -> None:
    world.group_quota(master, None)
    world.account_quota(master, None, window_days=1)
    assert sends(world, anna, 300) == 300


def test_a_limit_of_0_means_not_allowed_and_one_used_up_means_none_left(
    world: World, master: Group, anna: UUID
) -> None:
    world.account_quota(master, 0)
    assert world.reserve(anna, 1) == [Struck(Kind.PERSONAL, False, master.id, "Master")]
    world.account_quota(master, 1)
    assert world.reserve(anna, 1, 1)[1] == Struck(Kind.PERSONAL, True, master.id, "Master")
    world.account_quota(master, None)
    world.group_quota(master, 0)
    assert world.reserve(anna, 1) == [Struck(Kind.GROUP, False, master.id, "Master")]


def test_every_group_above_counts_and_the_first_that_strikes_decides(world: World, master: Group) -> None:
    school = world.group(master, "Skolan")
    class_ = world.group(school, "4B")
    teacher = world.account(class_, "larare@kommun.example")
    world.group_quota(master, 1)
    world.group_quota(school, 2)
    world.group_quota(class_, 3)
    world.account_quota(class_, 4)
    assert world.reserve(teacher, 1, 1)[1] == Struck(Kind.GROUP, True, master.id, "Master")
    world.group_quota(master, 10)
    assert world.reserve(teacher, 1, 1)[1] == Struck(Kind.GROUP, True, school.id, "Skolan")
    world.group_quota(school, 0)
    assert world.reserve(teacher, 1) == [Struck(Kind.GROUP, False, school.id, "Skolan")]
    world.account_quota(class_, 0)
    assert world.reserve(teacher, 1) == [Struck(Kind.PERSONAL, False, class_.id, "4B")]


def test_what_a_subgroup_sends_is_missing_above_it_but_not_beside_it(world: World, master: Group) -> None:
    school, care = world.group(master, "Skolan"), world.group(master, "Omsorgen")
    world.group_quota(master, 5)
    world.group_quota(school, 4)
    world.group_quota(care, 4)
    teacher, nurse = (
        world.account(school, "larare@kommun.example"),
        world.account(care, "skoterska@kommun.example"),
    )
    assert sends(world, teacher, 3) == 3
    assert sends(world, nurse, 4) == 2
    assert world.reserve(nurse, 1) == [Struck(Kind.GROUP, True, master.id, "Master")]


def test_an_account_quota_holds_for_each_account_by_itself(world: World, master: Group, anna: UUID) -> None:
    world.account_quota(master, 2)
    bo = world.account(master, "bo@kommun.example")
    assert sends(world, anna, 3) == 2
    assert sends(world, bo, 3) == 2


def test_a_subgroup_uses_its_parents_account_quota_until_it_sets_its_own(world: World, master: Group) -> None:
    school = world.group(master, "Skolan")
    teacher = world.account(school, "larare@kommun.example")
    world.account_quota(master, 0)
    assert world.reserve(teacher, 1) == [Struck(Kind.PERSONAL, False, master.id, "Master")]
    world.account_quota(school, 3)
    assert sends(world, teacher, 9) == 3
    world.set(school, Key.ACCOUNT_QUOTA, None)
    assert sends(world, teacher, 9) == 9


def test_one_reservation_for_several_accounts_shares_what_their_groups_have_left(
    world: World, master: Group
) -> None:
    school, care = world.group(master, "Skolan"), world.group(master, "Omsorgen")
    world.group_quota(master, 3)
    world.group_quota(school, 1)
    accounts = [world.account(g, f"{g.slug}@kommun.example") for g in (school, care)]
    order = [accounts[0], accounts[0], accounts[1], accounts[1], accounts[1]]
    with world.database.unit_of_work() as session:
        answers = quota.reserve(session, world.clock.now(), [world.demand(a) for a in order])
    assert [isinstance(a, Granted) for a in answers] == [True, False, True, True, False]
    assert [a.group_name for a in answers if isinstance(a, Struck)] == ["Skolan", "Master"]


def test_parts_are_the_unit_and_a_text_goes_whole_or_not_at_all(
    world: World, master: Group, anna: UUID
) -> None:
    world.group_quota(master, 4)
    answers = world.reserve(anna, 3, 2, 1, 1)
    assert [isinstance(a, Granted) for a in answers] == [True, False, True, False]
    assert [entry.sms for entry in left(world, anna)] == [0]


def test_a_refused_text_uses_nothing_on_any_level(world: World, master: Group) -> None:
    school = world.group(master, "Skolan")
    teacher = world.account(school, "larare@kommun.example")
    world.group_quota(master, 1)
    world.group_quota(school, 10)
    world.account_quota(school, 10)
    assert how_many(world.reserve(teacher, 2)) == 0
    assert [entry.sms for entry in left(world, teacher)] == [10, 10, 1]


def test_what_is_left_is_told_for_each_limit_in_the_order_in_which_they_are_asked(
    world: World, master: Group
) -> None:
    school = world.group(master, "Skolan")
    teacher = world.account(school, "larare@kommun.example")
    world.group_quota(master, 10)
    world.group_quota(school, None)
    world.account_quota(master, 5)
    world.reserve(teacher, 3)
    told = left(world, teacher)
    assert [(entry.kind, entry.sms, entry.quota.sms) for entry in told] == [
        (Kind.PERSONAL, 2, 5),
        (Kind.GROUP, 7, 10),
    ]
    world.group_quota(master, 1, window_days=1)
    assert [entry.sms for entry in left(world, teacher)] == [2, 0]


def test_a_reservation_takes_as_many_statements_for_one_text_as_for_500(
    world: World, master: Group, anna: UUID
) -> None:
    world.group_quota(master, 10_000)
    world.reserve(anna, 1)

    def count(texts: int) -> int:
        demands = [world.demand(anna)] * texts
        with world.database.unit_of_work() as session, statements(world.database.engine) as seen:
            quota.reserve(session, world.clock.now(), demands)
        return len(seen)

    assert count(500) == count(1) <= 3


# Windows


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


# Giving back


def test_what_was_not_sent_is_given_back_on_every_level(world: World, master: Group) -> None:
    school = world.group(master, "Skolan")
    teacher = world.account(school, "larare@kommun.example")
    world.group_quota(master, 3)
    world.group_quota(school, 3)
    world.account_quota(school, 3)
    [granted] = world.reserve(teacher, 3)
    assert sends(world, teacher) == 0
    give_back(world, granted, 3)
    assert [entry.sms for entry in left(world, teacher)] == [3, 3, 3]
    assert sends(world, teacher, 4) == 3


def test_what_is_given_back_after_midnight_is_given_to_the_day_that_it_was_taken_from(
    world: World, clock: FixedClock, master: Group, anna: UUID
) -> None:
    world.group_quota(master, 2, window_days=2)
    [granted, _] = world.reserve(anna, 1, 1)
    clock.move(timedelta(days=1))
    give_back(world, granted, 1)
    assert sends(world, anna, 2) == 1
    clock.move(timedelta(days=1))
    assert sends(world, anna, 2) == 1


def test_what_is_given_back_from_before_the_limit_was_set_gives_the_new_limit_nothing(
    world: World, clock: FixedClock, master: Group, anna: UUID
) -> None:
    world.group_quota(master, 2)
    [granted, _] = world.reserve(anna, 1, 1)
    clock.move(timedelta(minutes=1))
    world.group_quota(master, 2)
    assert sends(world, anna) == 1
    give_back(world, granted, 1)
    assert sends(world, anna, 2) == 1


def test_nothing_is_given_back_for_nothing(world: World, anna: UUID) -> None:
    world.reserve(anna, 2)
    with world.database.unit_of_work() as session, statements(world.database.engine) as seen:
        quota.give_back(session, [((), 3)])
        quota.give_back(session, [])
    assert not seen
    assert world.value("SELECT sum(parts) FROM quota_usage WHERE scope_id = :id", id=anna) == 2
