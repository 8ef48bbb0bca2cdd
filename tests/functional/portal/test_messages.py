"""The messages' pages: the list of threads, a conversation, and what is written in it (spec P1-P3, R4)."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.tenants.models import Group
from tests.support.history import give_history
from tests.support.observe import statements
from tests.support.portal import ASA, GORAN, KARIN, School, seen
from tests.support.visitors import Visitor, path_of, token_of

# The list


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


# A conversation


def test_a_conversation_shows_texts_with_their_status_in_words_and_as_the_log_has_it(school: School) -> None:
    school.text(KARIN, "Kommer du?")
    [message] = school.network.accept()
    assert "Sent" in seen(school.get(school.thread(KARIN)), "ol")
    school.network.says((message, "DELIVERED"))
    school.answer(KARIN, "Ja")
    page = school.get(school.thread(KARIN))
    assert "Kommer du? Delivered · 12:00" in seen(page).replace("13:00", "12:00")
    assert f'id="m-{message}" title="DELIVERED"' in page.text
    assert 'data-announce="New text from 070-174 06 05: Ja"' in page.text


def test_a_text_that_was_refused_says_why(school: School, group: Group) -> None:
    school.world.account_quota(group, 0)
    school.text(KARIN, "Hej")
    page = school.get(school.thread(KARIN))
    assert "Not sent: you are not allowed to send" in seen(page)
    assert re.search(r'class="bubble out failed" id="[^"]+" title="Personal:\w+"', page.text)


def test_a_long_text_says_how_many_sms_it_was(school: School) -> None:
    school.text(KARIN, "å" * 200)
    assert "On its way · 2 SMS" in seen(school.get(school.thread(KARIN)))


def test_what_comes_in_is_shown_as_it_is_and_never_as_a_page(school: School) -> None:
    school.text(KARIN, "Hej")
    school.answer(KARIN, "<script>alert('x')</script> & \"så\"")
    school.sent(school.thread(KARIN), f"{school.thread(KARIN)}/rename", display_name="<b>Karin</b>")
    for path in ("/messages", school.thread(KARIN), f"{school.thread(KARIN)}/live", "/messages/live"):
        text = school.get(path).text
        assert "<script>alert" not in text and "<b>Karin" not in text
        assert "&lt;script&gt;alert" in text


def test_old_messages_are_behind_a_link(school: School, group: Group, clock: FixedClock) -> None:
    give_history(school.world.database, clock.now(), group, school.account_id, threads=1, messages=120)
    thread_id = school.world.value("SELECT id FROM thread")
    found: list[str] = []
    path: str | None = f"/messages/{thread_id}"
    while path:
        page = school.get(path)
        found += re.findall(r'id="m-([-0-9a-f]{36})"', page.text)
        older = re.search(r'id="older" href="([^"]+)"', page.text)
        path = older[1] if older else None
    assert len(found) == len(set(found)) == 120


def test_another_accounts_thread_is_not_there(school: School, stranger: Visitor) -> None:
    school.text(KARIN, "Hemligt")
    thread = school.thread(KARIN)
    token = token_of(stranger.get("/account"))
    for path in (thread, f"{thread}/live", f"/messages/{uuid4()}", "/messages/nothing", thread.upper()):
        answer = stranger.get(path)
        assert answer.status_int == 404
        assert "Hemligt" not in answer.text
    for path in (thread, f"{thread}/rename", f"{thread}/cancel"):
        answer = stranger.post(path, {"csrf_token": token, "text": "Hej", "display_name": "Min"})
        assert answer.status_int == 404
    assert school.texts() == [(KARIN, "Hemligt", "QUEUED")]


@pytest.mark.parametrize("what", ["", "/rename", "/cancel"])
def test_a_form_without_its_token_does_nothing(school: School, what: str) -> None:
    school.text(KARIN, "Hej")
    answer = school.visitor.post(
        school.thread(KARIN) + what, {"text": "Förfalskat", "display_name": "Förfalskat"}
    )
    assert answer.status_int == 400
    assert school.texts() == [(KARIN, "Hej", "QUEUED")]
    assert school.world.value("SELECT display_name FROM thread") == ""


def test_a_thread_is_renamed_and_its_number_still_shown(school: School) -> None:
    school.text(KARIN, "Hej")
    thread = school.thread(KARIN)
    assert "The number is 070-174 06 05" in seen(school.get(f"{thread}?edit=1"))
    page = school.sent(f"{thread}?edit=1", f"{thread}/rename", display_name="  Görans   jobbmobil ")
    assert "The name is saved." in seen(page)
    assert '<h1 id="name">Görans jobbmobil</h1>' in page.text
    assert "070-174 06 05" in seen(page)
    assert "Görans jobbmobil" in seen(school.get("/messages"))
    again = school.sent(f"{thread}?edit=1", f"{thread}/rename", display_name="")
    assert '<h1 id="name">070-174 06 05</h1>' in again.text


# Writing in it


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


# The live parts


def test_the_live_parts_are_fragments_and_name_when_they_were_made(school: School) -> None:
    school.text(KARIN, "Hej")
    page = school.get(school.thread(KARIN))
    leads = re.findall(r'data-live="([^"]+)" data-etag="([^"]+)"', page.text)
    assert len(leads) == 2
    for path, _ in leads:
        part = school.get(path.replace("&amp;", "&"))
        assert part.headers["ETag"]
        assert "<html" not in part.text and "Hej" in part.text
    listed = school.get(leads[0][0].replace("&amp;", "&"))
    assert 'aria-current="page"' in listed.text


def test_what_comes_in_while_the_conversation_is_open_is_read(school: School) -> None:
    school.text(KARIN, "Kommer du?")
    school.get(school.thread(KARIN))
    school.answer(KARIN, "Ja")
    assert "Ja" in school.get(f"{school.thread(KARIN)}/live").text
    assert not school.get("/messages/live").html.select(".unread")


# What it costs


def counted(school: School, path: str) -> int:
    with statements(school.runtime.database.engine) as seen_statements:
        school.get(path)
    return len(seen_statements)


def test_the_pages_ask_as_few_questions_of_many_threads_as_of_one(
    school: School, group: Group, clock: FixedClock
) -> None:
    school.text(KARIN, "Hej")
    paths = [
        "/messages",
        "/messages?q=hej",
        "/messages/live",
        school.thread(KARIN),
        f"{school.thread(KARIN)}/live",
    ]
    few = [counted(school, path) for path in paths]
    give_history(school.world.database, clock.now(), group, school.account_id, threads=80, messages=400)
    for n in range(5):
        school.text(ASA, f"Nummer {n}")
    assert [counted(school, path) for path in paths] == few
    assert max(few) <= 10


def test_a_full_page_weighs_little(school: School, group: Group, clock: FixedClock) -> None:
    give_history(school.world.database, clock.now(), group, school.account_id, threads=60, messages=300)
    thread_id = school.world.value("SELECT id FROM thread ORDER BY last_message_at DESC LIMIT 1")
    assert len(school.get(f"/messages/{thread_id}").body) < 60_000
