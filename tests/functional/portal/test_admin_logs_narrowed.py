"""The log's search: narrowed by each column, while something is written, and what wrong addresses are told (spec L1)."""

from __future__ import annotations

from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

import pytest

from messa_platform.core.ids import id_at
from messa_platform.messaging.log.asked import Column
from tests.support.forest import grow
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
    sorted_by,
    typed,
)

SEARCH = "log-search"
"""The id of the search's form."""
FIELDS = ("email", "number", "group", "direction", "status", "parts")


# Narrowing


def asking(book: Book) -> dict[str, tuple[str, list[int]]]:
    """What is asked for, and how many days ago the messages were that it finds."""
    town = book.town
    return {
        "a group by its id": (f"group={town.school.id}", [3, 4]),
        "a group by its name": ("group=Klass+4B", [1, 2]),
        "a group by its name in other letters": ("group=klass+4b", [1, 2]),
        "a group by a part of its name": ("group=omsorg", [5]),
        "a group by the way to it": (f"group={quote('Master › Skolan › Klass 4B')}", [1, 2]),
        "an address": (f"email={TEACHER}", [1, 2]),
        "an address in capitals": (f"email={TEACHER.upper()}", [1, 2]),
        "the beginning of an address": ("email=lar", [1, 2]),
        "a part of an address": ("email=edition", [3, 4]),
        "an account": (f"email={book.nurse}", [5]),
        "an address that nobody has": ("email=finns@inte.example", []),
        "an account that nobody has": (f"email={uuid4()}", []),
        "a number": (f"number={quote(BO)}", [2, 5]),
        "a number as it is written at home": ("number=018-68+16+05", [2, 5]),
        "a number as it is written abroad": ("number=0046+18681605", [2, 5]),
        "a number without its zero": ("number=18681605", [2, 5]),
        "the beginning of a number": ("number=018", [2, 5]),
        "a number that nobody has": ("number=070-000+00+00", []),
        "out": ("direction=out", [1, 2, 4, 5, 6]),
        "in": ("direction=in", [3]),
        "a status": ("status=DELIVERED", [1, 5]),
        "a status that names a group": ("status=no_sms_left:Group", [4]),
        "a count": ("parts=2", [1]),
        "no count": ("parts=0", [3, 4, 6]),
        "all of it": (
            f"group=Skolan&email={OFFICE}&number=070&direction=out&status=no_sms_left:Group&parts=0",
            [4],
        ),
        "what excludes itself": (f"email={TEACHER}&direction=in", []),
    }


def test_each_column_narrows_to_what_is_asked_for(book: Book, chief: Desk) -> None:
    book.a_week()
    table = asking(book)
    found = {what: days(chief.get(f"{MASTER_LOG}?{query}")) for what, (query, _) in table.items()}
    assert found == {what: [book.day(n) for n in expected] for what, (_, expected) in table.items()}


def test_fields_show_what_was_asked_for_and_the_whole_of_what_was_begun(book: Book, chief: Desk) -> None:
    book.a_week()
    asked = "email=lar&number=070&group=klass&direction=out&status=DELIVERED&parts=2&sort=group&order=desc"
    page = chief.get(f"{MASTER_LOG}?{asked}")
    form = page.forms[SEARCH]
    shown = {name: form[name].value for name in (*FIELDS, "sort", "order")}
    assert shown == {
        "email": TEACHER, "number": ANNA, "group": str(book.town.class_4b.id), "direction": "out", "status": "DELIVERED", "parts": "2",
        "sort": "group", "order": "desc",
    }  # fmt: skip
    again = form.submit()
    assert rows(again) == rows(page) != []


def test_lists_offer_what_is_in_the_result_and_nothing_else(book: Book, chief: Desk) -> None:
    book.a_week()
    page = chief.get(MASTER_LOG)
    assert options(page, "group") == ["all", "Klass 4B", "Master", "Omsorgen", "Skolan"]
    assert options(page, "direction") == ["all", "out", "in"]
    assert options(page, "status") == [
        "all", "DELIVERED", "UNDELIVERED", "INCOMING", "sms_already_sent_24H", "no_sms_left:Group:…",
    ]  # fmt: skip
    assert options(page, "parts") == ["all", "0", "1", "2"]
    delivered = chief.get(f"{MASTER_LOG}?status=DELIVERED")
    assert options(delivered, "group") == ["all", "Klass 4B", "Omsorgen"]
    assert options(delivered, "direction") == ["all", "out"]
    assert options(delivered, "parts") == ["all", "1", "2"]
    of_bo = chief.get(f"{MASTER_LOG}?number={quote(BO)}")
    assert options(of_bo, "group") == ["all", "Klass 4B", "Omsorgen"]
    assert options(of_bo, "status") == ["all", "DELIVERED", "UNDELIVERED"]
    earlier = chief.get(f"{MASTER_LOG}?from={book.day(6)}&to={book.day(5)}")
    assert options(earlier, "group") == ["all", "Master", "Omsorgen"]


def test_groups_of_one_name_are_told_apart_by_the_way_to_them(book: Book, chief: Desk) -> None:
    other = book.world.group(book.town.care, "Klass 4B")
    book.write(Entry(book.town.class_4b, book.teacher, book.ago(1)), Entry(other, book.nurse, book.ago(2)))
    ways = ["Master › Omsorgen › Klass 4B", "Master › Skolan › Klass 4B"]
    assert sorted(options(chief.get(MASTER_LOG), "group")[1:]) == ways
    asked = chief.get(f"{MASTER_LOG}?group=Klass+4B", 422)
    assert sorted(a.get_text() for a in asked.html.select("#group-options a")) == ways
    assert days(chief.get(link(asked, ways[0]))) == [book.day(2)]
    assert days(chief.get(f"{MASTER_LOG}?group={quote('Omsorgen › klass 4b')}")) == [book.day(2)]


def test_of_many_groups_one_writes_the_name(book: Book, chief: Desk) -> None:
    groups = grow(book.world, book.town.care, (55,), "Avdelning")[0]
    book.write(*(Entry(group, book.nurse, book.ago(1)) for group in groups))
    page = chief.get(MASTER_LOG)
    field = page.html.select_one("#group")
    assert (field.name, field["data-choices"]) == ("input", "/t/kommun/@@logs-choices")
    form = page.forms[SEARCH]
    form["group"] = "avdelning 50"
    found = form.submit()
    assert column(found, Column.GROUP) == ["Avdelning 50"]
    choices = chief.get("/t/kommun/@@logs-choices?field=group&group=avd").json
    assert len(choices["choices"]) == 50 and choices["more"]
    assert choices["choices"][0] == ["Master › Omsorgen › Avdelning 1"] * 2


@pytest.mark.parametrize(
    ("query", "many"), [("email=kommun", 4), ("email=@", 4), ("number=%2B46", 2), ("group=o", 2)]
)
def test_where_several_may_be_meant_they_are_there_to_choose(
    book: Book, chief: Desk, query: str, many: int
) -> None:
    book.a_week()
    name = query.partition("=")[0]
    page = chief.get(f"{MASTER_LOG}?{query}&direction=out", 422)
    assert "Choose one of them below" in page.html.select_one(f"#{name}-error").get_text()
    choices = page.html.select(f"#{name}-options a")
    assert len(choices) == many
    for choice in choices:
        found = chief.get(choice["href"])
        assert set(column(found, Column.DIRECTION)) == {"out"}


def test_two_senders_of_one_name_are_told_apart(book: Book, chief: Desk) -> None:
    book.a_week()
    both = [book.nurse, book.teacher]
    book.world.run("UPDATE message_sender SET address = 'Larmet' WHERE account_id = ANY(:ids)", ids=both)
    page = chief.get(f"{MASTER_LOG}?email=Larmet", 422)
    named = sorted(a.get_text() for a in page.html.select("#email-options a"))
    assert named == ["Larmet, Klass 4B", "Larmet, Omsorgen"]
    found = chief.get(link(page, "Larmet, Omsorgen"))
    assert (days(found), column(found, Column.EMAIL)) == ([book.day(5)], ["Larmet"])


# What is typed


def test_what_is_written_is_completed_from_the_result(book: Book, chief: Desk) -> None:
    book.a_week()
    assert typed(chief, field="email") == [CHIEF, OFFICE, TEACHER, NURSE]
    assert typed(chief, field="email", email="exp") == [OFFICE]
    assert typed(chief, field="email", email="RARE") == [TEACHER]
    assert typed(chief, field="number", number="0") == [BO, ANNA]
    assert typed(chief, field="number", number="070-17") == [ANNA]
    ways = ["Master", "Master › Omsorgen", "Master › Skolan"]
    assert typed(chief, field="group", group="s") == ["Master › Skolan › Klass 4B", *ways]
    assert typed(chief, field="group", group="klass") == ["Master › Skolan › Klass 4B"]


def test_what_is_written_is_completed_by_what_the_other_fields_say(book: Book, chief: Desk) -> None:
    book.a_week()
    assert typed(chief, field="email", number=BO) == [TEACHER, NURSE]
    assert typed(chief, field="email", number=BO, email="natt") == [NURSE]
    assert typed(chief, field="number", email=NURSE) == [BO]
    assert typed(chief, field="number", group="Omsorgen") == [BO]
    assert typed(chief, field="email", group=str(book.town.school.id)) == [OFFICE]
    assert typed(chief, field="email", **{"from": book.day(6), "to": book.day(5)}) == [CHIEF, NURSE]
    assert typed(chief, field="number", **{"from": book.day(5), "to": book.day(5)}) == [BO]
    assert typed(chief, SCHOOL_LOG, field="email", reach="own") == [OFFICE]


def test_a_number_is_offered_in_the_manner_in_which_it_is_written(book: Book, chief: Desk) -> None:
    book.a_week()
    for written, shown in (
        ("070", "0701740605"),
        ("070-1", "070-174 06 05"),
        ("0046", "0046701740605"),
        ("+467", ANNA),
        ("46 7", ANNA),
    ):
        answer = chief.get(
            f"/t/kommun/@@logs-choices?{urlencode({'field': 'number', 'number': written})}"
        ).json
        assert [ANNA, shown] in answer["choices"], written


@pytest.mark.parametrize("query", ["", "field=status", "field=email&from=x", "field=email&group=finns+inte"])
def test_what_cannot_be_completed_is_told_so(book: Book, chief: Desk, query: str) -> None:
    assert chief.get(f"/t/kommun/@@logs-choices?{query}", 422).json == {"choices": [], "more": False}


# What is not right


def bad(book: Book) -> dict[str, str]:
    """What is wrong, and the field that is told so; "": the page as a whole."""
    return {
        "from=yesterday": "from",
        "from=2026-02-30": "from",
        "from=20261": "from",
        "to=0001-01-01": "to",
        "to=9999-12-31": "to",
        f"from={book.day(1)}&to={book.day(2)}": "to",
        "reach=all": "reach",
        "direction=sideways": "direction",
        "direction=OUT": "direction",
        "status=delivered": "status",
        "status=no_sms_left:Group:Skolan": "status",
        "parts=-1": "parts",
        "parts=999": "parts",
        f"parts={quote('٣')}": "parts",
        "group=finns+inte": "group",
        "group=%25": "group",
        f"group={uuid4()}": "group",
        f"group={book.town.elsewhere.id}": "group",
        "sort=text": "",
        "order=sideways": "",
    }


def test_wrong_values_are_told_beside_their_fields(book: Book, chief: Desk) -> None:
    book.a_week()
    for query, name in bad(book).items():
        page = chief.get(f"{MASTER_LOG}?{query}", 422)
        assert rows(page) == [], query
        alert = page.html.select_one("[role=alert]")
        assert alert, query
        if name:
            error = page.html.select_one(f"#{name}-error")
            assert error and error.get_text(" ").strip(), query
            assert alert.select_one(f'a[href="#{name}"]'), query
            assert page.html.select_one(f"#{name}"), query
        chief.get(link(page, "Back to the log"))


def broken(book: Book, message: UUID) -> list[str]:
    """Places that no page of the search begins at."""
    early, late = id_at(book.ago(400)), UUID(int=2**128 - 1)
    return [
        "after=x",
        f"before={str(message)[:-1]}",
        f"after={early}",
        f"after={late}",
        f"after={message}~more",
        f"sort=parts&after={message}",
        f"sort=parts&after={message}~many",
        f"sort=parts&after={message}~99999",
        f"sort=status&after={message}~GONE",
        f"sort=direction&before={message}~up",
        f"sort=group&after={message}",
        f"sort=group&after={message}~skolan",
        f"sort=email&after={message}~{message.hex[:5]}~a@b.example",
        "sort=email&after=" + "~".join("x" * 400 for _ in range(5)),
    ]


def test_a_place_that_is_not_in_the_search_is_told_to_be_none(book: Book, chief: Desk) -> None:
    message = book.a_week()[0]
    for query in broken(book, message):
        page = chief.get(f"{MASTER_LOG}?{query}", 422)
        assert "Begin with the first page" in page.html.select_one("[role=alert]").get_text(), query
        first = chief.get(link(page, "Back to the log"))
        assert len(rows(first)) == 6, query
        assert sorted_by(first) == sorted_by(chief.get(f"{MASTER_LOG}?{query.rpartition('&')[0]}")), query


ODD = (
    "from=%ff", "email=%00", "email=" + "x" * 5000, "email='%3B+DROP+TABLE+message", "email=%25", "number=%E2%98%8E", "number=" + "9" * 400,
    "number=%2B", "number=0", "number=00", "number=%2B46+(0)70-174", "group=" + "%C3%A5" * 2000, "email=%F0%9F%99%82", "unknown=1",
    "sort=group&after=", "parts=", "number=%C2%B2", "email=%E2%80%AE", "group=%E2%80%BA",
)  # fmt: skip


def test_nothing_that_stands_in_an_address_breaks_the_page(book: Book, chief: Desk) -> None:
    book.a_week()
    for query in ODD:
        for page in (
            "@@logs",
            "@@logs-choices?field=email",
            "@@logs-choices?field=number",
            "@@logs-choices?field=group",
        ):
            answer = chief.visitor.get(f"/t/kommun/{page}{'&' if '?' in page else '?'}{query}")
            assert answer.status_int in (200, 422), f"{page} {query}: {answer.status}"
