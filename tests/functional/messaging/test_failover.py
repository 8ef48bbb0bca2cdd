"""A channel that does not work: its breaker opens, its texts go another way, and it is tested until it works again (spec X4)."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from messa_platform.messaging import dispatch, outcomes
from messa_platform.messaging.dispatch import Dispatcher, due_channels
from messa_platform.messaging.outcomes import Outcomes
from messa_platform.providers import breaker
from messa_platform.providers.base import Accepted, Outcome, OutgoingText, Rejected, State, Unknown
from messa_platform.providers.breaker import FAILURES, TRIALS
from tests.support.observe import together
from tests.support.providers import CAPABILITIES, Obedient, a_pool, asked, obedient
from tests.support.world import World

NUMBERS = [f"+4670174{n:04d}" for n in range(500)]
REFUSED = Rejected(permanent=False, code="refused_connection")


class Told:
    """Hears of the texts that end as UNSENT."""

    def unsent(self, session: Session, now: datetime, message_ids: Sequence[UUID]) -> None:
        """Nothing is done."""


class Two:
    """Two channels of the platform's, `first` before `second`, whose providers do as they are told."""

    def __init__(self, world: World, first: type[Obedient], second: type[Obedient] | None) -> None:
        self.world = world
        self.plugins: dict[str, Any] = {"first": first} | ({"second": second} if second else {})
        self.ids = {
            name: world.channel(name, plugin=name, settings={}, priority=place)
            for place, name in enumerate(self.plugins)
        }
        self.anna = world.account(world.tenant(), "anna@kommun.example")
        self.pool = a_pool(self.plugins, 20)
        self.woken: list[UUID] = []
        self.count = 0

    def dispatcher(self) -> Dispatcher:
        """One, as a process of its own would have."""
        written = Outcomes(dispatch.queue(timedelta(seconds=90)), Told())
        return Dispatcher(
            self.world.database,
            self.world.clock,
            self.pool,
            written,
            threading.Event(),
            lambda _s, c: self.woken.append(c),
        )

    def submit(self, texts: int = 1) -> None:
        """Hand texts in, each to another number."""
        self.world.submit(self.anna, NUMBERS[self.count : self.count + texts])
        self.count += texts

    def run(self, *names: str) -> None:
        """Dispatch by the channels, or by those that something waits for until nothing does."""
        for name in names:
            self.dispatcher().run(self.ids[name], lambda: False)
        while not names:
            with self.world.database.unit_of_work() as session:
                due = due_channels(session, self.world.clock.now())
            if not due:
                return
            for channel_id in due:
                self.dispatcher().run(channel_id, lambda: False)

    def later(self, seconds: float) -> None:
        self.world.clock.move(timedelta(seconds=seconds))

    def state(self, name: str = "first") -> str:
        """Where a channel's breaker stands."""
        found: str = self.world.value("SELECT breaker FROM channel WHERE name = :name", name=name)
        return found

    def sent(self, name: str) -> list[str]:
        """The numbers that a provider was asked to send to."""
        return [message.recipient for message in self.plugins[name].sent]

    def of(self, status: str) -> int:
        """How many messages have a status."""
        return int(self.world.value("SELECT count(*) FROM message WHERE status = :s", s=status))


@pytest.fixture
def two(world: World) -> Iterator[Callable[..., Two]]:
    made: list[Two] = []

    def make(first: type[Obedient], second: type[Obedient] | None = None) -> Two:
        made.append(Two(world, first, second))
        return made[-1]

    yield make
    for each in made:
        each.pool.close()


def failing(**changes: Any) -> type[Obedient]:
    return obedient(**{"answer": lambda _: REFUSED, "verdict": State.UNREACHABLE, **changes})


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
    idempotent = replace(CAPABILITIES, idempotent_submit=True)
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
