"""A group's permissions: where each comes from, set here, inherited again, and refused at its field (spec G2-G9)."""

from __future__ import annotations

import re

import pytest

from messa_platform.tenants.group_settings import Key
from tests.support.portal import seen
from tests.support.settings_pages import CLASS, SCHOOL, Town, filled, form_of, opened, save


def test_every_setting_says_whether_it_is_set_here_or_where_it_comes_from(town: Town) -> None:
    town.world.set(town.master, Key.COUNTRY_CODE, "47")
    town.world.set(town.school, Key.TOO_LONG, "cut")
    text = seen(opened(town.boss, f"{CLASS}/@@settings"))
    assert "Inherited from Master" in text and "Inherit from Master: +47" in text
    assert "Inherited from Skolan" in text and "Inherit from Skolan: are cut" in text
    assert "The platform's default" in text
    assert "Set here" in seen(opened(town.boss, f"{SCHOOL}/@@settings"))


def test_an_admin_below_reads_of_an_overlying_group_and_not_its_name(town: Town) -> None:
    town.world.set(town.master, Key.COUNTRY_CODE, "47")
    town.world.group_quota(town.master, 4711)
    page = opened(town.head, f"{SCHOOL}/@@settings")
    assert "Inherited from an overlying group" in seen(page)
    assert "An overlying group has a limit, too." in seen(page)
    assert "Master" not in page.text and "4711" not in page.text and "4,711" not in page.text


def test_to_set_a_value_here_the_box_for_inheriting_is_unticked(town: Town) -> None:
    page = save(town.boss, f"{SCHOOL}/@@settings", country_code="47", country_code__inherit=False)
    assert "Saved: Country code." in seen(page, "body")
    assert town.value(town.school, Key.COUNTRY_CODE) == "47"
    assert [
        r.subject for r in town.world.rows("SELECT subject FROM audit_entry WHERE action = 'setting_set'")
    ] == ["country_code"]
    save(town.boss, f"{SCHOOL}/@@settings", country_code__inherit=True)
    assert town.value(town.school, Key.COUNTRY_CODE) is None


def test_another_value_under_a_box_that_is_still_ticked_is_not_lost_in_silence(town: Town) -> None:
    answer = filled(opened(town.boss, f"{SCHOOL}/@@settings"), country_code="47")
    assert answer.status_int == 422
    assert "holds once you untick the box below it" in seen(answer)
    form = form_of(answer)
    assert form["country_code"].value == "47"
    form["country_code-inherit"] = False
    assert form.submit(status="*").status_int == 303
    assert town.value(town.school, Key.COUNTRY_CODE) == "47"


def test_another_lock_for_what_is_inherited_is_not_lost_in_silence_either(town: Town) -> None:
    answer = filled(opened(town.boss, f"{SCHOOL}/@@settings"), country_code__lock="locked")
    assert answer.status_int == 422
    assert "holds once you untick the box below it" in seen(answer)


@pytest.mark.parametrize(
    ("name", "word"), [("too_long", "shout"), ("too_long-lock", "all"), ("too_long-lock", "")]
)
def test_what_no_form_of_ours_has_is_refused(town: Town, name: str, word: str) -> None:
    form = form_of(opened(town.boss, f"{SCHOOL}/@@settings"))
    fields = {n: str(v) for n, v in form.submit_fields() if n} | {name: word}
    del fields["too_long-inherit"]
    answer = town.boss.post(f"{SCHOOL}/@@settings", fields)
    assert answer.status_int == 422
    assert "Choose one of the alternatives." in seen(answer)


def test_a_form_that_is_sent_as_it_came_changes_nothing(town: Town) -> None:
    town.world.set(town.school, Key.COUNTRY_CODE, "47")
    town.world.group_quota(town.school, 500, 30, 3)
    page = save(town.boss, f"{SCHOOL}/@@settings")
    assert "Nothing was changed." in seen(page, "body")
    assert town.world.rows("SELECT id FROM audit_entry") == []


def test_all_of_the_form_can_be_set_at_once(town: Town) -> None:
    keys = ("country_code", "may_receive", "smart_characters", "too_long", "group_quota", "account_quota")
    save(
        town.boss, f"{SCHOOL}/@@settings", **{f"{key}__inherit": False for key in keys},
        country_code="+358", may_receive="yes", smart_characters="no", too_long="cut", too_long__lock="locked",
        group_quota="number", group_quota__sms="12 500", group_quota__window="30",
        account_quota="barred", account_quota__parts="3", account_quota__lock="subadmin",
    )  # fmt: skip
    values = [town.value(town.school, Key(key)) for key in keys]
    assert values[:4] == ["358", True, False, "cut"]
    assert values[4] == {"sms": 12500, "window_days": 30, "max_parts": 9}
    assert values[5] == {"sms": 0, "window_days": None, "max_parts": 3}
    assert town.lock(town.school, Key.GROUP_QUOTA) == town.lock(town.school, Key.TOO_LONG) == "locked"
    assert town.lock(town.school, Key.ACCOUNT_QUOTA) == town.lock(town.school, Key.COUNTRY_CODE) == "subadmin"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"country_code": "999"}, "Enter a country code in digits"),
        ({"country_code": "fyrtiosex"}, "Enter a country code in digits"),
        ({"group_quota": "number", "group_quota__sms": "många"}, "Enter a number of SMS"),
        ({"group_quota": "number", "group_quota__sms": "999999999"}, "Enter a number of SMS"),
        ({"group_quota": "number", "group_quota__sms": ""}, "Enter a number of SMS"),
        ({"group_quota": "unlimited", "group_quota__sms": "50"}, "Choose the alternative with a number"),
        (
            {"account_quota": "number", "account_quota__sms": "5", "account_quota__window": "400"},
            "Enter a number of days",
        ),
        (
            {"account_quota": "number", "account_quota__sms": "5", "account_quota__window": "0"},
            "Enter a number of days",
        ),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_nothing_is_saved(
    town: Town, fields: dict[str, str], sentence: str
) -> None:
    unticked = {
        f"{key}__inherit": False for key in ("country_code", "group_quota", "account_quota", "too_long")
    }
    answer = filled(opened(town.boss, f"{SCHOOL}/@@settings"), **unticked, **fields)
    assert answer.status_int == 422
    assert sentence in seen(answer)
    name = re.search(r'<li><a href="#([\w-]+)">', answer.text)
    assert name and f'id="{name[1]}"' in answer.text and f'id="{name[1]}-error"' in answer.text
    assert town.world.rows("SELECT key FROM group_setting WHERE group_id = :id", id=town.school.id) == []


def test_turning_receiving_off_has_the_numbers_taken_back(town: Town) -> None:
    town.world.set(town.school, Key.MAY_RECEIVE, True)
    page = save(town.boss, f"{SCHOOL}/@@settings", may_receive="no")
    assert "numbers of those who can receive no more are being taken back" in seen(page, "body")
    kinds = town.world.rows("SELECT kind, group_id FROM task JOIN task_work USING (id)")
    assert [tuple(row) for row in kinds] == [("recall_numbers", town.school.id)]
