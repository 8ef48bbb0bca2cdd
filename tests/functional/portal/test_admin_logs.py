"""The log's page: what it shows, when and where, sorted and page by page (spec L1, L4, S6, S8)."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest
from webtest import TestResponse

from messa_platform.messaging.log.asked import Column
from messa_platform.messaging.statuses import Status
from messa_platform.tenants.models import Group
from tests.support.portal import seen
from tests.support.town import CHIEF, Desk
from tests.support.town_log import (
    CLASS_LOG,
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
    sorted_by,
)

# What a message shows


def test_a_message_stands_with_all_seven_columns(book: Book, chief: Desk) -> None:
    book.a_week()
    page = chief.get(MASTER_LOG)
    heads = [th.get_text() for th in page.html.select(".log thead th")]
    assert heads == ["Date", "Group", "E-mail", "Mobile number", "in/out", "Status", "Count"]
    day, number = book.day, "+46 70 174 06 05"
    assert rows(page) == [
        [f"{day(1)} 09:00:00", "Klass 4B", TEACHER, number, "out", "DELIVERED", "2"],
        [f"{day(2)} 09:00:00", "Klass 4B", TEACHER, "+46 18 68 16 05", "out", "UNDELIVERED", "1"],
        [f"{day(3)} 09:00:00", "Skolan", OFFICE, number, "in", "INCOMING", "0"],
        [f"{day(4)} 09:00:00", "Skolan", OFFICE, number, "out", "no_sms_left:Group:Skolan", "0"],
        [f"{day(5)} 09:00:00", "Omsorgen", NURSE, "+46 18 68 16 05", "out", "DELIVERED", "1"],
        [f"{day(6)} 09:00:00", "Master", CHIEF, number, "out", "sms_already_sent_24H", "0"],
    ]
    assert page.html.select_one("#found").get_text() == "6 messages, 4 SMS charged"


def test_the_text_is_in_no_answer(book: Book, chief: Desk) -> None:
    message = book.a_week()[0]
    for path in (MASTER_LOG, f"/t/kommun/@@log-message?id={message}", "/t/kommun/@@logs-choices?field=email"):
        assert "Hemlig" not in chief.get(path).text


def test_each_status_on_the_page_is_explained_on_it_and_no_other(book: Book, chief: Desk) -> None:
    book.a_week()
    page = chief.get(f"{MASTER_LOG}?direction=in")
    words = {
        dt.get_text(): dd.get_text() for dt, dd in zip(*map(page.html.select, ("dt", "dd")), strict=True)
    }
    assert list(words) == ["INCOMING"]
    assert "costs nothing" in words["INCOMING"]


def test_what_cannot_be_named_shows_as_it_is(book: Book, chief: Desk) -> None:
    book.write(
        Entry(book.town.school, UUID(int=0), book.ago(1), "467301214000000", Status.INCOMING),
        Entry(book.town.school, book.office, book.ago(2), "Banken", Status.INCOMING),
        Entry(book.town.school, book.office, book.ago(3), "07o1", Status.INVALID_NUMBER),
    )
    page = chief.get(MASTER_LOG)
    assert [row[2:4] for row in rows(page)] == [
        ["–", "467301214000000"],
        [OFFICE, "Banken"],
        [OFFICE, "07o1"],
    ]
    assert [row[3] for row in rows(chief.get(f"{MASTER_LOG}?number=Banken"))] == ["Banken"]


def test_a_removed_group_is_told_to_be_removed(book: Book, chief: Desk) -> None:
    book.a_week()
    book.world.run('UPDATE "group" SET removed_at = now() WHERE id = :id', id=book.town.class_4b.id)
    page = chief.get(SCHOOL_LOG)
    assert column(page, Column.GROUP) == ["Klass 4B (removed)"] * 2 + ["Skolan"] * 2
    assert options(page, "group") == ["all", "Klass 4B (removed)", "Skolan"]
    assert days(chief.get(f"{SCHOOL_LOG}?group={book.town.class_4b.id}")) == [book.day(1), book.day(2)]


def test_nothing_there_is_said_in_words(book: Book, chief: Desk) -> None:
    assert "Nothing was sent or received in these days." in seen(chief.get(MASTER_LOG))
    book.a_week()
    page = chief.get(f"{MASTER_LOG}?status=SENT")
    assert "No message of these days is what you asked for." in seen(page)
    assert len(rows(chief.get(link(page, "Show all messages of these days")))) == 6


# Where and when


def test_a_group_shows_what_is_below_it_or_itself_alone(book: Book, chief: Desk) -> None:
    book.a_week()
    assert set(column(chief.get(SCHOOL_LOG), Column.GROUP)) == {"Skolan", "Klass 4B"}
    assert set(column(chief.get(f"{SCHOOL_LOG}?reach=own"), Column.GROUP)) == {"Skolan"}
    assert set(column(chief.get(CLASS_LOG), Column.GROUP)) == {"Klass 4B"}


def test_without_days_the_last_thirty_are_shown(book: Book, chief: Desk) -> None:
    book.write(
        *(Entry(book.town.school, book.office, book.ago(d)) for d in (0, 29)),
        Entry(book.town.school, book.office, book.ago(30, 23, 59)),
    )
    page = chief.get(MASTER_LOG)
    assert days(page) == [book.day(0), book.day(29)]
    shown = {name: page.html.select_one(f"#{name}")["value"] for name in ("from", "to")}
    assert shown == {"from": book.day(29), "to": book.day(0)}


DAYS = ((4, 2, [2, 3, 4]), (3, 3, [3]), (None, 5, [5, 6]), (2, None, [1, 2]), (40, 20, []))
"""The first day and the last, so many days ago, and which messages of the week are of them."""


@pytest.mark.parametrize(("first", "last", "expected"), DAYS)
def test_days_count_from_the_first_to_the_end_of_the_last(
    book: Book, chief: Desk, first: int | None, last: int | None, expected: list[int]
) -> None:
    book.a_week()
    since, until = ("" if n is None else book.day(n) for n in (first, last))
    page = chief.get(f"{MASTER_LOG}?from={since}&to={until}")
    assert days(page) == [book.day(n) for n in expected]


@pytest.mark.parametrize("preset", ["Today", "7 days", "30 days", "This month", "Last month"])
def test_often_wanted_days_are_a_press_away_and_keep_the_rest(book: Book, chief: Desk, preset: str) -> None:
    book.a_week()
    today = book.ago(0).date()
    page = chief.get(link(chief.get(f"{MASTER_LOG}?direction=out&sort=email"), preset))
    query = dict(parse_qsl(urlsplit(page.request.url).query))
    assert (query["direction"], query["sort"]) == ("out", "email")
    first_of_month = today.replace(day=1)
    last_month = first_of_month - timedelta(days=1)
    assert (query["from"], query["to"]) == {
        "Today": (str(today), str(today)),
        "7 days": (str(today - timedelta(days=6)), str(today)),
        "30 days": (str(today - timedelta(days=29)), str(today)),
        "This month": (str(first_of_month), str(today)),
        "Last month": (str(last_month.replace(day=1)), str(last_month)),
    }[preset]
    assert page.html.select_one(".log-presets [aria-current]").get_text() == preset


def test_days_and_times_are_those_of_the_organisations_clock(book: Book, chief: Desk) -> None:
    book.write(Entry(book.town.school, book.office, book.ago(3, 23, 30)))
    book.world.run("UPDATE tenant SET time_zone = 'Europe/Helsinki' WHERE slug = 'kommun'")
    page = book.town.chief.get(f"{MASTER_LOG}?from={book.day(2)}&to={book.day(2)}")
    assert column(page, Column.DATE) == [f"{book.day(2)} 00:30:00"]
    assert "1 message," in seen(page)
    assert rows(book.town.chief.get(f"{MASTER_LOG}?from={book.day(3)}&to={book.day(3)}")) == []


# Sorting


def test_every_column_sorts_both_ways_by_its_heading(book: Book, chief: Desk) -> None:
    book.a_week()
    page = chief.get(f"{MASTER_LOG}?direction=out")
    assert sorted_by(page) == {"Date": "descending"}
    for number, words in enumerate(
        ("Group", "E-mail", "Mobile number", "in/out", "Status", "Count", "Date"), 1
    ):
        place = number % 7
        first = chief.get(link(page, words))
        second = chief.get(link(first, words))
        states = ["descending", "ascending"] if words == "Date" else ["ascending", "descending"]
        assert [sorted_by(p) for p in (first, second)] == [{words: state} for state in states]
        for shown, state in ((first, states[0]), (second, states[1])):
            cells = [row[place] for row in rows(shown)]
            assert cells == sorted(cells, reverse=state == "descending"), words
        page = second


# Page by page


def many(book: Book, count: int = 120) -> None:
    """So many messages of several people, numbers and statuses, many a minute."""
    people: list[tuple[Group, UUID]] = [
        (book.town.class_4b, book.teacher), (book.town.school, book.office), (book.town.care, book.nurse),
    ]  # fmt: skip
    statuses = (Status.DELIVERED, Status.UNDELIVERED, Status.INCOMING, Status.SENT, Status.UNSENT)
    book.write(
        *(
            Entry(
                *people[n % 3],
                book.ago(n % 20, 9, n % 7),
                f"+467017406{n % 40:02}",
                statuses[n % 5],
                parts=1 + n % 3,
            )
            for n in range(count)
        )
    )


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", Column)
def test_pages_lead_to_each_message_once_and_back_again(
    book: Book, chief: Desk, sort: Column, order: str
) -> None:
    many(book)
    behind, before = {True: ("Older", "Newer"), False: ("Next", "Previous")}[sort is Column.DATE]
    if (sort, order) == (Column.DATE, "asc"):
        behind, before = before, behind

    def ids(page: TestResponse) -> list[str]:
        return [a["href"] for a in page.html.select(".log tbody a")]

    page = chief.get(f"{MASTER_LOG}?sort={sort}&order={order}")
    forwards = [ids(page)]
    while any(a.get_text().strip() == behind for a in page.html.select("a[rel=next]")):
        page = chief.get(link(page, behind))
        forwards.append(ids(page))
    assert [len(part) for part in forwards] == [50, 50, 20]
    assert len({i for part in forwards for i in part}) == 120
    backwards = [ids(page)]
    while page.html.select("a[rel=prev]"):
        page = chief.get(link(page, before))
        backwards.append(ids(page))
    assert backwards == forwards[::-1]
    assert ids(chief.get(link(page, "To the first page"))) == forwards[0]
    assert "120 messages" in seen(page)


def test_a_page_keeps_its_place_when_new_messages_come(book: Book, chief: Desk) -> None:
    many(book)
    older = link(chief.get(MASTER_LOG), "Older")
    before = rows(chief.get(older))
    book.write(Entry(book.town.school, book.office, book.world.clock.now()))
    assert rows(chief.get(older)) == before
