"""Pages of the log agree with a plain filter, whichever way they are found (spec L1)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from messa_platform.messaging.log import by_date, pages
from messa_platform.messaging.log.asked import Asked, Column, Key
from messa_platform.messaging.log.pages import page
from messa_platform.messaging.statuses import Direction, Status
from tests.support.log_book import DAYS, START, Book, ids, scope

MOMENTS = st.integers(-2 * 24 * 60, (DAYS + 2) * 24 * 60).map(
    lambda minutes: START + timedelta(minutes=minutes)
)
PICK = st.integers(0, 10**6)
FEW = st.sampled_from([0, 5, 60, 500, 20_000])
"""How many messages are few: at the smallest every page is found as in a log of millions."""


@st.composite
def searches(draw: st.DrawFn) -> dict[str, Any]:
    """What is asked for, by places in the book's lists."""
    since, until = sorted((draw(MOMENTS), draw(MOMENTS)))
    narrowed = st.none() | st.none() | PICK
    return {
        "group": draw(PICK),
        "subgroups": draw(st.booleans()),
        "since": since,
        "until": until,
        "only": draw(narrowed),
        "account": draw(narrowed),
        "number": draw(narrowed),
        "direction": draw(st.none() | st.sampled_from(Direction)),
        "status": draw(st.none() | st.none() | st.sampled_from(Status)),
        "sort": draw(st.sampled_from(Column)),
        "descending": draw(st.booleans()),
    }


def of(book: Book, said: dict[str, Any]) -> Asked:
    group = book.groups[said["group"] % len(book.groups)] if said["group"] % 3 else book.master
    accounts = list(book.accounts)
    return Asked(
        scope(book, group, subgroups=said["subgroups"]),
        said["since"],
        said["until"],
        None if said["only"] is None else book.groups[said["only"] % len(book.groups)].id,
        None if said["account"] is None else accounts[said["account"] % len(accounts)],
        None if said["number"] is None else book.numbers[said["number"] % len(book.numbers)],
        said["direction"],
        said["status"],
        sort=said["sort"],
        descending=said["descending"],
    )


@contextmanager
def so_few(few: int) -> Iterator[None]:
    """Let the ways of a large log be gone in a small one."""
    cells = max(3, few // 10)
    with (
        patch.object(pages, "FEW", few),
        patch.object(by_date, "FEW", few),
        patch.object(by_date, "CELLS", cells),
    ):
        yield


@settings(
    max_examples=2000,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(said=searches(), few=FEW, most=st.integers(1, 60), at=PICK)
@pytest.mark.timeout(600)
def test_filters_sort_and_pages_agree_with_a_plain_filter(
    book: Book, session: Session, said: dict[str, Any], few: int, most: int, at: int
) -> None:
    asked = of(book, said)
    expected = book.found(asked)
    with so_few(few):
        first = page(session, asked, most=most)
        assert ids(first.rows) == expected[:most]
        assert (first.has_before, first.has_after) == (False, len(expected) > most)
        if not first.rows:
            return
        place = at % len(first.rows)
        key = first.rows[place].key
        after = page(session, asked, key, most=most)
        assert ids(after.rows) == expected[place + 1 : place + 1 + most]
        assert after.has_after == (len(expected) > place + 1 + most)
        before = page(session, asked, key, backwards=True, most=most)
        assert ids(before.rows) == expected[:place][-most:]
        assert not before.has_before and before.has_after


@pytest.mark.parametrize("few", [0, 60, 20_000])
@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("sort", Column)
def test_page_after_page_shows_each_message_once_and_the_way_back_is_the_same(
    book: Book, session: Session, sort: Column, descending: bool, few: int
) -> None:
    asked = Asked(scope(book, book.master, subgroups=True), START, START + timedelta(days=200))
    asked = asked.within(sort=sort, descending=descending)
    expected = book.found(asked)
    seen = []
    key: Key | None = None
    with so_few(few):
        while True:
            shown = page(session, asked, key, most=130)
            seen += ids(shown.rows)
            key = shown.rows[-1].key
            if not shown.has_after:
                break
        assert seen == expected
        back = page(session, asked, key, backwards=True, most=130)
        assert ids(back.rows) == expected[-131:-1]
        assert back.has_before


def test_a_row_tells_who_where_and_which_rule_but_not_the_text(book: Book, session: Session) -> None:
    line = next(m for m in book.lines if m["status"] is Status.USED_UP_GROUP)
    asked = Asked(scope(book, book.master, subgroups=True), START, START + timedelta(days=200))
    rows = page(session, asked.within(status=Status.USED_UP_GROUP), most=1000).rows
    row = next(r for r in rows if r.id == line["id"])
    assert row.address == book.accounts[line["account_id"]]
    assert row.group == next(g.name for g in book.groups if g.id == line["group_id"])
    assert (row.rule_group, row.parts, row.at) == (
        book.master.name,
        0,
        line["created_at"].replace(microsecond=row.at.microsecond),
    )
    assert not hasattr(row, "text")


def test_a_removed_group_stays_in_the_log_and_is_marked(book: Book, session: Session) -> None:
    gone = book.groups[-1]
    asked = Asked(scope(book, book.master, subgroups=True), START, START + timedelta(days=200), gone.id)
    rows = page(session, asked).rows
    assert rows and all(r.group_removed and r.group == "Borta" for r in rows)


def test_a_group_outside_the_scope_is_none(book: Book, session: Session) -> None:
    asked = Asked(
        scope(book, book.groups[3], subgroups=False), START, START + timedelta(days=200), book.master.id
    )
    assert page(session, asked).rows == ()


def test_what_an_account_sent_stays_with_its_address_when_it_has_gone_to_another_tenant(
    book: Book, session: Session, world: Any
) -> None:
    account_id, address = next(iter(book.accounts.items()))
    other = world.tenant("tredje", "Tredje")
    world.move_account(account_id, other)
    asked = Asked(
        scope(book, book.master, subgroups=True), START, START + timedelta(days=200), account_id=account_id
    )
    rows = page(session, asked).rows
    assert rows and {r.address for r in rows} == {address}
