"""The settings of a group that several administer: whose pages they are, what is locked, and what two change at once (spec G2-G9)."""

from __future__ import annotations

import re

import pytest

from messa_platform.runtime import Runtime
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Lock
from tests.support.observe import statements
from tests.support.portal import seen
from tests.support.settings_pages import MASTER, SCHOOL, Town, administer, filled, form_of, opened, save
from tests.support.world import World

# Locks


def test_what_master_has_locked_is_shown_read_only_to_the_school_with_the_reason(town: Town) -> None:
    town.world.set(town.master, Key.COUNTRY_CODE, "47", Lock.LOCKED)
    page = opened(town.head, f"{SCHOOL}/@@settings")
    assert "Locked by an overlying group" in seen(page)
    assert "+47" in seen(page) and 'name="country_code"' not in page.text
    assert 'name="too_long"' in page.text
    assert 'name="country_code"' in opened(town.boss, f"{SCHOOL}/@@settings").text


def test_where_everything_is_locked_there_is_nothing_to_save(town: Town) -> None:
    town.world.set(town.master, Key.SENDER_NAME, "Kommunen", Lock.LOCKED)
    page = opened(town.head, f"{SCHOOL}/@@sender-name")
    assert "Kommunen" in seen(page) and ">Save<" not in page.text


def test_a_subadmin_cannot_unlock_what_master_has_locked_even_with_a_form_of_before(town: Town) -> None:
    town.world.set(town.school, Key.COUNTRY_CODE, "47")
    page = opened(town.head, f"{SCHOOL}/@@settings")
    save(town.boss, f"{SCHOOL}/@@settings", country_code__lock="locked")
    answer = filled(page, country_code="45", country_code__lock="subadmin")
    assert answer.status_int == 409
    assert "has locked this meanwhile, and nothing of yours was saved: Country code" in seen(answer)
    assert (town.value(town.school, Key.COUNTRY_CODE), town.lock(town.school, Key.COUNTRY_CODE)) == (
        "47",
        "locked",
    )


def test_the_page_tells_how_many_groups_below_have_their_own_and_removes_those_if_one_wants(
    town: Town,
) -> None:
    town.world.set(town.class_, Key.COUNTRY_CODE, "358")
    assert "1 group below has its own" in seen(opened(town.boss, f"{SCHOOL}/@@settings"))
    save(town.boss, f"{SCHOOL}/@@settings", country_code="47", country_code__inherit=False)
    assert town.value(town.class_, Key.COUNTRY_CODE) == "358"
    save(town.boss, f"{SCHOOL}/@@settings", country_code__below=True)
    assert town.value(town.class_, Key.COUNTRY_CODE) is None


# Two at once


def test_of_two_admins_the_second_is_shown_both_values_and_may_save_again(town: Town) -> None:
    town.world.set(town.school, Key.COUNTRY_CODE, "46")
    late = opened(town.boss, f"{SCHOOL}/@@settings")
    save(town.head, f"{SCHOOL}/@@settings", country_code="47", too_long="cut", too_long__inherit=False)
    answer = filled(late, country_code="45", smart_characters="no", smart_characters__inherit=False)
    assert answer.status_int == 409
    text = seen(answer)
    assert "Somebody else has changed the same thing meanwhile" in text
    assert "rektor@kommun.example: Changed the setting Country code" in text and "+46 → +47" in text
    assert re.search(r"Country code\s+\+45\s+\+47", text)
    assert (town.value(town.school, Key.COUNTRY_CODE), town.value(town.school, Key.SMART_CHARACTERS)) == (
        "47",
        None,
    )
    form = form_of(answer)
    assert (form["country_code"].value, form["smart_characters"].value, form["too_long"].value) == (
        "45",
        "no",
        "cut",
    )
    assert form.submit(status="*").status_int == 303
    values = [town.value(town.school, k) for k in (Key.COUNTRY_CODE, Key.SMART_CHARACTERS, Key.TOO_LONG)]
    assert values == ["45", False, "cut"]


def test_two_admins_who_change_different_things_do_not_disturb_each_other(town: Town) -> None:
    late = opened(town.boss, f"{SCHOOL}/@@settings")
    save(town.head, f"{SCHOOL}/@@settings", country_code="47", country_code__inherit=False)
    assert filled(late, too_long="cut", too_long__inherit=False).status_int == 303
    assert [town.value(town.school, k) for k in (Key.COUNTRY_CODE, Key.TOO_LONG)] == ["47", "cut"]


def test_an_admin_below_is_not_told_who_above_was_first(town: Town) -> None:
    town.world.set(town.school, Key.COUNTRY_CODE, "46")
    late = opened(town.head, f"{SCHOOL}/@@settings")
    save(town.boss, f"{SCHOOL}/@@settings", country_code="47")
    answer = filled(late, country_code="45")
    assert answer.status_int == 409
    assert "an admin of an overlying group" in seen(answer) and "chef@" not in answer.text


def test_after_a_fault_of_the_form_a_change_of_another_is_still_noticed(town: Town) -> None:
    town.world.set(town.school, Key.COUNTRY_CODE, "46")
    faulty = filled(opened(town.boss, f"{SCHOOL}/@@settings"), country_code="999")
    save(town.head, f"{SCHOOL}/@@settings", country_code="47")
    assert filled(faulty, country_code="45").status_int == 409


# Whose pages they are


@pytest.mark.parametrize("view", ["@@settings", "@@sender-name", "@@signature"])
def test_who_does_not_administer_the_group_finds_nothing_there(
    town: Town, world: World, runtime: Runtime, view: str
) -> None:
    sibling = world.group(town.master, "Omsorgen")
    chief = administer(world, runtime, sibling, "chef@omsorgen.example")
    for visitor, path in ((town.head, MASTER), (chief, SCHOOL)):
        token = form_of(
            opened(visitor, f"/t/kommun/{'skolan' if visitor is town.head else 'omsorgen'}/{view}")
        )["csrf_token"].value
        assert visitor.get(f"{path}/{view}").status_int == 404
        assert visitor.post(f"{path}/{view}", {"csrf_token": token, "country_code": "47"}).status_int == 404


@pytest.mark.parametrize("view", ["@@settings", "@@sender-name", "@@signature"])
def test_a_page_costs_the_same_statements_with_forty_groups_as_with_two_and_stays_small(
    town: Town, view: str
) -> None:
    def ask() -> tuple[int, int]:
        with statements(town.boss.runtime.database.engine) as asked:
            page = opened(town.boss, f"{SCHOOL}/{view}")
        return len(asked), len(page.body)

    few, _ = ask()
    for index in range(40):
        group = town.world.group(town.school, f"Klass {index}")
        town.world.set(group, Key.COUNTRY_CODE, "47")
    many, size = ask()
    assert many == few
    assert size < 100_000
