"""The page Admins: added by address, each refused line with its reason, removed again (spec G10)."""

from __future__ import annotations

import pytest

from messa_platform.portal.admin.admins import MOST_LINES
from messa_platform.runtime import Runtime
from messa_platform.tenants.models import Group
from tests.support.observe import statements
from tests.support.portal import seen
from tests.support.town import CHIEF, HEAD, Town, build_town, make_admin
from tests.support.world import World

MASTER, SCHOOL = "/t/kommun/@@admins", "/t/kommun/skolan/@@admins"


@pytest.fixture
def town(world: World, runtime: Runtime) -> Town:
    return build_town(world, runtime)


def admins_of(town: Town, group: Group) -> list[str]:
    return [
        row.address
        for row in town.world.rows(
            "SELECT a.address FROM group_admin ga JOIN account a ON a.id = ga.account_id WHERE ga.group_id = :id ORDER BY 1",
            id=group.id,
        )
    ]


def test_the_admins_of_the_very_group_are_listed(town: Town) -> None:
    page = town.chief.get(SCHOOL)
    assert HEAD in seen(page) and CHIEF not in seen(page)


def test_who_is_added_administers_the_group_from_then_on_and_gets_a_mail(town: Town) -> None:
    town.person(town.class_4b, "anna@kommun.example")
    town.person(town.school, "bo@kommun.example")
    page = town.head.sent(SCHOOL, addresses="Anna Ek <Anna@kommun.example>\r\n\r\nbo@kommun.example\r\n")
    assert "Added" in seen(page)
    assert admins_of(town, town.school) == ["anna@kommun.example", "bo@kommun.example", HEAD]
    mails = town.world.rows("SELECT recipient FROM outgoing_mail ORDER BY recipient")
    assert [mail.recipient for mail in mails] == ["anna@kommun.example", "bo@kommun.example"]
    entry = town.world.rows("SELECT actor_address, subject FROM audit_entry ORDER BY id")[0]
    assert tuple(entry) == (HEAD, "anna@kommun.example")


def test_all_valid_lines_are_taken_and_the_refused_ones_stay_with_their_reason(town: Town) -> None:
    town.person(town.school, "bo@kommun.example")
    town.person(town.school, "stopp@kommun.example", blocked=True)
    lines = ["bo@kommun.example", "stopp@kommun.example", "okänd@kommun.example", "hej hopp"]
    answer = town.head.send(SCHOOL, addresses="\n".join(lines))
    assert answer.status_int == 422
    assert admins_of(town, town.school) == ["bo@kommun.example", HEAD]
    words = seen(answer)
    assert "1 admin was added." in words and "3 lines were not taken." in words
    assert "stopp@kommun.example Blocked." in words
    assert "hej hopp Not an e-mail address." in words
    kept = answer.text.partition("<textarea")[2].partition("</textarea>")[0].partition(">")[2].split("\n")
    assert [line for line in kept if line] == ["stopp@kommun.example", "okänd@kommun.example", "hej hopp"]


def test_a_subadmin_cannot_tell_who_is_elsewhere_from_who_is_nowhere(town: Town) -> None:
    town.person(town.care, "bredvid@kommun.example")
    town.person(town.elsewhere, "olle@annan.example")
    words = []
    for address in (CHIEF, "bredvid@kommun.example", "olle@annan.example", "finns@inte.example"):
        answer = town.head.send(SCHOOL, addresses=address)
        assert answer.status_int == 422
        words.append(seen(answer).replace(address, "WHO"))
    assert len(set(words)) == 1
    assert "WHO Not a user in this group or below it." in words[0]


def test_an_admin_is_removed_and_stays_a_user(town: Town) -> None:
    anna = town.person(town.school, "anna@kommun.example")
    make_admin(town.world, town.school, anna)
    page = town.head.sent(SCHOOL, remove=str(anna))
    assert "Removed." in seen(page) and admins_of(town, town.school) == [HEAD]
    assert town.group_of("anna@kommun.example") == town.school.id


def test_a_group_below_ones_own_gets_admins_of_its_own(town: Town) -> None:
    anna = town.person(town.class_4b, "anna@kommun.example")
    town.head.sent("/t/kommun/skolan/klass-4b/@@admins", addresses="anna@kommun.example")
    assert admins_of(town, town.class_4b) == ["anna@kommun.example"]
    town.chief.sent("/t/kommun/skolan/klass-4b/@@admins", remove=str(anna))
    assert admins_of(town, town.class_4b) == []


def test_who_removes_oneself_is_asked_first_and_then_let_out(town: Town) -> None:
    desk = town.head
    asked = desk.send(SCHOOL, remove=str(town.head_id))
    assert asked.status_int == 200 and "Remove yourself?" in seen(asked)
    assert admins_of(town, town.school) == [HEAD]
    page = desk.sent(SCHOOL, remove=str(town.head_id), sure="1")
    assert "You are no longer an admin of that group." in seen(page)
    desk.get(SCHOOL, 404)


def test_who_also_administers_a_group_above_stays_on_the_page(town: Town) -> None:
    make_admin(town.world, town.school, town.chief_id)
    page = town.chief.sent(SCHOOL, remove=str(town.chief_id), sure="1")
    assert page.request.path == SCHOOL
    assert admins_of(town, town.school) == [HEAD]


def test_the_last_admin_of_master_cannot_go_and_is_told_why(town: Town) -> None:
    answer = town.chief.send(MASTER, remove=str(town.chief_id), sure="1")
    assert answer.status_int == 422
    assert "The topmost group needs one admin at least" in seen(answer)
    assert admins_of(town, town.master) == [CHIEF]


def test_an_account_that_is_no_admin_there_is_not_removed_nor_told_of(town: Town) -> None:
    stranger = town.person(town.elsewhere, "olle@annan.example")
    make_admin(town.world, town.elsewhere, stranger)
    for identifier in (str(stranger), str(town.chief_id), "nonsense", ""):
        town.head.sent(SCHOOL, remove=identifier)
    assert admins_of(town, town.elsewhere) == ["olle@annan.example"]
    assert admins_of(town, town.master) == [CHIEF]


def test_nothing_and_too_much_at_once_are_refused(town: Town) -> None:
    assert "Write one address at least." in seen(town.head.send(SCHOOL, addresses=" \n"))
    many = "\n".join(f"p{n}@kommun.example" for n in range(MOST_LINES + 1))
    assert f"Add {MOST_LINES} at most at a time." in seen(town.head.send(SCHOOL, addresses=many))


def test_many_admins_are_shown_page_by_page_at_the_same_cost(town: Town) -> None:
    def cost() -> int:
        with statements(town.runtime.database.engine) as found:
            page = desk.get(SCHOOL)
        assert len(page.body) < 100_000
        return len(found)

    desk = town.head
    few = cost()
    town.people(town.school, 300)
    town.world.run(
        "INSERT INTO group_admin (group_id, account_id, tenant_id) SELECT group_id, id, tenant_id FROM account WHERE address LIKE 'p0%'"
    )
    assert cost() == few
    first = desk.get(SCHOOL)
    assert "p00000@kommun.example" in first.text and "p00075@kommun.example" not in first.text
    second = first.click("Show more admins")
    assert "p00075@kommun.example" in second.text
