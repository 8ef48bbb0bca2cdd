"""Quotas as admins set and see them: what they count from, and how far they are used (spec G6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from messa_platform.core.clock import STOCKHOLM, FixedClock
from messa_platform.tenants.group_settings import NO_LIMIT, Key
from messa_platform.tenants.models import Group, Lock
from messa_platform.tenants.set_settings import (
    INHERIT,
)
from tests.support.desk import Desk, quota_of
from tests.support.world import World

# What a quota without a window counts from


@pytest.mark.parametrize(
    ("value", "lock"),
    [
        (quota_of(10), Lock.SUBADMIN),
        (quota_of(3), None),
        (quota_of(10, 7), None),
        (quota_of(10, None, 2), None),
        (quota_of(0), None),
    ],
)
@pytest.mark.parametrize("key", [Key.GROUP_QUOTA, Key.ACCOUNT_QUOTA])
def test_another_number_window_or_lock_does_not_begin_a_quota_anew(
    desk: Desk, key: Key, value: dict[str, Any], lock: Lock | None
) -> None:
    desk.set(desk.school, desk.school, key, quota_of(10))
    since = desk.set_at(desk.school, key)
    desk.world.clock.move(timedelta(hours=1))
    desk.set(desk.school, desk.school, key, value, lock)
    assert desk.set_at(desk.school, key) == since


def test_a_quota_begins_anew_where_there_was_no_limit_and_where_one_says_so(desk: Desk) -> None:
    for value in (dict(NO_LIMIT), quota_of(10)):
        desk.set(desk.school, desk.school, Key.GROUP_QUOTA, value)
        assert desk.set_at(desk.school, Key.GROUP_QUOTA) == desk.world.clock.now()
        desk.world.clock.move(timedelta(hours=1))
    desk.set(desk.school, desk.school, Key.GROUP_QUOTA, quota_of(10), count_anew=True)
    assert desk.set_at(desk.school, Key.GROUP_QUOTA) == desk.world.clock.now()
    _, before, after = desk.log(desk.school)[-1]
    assert before["since"] < after["since"]


def test_lowering_a_limit_does_not_refill_it(desk: Desk) -> None:
    anna = desk.world.account(desk.school, "anna@kommun.example")
    desk.set(desk.school, desk.master, Key.ACCOUNT_QUOTA, quota_of(5))
    desk.world.clock.move(timedelta(minutes=1))
    assert desk.sends(anna, 4) == 4
    desk.set(desk.school, desk.master, Key.ACCOUNT_QUOTA, quota_of(4))
    assert desk.sends(anna, 1) == 0
    desk.world.clock.move(timedelta(minutes=1))
    desk.set(desk.school, desk.master, Key.ACCOUNT_QUOTA, quota_of(4), count_anew=True)
    assert desk.sends(anna, 5) == 4


# An account's own limit, on the day on which its groups change theirs


@pytest.fixture
def noon(world: World, clock: FixedClock) -> FixedClock:
    """Noon, so that an hour more or less stays on the same day."""
    clock.at = clock.at.astimezone(STOCKHOLM).replace(hour=12)
    return clock


def test_what_was_sent_under_a_groups_own_limit_counts_under_its_parents_when_it_inherits_again(
    desk: Desk, noon: FixedClock
) -> None:
    anna = desk.world.account(desk.school, "anna@kommun.example")
    steps: Sequence[tuple[Group, Any, int]] = [
        (desk.school, quota_of(50), 2),  # before Master set its own: not counted there
        (desk.master, quota_of(10), 3),
        (desk.school, INHERIT, 1),
    ]
    for group, value, texts in steps:
        noon.move(timedelta(minutes=10))
        desk.set(group, desk.master, Key.ACCOUNT_QUOTA, value)
        noon.move(timedelta(minutes=10))
        assert desk.sends(anna, texts) == texts
    assert desk.sends(anna, 20) == 10 - 3 - 1


def test_a_limit_that_came_and_went_meanwhile_takes_nothing_out_of_the_count(
    desk: Desk, noon: FixedClock
) -> None:
    anna = desk.world.account(desk.class_, "anna@kommun.example")
    steps: Sequence[tuple[Group, Any, int]] = [
        (desk.master, quota_of(10), 1),
        (desk.school, quota_of(9), 1),
        (desk.class_, dict(NO_LIMIT), 1),
        (desk.school, INHERIT, 1),
        (desk.class_, INHERIT, 1),
        (desk.school, quota_of(2), 2),
        (desk.school, INHERIT, 0),
    ]
    for group, value, texts in steps:
        noon.move(timedelta(minutes=10))
        desk.set(group, desk.master, Key.ACCOUNT_QUOTA, value)
        noon.move(timedelta(minutes=10))
        assert desk.sends(anna, texts) == texts
    assert desk.sends(anna, 20) == 10 - 7


def test_a_group_that_moves_under_a_limit_of_the_same_day_brings_what_was_sent_since_it_was_set(
    desk: Desk, noon: FixedClock
) -> None:
    anna = desk.world.account(desk.class_, "anna@kommun.example")
    other = desk.world.group(desk.master, "Andra skolan")
    noon.move(timedelta(minutes=10))
    assert desk.sends(anna, 2) == 2
    noon.move(timedelta(minutes=10))
    desk.set(other, desk.master, Key.ACCOUNT_QUOTA, quota_of(5))
    noon.move(timedelta(minutes=10))
    assert desk.sends(anna, 3) == 3
    desk.world.run(
        'UPDATE "group" SET parent_id = :parent, path = CAST(:path AS ltree) WHERE id = :id',
        parent=other.id, path=f"{other.path}.{desk.class_.id.hex}", id=desk.class_.id,
    )  # fmt: skip
    assert desk.sends(anna, 5) == 2


# How far quotas are used


def test_a_groups_quotas_are_shown_with_what_is_used_as_far_up_as_one_may_see(desk: Desk) -> None:
    desk.world.group_quota(desk.master, 100)
    desk.world.group_quota(desk.school, 10, window_days=7)
    desk.world.group_quota(desk.class_, None)
    anna = desk.world.account(desk.class_, "anna@kommun.example")
    bo = desk.world.account(desk.school, "bo@kommun.example")
    desk.world.clock.move(timedelta(minutes=1))
    assert (desk.sends(anna, 3), desk.sends(bo, 2)) == (3, 2)
    found = desk.view(desk.class_, desk.master)
    assert [(u.quota.group_name, u.allowed, u.used, u.left, u.is_here) for u in found.uses] == [
        ("Skolan", 10, 5, 5, False), ("Master", 100, 5, 95, False),
    ]  # fmt: skip
    assert not found.is_limited_above
    at_school = desk.view(desk.school, desk.school)
    assert [(u.quota.group_name, u.used, u.is_here) for u in at_school.uses] == [("Skolan", 5, True)]
    assert at_school.is_limited_above


def test_of_what_limits_from_above_an_admin_learns_only_that_something_does(desk: Desk) -> None:
    desk.world.group_quota(desk.master, None)
    assert not desk.view(desk.school, desk.school).is_limited_above
    desk.world.group_quota(desk.master, 0)
    found = desk.view(desk.school, desk.school)
    assert (found.uses, found.is_limited_above, found.stops_all) == ((), True, False)
    assert desk.view(desk.school, desk.master).stops_all


def test_a_limit_that_was_lowered_below_what_is_used_has_nothing_left(desk: Desk) -> None:
    desk.set(desk.school, desk.school, Key.GROUP_QUOTA, quota_of(5))
    anna = desk.world.account(desk.school, "anna@kommun.example")
    desk.world.clock.move(timedelta(minutes=1))
    assert desk.sends(anna, 5) == 5
    desk.set(desk.school, desk.school, Key.GROUP_QUOTA, quota_of(3, None, 2))
    [use] = desk.view(desk.school, desk.school).uses
    assert (use.allowed, use.used, use.left) == (3, 5, 0)
    assert desk.view(desk.school, desk.school).max_parts == 2


def test_what_each_account_may_send_is_told_even_where_an_overlying_group_has_set_it(desk: Desk) -> None:
    assert desk.view(desk.school, desk.school).per_account is None
    desk.world.account_quota(desk.master, 25)
    per_account = desk.view(desk.school, desk.school).per_account
    assert per_account is not None and per_account.sms == 25
