"""Limits of groups and accounts, and which of them strikes (spec G6)."""

from __future__ import annotations

from uuid import UUID

from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from messa_platform.tenants.quota import Granted, Kind, Struck
from tests.support.observe import statements
from tests.support.quotas import how_many, left, sends
from tests.support.reserving import reserve
from tests.support.world import World


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
        answers = reserve(session, world.clock.now(), [world.demand(a) for a in order])
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
            reserve(session, world.clock.now(), demands)
        return len(seen)

    assert count(500) == count(1) <= 3
