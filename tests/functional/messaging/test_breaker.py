"""A channel that does not work: its breaker opens, and it is tested until it works again (spec X4)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from messa_platform.providers import breaker
from messa_platform.providers.base import Accepted, Outcome, OutgoingText, Rejected, State, Unknown
from messa_platform.providers.breaker import FAILURES, TRIALS
from tests.support.observe import together
from tests.support.processes import wait_for
from tests.support.providers import asked, obedient
from tests.support.two_channels import NUMBERS, REFUSED, Two, failing


@pytest.mark.parametrize(
    "answers",
    [
        [Rejected(permanent=True, code="barred")] * FAILURES,
        [REFUSED, REFUSED, REFUSED, REFUSED, Accepted("r")] * 3,
    ],
)
def test_a_channel_that_answers_stays_closed(two: Callable[..., Two], answers: list[Outcome]) -> None:
    left = list(answers)
    by = two(obedient(answer=lambda _: left.pop(0)), obedient())
    for _ in answers:
        by.submit()
        by.run("first")
        assert by.state() == "closed"


def test_the_log_says_that_a_channel_works_again_only_if_it_was_closed_off(two: Callable[..., Two]) -> None:
    works = [False]
    first = failing(
        answer=lambda m: Accepted(f"r{m.message_id}") if works[0] else REFUSED, verdict=State.WELL
    )
    by = two(first, None)

    def tell(texts: int) -> list[str]:
        by.submit(texts)
        with capture_logs() as told:
            by.run("first")
        return [entry["event"] for entry in told if entry["event"].startswith("channel_")]

    assert tell(1) == []
    works[0] = True
    assert tell(1) == []  # it had failed once, no more
    works[0] = False
    assert tell(FAILURES) == ["channel_opened"]
    works[0] = True
    by.later(breaker.FIRST_PAUSE + 1)
    assert tell(1) == ["channel_works_again"]


def test_one_text_that_is_refused_again_and_again_closes_the_way_to_no_other(two: Callable[..., Two]) -> None:
    bad = NUMBERS[0]
    by = two(obedient(answer=lambda m: REFUSED if m.recipient == bad else Accepted(f"r{m.message_id}")), None)
    by.submit()
    for _ in range(FAILURES + 3):
        by.later(3700)
        by.run("first")
    assert len(by.sent("first")) > FAILURES
    assert by.state() == "closed"
    by.submit()
    by.run("first")
    assert by.of("SENT") == 1


def test_a_channel_is_tested_tried_with_a_few_and_works_again(two: Callable[..., Two]) -> None:
    works = [False]
    first = failing(answer=lambda m: Accepted(f"r{m.message_id}") if works[0] else REFUSED)
    by = two(first, None)
    by.submit(FAILURES + 20)
    by.run("first")
    assert by.state() == "open"
    tried = len(by.sent("first"))
    by.run("first")
    assert len(by.sent("first")) == tried  # nothing leaves by it
    works[0] = True
    first.verdict = State.WELL
    by.later(breaker.FIRST_PAUSE + 1)
    by.run("first")
    assert by.state() == "closed"
    assert len(by.sent("first")) == tried + TRIALS
    by.later(60)
    by.run()
    assert by.of("SENT") == FAILURES + 20
    assert by.world.value("SELECT failing + openings FROM channel") == 0


def test_a_test_that_goes_badly_is_repeated_after_growing_pauses(two: Callable[..., Two]) -> None:
    by = two(failing(), None)
    by.submit(FAILURES)
    by.run("first")
    pauses = []
    for _ in range(6):
        probe_at = by.world.value("SELECT probe_at FROM channel")
        pauses.append(round((probe_at - by.world.clock.now()).total_seconds()))
        by.later(pauses[-1])
        by.run("first")
        assert by.state() == "open"
    assert pauses == [5, 10, 20, 40, 60, 60]


def test_a_trial_that_fails_opens_it_again_for_longer(two: Callable[..., Two]) -> None:
    by = two(failing(verdict=State.WELL), None)  # it can be reached, but takes nothing
    by.submit(FAILURES)
    by.run("first")
    by.later(60)
    by.run("first")
    assert by.state() == "open"
    assert len(by.sent("first")) == FAILURES + TRIALS
    probe_at = by.world.value("SELECT probe_at FROM channel")
    assert round((probe_at - by.world.clock.now()).total_seconds()) == 2 * breaker.FIRST_PAUSE


def test_one_of_several_processes_tests_it(two: Callable[..., Two]) -> None:
    by = two(failing(), None)
    by.submit(FAILURES)
    by.run("first")
    by.later(6)

    def take() -> bool:
        with by.world.database.unit_of_work() as session:
            return breaker.take_probe(session, by.world.clock.now(), by.ids["first"])

    assert sum(together([take] * 6)) == 1


def test_texts_without_an_answer_open_it_before_their_time_is_up(two: Callable[..., Two]) -> None:
    slow = dict.fromkeys(NUMBERS[:FAILURES], breaker.STALLED + 1.5)
    by = two(obedient(slow=slow, verdict=State.UNREACHABLE), obedient())
    by.submit(FAILURES)
    seen: list[str] = []

    def look() -> None:
        while by.state() != "open":
            threading.Event().wait(0.05)
        seen.append(f"{by.of('SENT')} sent")
        by.submit()
        by.run("second")

    together([lambda: by.run("first"), look])
    assert seen == ["0 sent"]  # their answers were still to come
    assert by.of("SENT") == FAILURES + 1  # and came, each to its text
    assert by.sent("second") == [NUMBERS[FAILURES]]


def test_what_left_before_a_test_that_went_well_says_nothing_of_a_channel_that_works_again(
    two: Callable[..., Two],
) -> None:
    hung = NUMBERS[: 2 * FAILURES]
    begun = threading.Event()

    def answer(message: OutgoingText) -> Outcome:
        return Unknown("timeout") if message.recipient in hung else Accepted(f"r{message.message_id}")

    by = two(asked(answer=answer, slow=dict.fromkeys(hung, 2 * breaker.STALLED + 3)), None)
    by.submit(len(hung))
    states: list[str] = []

    def works_again() -> None:
        while by.state() != "open":
            begun.wait(0.05)
        by.later(breaker.FIRST_PAUSE + 1)
        by.run("first")  # it is tested
        by.submit()
        by.run("first")  # the trial's text closes it
        until = time.monotonic() + breaker.STALLED + 4
        while time.monotonic() < until:
            states.append(by.state())
            begun.wait(0.05)

    together([lambda: by.run("first"), works_again])
    assert set(states) == {"closed"}
    assert by.world.value("SELECT count(*) FROM dispatch_queue WHERE doubts = 1") == len(hung)


def test_a_trial_does_not_wait_for_texts_that_hang_since_before(two: Callable[..., Two]) -> None:
    hung = NUMBERS[:FAILURES]
    by = two(obedient(slow=dict.fromkeys(hung, breaker.STALLED + 5)), None)
    by.submit(len(hung))
    goes_on = threading.Event()

    def is_tried() -> None:
        while by.state() != "open":
            time.sleep(0.05)
        by.later(breaker.FIRST_PAUSE + 1)
        by.submit()
        try:
            wait_for(lambda: by.of("SENT") == 1, 2, "the trial's text sent")
            assert by.state() == "closed"
        finally:
            goes_on.set()

    together([lambda: by.run_while(lambda: not goes_on.is_set()), is_tried])
