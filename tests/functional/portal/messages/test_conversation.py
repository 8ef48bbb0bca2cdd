"""A conversation, as its page shows it."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.tenants.models import Group
from tests.support.history import give_history
from tests.support.portal import KARIN, School, seen
from tests.support.visitors import Visitor, token_of


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
