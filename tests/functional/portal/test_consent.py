"""The page behind the mailed question whether an address wants to belong to an organisation (spec G11)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from messa_platform.runtime import Runtime
from tests.support.portal import field_of, seen
from tests.support.town import Town, build_town
from tests.support.visitors import PASSWORD, Visitor, signed_in, token_of
from tests.support.world import World

OLLE = "olle@annan.example"


@pytest.fixture
def town(world: World, runtime: Runtime) -> Town:
    made = build_town(world, runtime)
    made.person(made.elsewhere, OLLE, language="en", password_hash=runtime.passwords.hash(PASSWORD))
    return made


@pytest.fixture
def english(visitor: Visitor) -> Visitor:
    """Somebody who is signed out, and reads English."""
    visitor.app.extra_environ["HTTP_ACCEPT_LANGUAGE"] = "en"
    return visitor


def ask(town: Town, address: str = OLLE) -> str:
    """The head of the school asks; the path in the mail."""
    desk, add = town.head, "/t/kommun/skolan/@@add-users"
    task = field_of(desk.sent(add, addresses=address), "task")
    desk.sent(f"{add}?task={task}", add, task=task)
    mail = town.world.value(
        "SELECT text FROM outgoing_mail WHERE recipient = :address ORDER BY created_at DESC LIMIT 1",
        address=address,
    )
    found = re.search(r"https?://[^/\s]+(/consent/\S+)", mail)
    assert found
    return found[1]


def answer(visitor: Visitor, path: str, word: str) -> str:
    """Answer; what the page says then."""
    sent = visitor.post(path, {"csrf_token": token_of(visitor.get(path)), "answer": word})
    assert sent.status_int == 303, seen(sent)
    return seen(visitor.follow(sent))


def test_the_page_says_who_asks_and_what_a_yes_means_to_who_is_signed_out(
    town: Town, english: Visitor
) -> None:
    page = english.get(ask(town))
    words = seen(page)
    assert page.status_int == 200 and "Do you want to belong to Kommunen?" in words and OLLE in words
    assert "The organisation pays for what you send" in words and "No thanks" in words
    for hidden in ("Skolan", "Master", "Annan kommun"):
        assert hidden not in page.text
    assert town.group_of(OLLE) == town.elsewhere.id


def test_a_yes_moves_the_address_to_the_group_that_asked(town: Town, english: Visitor) -> None:
    path = ask(town)
    words = answer(english, path, "yes")
    assert "You said yes" in words and "belongs to the organisation now" in words
    assert town.group_of(OLLE) == town.school.id
    log = town.world.rows("SELECT tenant_id, action FROM audit_entry WHERE subject = :address", address=OLLE)
    assert {row.action for row in log if row.tenant_id == town.master.tenant_id} == {
        "consent_asked",
        "consent_given",
        "account_moved",
    }
    assert [row.action for row in log if row.tenant_id == town.elsewhere.tenant_id] == ["account_moved"]


def test_no_thanks_leaves_everything_as_it_is(town: Town, english: Visitor) -> None:
    path = ask(town)
    words = answer(english, path, "no")
    assert "You said no thanks" in words and town.group_of(OLLE) == town.elsewhere.id
    late = english.post(path, {"csrf_token": token_of(english.get("/sign-in")), "answer": "yes"})
    assert late.status_int == 200 and "You said no thanks" in seen(late)
    assert town.group_of(OLLE) == town.elsewhere.id


def test_who_is_signed_in_answers_too_and_is_signed_out_by_a_yes(town: Town) -> None:
    path = ask(town)
    visitor = signed_in(town.runtime, OLLE)
    visitor.app.extra_environ["HTTP_ACCEPT_LANGUAGE"] = "en"  # once signed out
    assert "You are signed out" in seen(visitor.get(path))
    assert "You said yes" in answer(visitor, path, "yes")
    assert visitor.get("/account").status_int == 303


def test_looking_answers_nothing_and_neither_does_a_form_without_an_answer(
    town: Town, english: Visitor
) -> None:
    path = ask(town)
    for word in ("", "maybe"):
        page = english.post(path, {"csrf_token": token_of(english.get(path)), "answer": word})
        assert page.status_int == 422 and "Choose one of the two answers." in seen(page)
    assert "Do you want to belong to Kommunen?" in seen(english.get(path))


def test_a_stranger_to_the_form_cannot_answer(town: Town, english: Visitor) -> None:
    path = ask(town)
    assert english.post(path, {"answer": "yes"}).status_int == 400
    assert town.group_of(OLLE) == town.elsewhere.id


def test_an_old_question_is_closed(town: Town, english: Visitor) -> None:
    path = ask(town)
    town.world.clock.move(timedelta(days=14, seconds=1))
    page = english.get(path)
    assert page.status_int == 410 and "The question is closed" in seen(page)


def test_a_question_of_a_group_that_is_gone_no_longer_applies(town: Town, english: Visitor) -> None:
    path = ask(town)
    town.world.run('UPDATE "group" SET removed_at = now() WHERE id = :id', id=town.school.id)
    page = english.get(path)
    assert page.status_int == 410 and "The question no longer applies" in seen(page)


@pytest.mark.parametrize("word", ["nonsense", "%C3%A5", "x" * 300])
def test_a_word_that_was_never_mailed_leads_nowhere(english: Visitor, word: str) -> None:
    page = english.get(f"/consent/{word}")
    assert page.status_int == 404 and "This link leads nowhere" in seen(page)


def test_there_is_nothing_at_the_bare_address(english: Visitor) -> None:
    assert english.get("/consent").status_int == 404
