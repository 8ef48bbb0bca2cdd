"""A new message: to one number at once, to several by way of their preview; and the live counter (spec P2)."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.messaging.smart import smart
from messa_platform.tenants.models import Group
from tests.support.observe import statements
from tests.support.portal import GORAN, KARIN, School, seen
from tests.support.visitors import Visitor, path_of, token_of

# To a new number


def test_a_text_to_a_new_number_opens_its_thread(school: School) -> None:
    page = school.sent("/messages/new", to="070-174 06 05", text="Välkommen till skolan", send_at="")
    assert "Välkommen till skolan On its way" in seen(page)
    assert school.texts() == [(KARIN, "Välkommen till skolan", "QUEUED")]


def test_a_number_that_has_a_thread_gets_no_second_one(school: School) -> None:
    school.text(KARIN, "Hej")
    answer = school.send("/messages/new", to="+46 70 174 06 05", text="Hej igen", send_at="")
    assert path_of(answer) == school.thread(KARIN)
    assert school.world.value("SELECT count(*) FROM thread") == 1


def test_the_address_can_name_the_number(school: School) -> None:
    page = school.get('/messages/new?to=%2B46701740605"><script>')
    assert "+46701740605&#34;&gt;&lt;script&gt;</textarea>" in page.text


def test_what_is_missing_is_told_beside_each_field(school: School) -> None:
    page = school.send("/messages/new", to=" ", text="", send_at="")
    assert page.status_int == 422
    assert 'id="to-error"' in page.text and 'id="text-error"' in page.text
    assert "<title>Error: New message – messa</title>" in page.text
    assert school.texts() == []


def test_each_line_that_names_no_number_is_told(school: School) -> None:
    page = school.send("/messages/new", to="070-174 06 05\nhej\n070-12\n<b>x</b>", text="Hej", send_at="")
    assert page.status_int == 422
    words = html.unescape(seen(page))
    assert "Line 2: “hej” is not a phone number." in words
    assert "Line 3: “070-12” is too short." in words
    assert "<b>x</b>" not in page.text
    assert school.texts() == []


def test_a_number_that_said_stop_is_told_before(school: School) -> None:
    school.text(KARIN, "Hej")
    school.answer(KARIN, "stopp")
    page = school.send("/messages/new", to="0701740605", text="Hej", send_at="")
    assert page.status_int == 422
    assert "Not sent: the recipient has answered STOP" in seen(page)
    assert 'id="to-error"' in page.text


def test_the_guard_asks_here_too(school: School, clock: FixedClock) -> None:
    school.text(KARIN, "Kom till expeditionen")
    clock.move(timedelta(hours=1))
    page = school.send("/messages/new", to="0701740605", text="Kom till expeditionen", send_at="")
    assert "Send the same text again?" in seen(page)
    sent = school.send("/messages/new", to="0701740605", text="Kom till expeditionen", send_at="", again="1")
    assert path_of(sent) == school.thread(KARIN)
    assert len(school.texts()) == 2


def test_a_new_text_can_be_sent_later(school: School, clock: FixedClock) -> None:
    at = (clock.now() + timedelta(days=1)).strftime("%Y-%m-%dT08:00")
    page = school.sent("/messages/new", to="0701740605", text="God morgon", send_at=at)
    assert "To be sent tomorrow 08:00" in seen(page)
    assert school.texts() == [(KARIN, "God morgon", "SCHEDULED")]


def test_several_numbers_are_looked_at_before_anything_is_sent(school: School, clock: FixedClock) -> None:
    at = (clock.now() + timedelta(days=1)).strftime("%Y-%m-%dT08:00")
    page = school.sent(
        "/messages/new", to="0701740605, 0701740612; 0701740605", text="Hej {alla}", send_at=at
    )
    words = seen(page)
    assert "Recipients 2" in words and "Hej {alla}" in words
    assert f'value="{at}"' in page.text
    assert school.texts() == []


def test_a_form_for_a_new_message_needs_its_token(school: School) -> None:
    answer = school.visitor.post("/messages/new", {"to": "0701740605", "text": "Förfalskat"})
    assert answer.status_int == 400
    assert school.texts() == []


# The live counter


def count(school: School, text: str, **fields: str) -> str:
    token = token_of(school.get("/messages/new"))
    answer = school.visitor.post("/messages/count", {"csrf_token": token, "text": text, **fields})
    assert answer.status_int == 200
    assert "<html" not in answer.text
    return html.unescape(seen(answer))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "160 characters left"),
        ("a" * 28, "132 characters left · 1 SMS"),
        ("a" * 159, "1 character left · 1 SMS"),
        ("a" * 161, "145 characters left in SMS 2 · 2 SMS"),
        ("€" * 10, "140 characters left · 1 SMS"),
        ("a" * 1378, "Too long: 10 SMS, at most 9 · 10 SMS"),
        ("“Hej” – då…", f"{160 - len(smart('“Hej” – då…'))} characters left · 1 SMS"),
        ("Cześć", "65 characters left · 1 SMS · ś ć leaves room for 70 characters in an SMS instead of 160"),
        (
            "Ja 👍🏽",
            "63 characters left · 1 SMS · 👍 🏽 leaves room for 70 characters in an SMS instead of 160",
        ),
    ],
)
def test_the_counter_says_what_the_text_takes(school: School, text: str, told: str) -> None:
    assert count(school, text) == told


def test_the_counter_says_what_is_left_and_what_many_take(school: School, group: Group) -> None:
    school.world.account_quota(group, 23)
    assert count(school, "Hej") == "157 characters left · 1 SMS · 23 SMS left"
    many = count(school, "a" * 161, to="0701740605\n0701740612\n0701740605\nhej")
    assert many == "145 characters left in SMS 2 · 4 SMS in all (2 × 2 recipients) · 23 SMS left"


def test_the_counter_escapes_what_it_names(school: School) -> None:
    token = token_of(school.get("/messages/new"))
    answer = school.visitor.post("/messages/count", {"csrf_token": token, "text": "ł<script>"})
    assert "<script>" not in answer.text


def test_the_counter_is_for_those_who_are_signed_in_and_send_their_token(school: School) -> None:
    assert school.visitor.post("/messages/count", {"text": "Hej"}).status_int == 400
    stranger = Visitor(school.runtime)
    token = token_of(stranger.get("/sign-in"))
    assert stranger.post("/messages/count", {"text": "Hej", "csrf_token": token}).status_int == 400
    assert school.visitor.get("/messages/count").status_int == 404


def test_counting_costs_the_same_whatever_is_written(school: School) -> None:
    token = token_of(school.get("/messages/new"))
    costs = []
    for text in ("", "a" * 20_000, "ł" * 5_000):
        with statements(school.runtime.database.engine) as asked:
            school.visitor.post("/messages/count", {"csrf_token": token, "text": text})
        costs.append(len(asked))
    assert costs == [5, 5, 5]


def test_without_a_script_the_counter_stands_on_the_page_that_was_refused(school: School) -> None:
    page = school.send("/messages/new", to="", text="a" * 28, send_at="")
    assert re.search(r'id="text-count">\s*132 characters left', page.text)


def test_several_texts_in_a_row_to_one_number_need_no_question(school: School) -> None:
    school.sent("/messages/new", to="0701740612", text="Ett", send_at="")
    school.sent(school.thread(GORAN), text="Två", send_at="")
    assert [text for _, text, _ in school.texts(GORAN)] == ["Ett", "Två"]
