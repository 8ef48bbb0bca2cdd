"""The address of a search of the log: what it carries along, and what another admin sees who opens it (spec G10, L1)."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, quote, urlsplit
from uuid import uuid4

import pytest
from webtest import TestResponse

from messa_platform.messaging.log.asked import Column
from messa_platform.messaging.statuses import Status
from tests.support.portal import seen
from tests.support.town import CHIEF, Desk
from tests.support.town_log import (
    ANNA,
    BO,
    MASTER_LOG,
    NURSE,
    OFFICE,
    SCHOOL_LOG,
    TEACHER,
    Book,
    Entry,
    column,
    days,
    link,
    options,
    rows,
    typed,
)

# Ways out, and the address itself


def test_the_ways_out_keep_the_search(book: Book, chief: Desk) -> None:
    book.a_week()
    page = chief.get(f"{MASTER_LOG}?direction=out&email=lar&sort=number&order=desc")
    query = {
        "from": book.day(29), "to": book.day(0), "email": TEACHER, "direction": "out", "sort": "number", "order": "desc",
    }  # fmt: skip
    for words, way in (("Excel document", "xlsx"), ("Text document", "text")):
        address = urlsplit(link(page, words))
        assert address.path == MASTER_LOG
        assert dict(parse_qsl(address.query)) == {**query, "as": way}


def test_the_tree_leads_to_the_same_search_of_another_group(book: Book, chief: Desk) -> None:
    book.a_week()
    page = chief.get(f"{MASTER_LOG}?direction=out&group={book.town.care.id}&number={quote(ANNA)}")
    tree = {a.get_text(): a["href"] for a in page.html.select("nav.tree li > a")}
    found = chief.get(tree["Skolan"])
    assert days(found) == [book.day(1), book.day(4)]


def test_an_address_sent_to_a_colleague_shows_them_their_part(book: Book, chief: Desk, head: Desk) -> None:
    book.a_week()
    page = chief.get(f"{MASTER_LOG}?direction=out&sort=status&order=asc")
    shared = urlsplit(link(page, "30 days")).query
    assert days(page) == [book.day(n) for n in (5, 1, 2, 4, 6)]
    theirs = head.get(f"{SCHOOL_LOG}?{shared}")
    assert days(theirs) == [book.day(n) for n in (1, 2, 4)]
    assert "3 messages, 3 SMS charged" in seen(theirs)
    head.get(f"{MASTER_LOG}?{shared}", 404)


Ask = Callable[[Book], str]

BEYOND: dict[str, Ask] = {
    "the group beside": lambda book: f"group={book.town.care.id}",
    "the group above": lambda book: f"group={book.town.master.id}",
    "its name": lambda book: "group=Omsorgen",
    "somebody beside": lambda book: f"email={NURSE}",
    "a part of them": lambda book: "email=natt",
    "their account": lambda book: f"email={book.nurse}",
    "somebody above": lambda book: f"email={CHIEF}",
    "a number of theirs": lambda book: "number=%2B46709999999",
    "its beginning": lambda book: "number=070999",
}


@pytest.mark.parametrize("what", BEYOND)
def test_what_is_beyond_is_answered_like_what_is_not_there(book: Book, head: Desk, what: str) -> None:
    book.a_week()
    book.write(Entry(book.town.care, book.nurse, book.ago(1), "+46709999999"))
    name, _, written = BEYOND[what](book).partition("=")
    there, nowhere = (
        head.visitor.get(f"{SCHOOL_LOG}?{name}={asked}") for asked in (written, nothing(name, written))
    )
    assert without_what_was_written(there, name) == without_what_was_written(nowhere, name)
    assert rows(there) == []


def nothing(name: str, written: str) -> str:
    """Something alike that is nowhere."""
    if len(written) == 36:
        return str(uuid4())
    return {"group": "Utsikten", "email": "finns@inte.example", "number": written.replace("9", "8")}[name]


def without_what_was_written(page: TestResponse, name: str) -> tuple[int, str]:
    """Status and text of an answer, but for what it says back of the field."""
    field, text = page.html.select_one(f"#{name}"), page.text
    back = page.request.GET[name], *([field["value"]] if field.name == "input" else [])
    for one in sorted(set(back), key=len, reverse=True):
        text = text.replace(one, "…").replace(quote(one), "…").replace(quote(one, safe="@"), "…")
    return page.status_int, text


def test_nothing_beyond_is_offered_while_it_is_written(book: Book, head: Desk) -> None:
    book.a_week()
    assert typed(head, SCHOOL_LOG, field="email") == [OFFICE, TEACHER]
    assert typed(head, SCHOOL_LOG, field="email", email="natt") == []
    assert typed(head, SCHOOL_LOG, field="email", number=BO) == [TEACHER]
    assert typed(head, SCHOOL_LOG, field="number") == [BO, ANNA]
    book.world.run(
        "DELETE FROM message WHERE group_id = :id AND remote = :remote", id=book.town.class_4b.id, remote=BO
    )
    assert typed(head, SCHOOL_LOG, field="number") == [ANNA]
    assert typed(head, SCHOOL_LOG, field="group", group="o") == ["Skolan"]
    assert options(head.get(SCHOOL_LOG), "group") == ["all", "Klass 4B", "Skolan"]
    head.get("/t/kommun/@@logs-choices?field=email", 404)


def test_a_rule_from_above_is_named_by_its_status_alone(book: Book, head: Desk) -> None:
    book.world.run('UPDATE "group" SET name = $$Överförvaltningen$$ WHERE id = :id', id=book.town.master.id)
    book.write(
        Entry(
            book.town.school, book.office, book.ago(1), status=Status.NOT_ALLOWED_GROUP, rule=book.town.master
        )
    )
    page = head.get(SCHOOL_LOG)
    assert column(page, Column.STATUS) == ["Group:Överförvaltningen"]
    assert page.text.count("Överförvaltningen") == 1
    assert str(book.town.master.id) not in page.text
