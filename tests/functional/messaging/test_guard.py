"""The 24-hour guard: the same text from the same sender to the same number is sent once (spec M9)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from messa_platform.core.clock import FixedClock
from messa_platform.messaging import guard
from messa_platform.messaging.drafts import Submission
from messa_platform.messaging.models import Door
from messa_platform.messaging.submit import submit
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from tests.support.network import Network
from tests.support.observe import together, wait_until_blocked
from tests.support.world import World

PHONE, OTHER = "0701740605", "0701740606"
DAY = timedelta(hours=24)
MOMENT = timedelta(microseconds=1)
TWIN = "sms_already_sent_24H"


@pytest.fixture
def master(world: World) -> Group:
    return world.tenant()


@pytest.fixture
def anna(world: World, network: Network, master: Group) -> UUID:
    return world.account(master, "anna@kommun.example")


def batch(world: World, *submissions: Submission) -> list[list[str]]:
    """Hand in several submissions in one transaction; gives each one's words."""
    with world.database.unit_of_work() as session:
        results: list[Any] = submit(session, world.clock, world.heard, submissions)
    return [[entry.word for entry in result.entries] for result in results]


def mail(account_id: UUID, *recipients: str, text: str = "Hej", guard: bool = True) -> Submission:
    return Submission(account_id, Door.MAIL, text, recipients, guard=guard)


def test_the_same_text_again_is_refused_and_costs_nothing(world: World, master: Group, anna: UUID) -> None:
    world.group_quota(master, 10)
    assert world.words(anna, [PHONE]) == ["QUEUED"]
    assert world.words(anna, [PHONE]) == [TWIN]
    refused = world.rows("SELECT * FROM message WHERE status = :twin", twin=TWIN)
    assert [(m.parts, m.channel_id, m.quota_buckets) for m in refused] == [(0, None, None)]
    assert refused[0].thread_id is not None
    assert world.value("SELECT count(*) FROM dispatch_queue") == 1
    assert world.value("SELECT sum(parts) FROM quota_usage WHERE scope_id = :id", id=anna) == 1


def test_another_text_another_number_and_another_sender_are_not_the_same(
    world: World, master: Group, anna: UUID
) -> None:
    bo = world.account(master, "bo@kommun.example")
    world.words(anna, [PHONE], "Hej")
    assert world.words(anna, [PHONE], "Hej!") == ["QUEUED"]
    assert world.words(anna, [OTHER], "Hej") == ["QUEUED"]
    assert world.words(bo, [PHONE], "Hej") == ["QUEUED"]


def test_of_several_recipients_only_the_one_that_had_the_text_is_refused(world: World, anna: UUID) -> None:
    world.words(anna, [PHONE])
    assert world.words(anna, [OTHER, PHONE, "0701740607"]) == ["QUEUED", TWIN, "QUEUED"]


def test_the_text_as_it_leaves_is_what_counts(world: World, master: Group, anna: UUID) -> None:
    assert world.words(anna, [PHONE], "”Hej”") == ["QUEUED"]
    assert world.words(anna, [PHONE], '"Hej"') == [TWIN]
    world.set(master, Key.SIGNATURE, "/Kommunen")
    assert world.words(anna, [PHONE], '"Hej"') == ["QUEUED"]


def test_after_24_hours_the_same_text_goes_again(world: World, clock: FixedClock, anna: UUID) -> None:
    assert world.words(anna, [PHONE]) == ["QUEUED"]
    clock.move(DAY - MOMENT)
    assert world.words(anna, [PHONE]) == [TWIN]
    clock.move(MOMENT)
    assert world.words(anna, [PHONE]) == ["QUEUED"]
    clock.move(DAY - MOMENT)
    assert world.words(anna, [PHONE]) == [TWIN]


def test_a_refused_twin_does_not_prolong_the_24_hours(world: World, clock: FixedClock, anna: UUID) -> None:
    world.words(anna, [PHONE])
    clock.move(DAY / 2)
    assert world.words(anna, [PHONE]) == [TWIN]
    clock.move(DAY / 2)
    assert world.words(anna, [PHONE]) == ["QUEUED"]


def test_a_text_that_ended_as_unsent_may_go_again_at_once(world: World, network: Network, anna: UUID) -> None:
    world.words(anna, [PHONE, OTHER])
    [first, _] = network.refuse()
    assert network.status(first) == "UNSENT"
    assert world.words(anna, [PHONE]) == ["QUEUED"]
    assert world.words(anna, [PHONE]) == [TWIN]


def test_a_text_that_was_sent_but_not_delivered_counts(world: World, network: Network, anna: UUID) -> None:
    world.words(anna, [PHONE])
    [message] = network.accept()
    network.says((message, "UNDELIVERED"))
    assert world.words(anna, [PHONE]) == [TWIN]


def test_a_text_that_no_limit_let_through_does_not_count(world: World, master: Group, anna: UUID) -> None:
    world.group_quota(master, 0)
    assert world.words(anna, [PHONE]) == ["Group:Master"]
    world.group_quota(master, 10)
    assert world.words(anna, [PHONE]) == ["QUEUED"]


@pytest.mark.parametrize(
    ("hinder", "relief", "word"),
    [
        ("UPDATE channel SET enabled = false", "UPDATE channel SET enabled = true", "no_route"),
        ("UPDATE tenant SET state = 'suspended'", "UPDATE tenant SET state = 'active'", "tenant_suspended"),
    ],
)
def test_a_text_that_was_refused_does_not_count(
    world: World, anna: UUID, hinder: str, relief: str, word: str
) -> None:
    world.run(hinder)
    assert world.words(anna, [PHONE]) == [word]
    world.run(relief)
    assert world.words(anna, [PHONE]) == ["QUEUED"]


def test_a_text_that_was_refused_after_its_24_hours_leaves_the_number_free(
    world: World, clock: FixedClock, master: Group, anna: UUID
) -> None:
    world.words(anna, [PHONE])
    clock.move(DAY)
    world.group_quota(master, 0)
    assert world.words(anna, [PHONE]) == ["Group:Master"]
    world.group_quota(master, None)
    assert world.words(anna, [PHONE]) == ["QUEUED"]


def test_of_two_identical_mails_in_one_batch_the_first_goes(world: World, anna: UUID) -> None:
    assert batch(world, mail(anna, PHONE), mail(anna, OTHER, PHONE), mail(anna, PHONE)) == [
        ["QUEUED"],
        ["QUEUED", TWIN],
        [TWIN],
    ]
    assert world.value("SELECT count(*) FROM dispatch_queue") == 2
    assert world.words(anna, [PHONE]) == [TWIN]


def test_the_twin_of_a_mail_that_a_limit_refused_is_refused_for_the_same_reason(
    world: World, master: Group, anna: UUID
) -> None:
    world.group_quota(master, 1)
    words = batch(world, mail(anna, PHONE, OTHER), mail(anna, OTHER), mail(anna, PHONE))
    left = "no_sms_left:Group:Master"
    assert words == [["QUEUED", left], [left], [TWIN]]
    rules = world.rows("SELECT DISTINCT rule_group_id FROM message WHERE status = 'no_sms_left:Group'")
    assert [rule.rule_group_id for rule in rules] == [master.id]
    world.group_quota(master, 2, window_days=1)
    assert world.words(anna, [OTHER]) == ["QUEUED"]


def test_who_asks_for_no_guard_sends_twice(world: World, anna: UUID) -> None:
    assert world.words(anna, [PHONE]) == ["QUEUED"]
    assert world.words(anna, [PHONE], guard=False) == ["QUEUED"]
    assert world.words(anna, [PHONE]) == [TWIN]


def test_a_text_sent_without_the_guard_counts_for_the_next_with_it(
    world: World, clock: FixedClock, anna: UUID
) -> None:
    world.words(anna, [PHONE])
    clock.move(DAY / 2)
    world.words(anna, [PHONE], guard=False)
    clock.move(DAY / 2)
    assert world.words(anna, [PHONE]) == [TWIN]


def test_in_one_batch_each_mail_has_the_guard_that_it_asks_for(world: World, anna: UUID) -> None:
    world.words(anna, [PHONE])
    free = mail(anna, PHONE, guard=False)
    assert batch(world, mail(anna, PHONE), free, mail(anna, PHONE), free) == [
        [TWIN],
        ["QUEUED"],
        [TWIN],
        ["QUEUED"],
    ]


def test_a_limit_that_refuses_a_text_without_the_guard_does_not_forget_the_one_before(
    world: World, master: Group, anna: UUID
) -> None:
    assert world.words(anna, [PHONE]) == ["QUEUED"]
    world.group_quota(master, 0)
    assert world.words(anna, [PHONE], guard=False) == ["Group:Master"]
    world.group_quota(master, None)
    assert world.words(anna, [PHONE]) == [TWIN]


@pytest.mark.parametrize("attempt", range(3))
def test_of_the_same_text_handed_in_by_many_at_once_one_goes(world: World, anna: UUID, attempt: int) -> None:
    orders = [[PHONE, OTHER], [OTHER, PHONE]] * 4
    words = together([lambda o=order: world.words(anna, o) for order in orders])  # type: ignore[misc]
    assert sorted(word for of_one in words for word in of_one) == ["QUEUED"] * 2 + [TWIN] * 14
    assert world.value("SELECT count(*) FROM dispatch_queue") == 2


def test_texts_that_are_released_while_they_are_handed_in_again_do_not_wait_in_a_ring(
    world: World, anna: UUID
) -> None:
    phones = ["+46701740605", "+46701740606", "+46701740607"]
    for phone in reversed(phones):  # they lie against the order in which they are claimed
        world.words(anna, [phone])
    sent = [row.id for row in world.rows("SELECT id FROM message")]

    def release() -> None:
        with world.database.unit_of_work() as session:
            guard.release(session, sent)

    with ThreadPoolExecutor(2) as threads:
        with world.database.unit_of_work() as session:
            session.execute(text("SELECT 1 FROM recent_text WHERE remote = :r FOR UPDATE"), {"r": phones[1]})
            released = threads.submit(release)
            wait_until_blocked(world.database)
            words = threads.submit(world.words, anna, phones)
            wait_until_blocked(world.database, 2)
        released.result(30)
        assert set(words.result(30)) <= {"QUEUED", TWIN}
    assert world.value("SELECT count(*) FROM recent_text") == words.result().count("QUEUED")


def test_what_guards_nothing_any_more_is_forgotten(world: World, clock: FixedClock, anna: UUID) -> None:
    world.words(anna, [PHONE], reference="ref-1")
    clock.move(DAY)
    world.words(anna, [OTHER])
    clock.move(MOMENT)
    with world.database.unit_of_work() as session:
        guard.forget_old(session, clock.now())
    assert [t.remote for t in world.rows("SELECT remote FROM recent_text")] == ["+46701740606"]
    assert world.value("SELECT count(*) FROM client_reference") == 1
    clock.move(timedelta(days=30))
    with world.database.unit_of_work() as session:
        guard.forget_old(session, clock.now())
    assert world.value("SELECT count(*) FROM client_reference") == 0
    assert world.words(anna, [OTHER]) == ["QUEUED"]
