"""The list of threads (spec U1)."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.tenants.models import Group
from tests.support.history import give_history
from tests.support.portal import GORAN, KARIN, School, seen
from tests.support.visitors import Visitor, path_of


def test_a_newcomer_sees_what_to_do_next(school: School) -> None:
    page = school.get("/messages")
    assert "0701234567@messa.example" in seen(page)
    assert 'href="/messages/new"' in page.text


def test_who_is_signed_out_is_asked_to_sign_in_and_comes_back(school: School) -> None:
    school.text(KARIN, "Hej")
    thread = school.thread(KARIN)
    stranger = Visitor(school.runtime)
    for path in ("/messages", thread, f"/messages/{uuid4()}", "/messages/lists"):
        answer = stranger.get(path)
        assert answer.status_int == 303
        assert path_of(answer).startswith("/sign-in?next=%2Fmessages")


def test_the_threads_stand_newest_first_with_their_last_text(school: School, clock: FixedClock) -> None:
    school.text(KARIN, "Möte torsdag")
    clock.move(timedelta(minutes=5))
    school.text(GORAN, "Passet är avbokat")
    words = seen(school.get("/messages"))
    assert words.index("070-174 06 12") < words.index("070-174 06 05")
    assert "Möte torsdag" in words and "Passet är avbokat" in words


def test_an_unread_answer_is_marked_and_counted_in_the_title_until_its_thread_is_opened(
    school: School,
) -> None:
    school.text(KARIN, "Kommer du?")
    school.text(GORAN, "Kommer du?")
    school.answer(KARIN, "Ja")
    school.answer(KARIN, "Klockan nio")
    page = school.get("/messages")
    assert "<title>(1) Messages – messa</title>" in page.text
    assert "2 unread" in seen(page)
    opened = school.get(school.thread(KARIN))
    assert "<title>070-174 06 05 – messa</title>" in opened.text
    assert not school.get("/messages").html.select(".unread")


def test_a_search_finds_names_numbers_and_texts_and_marks_what_was_found(school: School) -> None:
    school.text(KARIN, "Friluftsdag i morgon")
    school.text(GORAN, "Passet är avbokat")
    for q in ("FRILUFTS", "070-174 06 05", "+46 70 174 06 05"):
        words = seen(school.get(f"/messages?q={q.replace('+', '%2B')}"))
        assert "070-174 06 05" in words and "070-174 06 12" not in words
    page = school.get("/messages?q=frilufts")
    assert "<mark>Frilufts</mark>dag" in page.text
    assert re.search(r'href="/messages/[-0-9a-f]{36}\?q=frilufts"', page.text)


def test_a_search_that_finds_nothing_says_so_and_leads_back(school: School) -> None:
    school.text(KARIN, "Hej")
    page = school.get("/messages?q=<script>alert(1)</script>")
    assert "Nothing found" in seen(page)
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text


def test_the_list_is_paged_and_each_page_has_fifty(school: School, group: Group, clock: FixedClock) -> None:
    give_history(school.world.database, clock.now(), group, school.account_id, threads=120, messages=150)
    found: list[str] = []
    path: str | None = "/messages"
    while path:
        page = school.get(path)
        found += re.findall(r'<li id="t-([-0-9a-f]{36})"', page.text)
        more = re.search(r'id="more-threads" href="([^"]+)"', page.text)
        path = more[1] if more else None
    assert len(found) == len(set(found)) == 120
    assert school.get("/messages").text.count('<li id="t-') == 50


@pytest.mark.parametrize(
    "query", ["?q=%ff%fe", "?after=%ff", "?after=nonsense", "?q=%00", "?current=x", "?before=%ff"]
)
def test_an_odd_address_is_no_error(school: School, query: str) -> None:
    school.text(KARIN, "Hej")
    school.get(f"/messages{query}")
    school.get(f"{school.thread(KARIN)}{query}")
