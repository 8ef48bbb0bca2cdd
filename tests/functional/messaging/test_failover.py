"""A channel that does not work: what waits for it goes another way where there is one, and what is in doubt stays (spec X4)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from messa_platform.messaging import outcomes
from messa_platform.providers.base import Accepted, Outcome, State, Unknown
from messa_platform.providers.breaker import FAILURES
from messa_platform.providers.http import EVERYTHING
from tests.support.observe import together
from tests.support.providers import asked, obedient
from tests.support.two_channels import NUMBERS, REFUSED, Two, failing


def test_failures_in_a_row_open_a_channel_and_what_waits_goes_another_way(two: Callable[..., Two]) -> None:
    by = two(failing(), obedient())
    by.submit(FAILURES - 1)
    by.run("first")
    assert by.state() == "closed"
    by.submit()
    by.run("first")
    assert by.state() == "open"
    by.run("first")
    by.run("second")
    assert by.of("SENT") == FAILURES
    assert sorted(by.sent("second")) == NUMBERS[:FAILURES]
    assert by.ids["second"] in by.woken
    by.submit()  # a new one is not led there at all
    by.run()
    assert by.sent("first") == NUMBERS[:FAILURES]
    assert by.sent("second")[-1] == NUMBERS[FAILURES]


def test_the_log_says_by_which_channel_a_text_did_not_go(two: Callable[..., Two]) -> None:
    by = two(failing(), obedient())
    by.submit(FAILURES)
    by.run("first", "first", "second")
    events = by.world.rows(
        "SELECT message_id, code, status, changed FROM message_event ORDER BY message_id, id"
    )
    assert Counter((e.code, e.status, e.changed) for e in events) == {
        ("", "QUEUED", True): FAILURES,
        (REFUSED.code, "QUEUED", False): FAILURES,
        ("moved_from first", "QUEUED", False): FAILURES,
        ("", "SENT", True): FAILURES,
    }
    assert (
        by.world.value("SELECT count(*) FROM message WHERE channel_id = :id", id=by.ids["second"]) == FAILURES
    )


def test_what_is_in_doubt_stays_to_be_asked_for_where_it_is(two: Callable[..., Two]) -> None:
    by = two(asked(answer=lambda _: Unknown("timeout"), verdict=State.UNREACHABLE), obedient())
    by.submit(FAILURES)
    by.run("first")
    assert by.state() == "open"
    by.run("first", "second")
    assert by.sent("second") == []
    assert by.world.value("SELECT count(*) FROM dispatch_queue WHERE doubts = 1") == FAILURES
    by.later(
        outcomes.DOUBT[0].total_seconds() + 1
    )  # the channel is open, and is asked all the same; it says that it has none
    by.run("first", "first", "second")
    assert sorted(by.sent("second")) == NUMBERS[:FAILURES]
    assert by.of("SENT") == FAILURES


def test_what_is_sent_again_to_a_provider_that_knows_repeats_is_sent_to_no_other(
    two: Callable[..., Two],
) -> None:
    works = [False]
    idempotent = replace(EVERYTHING, idempotent_submit=True)
    first = failing(
        answer=lambda m: Accepted(f"r{m.message_id}") if works[0] else Unknown("timeout"),
        capabilities=idempotent,
    )
    by = two(first, obedient())
    by.submit(FAILURES)
    by.run("first")
    assert by.state() == "open"
    by.later(outcomes.DOUBT[0].total_seconds() + 1)
    by.run("first", "second")  # it cannot be asked, but may be sent them again, once it works
    by.later(60)
    by.run("first", "second")
    assert by.sent("second") == []
    works[0] = True
    first.verdict = State.WELL
    for _ in range(4):
        by.later(60)
        by.run("first", "second")
    assert by.of("SENT") == FAILURES
    assert by.sent("second") == []
    codes = [e.code for e in by.world.rows("SELECT code FROM message_event WHERE NOT changed ORDER BY id")]
    assert Counter(codes) == {"in_doubt timeout": FAILURES, "sent_again": FAILURES}


def test_what_is_in_doubt_at_a_channel_that_is_paused_is_asked_for_there(two: Callable[..., Two]) -> None:
    by = two(asked(answer=lambda _: Unknown("timeout"), found=lambda i: Accepted(f"r{i}")), obedient())
    by.submit()
    by.run("first")
    by.world.run("UPDATE channel SET enabled = false WHERE name = 'first'")
    by.later(outcomes.DOUBT[0].total_seconds() + 1)
    by.run("first", "second")
    assert by.of("SENT") == 1
    assert by.sent("second") == []


def test_what_waits_for_a_channel_that_is_paused_goes_another_way_if_there_is_one(
    two: Callable[..., Two],
) -> None:
    by = two(obedient(), obedient())
    by.submit(3)
    by.world.run("UPDATE channel SET enabled = false WHERE name = 'first'")
    by.run("first", "second")
    assert by.sent("first") == []
    assert sorted(by.sent("second")) == NUMBERS[:3]
    by.world.run("UPDATE channel SET enabled = (name = 'first')")
    by.submit(2)
    by.world.run("UPDATE channel SET enabled = false")
    by.run("first", "second")
    assert (
        by.world.value("SELECT count(*) FROM dispatch_queue WHERE channel_id = :id", id=by.ids["first"]) == 2
    )


def test_texts_of_a_tenant_s_own_channel_go_by_the_platform_s_and_nobody_else_s_by_that(
    two: Callable[..., Two],
) -> None:
    by = two(obedient(), None)
    own = failing()
    by.plugins["own"] = own
    tenant = by.world.value("SELECT tenant_id FROM account WHERE id = :id", id=by.anna)
    by.ids["own"] = by.world.channel("own", plugin="own", settings={}, tenant_id=tenant)
    other = by.world.account(by.world.tenant("annan", "Annan kommun"), "olle@annan.example")
    by.submit(FAILURES)
    by.world.submit(other, [NUMBERS[-1]])
    by.run("own")
    assert by.state("own") == "open"
    by.run("own", "first")
    assert sorted(by.sent("first")) == sorted([*NUMBERS[:FAILURES], NUMBERS[-1]])
    assert len(own.sent) == FAILURES


def test_while_texts_move_and_leave_at_once_each_leaves_once(two: Callable[..., Two]) -> None:
    turn = threading.Lock()
    broken = [False]

    def answer(message: Any) -> Outcome:
        with turn:
            return REFUSED if broken[0] else Accepted(f"r{message.message_id}")

    by = two(obedient(answer=answer, verdict=State.UNREACHABLE), obedient())
    by.submit(300)

    def breaks() -> None:
        threading.Event().wait(0.05)
        with turn:
            broken[0] = True

    actions: list[Callable[[], object]] = [lambda: by.run("first")] * 3
    together([*actions, lambda: by.run("second"), breaks])
    for _ in range(8):
        by.later(70)
        by.run()
    assert by.of("SENT") == 300
    accepted = Counter(r.message_id for r in by.world.rows("SELECT message_id FROM provider_reference"))
    assert len(accepted) == 300
    assert set(accepted.values()) == {1}
