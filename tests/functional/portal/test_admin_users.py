"""The page Users: the list, its filter and pages, and what is done to those who were chosen in it (spec G11)."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from webtest import TestResponse

from messa_platform.runtime import Runtime
from messa_platform.tenants.group_settings import Key
from tests.support.observe import statements
from tests.support.portal import seen
from tests.support.town import CHIEF, HEAD, Town, build_town, make_admin
from tests.support.visitors import path_of, token_of
from tests.support.world import World

MASTER, SCHOOL = "/t/kommun/@@users", "/t/kommun/skolan/@@users"


@pytest.fixture
def town(world: World, runtime: Runtime) -> Town:
    return build_town(world, runtime)


@pytest.fixture
def full(town: Town) -> Town:
    """Somebody everywhere."""
    town.person(town.school, "anna@kommun.example", display_name="Åsa Öberg")
    town.person(town.class_4b, "bo@kommun.example", display_name="Bo")
    town.person(town.care, "cilla@kommun.example", display_name="Åsa i omsorgen")
    town.person(town.elsewhere, "anna@annan.example", display_name="Åsa annanstans")
    return town


def listed(page: TestResponse) -> list[str]:
    return re.findall(r'aria-label="Select ([^"]+)"', page.text)


def test_a_group_shows_its_people_with_their_group_and_number(full: Town) -> None:
    full.world.numbers()
    full.world.channel()
    full.world.set(full.master, Key.MAY_RECEIVE, True)
    anna = full.world.value("SELECT id FROM account WHERE address = 'anna@kommun.example'")
    full.world.words(anna, ["+46701740605"])
    page = full.head.get(SCHOOL)
    assert listed(page) == ["anna@kommun.example", HEAD]
    assert "Åsa Öberg" in seen(page) and "+467301214000000" in seen(page)
    below = full.head.get(f"{SCHOOL}?below=1")
    assert listed(below) == ["anna@kommun.example", "bo@kommun.example", HEAD]
    assert "Bo Klass 4B" in seen(below) and "3 users" in seen(below)


def test_a_subadmin_sees_groups_from_their_own_down_and_nothing_above(full: Town) -> None:
    page = full.head.get(f"{SCHOOL}?below=1")
    for hidden in ("Master", "Omsorgen", CHIEF, "cilla@"):
        assert hidden not in page.text
    assert "Bo Klass 4B below Skolan" in seen(full.chief.get(f"{MASTER}?below=1"))


def test_the_group_of_each_is_told_where_groups_are_listed_and_not_where_all_are_in_one(full: Town) -> None:
    assert "Number" in seen(full.head.get(SCHOOL)) and 'scope="col">Group<' not in full.head.get(SCHOOL).text
    deep = full.world.group(full.world.group(full.class_4b, "Läxhjälpen"), "Tisdagar")
    full.person(deep, "doris@kommun.example", display_name="Doris")
    below = full.chief.get(f"{MASTER}?below=1")
    assert "Doris Tisdagar below Skolan › Klass 4B › Läxhjälpen" in seen(below)
    assert "Doris Tisdagar below Klass 4B › Läxhjälpen" in seen(full.chief.get(f"{SCHOOL}?below=1"))


def test_nobody_who_begins_with_a_letter_is_told_as_such(full: Town) -> None:
    assert "begins with “q”" in seen(full.head.get(f"{SCHOOL}?q=q"))
    assert "has “qqq” in it" in seen(full.head.get(f"{SCHOOL}?q=qqq"))


@pytest.mark.parametrize("words", ["åsa", "a", "kommun.example", "annan", "cilla@kommun.example", CHIEF])
def test_a_filter_never_tells_of_anybody_outside_the_subadmins_tree(full: Town, words: str) -> None:
    for below in ("", "1"):
        page = full.head.get(f"{SCHOOL}?below={below}&q={quote(words)}")
        assert set(listed(page)) <= {"anna@kommun.example", "bo@kommun.example", HEAD}
        nobody = full.head.get(f"{SCHOOL}?below={below}&q=zzzz")
        if not listed(page):
            assert seen(page).replace(words, "zzzz") == seen(nobody)


def test_a_filter_finds_parts_of_addresses_and_names(full: Town) -> None:
    assert listed(full.chief.get(f"{MASTER}?below=1&q={quote('åsa')}")) == [
        "anna@kommun.example",
        "cilla@kommun.example",
    ]
    page = full.chief.get(f"{MASTER}?q=bo@")
    assert "Nobody found" in seen(page)
    assert listed(page.click("Search the subgroups, too")) == ["bo@kommun.example"]


def test_pages_lead_on_and_back_with_the_same_filter(town: Town) -> None:
    town.people(town.school, 120)
    desk = town.head
    first = desk.get(f"{SCHOOL}?q=p00")
    assert "120 users" in seen(first) and len(listed(first)) == 50
    second = first.click("Next")
    third = second.click("Next")
    assert len(listed(third)) == 20 and "Next" not in seen(third)
    assert listed(third.click("Previous")) == listed(second)
    assert listed(third.click("Previous").click("Previous")) == listed(first)


def test_a_large_group_is_counted_to_a_thousand(town: Town) -> None:
    town.people(town.school, 1001)
    assert "More than 1,000 users" in seen(town.head.get(SCHOOL))


def test_the_page_stays_small_and_costs_the_same_statements_with_2000_people_as_with_10(town: Town) -> None:
    def cost(path: str) -> int:
        with statements(town.runtime.database.engine) as found:
            page = desk.get(path)
        assert len(page.body) < 100_000
        return len(found)

    desk = town.chief
    paths = (SCHOOL, f"{MASTER}?below=1", f"{MASTER}?below=1&q=person", f"{SCHOOL}?below=1&q=p0&ticked=1")
    town.people(town.school, 10)
    few = [cost(path) for path in paths]
    town.people(town.school, 1990, name="q")
    assert [cost(path) for path in paths] == few
    town.people(town.class_4b, 1000, name="r")
    assert [cost(path) for path in paths] == few


def test_odd_addresses_of_the_page_do_no_harm(full: Town) -> None:
    desk = full.head
    for query in (
        "after=%00",
        "before=%FF",
        "q=%00%00",
        "below=7",
        "after=" + "x" * 3000,
        "who=1",
        "q=" + "%25" * 90,
    ):
        desk.get(f"{SCHOOL}?{query}")
    for view in ("@@move-users", "@@remove-users"):
        assert desk.visitor.get(f"/t/kommun/skolan/{view}?who=nonsense&who=%FF").status_int == 303


def ids(town: Town, *addresses: str) -> list[str]:
    return [
        str(town.world.value("SELECT id FROM account WHERE address = :address", address=address))
        for address in addresses
    ]


def chosen(town: Town, view: str, *addresses: str) -> str:
    query = "&".join(f"who={identifier}" for identifier in ids(town, *addresses))
    return f"/t/kommun/skolan/{view}?{query}"


def post(town: Town, view: str, who: list[str], **fields: str) -> TestResponse:
    """Send the form of those who were chosen, as the head of the school."""
    desk = town.head
    token = token_of(desk.get("/t/kommun/skolan/@@admins"))
    pairs = [("csrf_token", token), *(("who", one) for one in who), *fields.items()]
    return desk.visitor.app.post(f"/t/kommun/skolan/{view}", pairs, status="*")


def test_those_who_are_chosen_move_to_another_group(full: Town) -> None:
    page = full.head.get(chosen(full, "@@move-users", "anna@kommun.example", "bo@kommun.example"))
    assert "anna@kommun.example, Åsa Öberg" in seen(page) and "Skolan › Klass 4B" in seen(page)
    who = ids(full, "anna@kommun.example", "bo@kommun.example")
    answer = post(full, "@@move-users", who, group=str(full.class_4b.id))
    assert answer.status_int == 303 and path_of(answer) == f"{SCHOOL}?said=people-moved"
    assert full.group_of("anna@kommun.example") == full.class_4b.id
    log = full.world.rows("SELECT group_id, action, subject, before, after FROM audit_entry")
    moved = {"group": str(full.school.id)}, {"group": str(full.class_4b.id)}
    assert {tuple(map(str, entry)) for entry in log} == {
        tuple(map(str, (group.id, "account_moved", "anna@kommun.example", *moved)))
        for group in (full.school, full.class_4b)
    }


def test_nobody_moves_to_a_group_that_the_admin_does_not_see(full: Town) -> None:
    page = full.head.get(chosen(full, "@@move-users", "anna@kommun.example"))
    assert "Omsorgen" not in page.text and "Master" not in page.text
    who = ids(full, "anna@kommun.example")
    for group in (full.care, full.master, full.elsewhere):
        answer = post(full, "@@move-users", who, group=str(group.id))
        assert answer.status_int == 422 and "Choose the group to move to." in seen(answer)
    nowhere = post(full, "@@move-users", who, group="00000000-0000-7000-8000-000000000000")
    assert seen(nowhere) == seen(answer)
    assert full.group_of("anna@kommun.example") == full.school.id


def test_who_administers_two_groups_moves_people_between_them(full: Town) -> None:
    make_admin(full.world, full.care, full.head_id)
    page = full.head.get(chosen(full, "@@move-users", "anna@kommun.example"))
    assert "Omsorgen" in seen(page) and "Master" not in page.text
    answer = post(full, "@@move-users", ids(full, "anna@kommun.example"), group=str(full.care.id))
    assert answer.status_int == 303 and full.group_of("anna@kommun.example") == full.care.id


def test_who_is_not_the_admins_to_choose_is_not_touched_and_not_told_of(full: Town) -> None:
    foreign = ids(full, CHIEF, "cilla@kommun.example", "anna@annan.example")
    for view in ("@@move-users", "@@remove-users"):
        query = "&".join(f"who={identifier}" for identifier in foreign)
        answer = full.head.visitor.get(f"/t/kommun/skolan/{view}?{query}")
        assert answer.status_int == 303 and path_of(answer) == f"{SCHOOL}?said=nobody-chosen"
        unknown = post(full, view, ["00000000-0000-7000-8000-000000000000"], group=str(full.school.id))
        answer = post(full, view, foreign, group=str(full.school.id))
        assert (answer.status_int, path_of(answer)) == (unknown.status_int, path_of(unknown))
    assert full.group_of("cilla@kommun.example") == full.care.id
    assert full.world.value("SELECT count(*) FROM account WHERE removed_at IS NOT NULL") == 0
    assert full.world.rows("SELECT 1 FROM audit_entry") == []


def test_those_who_are_chosen_are_removed_and_blocked_if_that_is_ticked(full: Town) -> None:
    page = full.head.get(chosen(full, "@@remove-users", "anna@kommun.example"))
    assert "Remove 1 user" in seen(page)
    post(full, "@@remove-users", ids(full, "anna@kommun.example"))
    answer = post(full, "@@remove-users", ids(full, "bo@kommun.example"), block="1")
    assert answer.status_int == 303 and path_of(answer) == f"{SCHOOL}?said=people-removed"
    rows = full.world.rows(
        "SELECT address, blocked FROM account WHERE removed_at IS NOT NULL ORDER BY address"
    )
    assert [tuple(row) for row in rows] == [("anna@kommun.example", False), ("bo@kommun.example", True)]
    assert listed(full.head.get(f"{SCHOOL}?below=1")) == [HEAD]


def test_removed_people_lose_their_adminships_sessions_and_numbers(full: Town) -> None:
    full.world.numbers()
    full.world.channel()
    full.world.set(full.master, Key.MAY_RECEIVE, True)
    [anna] = ids(full, "anna@kommun.example")
    full.world.words(full.world.value("SELECT CAST(:id AS uuid)", id=anna), ["+46701740605"])
    make_admin(full.world, full.school, full.world.value("SELECT CAST(:id AS uuid)", id=anna))
    post(full, "@@remove-users", [anna])
    for table in ("group_admin", "number", "web_session"):
        assert full.world.rows(f"SELECT 1 FROM {table} WHERE account_id = :id", id=anna) == []
    actions = [row.action for row in full.world.rows("SELECT action FROM audit_entry ORDER BY action")]
    assert actions == ["account_removed", "admin_removed"]


def test_who_removes_oneself_among_others_stays_and_is_told(full: Town) -> None:
    answer = post(full, "@@remove-users", ids(full, HEAD, "anna@kommun.example"))
    assert answer.status_int == 422
    assert "1 user was removed." in seen(answer) and f"{HEAD} That is you." in seen(answer)
    assert listed(full.head.get(SCHOOL)) == [HEAD]


def test_removing_many_takes_the_statements_that_removing_one_takes(town: Town) -> None:
    def cost(view: str, who: list[str], **fields: str) -> int:
        with statements(town.runtime.database.engine) as found:
            assert post(town, view, who, **fields).status_int == 303
        return len(found)

    town.people(town.school, 80)
    everybody = [
        str(row.id)
        for row in town.world.rows("SELECT id FROM account WHERE address LIKE 'p0%' ORDER BY address")
    ]
    to = str(town.class_4b.id)
    assert cost("@@move-users", everybody[:1], group=to) == cost("@@move-users", everybody[1:41], group=to)
    assert cost("@@remove-users", everybody[:1]) == cost("@@remove-users", everybody[1:41])


def test_of_many_groups_one_searches_for_where_to_move(town: Town) -> None:
    for n in range(60):
        town.world.group(town.school, f"Klass {n:02}")
    town.person(town.school, "anna@kommun.example")
    page = town.head.get(chosen(town, "@@move-users", "anna@kommun.example"))
    assert "There are more groups." in seen(page) and len(page.body) < 100_000
    found = town.head.get(chosen(town, "@@move-users", "anna@kommun.example") + "&group_q=klass 57")
    choices = re.findall(r"<label for=\"group[^>]*>([^<]+?)\s*</label>", found.text)
    assert [choice.strip() for choice in choices] == ["Skolan › Klass 57"]
    none = town.head.get(chosen(town, "@@move-users", "anna@kommun.example") + "&group_q=omsorgen")
    assert "No group has “omsorgen” in its name." in seen(none)
