"""The settings of groups as admins change them, alone and two at once (spec G2-G9, G12)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from messa_platform.core import gsm
from messa_platform.tenants import tasks
from messa_platform.tenants.audit_view import Who
from messa_platform.tenants.group_settings import Key, fits
from messa_platform.tenants.models import Lock
from messa_platform.tenants.set_settings import (
    INHERIT,
    Changed,
    Conflict,
    Wish,
)
from tests.support.desk import Desk, quota_of, tasks_of
from tests.support.observe import together

# Changing


def test_a_change_holds_at_once_and_stands_in_the_groups_log(desk: Desk) -> None:
    assert desk.wish(desk.school, desk.master, Key.COUNTRY_CODE, "47", Lock.LOCKED) == Changed(
        (Key.COUNTRY_CODE,), 0, False
    )
    assert desk.held(desk.class_, desk.master)[Key.COUNTRY_CODE].value == "47"
    desk.set(desk.school, desk.master, Key.COUNTRY_CODE, INHERIT)
    assert desk.held(desk.class_, desk.master)[Key.COUNTRY_CODE].value == "46"
    set_there = {"value": "47", "lock": "locked"}
    assert desk.log(desk.school) == [("country_code", None, set_there), ("country_code", set_there, None)]
    author = desk.world.rows("SELECT actor_address, actor_group_id FROM audit_entry")
    assert [tuple(row) for row in author] == [("admin@master.example", desk.master.id)] * 2


def test_what_is_so_already_is_neither_written_nor_told(desk: Desk) -> None:
    desk.set(desk.school, desk.school, Key.TOO_LONG, "cut")
    before = desk.held(desk.school, desk.school)[Key.TOO_LONG]
    desk.world.clock.move(timedelta(hours=1))
    wishes = {
        Key.TOO_LONG: Wish("cut", Lock.SUBADMIN, before.version),
        Key.MAY_RECEIVE: Wish(INHERIT, Lock.SUBADMIN, 0),
    }
    assert desk.change(desk.school, desk.school, wishes) == Changed((), 0, False)
    assert desk.held(desk.school, desk.school)[Key.TOO_LONG] == before
    assert len(desk.log(desk.school)) == 1


@pytest.mark.parametrize(
    ("key", "value", "lock"),
    [
        (Key.COUNTRY_CODE, "999", Lock.LOCKED),
        (Key.COUNTRY_CODE, "+46", Lock.LOCKED),
        (Key.MAY_RECEIVE, "yes", Lock.LOCKED),
        (Key.TOO_LONG, "shout", Lock.LOCKED),
        (Key.SENDER_NAME, "Skolan i byn", Lock.LOCKED),
        (Key.SIGNATURE, "/" * 121, Lock.LOCKED),
        (Key.SIGNATURE, "a\nb", Lock.LOCKED),
        (Key.GROUP_QUOTA, {"sms": 5}, Lock.LOCKED),
        (Key.GROUP_QUOTA, quota_of(-1), Lock.LOCKED),
        (Key.ACCOUNT_QUOTA, quota_of(5, 0), Lock.LOCKED),
        (Key.ACCOUNT_QUOTA, quota_of(5, None, 10), Lock.LOCKED),
        (Key.ACCOUNT_QUOTA, quota_of(True), Lock.LOCKED),
        (Key.COUNTRY_CODE, "46", Lock.ALL),
    ],
)
def test_a_value_or_a_lock_that_a_setting_cannot_have_is_refused(
    desk: Desk, key: Key, value: Any, lock: Lock
) -> None:
    with pytest.raises(ValueError, match=key.value):
        desk.change(desk.school, desk.school, {key: Wish(value, lock, 0)})
    assert desk.log(desk.school) == []


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("Skolan", True), ("4B", True), ("Västra skol", True), ("Ä", True), ("a b", True),
        ("", False), ("112", False), ("11 2", False), (" Skolan", False), ("Skolan!", False), ("Škola", False), ("Tolv tecken.", False),
    ],
)  # fmt: skip
def test_a_sender_name_is_up_to_11_letters_digits_and_spaces_and_not_digits_alone(
    name: str, good: bool
) -> None:
    assert fits(Key.SENDER_NAME, name) is good


def test_the_letters_of_a_sender_name_are_those_of_gsm() -> None:
    letters = [c for c in map(chr, range(0x21, 0x500)) if fits(Key.SENDER_NAME, f"a{c}")]
    assert letters == sorted(c for c in gsm.BASIC if c.isalnum())


# Two at once


def test_of_two_who_change_a_setting_the_second_is_told_who_did_what_and_nothing_is_lost(desk: Desk) -> None:
    desk.set(desk.school, desk.master, Key.COUNTRY_CODE, "47")
    seen = desk.held(desk.school, desk.school)
    desk.world.clock.move(timedelta(minutes=1))
    desk.set(desk.school, desk.school, Key.COUNTRY_CODE, "358")
    wishes = {
        Key.COUNTRY_CODE: Wish("45", Lock.SUBADMIN, seen[Key.COUNTRY_CODE].version),
        Key.TOO_LONG: Wish("cut", Lock.SUBADMIN, 0),
    }
    answer = desk.change(desk.school, desk.master, wishes)
    assert isinstance(answer, Conflict) and set(answer.entries) == {Key.COUNTRY_CODE}
    entry = answer.entries[Key.COUNTRY_CODE]
    assert entry is not None
    assert (entry.who, entry.address, entry.at) == (Who.ADMIN, "admin@skolan.example", desk.world.clock.now())
    assert (entry.before["value"], entry.after["value"]) == ("47", "358")
    now = desk.held(desk.school, desk.school)
    assert (now[Key.COUNTRY_CODE].value, now[Key.TOO_LONG].is_own) == ("358", False)
    wishes[Key.COUNTRY_CODE] = Wish("45", Lock.SUBADMIN, now[Key.COUNTRY_CODE].version)
    assert isinstance(desk.change(desk.school, desk.master, wishes), Changed)
    assert desk.held(desk.school, desk.school)[Key.COUNTRY_CODE].value == "45"


def test_who_changed_it_from_above_is_not_named_to_an_admin_below(desk: Desk) -> None:
    desk.set(desk.school, desk.master, Key.COUNTRY_CODE, "47")
    answer = desk.wish(desk.school, desk.school, Key.COUNTRY_CODE, "45", version=0)
    assert isinstance(answer, Conflict)
    entry = answer.entries[Key.COUNTRY_CODE]
    assert entry is not None
    assert (entry.who, entry.address, entry.after["value"]) == (Who.OVERLYING, "", "47")


def test_it_is_no_conflict_where_both_want_the_same(desk: Desk) -> None:
    desk.set(desk.school, desk.master, Key.COUNTRY_CODE, "47")
    assert desk.wish(desk.school, desk.school, Key.COUNTRY_CODE, "47", version=0) == Changed((), 0, False)


def test_to_inherit_what_another_has_set_meanwhile_is_a_conflict_too(desk: Desk) -> None:
    desk.set(desk.school, desk.school, Key.COUNTRY_CODE, "47")
    old = desk.held(desk.school, desk.school)[Key.COUNTRY_CODE].version
    desk.set(desk.school, desk.school, Key.COUNTRY_CODE, "45")
    assert isinstance(desk.wish(desk.school, desk.school, Key.COUNTRY_CODE, INHERIT, version=old), Conflict)
    desk.set(desk.school, desk.school, Key.COUNTRY_CODE, INHERIT)
    again = desk.wish(desk.school, desk.school, Key.COUNTRY_CODE, "47", version=old)
    assert isinstance(again, Conflict) and again.entries[Key.COUNTRY_CODE]


def test_of_eight_who_save_at_the_same_moment_one_changes_it_and_the_others_are_told(desk: Desk) -> None:
    codes = ["47", "45", "358", "44", "49", "33", "34", "39"]
    desk.author(desk.school)  # who is one and the same in all windows
    answers = together(
        [
            lambda code=code: desk.change(
                desk.school, desk.school, {Key.COUNTRY_CODE: Wish(code, Lock.SUBADMIN, 0)}
            )  # type: ignore[misc]
            for code in codes
        ]
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Changed"] + ["Conflict"] * 7
    assert len(desk.log(desk.school)) == 1


# Numbers


def test_where_people_may_receive_no_more_a_task_takes_their_numbers_back(desk: Desk) -> None:
    desk.world.set(desk.school, Key.MAY_RECEIVE, True)
    assert desk.wish(desk.school, desk.school, Key.MAY_RECEIVE, False) == Changed((Key.MAY_RECEIVE,), 0, True)
    assert [row.kind for row in tasks_of(desk, desk.school)] == ["recall_numbers"]
    assert desk.woken == [tasks.ACTOR]


def test_they_are_taken_back_too_where_a_group_comes_to_inherit_that_it_may_not(desk: Desk) -> None:
    desk.world.set(desk.school, Key.MAY_RECEIVE, True)
    assert desk.wish(desk.school, desk.school, Key.MAY_RECEIVE, INHERIT) == Changed(
        (Key.MAY_RECEIVE,), 0, True
    )
    assert len(tasks_of(desk, desk.school)) == 1


def test_they_are_taken_back_where_only_groups_below_could_receive(desk: Desk) -> None:
    desk.world.set(desk.class_, Key.MAY_RECEIVE, True)
    answer = desk.wish(desk.school, desk.school, Key.MAY_RECEIVE, INHERIT, clear_below=True)
    assert answer == Changed((), 1, True)
    assert len(tasks_of(desk, desk.school)) == 1


@pytest.mark.parametrize(
    ("above", "before", "after"),
    [
        (True, True, INHERIT),
        (False, INHERIT, True),
        (True, INHERIT, True),
        (False, False, INHERIT),
        (False, INHERIT, False),
    ],
)
def test_nothing_is_taken_back_where_nobody_loses_the_permission(
    desk: Desk, above: bool, before: Any, after: Any
) -> None:
    desk.world.set(desk.master, Key.MAY_RECEIVE, above)
    if before is not INHERIT:
        desk.world.set(desk.school, Key.MAY_RECEIVE, before)
    answer = desk.wish(desk.school, desk.school, Key.MAY_RECEIVE, after)
    assert answer == Changed((Key.MAY_RECEIVE,), 0, False)
    assert (tasks_of(desk, desk.school), desk.woken) == ([], [])
