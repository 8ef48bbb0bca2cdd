"""Submissions that come twice, many at once, or fail; and what they cost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from messa_platform.messaging.drafts import NotAllowed, Receipted, Repeated, Submission
from messa_platform.messaging.models import Door
from messa_platform.messaging.submit import submit
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from tests.support.network import Network
from tests.support.observe import Statement, statements, together
from tests.support.submits import OTHER, PHONE, numbers, waiting
from tests.support.world import World


def test_what_a_client_hands_in_twice_is_one(world: World, anna: UUID) -> None:
    first = world.submit(anna, [PHONE, OTHER], reference="ref-1")
    assert isinstance(first, Receipted)
    again = world.submit(anna, [PHONE, OTHER], reference="ref-1")
    assert isinstance(again, Repeated)
    assert again.message_id == first.entries[0].message_id
    assert world.value("SELECT count(*) FROM message") == 2
    assert waiting(world) == 2


def test_another_reference_or_another_account_is_another_submission(
    world: World, master: Group, anna: UUID
) -> None:
    bo = world.account(master, "bo@kommun.example")
    for account, reference, text in [(anna, "ref-1", "Hej"), (anna, "ref-2", "Hej då"), (bo, "ref-1", "Hej")]:
        assert world.words(account, [PHONE], text, reference=reference) == ["QUEUED"]


def test_a_submission_that_was_refused_is_known_too(world: World, master: Group, anna: UUID) -> None:
    world.group_quota(master, 0)
    assert world.words(anna, [PHONE], reference="ref-1") == ["Group:Master"]
    world.group_quota(master, None)
    assert isinstance(world.submit(anna, [PHONE], reference="ref-1"), Repeated)


def test_a_submission_handed_in_by_many_at_once_is_one(world: World, anna: UUID) -> None:
    results = together([lambda: world.submit(anna, [PHONE], reference="ref-1")] * 8)
    assert sum(isinstance(result, Receipted) for result in results) == 1
    assert sum(isinstance(result, Repeated) for result in results) == 7
    assert waiting(world) == 1


def hand_in(world: World, *submissions: Submission) -> list[Any]:
    with world.database.unit_of_work() as session:
        return submit(session, world.clock, world.heard, submissions)


def test_submissions_of_many_accounts_go_through_in_one_go_each_with_its_own_fate(
    world: World, network: Network, master: Group, anna: UUID
) -> None:
    school, other = world.group(master, "Skolan"), world.tenant("annan", "Annan kommun")
    world.set(school, Key.SENDER_NAME, "Skolan")
    world.group_quota(other, 1)
    teacher, stranger = (
        world.account(school, "larare@kommun.example"),
        world.account(other, "olle@annan.example"),
    )
    blocked = world.account(school, "spam@kommun.example", blocked=True)
    results = hand_in(
        world,
        Submission(stranger, Door.MAIL, "Hej", [PHONE, OTHER]),
        Submission(blocked, Door.MAIL, "Hej", [PHONE]),
        Submission(teacher, Door.V2, "Hej", [PHONE], reference="ref-1"),
        Submission(anna, Door.MAIL, "Hej", [PHONE]),
        Submission(teacher, Door.V2, "Hej igen", [PHONE], reference="ref-1"),
    )
    assert [type(result) for result in results] == [Receipted, NotAllowed, Receipted, Receipted, Repeated]
    assert [entry.word for entry in results[0].entries] == ["QUEUED", "no_sms_left:Group:Master"]
    assert results[4].message_id == results[2].entries[0].message_id
    sent = world.rows("SELECT account_id, local, door FROM message WHERE status = 'QUEUED' ORDER BY id")
    assert [tuple(m) for m in sent] == [
        (stranger, "messa", "mail"),
        (teacher, "Skolan", "v2"),
        (anna, "messa", "mail"),
    ]


def work_of(world: World, send: Callable[[], object]) -> list[Statement]:
    """The statements that handing in takes, reading and storing."""
    with statements(world.database.engine) as seen:
        send()
    return list(seen)


def test_a_text_to_500_takes_as_many_statements_as_one_to_50_and_one_reservation(
    world: World, master: Group, anna: UUID
) -> None:
    world.numbers()
    world.set(master, Key.MAY_RECEIVE, True)
    world.group_quota(master, 10_000, window_days=30)
    world.words(anna, [PHONE], "Den första, som lånar ett nummer")
    few = work_of(world, lambda: world.words(anna, numbers(50), "Till femtio"))
    many = work_of(world, lambda: world.words(anna, numbers(500), "Till femhundra"))
    assert [statement.text for statement in many] == [statement.text for statement in few]
    assert len(many) <= 15
    assert sum("quota_usage AS u SET" in statement.text for statement in many) == 1
    assert (
        world.value("SELECT count(*) FROM message WHERE text = 'Till femhundra' AND status = 'QUEUED'") == 500
    )


def test_500_submissions_take_as_many_statements_as_50(world: World, anna: UUID) -> None:
    def batch(count: int, text: str) -> list[Submission]:
        return [Submission(anna, Door.MAIL, text, [n], reference=f"{text} {n}") for n in numbers(count)]

    world.words(anna, [PHONE], "Dagens första")
    few = work_of(world, lambda: hand_in(world, *batch(50, "Till femtio")))
    many = work_of(world, lambda: hand_in(world, *batch(500, "Till femhundra")))
    assert [statement.text for statement in many] == [statement.text for statement in few]


def test_a_submission_that_fails_leaves_nothing_behind(world: World, master: Group, anna: UUID) -> None:
    world.group_quota(master, 1)
    with pytest.raises(RuntimeError), world.database.unit_of_work() as session:
        submit(
            session, world.clock, world.heard, [Submission(anna, Door.MAIL, "Hej", [PHONE], reference="r")]
        )
        raise RuntimeError("the process dies")
    assert world.value("SELECT count(*) FROM message") == 0
    world.clock.move(timedelta(seconds=1))
    assert world.words(anna, [PHONE], reference="r") == ["QUEUED"]
