"""An address is asked whether it wants to belong to an organisation, and what comes of its answer (spec G11)."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from messa_platform.tenants.people import consent
from messa_platform.tenants.people.consent import (
    LIFE,
    Accepted,
    Declined,
    Question,
    QuestionAnswered,
    QuestionOld,
    QuestionUnknown,
    QuestionVoid,
)
from tests.support.observe import together
from tests.support.people import Town
from tests.support.world import World

BO = "bo@annan.example"
_LINK = re.compile(r"https://messa\.example/consent/(\S+)")


def word_in(mail: Any) -> str:
    """The secret word of a mail's link."""
    found = _LINK.search(mail.text)
    assert found
    return found[1]


def ask(town: Town, address: str = BO, group: Group | None = None) -> str:
    """Ask an address; gives the word of the link that it gets."""
    group = group or town.school
    assert town.add(group, group, address) == {address: "ask"}
    return word_in(town.mails("consent:")[-1])


def look(town: Town, word: str) -> Any:
    with town.world.database.unit_of_work() as session:
        return consent.open_question(session, town.world.clock.now(), word)


def answer(town: Town, word: str, *, accepted: bool = True) -> Any:
    with town.world.database.unit_of_work() as session:
        return consent.answer(session, town.world.clock.now(), word, accepted=accepted)


def test_an_address_is_asked_by_one_mail_in_its_own_language_that_says_who_asks(
    town: Town, world: World
) -> None:
    bo = world.account(town.other, BO, language="en")
    ask(town)
    [mail] = town.mails()
    assert (mail.recipient, mail.tenant_id) == (BO, town.school.tenant_id)
    assert "Kommunen" in mail.headers["Subject"]
    assert f"{town.author(town.school).address} at Kommunen" in mail.text
    assert "Skolan" not in mail.text
    [row] = world.rows("SELECT * FROM consent_request")
    assert (row.tenant_id, row.group_id, row.account_id) == (town.school.tenant_id, town.school.id, bo)
    assert word_in(mail).encode() not in bytes(row.digest)
    assert town.account(BO).group_id == town.other.id
    assert ("consent_asked", BO) in town.log(town.school)
    assert town.log(town.other) == []


def test_a_second_question_of_the_day_writes_no_mail(town: Town, world: World) -> None:
    world.account(town.other, BO)
    ask(town)
    assert town.add(town.care, town.care, BO) == {BO: "asked"}
    assert len(town.mails()) == 1


def test_a_question_can_be_looked_at_as_often_as_one_likes(
    town: Town, world: World, clock: FixedClock
) -> None:
    world.account(town.other, BO, language="en")
    word = ask(town)
    [row] = world.rows("SELECT id FROM consent_request")
    for _ in range(2):
        assert look(town, word) == Question(row.id, BO, "Kommunen", "en", True, clock.now() + LIFE)


def test_a_yes_moves_the_account_and_both_organisations_have_it_in_their_logs(
    town: Town, world: World, clock: FixedClock
) -> None:
    bo = town.admin(town.other, BO)
    word = ask(town)
    clock.move(timedelta(days=2))
    assert answer(town, word) == Accepted("Kommunen")
    row = town.account(BO)
    assert (row.id, row.tenant_id, row.group_id) == (bo, town.school.tenant_id, town.school.id)
    assert (row.placed_by_hand, row.group_since) == (True, clock.now())
    assert town.log(town.school)[-2:] == [("consent_given", BO), ("account_moved", BO)]
    assert town.log(town.other) == [("admin_removed", BO), ("account_moved", BO)]
    assert {
        r.actor for r in world.rows("SELECT actor FROM audit_entry WHERE at = :now", now=clock.now())
    } == {"owner"}
    assert town.admins(town.other) == []


def test_a_yes_of_an_address_without_an_account_makes_one(town: Town) -> None:
    word = ask(town)
    question = look(town, word)
    assert isinstance(question, Question)
    assert not question.has_account
    assert answer(town, word) == Accepted("Kommunen")
    assert town.account(BO).group_id == town.school.id
    assert town.log(town.school)[-2:] == [("consent_given", BO), ("account_added", BO)]


def test_a_yes_of_a_removed_account_brings_it_back_and_a_block_stays(
    town: Town, world: World, clock: FixedClock
) -> None:
    world.account(town.other, BO, removed_at=clock.now(), blocked=True)
    assert answer(town, ask(town)) == Accepted("Kommunen")
    row = town.account(BO)
    assert (row.group_id, row.removed_at, row.blocked) == (town.school.id, None, True)
    assert town.log(town.other) == []


def test_a_no_leaves_everything_as_it_is(town: Town, world: World) -> None:
    world.account(town.other, BO)
    word = ask(town)
    assert answer(town, word, accepted=False) == Declined("Kommunen")
    row = town.account(BO)
    assert (row.group_id, row.version) == (town.other.id, 1)
    assert town.log(town.school)[-1] == ("consent_refused", BO)
    assert town.log(town.other) == []


@pytest.mark.parametrize("first", [True, False])
def test_an_answer_is_given_once(town: Town, world: World, first: bool) -> None:
    world.account(town.other, BO)
    word = ask(town)
    answer(town, word, accepted=first)
    group_id = town.account(BO).group_id
    assert answer(town, word, accepted=not first) == QuestionAnswered(first)
    assert look(town, word) == QuestionAnswered(first)
    assert town.account(BO).group_id == group_id


def test_of_a_yes_and_a_no_at_once_one_counts(town: Town, world: World) -> None:
    world.account(town.other, BO)
    word = ask(town)
    answers = together([partial(answer, town, word, accepted=yes) for yes in (True, False, True, False)])
    given = [a for a in answers if isinstance(a, Accepted | Declined)]
    assert len(given) == 1
    came = town.account(BO).group_id == town.school.id
    assert came == isinstance(given[0], Accepted)
    assert [a for a in answers if a not in given] == [QuestionAnswered(came)] * 3


def test_a_link_lives_two_weeks(town: Town, world: World, clock: FixedClock) -> None:
    world.account(town.other, BO)
    word = ask(town)
    clock.move(LIFE - timedelta(seconds=1))
    assert isinstance(look(town, word), Question)
    clock.move(timedelta(seconds=1))
    assert look(town, word) == QuestionOld()
    assert answer(town, word) == QuestionOld()
    assert town.account(BO).group_id == town.other.id


@pytest.mark.parametrize("word", ["", "nej", "ö", "a" * 43])
def test_a_word_that_nobody_was_sent_asks_nothing(town: Town, word: str) -> None:
    ask(town)
    assert look(town, word) == QuestionUnknown()
    assert answer(town, word) == QuestionUnknown()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE tenant SET state = 'closed' WHERE slug = 'kommun'",
        "UPDATE \"group\" SET removed_at = now() WHERE name = 'Skolan'",
        "UPDATE account SET is_operator = true WHERE address = 'bo@annan.example'",
    ],
)
def test_nothing_comes_of_a_yes_where_there_is_nowhere_to_come_to(
    town: Town, world: World, change: str
) -> None:
    world.account(town.other, BO)
    word = ask(town)
    world.run(change)
    assert look(town, word) == QuestionVoid()
    assert answer(town, word) == QuestionVoid()
    assert town.account(BO).group_id == town.other.id


def test_a_yes_settles_what_others_have_asked(town: Town, world: World) -> None:
    third = world.tenant("tredje", "Tredje")
    world.account(town.other, BO)
    words = [ask(town), ask(town, group=third)]
    assert answer(town, words[1]) == Accepted("Tredje")
    assert look(town, words[0]) == QuestionOld()
    assert answer(town, words[0]) == QuestionOld()
    assert town.account(BO).group_id == third.id


@pytest.mark.parametrize("attempt", range(3))
def test_of_two_organisations_that_get_a_yes_at_once_one_has_the_account(
    town: Town, world: World, attempt: int
) -> None:
    third = world.tenant("tredje", "Tredje")
    words = [ask(town), ask(town, group=third)]
    answers = together([partial(answer, town, word) for word in words])
    assert sorted(type(a).__name__ for a in answers) == ["Accepted", "QuestionOld"]
    assert town.account(BO).group_id in (town.school.id, third.id)


def test_who_came_to_the_organisation_in_another_way_meanwhile_stays_where_it_is(
    town: Town, world: World
) -> None:
    bo = world.account(town.other, BO)
    word = ask(town)
    world.move_account(bo, town.care)
    assert answer(town, word) == Accepted("Kommunen")
    assert town.account(BO).group_id == town.care.id


def test_a_number_that_the_other_organisation_lent_goes_to_rest_where_the_new_one_may_not_receive(
    town: Town, world: World, clock: FixedClock
) -> None:
    world.channel()
    world.numbers()
    world.set(town.other, Key.MAY_RECEIVE, True)
    bo = world.account(town.other, BO)
    town.lent([bo])
    word = ask(town)
    assert answer(town, word) == Accepted("Kommunen")
    assert world.sender(bo).number is None
    [row] = world.rows("SELECT * FROM number_lending")
    assert (row.tenant_id, row.returned_at) == (town.other.tenant_id, clock.now())
