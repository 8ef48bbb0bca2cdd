"""Wake-ups: at most one waits for a key, none is needed for the work to be found, and none is lost by being one of many."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import dramatiq
import pytest
from dramatiq import Worker
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from dramatiq.common import current_millis
from sqlalchemy import create_engine

from messa_platform.core.actors import (
    ActorSpec,
    Flights,
    Key,
    More,
    NoWaker,
    Waker,
    bind,
    make_broker,
    sender,
)
from messa_platform.core.db import Database
from tests.support.processes import wait_for

KEY = ("dispatch", "channel-1")


class Outbox:
    """What a waker sends: it waits at `gate` with each, if that is closed."""

    def __init__(self) -> None:
        self.sent: list[Key] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, key: Key) -> None:
        self.gate.wait(10)
        self.sent.append(key)


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest.fixture
def remote(outbox: Outbox) -> Iterator[Waker]:
    waker = Waker(outbox, embedded=False, hold=0.01)
    yield waker
    outbox.gate.set()
    waker.close()


def test_in_one_process_a_key_waits_once_until_its_actor_starts(outbox: Outbox) -> None:
    waker = Waker(outbox, embedded=True)
    for _ in range(5):
        waker.wake(*KEY)
    waker.wake("read_mail")
    assert outbox.sent == [KEY, ("read_mail",)]
    waker.started(KEY)
    waker.wake(*KEY)
    assert outbox.sent == [KEY, ("read_mail",), KEY]


def test_a_wake_up_that_could_not_be_sent_does_not_block_the_next() -> None:
    tries: list[Key] = []

    def fails_once(key: Key) -> None:
        tries.append(key)
        if len(tries) == 1:
            raise ConnectionError("the broker is away")

    waker = Waker(fails_once, embedded=True)
    waker.wake(*KEY)
    waker.wake(*KEY)
    assert tries == [KEY, KEY]


def test_to_a_remote_broker_one_thread_sends_and_a_burst_is_few(remote: Waker, outbox: Outbox) -> None:
    outbox.gate.clear()
    remote.wake(*KEY)
    for _ in range(1000):
        remote.wake(*KEY)
    outbox.gate.set()
    wait_for(lambda: not remote._waiting, says="all sent")
    remote.close()
    assert 1 <= len(outbox.sent) <= 3
    assert set(outbox.sent) == {KEY}


def test_who_asks_after_a_wake_up_was_taken_to_be_sent_gets_another_one(
    remote: Waker, outbox: Outbox
) -> None:
    outbox.gate.clear()
    remote.wake(*KEY)
    wait_for(lambda: not remote._waiting, says="the first is being sent")
    remote.wake(*KEY)
    outbox.gate.set()
    wait_for(lambda: outbox.sent == [KEY, KEY], says="both were sent")


def test_a_remote_broker_that_is_away_keeps_nobody_waiting() -> None:
    tries: list[Key] = []

    def away(key: Key) -> None:
        tries.append(key)
        raise ConnectionError("the broker is away")

    waker = Waker(away, embedded=False, hold=0.01)
    waker.wake("read_mail")
    wait_for(lambda: len(tries) == 1)
    waker.wake("read_mail")
    wait_for(lambda: len(tries) == 2)
    waker.close()


def test_all_that_was_asked_for_is_sent_at_the_end(outbox: Outbox) -> None:
    waker = Waker(outbox, embedded=False, hold=60)
    waker.wake("first")
    wait_for(lambda: outbox.sent == [("first",)])
    waker.wake("second")
    waker.close()
    assert outbox.sent == [("first",), ("second",)]


def test_a_process_whose_broker_nobody_reads_wakes_nobody() -> None:
    waker = NoWaker()
    waker.wake("read_mail")
    waker.close()
    assert waker._waiting == {}


@pytest.mark.parametrize("committed", [True, False])
def test_a_wake_up_follows_the_commit_once_and_never_a_rollback(outbox: Outbox, committed: bool) -> None:
    waker = Waker(outbox, embedded=True)
    database = Database(create_engine("sqlite://"))
    session = database.sessions()
    session.begin()
    waker.wake_after_commit(session, *KEY)
    waker.started(KEY)
    waker.wake_after_commit(session, *KEY)
    assert outbox.sent == []
    if committed:
        session.commit()
    else:
        session.rollback()
    session.close()
    database.close()
    assert outbox.sent == ([KEY] if committed else [])


def test_a_flight_that_was_asked_for_again_says_so_at_its_end() -> None:
    flights = Flights()
    assert flights.begin(KEY)
    assert not flights.begin(KEY)
    assert flights.end(KEY)
    assert flights.begin(KEY)
    assert not flights.end(KEY)


def test_a_flight_may_ask_whether_it_was_asked_for_and_is_told_once() -> None:
    flights = Flights()
    flights.begin(KEY)
    assert not flights.take_again(KEY)
    flights.begin(KEY)
    assert flights.take_again(KEY)
    assert not flights.take_again(KEY)
    assert not flights.end(KEY)


def test_flights_of_other_keys_know_nothing_of_each_other() -> None:
    flights = Flights()
    assert flights.begin(KEY)
    assert flights.begin(("dispatch", "channel-2"))


class Office:
    """A process with an embedded broker and its workers."""

    def __init__(self, *specs: ActorSpec) -> None:
        self.broker = make_broker("embedded")
        self.waker = Waker(sender(self.broker, specs), embedded=True)
        bind(self.broker, specs, SimpleNamespace(waker=self.waker, office=self))
        self.worker = Worker(self.broker, worker_threads=4, worker_timeout=50)

    def __enter__(self) -> Office:
        self.broker.emit_after("process_boot")
        self.worker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.stop()
        self.broker.close()


def test_an_actor_gets_the_runtime_and_the_words_of_its_wake_up() -> None:
    calls: list[tuple[str, ...]] = []

    def run(runtime: Any, more: More, *words: str) -> bool:
        assert runtime.office is office
        assert not more()
        calls.append(words)
        return False

    with Office(ActorSpec("dispatch", run, queue="q"), ActorSpec("read", run)) as office:
        office.waker.wake("dispatch", "channel-1")
        office.waker.wake("read")
        wait_for(lambda: len(calls) == 2, says="both ran")
    assert sorted(calls) == [(), ("channel-1",)]


def test_an_actor_runs_once_at_a_time_for_a_key_and_misses_no_wake_up() -> None:
    lock = threading.Lock()
    at_work: list[int] = [0]
    most: list[int] = [0]
    asked: list[int] = [0]
    seen: list[int] = [0]

    def run(_runtime: Any, _more: More) -> bool:
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        seen[0] = asked[0]
        threading.Event().wait(0.001)
        with lock:
            at_work[0] -= 1
        return False

    with Office(ActorSpec("read", run)) as office:
        for i in range(1, 500):
            asked[0] = i
            office.waker.wake("read")
        wait_for(lambda: seen[0] == 499, says="the last wake-up was seen")
    assert most[0] == 1


def test_an_actor_that_has_not_come_to_its_end_runs_again() -> None:
    runs: list[None] = []

    def run(_runtime: Any, _more: More) -> bool:
        runs.append(None)
        return len(runs) < 5

    with Office(ActorSpec("read", run)) as office:
        office.waker.wake("read")
        wait_for(lambda: len(runs) == 5, says="it ran to its end")
        office.broker.join("default")
    assert len(runs) == 5


def test_an_actor_that_fails_runs_at_the_next_wake_up(caplog: pytest.LogCaptureFixture) -> None:
    runs: list[None] = []

    def run(_runtime: Any, _more: More) -> bool:
        runs.append(None)
        raise RuntimeError("broken")

    def woken(times: int) -> bool:
        office.waker.wake("read")  # as the sweeper does, which asks again and again
        return len(runs) >= times

    with Office(ActorSpec("read", run)) as office:
        wait_for(lambda: woken(3), says="it ran three times")
    assert "broken" in caplog.text


def test_an_old_wake_up_in_one_process_is_still_taken_so_that_its_key_is_free_again() -> None:
    calls: list[None] = []

    def run(_runtime: Any, _more: More) -> bool:
        calls.append(None)
        return False

    with Office(ActorSpec("read", run)) as office:
        old: dramatiq.Message[None] = dramatiq.Message(
            "default", "read", (), {}, {}, message_timestamp=current_millis() - 3_600_000
        )
        office.waker._waiting[("read",)] = None
        office.broker.enqueue(old)
        wait_for(lambda: len(calls) == 1, says="the old one was taken")
        office.waker.wake("read")
        wait_for(lambda: len(calls) == 2, says="the next one was taken")


def test_wake_ups_that_piled_up_in_a_remote_broker_are_skipped_when_they_are_old() -> None:
    broker = make_broker("redis://127.0.0.1:9/0")
    actors = bind(broker, [ActorSpec("read", lambda _runtime, _more: False)], SimpleNamespace())
    assert actors["read"].options["max_age"] == 60_000


def test_an_actor_that_takes_too_long_is_interrupted() -> None:
    ended = threading.Event()

    def run(_runtime: Any, _more: More) -> bool:
        try:
            while True:
                threading.Event().wait(0.01)
        finally:
            ended.set()

    with Office(ActorSpec("read", run, time_limit_ms=200)) as office:
        office.waker.wake("read")
        assert ended.wait(10)


BROKERS: dict[str, Callable[[dramatiq.Broker], bool]] = {
    "embedded": lambda broker: isinstance(broker, StubBroker),
    "redis://127.0.0.1:9/0": lambda broker: isinstance(broker, RedisBroker),
    "amqp://guest:guest@127.0.0.1:9/": lambda broker: isinstance(broker, RabbitmqBroker),
}


@pytest.mark.parametrize("url", BROKERS)
def test_a_broker_is_made_from_its_address(url: str) -> None:
    broker = make_broker(url)
    assert BROKERS[url](broker)
    assert "Retries" not in [type(one).__name__ for one in broker.middleware]


@pytest.mark.parametrize("url", ["", "kafka://127.0.0.1", "EMBEDDED", "http://127.0.0.1"])
def test_another_address_is_refused_and_says_what_there_is(url: str) -> None:
    with pytest.raises(ValueError, match=r"broker\.url: use embedded, redis://… or amqp://…"):
        make_broker(url)
