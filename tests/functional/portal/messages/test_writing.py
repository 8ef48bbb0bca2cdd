"""Texts that are written in a conversation: now, later, again, or not at all."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.tenants.models import Group
from tests.support.portal import GORAN, KARIN, School, seen
from tests.support.visitors import path_of, token_of


def test_a_text_is_sent_in_the_open_thread(school: School) -> None:
    school.text(KARIN, "Hej")
    page = school.sent(school.thread(KARIN), text=" Kan du vikariera i dag? ", send_at="")
    assert "Kan du vikariera i dag? On its way" in seen(page)
    assert school.texts()[-1] == (KARIN, "Kan du vikariera i dag?", "QUEUED")
    assert school.world.value("SELECT door FROM message ORDER BY id DESC LIMIT 1") == "portal"


def test_a_double_click_sends_once(school: School) -> None:
    school.text(KARIN, "Hej")
    opened = school.get(school.thread(KARIN))
    nonce = re.search(r'name="nonce" value="([^"]+)"', opened.text)
    assert nonce
    fields = {"csrf_token": token_of(opened), "nonce": nonce[1], "text": "En gång", "send_at": ""}
    answers = [school.visitor.post(school.thread(KARIN), fields) for _ in range(2)]
    assert [path_of(a) for a in answers] == [school.thread(KARIN)] * 2
    assert [text for _, text, _ in school.texts()] == ["Hej", "En gång"]


def test_a_form_that_comes_again_later_says_that_it_was_sent_already(
    school: School, clock: FixedClock
) -> None:
    school.text(KARIN, "Hej")
    opened = school.get(school.thread(KARIN))
    nonce = re.search(r'name="nonce" value="([^"]+)"', opened.text)
    assert nonce
    fields = {"csrf_token": token_of(opened), "nonce": nonce[1], "text": "En gång", "send_at": ""}
    school.visitor.post(school.thread(KARIN), fields)
    clock.move(timedelta(minutes=5))
    answer = school.visitor.post(school.thread(KARIN), fields)
    assert "was sent already" in seen(school.get(path_of(answer)))
    # gone back to, the same page may send something else
    other = school.visitor.post(school.thread(KARIN), {**fields, "text": "Något annat"})
    assert other.status_int == 303
    assert [text for _, text, _ in school.texts()] == ["Hej", "En gång", "Något annat"]


def test_an_empty_text_is_told_beside_its_field(school: School) -> None:
    school.text(KARIN, "Hej")
    page = school.send(school.thread(KARIN), text=" \n ", send_at="")
    assert page.status_int == 422
    assert 'id="text-error"' in page.text
    assert "Write the text that is to be sent." in seen(page)
    assert len(school.texts()) == 1


def test_a_text_that_is_too_long_is_kept_and_told(school: School) -> None:
    school.text(KARIN, "Hej")
    page = school.send(school.thread(KARIN), text="a" * 1500, send_at="")
    assert page.status_int == 422
    assert "The text takes 10 SMS, and a message may have 9 at most." in seen(page)
    assert "a" * 1500 in page.text
    assert "Too long: 10 SMS, at most 9" in seen(page)
    assert len(school.texts()) == 1


def test_with_too_few_left_it_is_told_before_anything_is_sent(school: School, group: Group) -> None:
    school.world.account_quota(group, 2)
    school.text(KARIN, "Hej")
    page = school.send(school.thread(KARIN), text="a" * 200, send_at="")
    assert page.status_int == 422
    assert "The text takes 2 SMS, and you have 1 left." in seen(page)
    assert len(school.texts()) == 1


def test_what_is_left_above_ones_own_group_is_not_told(school: School, group: Group) -> None:
    below = school.world.group(group, "Matsalen")
    school.world.group_quota(group, 3)
    school.world.move_account(school.account_id, below)
    school.text(KARIN, "Hej")
    assert "SMS left" not in seen(school.get(school.thread(KARIN)))
    page = school.send(school.thread(KARIN), text="a" * 600, send_at="")
    assert page.status_int == 422
    assert (
        "Not sent: your group&#39;s SMS are used up" in page.text
        or "your group's SMS are used up" in page.text
    )


def test_who_may_not_send_sees_why_in_place_of_the_form(school: School, group: Group) -> None:
    school.text(KARIN, "Hej")
    thread = school.thread(KARIN)
    school.world.account_quota(group, 0)
    for path in (thread, "/messages/new", "/messages/many"):
        page = school.get(path)
        assert "You are not allowed to send texts. Talk to your administrator." in seen(page)
        assert 'id="text"' not in page.text
    school.world.account_quota(group, 1, window_days=7)
    school.text(GORAN, "Den sista")
    assert "Your SMS are used up. There are more from" in seen(school.get(thread))


# The 24-hour guard


def test_the_same_text_within_a_day_is_asked_about_and_sent_if_wanted(
    school: School, clock: FixedClock
) -> None:
    school.text(KARIN, "Kom till expeditionen")
    thread = school.thread(KARIN)
    clock.move(timedelta(hours=2))
    asked = school.send(thread, text="Kom till expeditionen", send_at="")
    assert asked.status_int == 200
    assert "Send the same text again?" in seen(asked)
    assert "Kom till expeditionen</textarea>" in asked.text
    assert len(school.texts()) == 1
    nonce = re.search(r'name="nonce" value="([^"]+)"', asked.text)
    assert nonce
    fields = {"csrf_token": token_of(asked), "nonce": nonce[1], "text": "Kom till expeditionen", "again": "1"}
    for _ in range(2):  # a double click on the answer, too, sends once
        assert school.visitor.post(thread, fields).status_int == 303
    assert school.texts() == [(KARIN, "Kom till expeditionen", "QUEUED")] * 2


def test_a_text_that_is_not_to_be_sent_again_is_kept_to_be_changed(school: School, clock: FixedClock) -> None:
    school.text(KARIN, "Kom till expeditionen")
    clock.move(timedelta(hours=2))
    kept = school.send(school.thread(KARIN), text="Kom till expeditionen", send_at="", keep="1")
    assert kept.status_int == 200
    assert "Send the same text again?" not in seen(kept)
    assert "Kom till expeditionen</textarea>" in kept.text
    assert len(school.texts()) == 1


# Later


def test_a_text_is_sent_later_and_can_be_cancelled_until_then(school: School, clock: FixedClock) -> None:
    school.text(KARIN, "Hej")
    thread = school.thread(KARIN)
    at = (clock.now() + timedelta(days=2)).strftime("%Y-%m-%dT10:30")
    page = school.sent(thread, text="God morgon!", send_at=at)
    assert "Until then you can cancel it here." in seen(page)
    assert re.search(r"God morgon! To be sent \d+ \w+\.? 10:30", seen(page))
    assert school.texts()[-1][2] == "SCHEDULED"
    found = re.search(r'name="message" value="([-0-9a-f]{36})"', page.text)
    assert found
    gone = school.sent(thread, f"{thread}/cancel", message=found[1])
    assert "Cancelled. It will not be sent." in seen(gone)
    assert school.texts()[-1][2] == "CANCELLED"
    assert "It was too late" in seen(school.sent(thread, f"{thread}/cancel", message=found[1]))
    assert path_of(school.send(thread, f"{thread}/cancel", message="nonsense")) == thread


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ("i morgon", "Choose a day and a time"),
        ("2020-01-01T10:00", "That time has passed."),
        ("2999-01-01T10:00", "Choose a time within a year from now."),
    ],
)
def test_a_time_that_will_not_do_is_told_beside_its_field(school: School, chosen: str, sentence: str) -> None:
    school.text(KARIN, "Hej")
    page = school.send(school.thread(KARIN), text="God morgon!", send_at=chosen)
    assert page.status_int == 422
    assert sentence in seen(page)
    assert 'id="send_at-error"' in page.text and f'value="{chosen}"' in page.text
    assert '<details class="later" open>' in page.text
    assert len(school.texts()) == 1


# STOP


def test_a_number_that_said_stop_has_a_notice_in_place_of_the_form(school: School) -> None:
    school.text(KARIN, "Hej")
    opened = school.get(school.thread(KARIN))
    school.answer(KARIN, "STOP")
    page = school.get(school.thread(KARIN))
    assert "070-174 06 05 has said no to texts from you" in seen(page)
    assert 'id="text"' not in page.text
    assert "answered STOP" in seen(school.get(f"{school.thread(KARIN)}/live"))
    # a page that was open all the while
    fields = {"csrf_token": token_of(opened), "nonce": "abc", "text": "Hör av dig"}
    refused = school.visitor.post(school.thread(KARIN), fields)
    assert refused.status_int == 422
    assert len(school.texts(KARIN)) == 1
    school.answer(KARIN, "START")
    assert 'id="text"' in school.get(school.thread(KARIN)).text
