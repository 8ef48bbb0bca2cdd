"""Saved lists of recipients: made, changed and deleted, a line a number (spec P2)."""

from __future__ import annotations

import html
from uuid import uuid4

import pytest

from messa_platform.messaging.lists import Listed, parse
from messa_platform.portal.messages.lists import as_line
from messa_platform.tenants.numbers import OwnRange
from tests.support.portal import School, seen
from tests.support.visitors import Visitor, token_of


def list_path(school: School) -> str:
    return f"/messages/lists/{school.world.value('SELECT id FROM recipient_list')}"


def test_without_a_list_the_page_says_what_one_is_for(school: School) -> None:
    page = school.get("/messages/lists")
    assert "No lists yet" in seen(page)
    assert 'href="/messages/lists/new"' in page.text


def test_a_list_is_made_changed_and_deleted(school: School) -> None:
    page = school.sent(
        "/messages/lists/new", name="Klass 4B", recipients="0701740605; Karin Holm\n070-174 06 12"
    )
    assert "The list is saved." in seen(page)
    assert "Klass 4B 2" in seen(page)
    path = list_path(school)
    opened = school.get(path)
    assert "070-174 06 05; Karin Holm\n070-174 06 12</textarea>" in opened.text
    changed = school.sent(path, name="Klass 5B", recipients="0701740631")
    assert "Klass 5B 1" in seen(changed)
    gone = school.sent(path, f"{path}/delete")
    assert "The list is deleted." in seen(gone)
    school.get(path, 404)


def test_bad_lines_are_told_by_their_number_and_nothing_is_lost(school: School) -> None:
    page = school.send(
        "/messages/lists/new", name="4B", recipients="0701740605\nKarin\n\n12\n0701740612 0701740631 Eva"
    )
    assert page.status_int == 422
    words = html.unescape(seen(page))
    assert "Line 2: “Karin” is not a phone number." in words
    assert "Line 4: “12” is too short." in words
    assert "0701740605\nKarin\n\n12\n" in page.text
    assert school.world.value("SELECT count(*) FROM recipient_list") == 0


def test_many_bad_lines_are_not_all_told(school: School) -> None:
    page = school.send("/messages/lists/new", name="4B", recipients="hej\n" * 50)
    assert "Line 20:" in seen(page) and "Line 21:" not in seen(page)
    assert "And 30 lines more." in seen(page)


@pytest.mark.parametrize(
    ("name", "recipients", "field", "told"),
    [
        ("", "0701740605", "name", "Give the list a name."),
        ("x" * 101, "0701740605", "name", "of 100 characters at most"),
        ("Jouren", "0701740605", "name", "another list of that name"),
        ("4B", " \n", "recipients", "Write one number at least"),
        ("4B", "\n".join(f"070{n:07}" for n in range(5001)), "recipients", "5,000 numbers at most"),
    ],
)
def test_what_keeps_a_list_from_being_saved_is_told(
    school: School, name: str, recipients: str, field: str, told: str
) -> None:
    school.sent("/messages/lists/new", name="Jouren", recipients="0701740605")
    page = school.send("/messages/lists/new", name=name, recipients=recipients)
    assert page.status_int == 422
    assert told in html.unescape(seen(page))
    assert f'id="{field}-error"' in page.text
    assert school.world.value("SELECT count(*) FROM recipient_list") == 1


def test_a_list_cannot_take_anothers_name(school: School) -> None:
    school.sent("/messages/lists/new", name="4B", recipients="0701740605")
    path = list_path(school)
    school.sent("/messages/lists/new", name="Jouren", recipients="0701740605")
    page = school.send(path, name="Jouren", recipients="0701740605")
    assert page.status_int == 422
    assert "another list of that name" in html.unescape(seen(page))


def test_a_long_list_is_kept_whole(school: School) -> None:
    lines = "\n".join(f"070{n:07}; Elev nummer {n}" for n in range(5000))
    page = school.sent("/messages/lists/new", name="Alla", recipients=lines)
    assert "Alla 5,000" in seen(page)
    assert "Elev nummer 4999" in school.get(list_path(school)).text


def test_another_accounts_list_is_not_there(school: School, stranger: Visitor) -> None:
    school.sent("/messages/lists/new", name="Hemlig", recipients="0701740605")
    path, token = list_path(school), token_of(stranger.get("/account"))
    for address in (path, f"/messages/lists/{uuid4()}", "/messages/lists/nothing"):
        assert stranger.get(address).status_int == 404
    fields = {"csrf_token": token, "name": "Min", "recipients": "0701740612"}
    for address in (path, f"{path}/delete"):
        assert stranger.post(address, fields).status_int == 404
    assert "Hemlig" not in stranger.get("/messages/lists").text
    assert school.world.value("SELECT name FROM recipient_list") == "Hemlig"


def test_a_form_without_its_token_saves_and_deletes_nothing(school: School) -> None:
    school.sent("/messages/lists/new", name="4B", recipients="0701740605")
    path = list_path(school)
    for address in ("/messages/lists/new", path, f"{path}/delete"):
        answer = school.visitor.post(address, {"name": "Förfalskad", "recipients": "0701740612"})
        assert answer.status_int == 400
    assert [row.name for row in school.world.rows("SELECT name FROM recipient_list")] == ["4B"]


def test_a_name_is_text_and_never_a_page(school: School) -> None:
    school.sent("/messages/lists/new", name="<script>x</script>", recipients="0701740605; <b>Karin</b>")
    for path in ("/messages/lists", list_path(school), "/messages/many"):
        page = school.get(path)
        assert "<script>x" not in page.text and "<b>Karin" not in page.text


@pytest.mark.parametrize("name", ["", "Karin Holm", "4B elev", "112 A", "Anna (mamma)"])
@pytest.mark.parametrize("number", ["+46701740605", "+4741234567", "+467301214060004"])
def test_a_line_is_read_back_as_it_was(number: str, name: str) -> None:
    listed = Listed(number, name)
    own = [OwnRange(467301214000000, 467301214999999)]
    assert parse(as_line(listed, "46"), "46", own).entries == (listed,)
