"""The one way out: outcomes, doubts, pauses, pace (spec S7, X6)."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import OperationalError

from messa_platform.core.clock import FixedClock
from messa_platform.core.db import Database
from messa_platform.messaging import outcomes, receipts
from messa_platform.messaging.outcomes import Outcomes
from messa_platform.providers.base import (
    Absent,
    Accepted,
    OutgoingText,
    Receipt,
    ReceiptStatus,
    Rejected,
    Unknown,
)
from messa_platform.providers.http import EVERYTHING
from tests.support.one_channel import LEASE, NUMBERS, Way
from tests.support.providers import Obedient, asked, obedient
from tests.support.world import World

DOUBT_SECONDS = outcomes.DOUBT[0].total_seconds()


@pytest.fixture
def way(world: World) -> Iterator[Callable[..., Way]]:
    """Makes a way by a plugin; the providers end with the test."""
    made: list[Way] = []

    def make(plugin: type[Obedient], **channel: Any) -> Way:
        made.append(Way(world, plugin, **channel))
        return made[-1]

    yield make
    for one in made:
        one.pool.close()


def test_an_accepted_text_is_sent_and_its_reference_finds_it(way: Callable[..., Way]) -> None:
    by = way(obedient())
    assert by.send(*NUMBERS[:3]) == ["SENT"] * 3
    assert by.waiting == 0
    assert by.world.value("SELECT count(*) FROM provider_reference") == 3
    assert [m.recipient for m in by.plugin.sent] == NUMBERS[:3]


def test_a_refused_text_is_unsent_costs_nothing_and_may_be_tried_again(way: Callable[..., Way]) -> None:
    by = way(obedient(answer=lambda m: Rejected(permanent=True, code="no_such_number")))
    by.world.group_quota(by.group, 1)
    assert by.send() == ["UNSENT"]
    assert by.world.rows("SELECT parts, quota_buckets IS NULL FROM message")[0][0] == 0
    assert by.world.value("SELECT sum(parts) FROM quota_usage") == 0
    assert by.world.words(by.anna, NUMBERS[:1]) == ["QUEUED"]
    event = by.world.rows("SELECT code FROM message_event WHERE status = 'UNSENT'")
    assert [row.code for row in event] == ["no_such_number"]
    assert len(by.told.unsent_ids) == 1


def test_a_text_refused_for_now_is_tried_again_after_growing_pauses_and_unsent_at_the_end(
    way: Callable[..., Way],
) -> None:
    by = way(obedient(answer=lambda m: Rejected(permanent=False, code="throttled")))
    assert by.send() == ["QUEUED"]
    tried = [len(by.plugin.sent)]
    for pause in by.dispatcher.outcomes.queue.pauses:
        by.later(pause.total_seconds() - 0.5)
        by.run()
        assert len(by.plugin.sent) == tried[-1], "tried before its pause was over"
        by.later(0.5)
        by.run()
        tried.append(len(by.plugin.sent))
    assert tried == list(range(1, len(by.dispatcher.outcomes.queue.pauses) + 2))
    assert by.statuses == ["UNSENT"]
    assert by.waiting == 0


def test_a_doubtful_text_that_the_provider_has_is_sent_and_not_sent_again(way: Callable[..., Way]) -> None:
    by = way(asked(answer=lambda m: Unknown("timeout"), found=lambda i: Accepted(f"ref-{i}")))
    assert by.send() == ["QUEUED"]
    assert by.plugin.asked == [], "asked while the text may still be on its way"
    by.later(DOUBT_SECONDS)
    assert by.run() == ["SENT"]
    by.later(3600)
    by.run()
    assert len(by.plugin.sent) == 1


def test_a_doubtful_text_that_the_provider_never_got_is_sent_again(way: Callable[..., Way]) -> None:
    answers = iter([Unknown("cut"), Accepted("ref-2")])
    by = way(asked(answer=lambda m: next(answers), found=lambda i: Absent()))
    assert by.send() == ["QUEUED"]
    by.later(DOUBT_SECONDS)
    assert by.run() == ["QUEUED"]
    by.later(5)
    assert by.run() == ["SENT"]
    assert len({m.message_id for m in by.plugin.sent}) == 1
    assert len(by.plugin.sent) == 2


def test_a_provider_that_cannot_tell_is_asked_again_and_never_sent_to_again(way: Callable[..., Way]) -> None:
    by = way(asked(answer=lambda m: Unknown("timeout"), found=lambda i: Unknown("down")))
    assert by.send() == ["QUEUED"]
    for pause in outcomes.DOUBT:
        by.later(pause.total_seconds())
        by.run()
    assert by.statuses == ["UNCONFIRMED"]
    assert len(by.plugin.sent) == 1
    assert len(by.plugin.asked) == len(outcomes.DOUBT)
    assert by.waiting == 0


def test_a_doubt_about_a_provider_that_cannot_be_asked_stays_unconfirmed_and_keeps_its_quota(
    way: Callable[..., Way],
) -> None:
    by = way(obedient(answer=lambda m: Unknown("timeout")))
    assert by.send() == ["QUEUED"]
    by.later(DOUBT_SECONDS)
    assert by.run() == ["UNCONFIRMED"]
    assert by.waiting == 0
    assert by.world.value("SELECT max(parts) FROM quota_usage") == 1
    assert by.world.words(by.anna, NUMBERS[:1]) == ["sms_already_sent_24H"]


def test_a_provider_that_knows_repeats_by_our_id_is_sent_a_doubtful_text_again(
    way: Callable[..., Way],
) -> None:
    idempotent = replace(EVERYTHING, idempotent_submit=True)
    answers = iter([Unknown("timeout"), Accepted("ref")])
    by = way(obedient(answer=lambda m: next(answers), capabilities=idempotent))
    assert by.send() == ["QUEUED"]
    by.later(DOUBT_SECONDS)
    assert by.run() == ["QUEUED"]
    by.later(5)
    assert by.run() == ["SENT"]


def test_where_the_channel_says_so_a_doubtful_text_is_sent_once_more_and_only_once(
    way: Callable[..., Way],
) -> None:
    by = way(obedient(answer=lambda m: Unknown("timeout")))
    by.world.run("UPDATE channel SET resends = true")
    assert by.send() == ["QUEUED"]
    by.later(DOUBT_SECONDS)
    assert by.run() == ["QUEUED"]
    by.later(5)
    by.run()
    by.later(60)
    assert by.run() == ["UNCONFIRMED"]
    assert len(by.plugin.sent) == 2


def test_a_text_that_was_sent_again_to_the_end_may_be_with_its_provider_and_stays_unconfirmed(
    way: Callable[..., Way],
) -> None:
    idempotent = replace(EVERYTHING, idempotent_submit=True)
    by = way(obedient(answer=lambda m: Unknown("timeout"), capabilities=idempotent))
    by.send()
    for _ in range(2 * len(by.dispatcher.outcomes.queue.pauses) + 2):
        by.later(3600)
        by.run()
    assert by.statuses == ["UNCONFIRMED"]
    assert by.world.value("SELECT max(parts) FROM quota_usage") == 1


def test_the_log_tells_of_doubts_once_and_of_what_came_of_them(way: Callable[..., Way]) -> None:
    answers = iter([Unknown("cut"), Rejected(permanent=False, code="throttled"), Accepted("ref")])
    found = iter([Unknown("down"), Absent()])
    by = way(asked(answer=lambda m: next(answers), found=lambda i: next(found)))
    by.send()
    for _ in range(5):
        by.later(60)
        by.run()
    told = by.world.rows("SELECT status, code, changed FROM message_event ORDER BY id")
    assert [tuple(row) for row in told] == [
        ("QUEUED", "", True),
        ("QUEUED", "in_doubt cut", False),
        ("QUEUED", "absent", False),
        ("QUEUED", "throttled", False),
        ("SENT", "", True),
    ]


def test_a_text_whose_worker_died_is_asked_for_before_anything_is_sent(way: Callable[..., Way]) -> None:
    by = way(asked(found=lambda i: Accepted("had-it")))
    by.world.submit(by.anna, NUMBERS[:1])
    with by.world.database.unit_of_work() as session:  # a worker claims it, and is never heard of again
        assert len(by.dispatcher.outcomes.queue.claim(session, by.world.clock.now(), 10)) == 1
    assert by.run() == ["QUEUED"]
    by.later(LEASE.total_seconds() + 1)
    assert by.run() == ["SENT"]
    assert by.plugin.sent == []


def test_what_escapes_a_plugin_is_a_doubt_and_stops_nothing_else(way: Callable[..., Way]) -> None:
    def answer(message: OutgoingText) -> Accepted:
        if message.recipient == NUMBERS[0]:
            raise ZeroDivisionError("a stranger's mistake")
        return Accepted(f"ref-{message.message_id}")

    by = way(obedient(answer=answer))
    assert by.send(*NUMBERS[:3]) == ["QUEUED", "SENT", "SENT"]
    by.later(DOUBT_SECONDS)
    assert by.run() == ["UNCONFIRMED", "SENT", "SENT"]


def test_one_slow_answer_holds_up_no_other_text(way: Callable[..., Way], database: Database) -> None:
    by = way(obedient(slow={NUMBERS[0]: 2.0}))
    by.world.submit(by.anna, NUMBERS[:50])
    seen: list[float] = []
    begun = time.monotonic()

    def more() -> bool:
        if not seen and by.statuses.count("SENT") == 49:
            seen.append(time.monotonic() - begun)
        return False

    by.dispatcher.run(by.channel_id, more)
    assert by.statuses == ["SENT"] * 50
    assert seen and seen[0] < 1.5, seen


def test_a_question_that_is_not_answered_holds_up_no_text(way: Callable[..., Way]) -> None:
    plugin = asked(
        answer=lambda m: Unknown("cut") if m.recipient == NUMBERS[0] else Accepted(str(m.message_id))
    )

    async def find(self: Obedient, message_id: UUID) -> Absent:
        await asyncio.sleep(2)
        return Absent()

    by = way(type("Slow", (plugin,), {"find": find}))
    by.send()
    by.later(DOUBT_SECONDS)
    by.world.submit(by.anna, NUMBERS[1:50])
    seen: list[float] = []
    begun = time.monotonic()

    def more() -> bool:
        if not seen and by.statuses.count("SENT") == 49:
            seen.append(time.monotonic() - begun)
        return False

    by.dispatcher.run(by.channel_id, more)
    assert seen and seen[0] < 1.5, seen
    assert by.world.value("SELECT last_error FROM dispatch_queue") == outcomes.ABSENT


def test_a_channel_sends_no_faster_than_its_rate_whatever_waits(way: Callable[..., Way]) -> None:
    by = way(obedient(), rate=10.0)
    by.send(*NUMBERS[:100])
    for _ in range(3):
        by.later(1)
        by.run()
    assert 30 <= len(by.plugin.sent) <= 50, len(by.plugin.sent)


def test_within_a_second_texts_leave_evenly(way: Callable[..., Way]) -> None:
    by = way(obedient(), rate=20.0)
    by.later(1)
    begun = time.monotonic()
    by.send(*NUMBERS[:10])
    assert len(by.plugin.sent) == 10
    assert time.monotonic() - begun >= 9 / 20


def test_texts_of_a_channel_whose_plugin_is_missing_wait(way: Callable[..., Way]) -> None:
    by = way(obedient())
    by.world.rows("UPDATE channel SET plugin = 'gone' RETURNING 1")
    assert by.send() == ["QUEUED"]
    by.world.rows("UPDATE channel SET plugin = 'obedient' RETURNING 1")
    by.later(2)
    assert by.run() == ["SENT"]


def test_a_channel_whose_settings_are_wrong_loses_nothing(way: Callable[..., Way]) -> None:
    by = way(obedient())
    by.world.rows('UPDATE channel SET settings = \'{"colour": "red"}\' RETURNING 1')
    assert by.send() == ["QUEUED"]
    assert by.plugin.sent == []


def test_a_receipt_that_comes_before_the_sends_own_record_is_applied_with_it(way: Callable[..., Way]) -> None:
    by: Way

    def answer(message: OutgoingText) -> Accepted:
        early = Receipt("ref-early", ReceiptStatus.DELIVERED, "delivered")
        with by.world.database.unit_of_work() as session:
            receipts.take(session, by.world.clock.now(), by.channel_id, [early])
        return Accepted("ref-early")

    by = way(obedient(answer=answer))
    assert by.send() == ["DELIVERED"]
    words = [r.status for r in by.world.rows("SELECT status FROM message_event ORDER BY id")]
    assert words == ["QUEUED", "SENT", "DELIVERED"]


def test_two_processes_that_dispatch_one_channel_send_each_text_once(
    way: Callable[..., Way], clock: FixedClock
) -> None:
    by = way(obedient())
    by.world.submit(by.anna, NUMBERS[:400])
    other = by.another()
    threads = [
        threading.Thread(target=d.run, args=(by.channel_id, lambda: False)) for d in (by.dispatcher, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids: list[UUID] = [m.message_id for m in by.plugin.sent]
    assert len(ids) == len(set(ids)) == 400
    assert by.statuses == ["SENT"] * 400


def test_a_channel_switched_off_in_mid_flight_keeps_its_outcomes(way: Callable[..., Way]) -> None:
    by = way(obedient(slow=dict.fromkeys(NUMBERS[:5], 0.3)))
    by.world.submit(by.anna, NUMBERS[:5])
    switched = []

    def more() -> bool:
        if not switched:
            switched.append(by.world.rows("UPDATE channel SET enabled = false RETURNING 1"))
        return by.statuses.count("SENT") < 5

    by.dispatcher.run(by.channel_id, more)
    assert by.statuses == ["SENT"] * 5
    assert by.world.value("SELECT count(*) FROM provider_reference") == 5


def test_a_process_that_is_to_stop_begins_nothing_and_waits_for_what_is_in_flight(
    way: Callable[..., Way],
) -> None:
    by = way(obedient(slow=dict.fromkeys(NUMBERS[:5], 0.5)))
    by.world.submit(by.anna, NUMBERS[:5])
    threading.Timer(0.1, by.dispatcher.stopping.set).start()
    by.dispatcher.run(by.channel_id, lambda: False)
    assert by.statuses == ["SENT"] * 5
    by.world.submit(by.anna, NUMBERS[5:6])
    assert by.dispatcher.run(by.channel_id, lambda: False) is True
    assert by.statuses[-1] == "QUEUED"


def test_outcomes_are_written_though_the_database_refuses_at_first(
    way: Callable[..., Way], monkeypatch: pytest.MonkeyPatch
) -> None:
    by = way(obedient())
    refusals = iter([True, True, False])
    write = Outcomes.write

    def refusing(self: Outcomes, *arguments: Any, **named: Any) -> None:
        if next(refusals):
            raise OperationalError("deadlock detected", None, Exception())
        write(self, *arguments, **named)

    monkeypatch.setattr(Outcomes, "write", refusing)
    assert by.send() == ["SENT"]
