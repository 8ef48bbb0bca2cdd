"""A group's quotas on the permissions page: what they mean, what is used and what is left (spec G2-G9)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.tenants.group_settings import Key
from tests.support.portal import seen
from tests.support.settings_pages import MASTER, SCHOOL, Town, opened, save


def test_an_overlying_groups_quota_for_each_user_is_told_only_while_it_holds_here(town: Town) -> None:
    town.world.account_quota(town.master, 4711)
    assert "4,711 SMS" in seen(opened(town.head, f"{SCHOOL}/@@settings"))
    town.world.account_quota(town.school, 5)
    page = opened(town.head, f"{SCHOOL}/@@settings")
    assert "4,711" not in page.text and "4711" not in page.text
    assert "Inherit from an overlying group" in seen(page)


def test_a_quota_shows_what_is_used_and_left_for_this_group_and_those_above_it(
    town: Town, clock: FixedClock
) -> None:
    town.world.group_quota(town.master, 5000)
    town.world.group_quota(town.school, 10, window_days=7)
    anna = town.world.account(town.school, "anna@kommun.example")
    clock.move(timedelta(minutes=1))
    town.world.reserve(anna, 3)
    page = opened(town.boss, f"{SCHOOL}/@@settings")
    text = seen(page)
    assert "This group : 3 of 10 SMS used, 7 left" in text and "Counted today and the 6 days before" in text
    assert "Master : 3 of 5,000 SMS used, 4,997 left" in text
    assert re.findall(r'<progress class="progress" max="(\d+)" value="(\d+)"', page.text) == [
        ("10", "3"),
        ("5000", "3"),
    ]


def test_the_page_warns_while_master_lets_nobody_send(town: Town) -> None:
    page = opened(town.boss, f"{MASTER}/@@settings")
    assert "Do not choose this for the topmost group" in seen(page)
    assert "Nobody in the organisation can send." not in seen(page)
    save(town.boss, f"{MASTER}/@@settings", group_quota="barred", group_quota__inherit=False)
    for path in (MASTER, SCHOOL):
        assert "Nobody in the organisation can send." in seen(opened(town.boss, f"{path}/@@settings"))
    assert "Nobody in the organisation" not in seen(opened(town.head, f"{SCHOOL}/@@settings"))


@pytest.mark.parametrize(
    ("quota", "sentence"),
    [
        (None, "may send as much as the group's limits allow"),
        ((0, None), "The users in this group may not send."),
        ((25, None), "may send 25 SMS in all"),
        ((25, 1), "may send 25 SMS a day"),
        ((25, 7), "may send 25 SMS in 7 days: today and the days before"),
    ],
)
def test_what_the_quota_of_each_user_means_is_said_in_a_sentence(
    town: Town, quota: Any, sentence: str
) -> None:
    if quota is not None:
        town.world.account_quota(town.master, *quota)
    assert sentence in seen(opened(town.head, f"{SCHOOL}/@@settings"))


def test_a_quota_without_a_window_goes_on_unless_it_is_to_count_from_now(
    town: Town, clock: FixedClock
) -> None:
    path, key = f"{SCHOOL}/@@settings", Key.GROUP_QUOTA
    save(town.boss, path, group_quota="number", group_quota__sms="10", group_quota__inherit=False)
    anna = town.world.account(town.school, "anna@kommun.example")
    clock.move(timedelta(minutes=1))
    town.world.reserve(anna, 3)
    assert "3 of 8 SMS used" in seen(save(town.boss, path, group_quota__sms="8"))
    clock.move(timedelta(minutes=1))
    assert "0 of 8 SMS used" in seen(save(town.boss, path, group_quota__anew=True))
    assert town.value(town.school, key)["sms"] == 8
