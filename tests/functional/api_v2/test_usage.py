"""Usage by v2: what it says equals a count of the messages, however it is told apart, and wherever the pages end (spec V5)."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest

from messa_platform.api_v2.usage_shapes import WAYS
from messa_platform.core.clock import FixedClock, stockholm_day
from messa_platform.core.ids import time_of
from messa_platform.messaging.log import summary
from messa_platform.messaging.log.usage import By, Wanted, usage
from messa_platform.tenants.models import Group
from tests.functional.api_v2.conftest import Api, Program
from tests.support.log_book import DAYS, START, Book, write_book
from tests.support.observe import statements

FIRST, LAST = date(2026, 3, 10), date(2026, 7, 15)
SPAN = f"since={FIRST}&until={LAST}"


@pytest.fixture
def book(api: Api, clock: FixedClock) -> Book:
    """Messages of half a year, some of them folded already, in a tree of which one group was removed; and those of others."""
    clock.move(START + timedelta(days=DAYS) - clock.now())
    made = write_book(api.world, "boken", 900, seed=5)
    with api.world.database.unit_of_work() as session:
        summary.fold(session)
    other = write_book(api.world, "annan", 60, seed=6)
    assert other.lines
    api.world.run("DELETE FROM message WHERE id = :id", id=made.lines.pop()["id"])
    return made


def a_program(api: Api, group: Group) -> Program:
    return api.program(group)


def every_page(program: Program, query: str, limit: int = 100) -> list[Any]:
    found, cursor = [], ""
    while True:
        page = program.get(f"/v2/usage?{query}&limit={limit}{cursor}")
        found += page["items"]
        assert len(page["items"]) <= limit
        if page["next"] is None:
            return found
        assert len(page["items"]) == limit
        cursor = f"&cursor={page['next']}"


def counted(book: Book, group: Group, by: str, first: date = FIRST, last: date = LAST) -> list[Any]:
    """What a count of the messages says, in order."""
    within, words = set(book.below(group)), by.split(",")
    messages, parts = Counter[Any](), Counter[Any]()
    for line in book.lines:
        day = stockholm_day(time_of(line["id"]))
        if line["group_id"] not in within or not first <= day <= last:
            continue
        known = {
            "day": str(day),
            "month": str(day)[:7],
            "group": str(line["group_id"]),
            "direction": line["direction"].value,
            "status": line["status"].value,
        }
        key = tuple(known[word] if word in words else None for word in known)
        messages[key] += 1
        parts[key] += line["parts"]
    return [(*key, messages[key], parts[key]) for key in sorted(messages, key=str)]


def told(items: list[Any]) -> list[Any]:
    names = ("day", "month", "group_id", "direction", "status", "messages", "parts")
    return [tuple(item[name] for name in names) for item in items]


@pytest.mark.parametrize("top", ["all", "below"])
def test_it_equals_a_count_of_the_messages_however_it_is_told_apart(api: Api, book: Book, top: str) -> None:
    group = book.master if top == "all" else book.groups[1]
    program = a_program(api, group)
    for by in WAYS:
        found = told(every_page(program, f"{SPAN}&by={by}"))
        assert sorted(found, key=str) == sorted(counted(book, group, by), key=str), by
        assert found, by


@pytest.mark.parametrize(
    "by", ["day,group", "month,group,status", "group,direction", "status", "day,direction"]
)
def test_pages_of_any_length_hold_the_same_in_one_order(api: Api, book: Book, by: str) -> None:
    program = a_program(api, book.master)
    whole = every_page(program, f"{SPAN}&by={by}", 1000)
    assert every_page(program, f"{SPAN}&by={by}", 7) == whole
    keys = [[v for v in row[:5] if v is not None] for row in told(whole)]
    assert keys == sorted(keys)


def test_a_group_is_told_with_all_below_it_and_by_its_name(api: Api, book: Book) -> None:
    program, group = a_program(api, book.master), book.groups[2]
    found = every_page(program, f"{SPAN}&by=group&group_id={group.id}")
    assert told(found) == counted(book, group, "group")
    names = {str(g.id): g.name for g in book.groups}
    assert all(item["group"] == names[item["group_id"]] for item in found)


def test_what_lies_above_or_beside_is_as_if_it_were_not(api: Api, book: Book) -> None:
    group = book.groups[1]
    program = a_program(api, group)
    nothing = program.ask("GET", f"/v2/usage?group_id={book.master.tenant_id}", status=404).body
    within = set(book.below(group))
    outside = [g.id for g in book.groups[:-1] if g.id not in within]
    assert len(outside) > 2
    for other in (*outside, api.school.id):
        assert program.ask("GET", f"/v2/usage?group_id={other}", status=404).body == nothing
    strangers = a_program(api, book.master).get(f"/v2/usage?{SPAN}&by=day,group&limit=1")
    cursor = strangers["next"]
    behind = program.get(f"/v2/usage?{SPAN}&by=day,group&limit=1000&cursor={cursor}")["items"]
    assert behind and {item["group_id"] for item in behind} <= {str(i) for i in within}


def test_a_time_counts_stockholms_days_and_parts_of_months(api: Api, book: Book) -> None:
    program = a_program(api, book.master)
    for first, last in (
        (date(2026, 3, 31), date(2026, 4, 1)),
        (date(2026, 4, 1), date(2026, 4, 30)),
        (date(2026, 4, 2), date(2026, 4, 29)),
        (date(2026, 3, 1), date(2026, 8, 31)),
    ):
        for by in ("month,group", "group", "day"):
            found = told(every_page(program, f"since={first}&until={last}&by={by}"))
            assert sorted(found, key=str) == counted(book, book.master, by, first, last), (first, last, by)


def test_without_a_word_it_is_the_last_thirty_days_by_day_group_and_direction(
    api: Api, book: Book, clock: FixedClock
) -> None:
    program, today = a_program(api, book.master), stockholm_day(clock.now())
    found = told(every_page(program, ""))
    expected = counted(book, book.master, "day,group,direction", today - timedelta(days=29), today)
    assert sorted(found, key=str) == expected
    assert found


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("since=2026-13-01", "?since", "invalid"),
        ("until=20260101", "?until", "invalid"),
        ("by=hour", "?by", "not_allowed"),
        ("by=day,day", "?by", "not_allowed"),
        ("by=day,month", "?by", "not_allowed"),
        ("group_id=x", "?group_id", "invalid"),
        ("limit=1001", "?limit", "pattern"),
        ("cursor=x", "?cursor", "pattern"),
    ],
)
def test_what_cannot_be_asked_is_told(school: Program, query: str, pointer: str, code: str) -> None:
    problem = school.get(f"/v2/usage?{query}", 400)
    assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [(pointer, code)]


@pytest.mark.parametrize(
    "query", ["since=2025-01-01&until=2026-02-05", "since=0001-01-01&until=9999-12-31&by=month"]
)
def test_a_time_that_is_too_long_is_refused(school: Program, query: str) -> None:
    problem = school.get(f"/v2/usage?{query}", 403)
    assert problem["type"].endswith("/time-too-long")
    assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [("?since", "too_long")]


@pytest.mark.parametrize(
    "query",
    [
        "since=2026-03-02&until=2026-03-01",
        f"by=status&cursor=000000-{'0' * 32}-in-_",
        f"cursor=999999-{'f' * 32}-out-_",
        "until=9999-12-31",
        "until=0001-01-01",
        "since=9990-01-01&until=9999-12-31&by=month",
        "since=2025-01-01&until=2026-02-04",
        "since=2017-01-01&until=2026-12-31&by=month,group",
    ],
)
def test_a_time_in_which_there_is_nothing_has_nothing(school: Program, query: str) -> None:
    assert school.get(f"/v2/usage?{query}") == {"items": [], "next": None}


def test_no_message_is_read_and_the_statements_are_as_many_for_any_page(api: Api, book: Book) -> None:
    program, made = a_program(api, book.master), []
    for limit in (1, 1000):
        with statements(api.runtime.database.engine) as seen:
            program.get(f"/v2/usage?{SPAN}&by=day,group,status&limit={limit}")
        made.append(len(seen))
        assert not [s for s in seen if "FROM message " in s.text]
    assert made[0] == made[1]


@pytest.mark.parametrize("by", [set(), {By.DAY, By.MONTH}])
def test_a_way_that_tells_nothing_apart_is_a_bug(api: Api, by: set[By]) -> None:
    with api.world.database.unit_of_work() as session, pytest.raises(ValueError, match="by:"):
        usage(session, Wanted(None, FIRST, LAST, frozenset(by)), None, 1)  # type: ignore[arg-type]
