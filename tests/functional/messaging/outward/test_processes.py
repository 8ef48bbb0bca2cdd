"""Several processes tell the same endpoint, and one of them ends or dies on the way (spec A3, V6)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.orm import Session

from messa_platform.core.db import Database
from messa_platform.core.work import WorkState
from messa_platform.messaging.outward import queue
from messa_platform.messaging.outward.push import Pusher
from tests.support.observe import together
from tests.support.outside import quiet
from tests.support.told_endpoint import Told


class Dying(Database):
    """A database that is away when the first outcome is to be written, so that whoever sent is as good as dead."""

    def __init__(self, database: Database) -> None:
        super().__init__(database.engine)
        self.calls = 0

    @contextmanager
    def unit_of_work(self) -> Iterator[Session]:
        self.calls += 1
        if self.calls == 2:
            raise ConnectionError("away")
        with super().unit_of_work() as session:
            yield session


def test_a_crash_between_the_send_and_its_outcome_sends_again_by_the_same_id(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("messa_platform.messaging.outward.push.SETTLE_PAUSES", ())
    told.send()
    dying = told.outside.pusher(database=Dying(told.world.database))
    told.outside.tell(dying)
    assert told.states == [WorkState.LEASED]
    alive = told.outside.pusher()
    told.outside.tell(alive)
    assert len(told.receiver.received) == 1
    told.wait(queue.LEASE.total_seconds())
    told.outside.tell(alive)
    assert told.states == [WorkState.DONE]
    first, second = told.receiver.received
    assert (first.id, first.body) == (second.id, second.body)


def test_an_outcome_that_comes_after_its_lease_was_lost_changes_nothing_for_the_other(told: Told) -> None:
    told.send()
    slow, other = told.outside.pusher(), told.outside.pusher()
    release = threading.Event()
    told.receiver.answer = lambda _: (release.wait(5), (500, {}))[1]
    slow.wake(told.id)
    told.receiver.wait_for(1)
    told.wait(queue.LEASE.total_seconds())
    told.receiver.always(200)
    told.outside.tell(other)
    release.set()
    quiet(slow)
    assert told.states == [WorkState.DONE]


def test_of_several_processes_one_probes(told: Told) -> None:
    told.receiver.always(500)
    told.send()
    told.outside.tell()
    told.send(10)
    told.wait(5)
    pushers = [told.outside.pusher() for _ in range(4)]
    together([lambda p=pusher: p.wake(told.id) for pusher in pushers])  # type: ignore[misc]
    for pusher in pushers:
        quiet(pusher)
    assert len(told.receiver.received) == 2
    assert told.endpoint.failures == 2


def test_several_processes_tell_each_event_once_and_a_messages_events_in_order(told: Told) -> None:
    messages = told.send(60)
    told.network.says(*((m, "BUFFERED") for m in messages))
    told.network.says(*((m, "DELIVERED") for m in messages))
    pushers = [told.outside.pusher() for _ in range(3)]
    for pusher in pushers:
        pusher.wake(told.id)
    told.receiver.wait_for(180, 60)
    for pusher in pushers:
        quiet(pusher)
    assert len({r.id for r in told.receiver.received}) == len(told.receiver.received) == 180
    for message in messages:
        of_one = [
            r.event["data"]["status"] for r in told.receiver.received if str(message) in r.body.decode()
        ]
        assert of_one == ["SENT", "BUFFERED", "DELIVERED"]


def test_a_later_event_of_a_message_waits_for_the_earlier_one(told: Told) -> None:
    [message] = told.send()
    told.receiver.answers(500)
    told.outside.tell()
    told.network.says((message, "DELIVERED"))
    told.outside.tell()
    told.outside.later(seconds=5)
    assert told.receiver.types == ["message.sent", "message.sent", "message.delivered"]


def test_a_process_that_ends_waits_for_what_is_on_its_way_and_begins_nothing(told: Told) -> None:
    told.receiver.answer = lambda _: (threading.Event().wait(0.3), (200, {}))[1]
    told.send(5)
    pusher: Pusher = told.outside.pusher()
    pusher.wake(told.id)
    told.receiver.wait_for(1)
    pusher.close()
    assert told.states.count(WorkState.DONE) == 1
    assert WorkState.LEASED not in told.states
    pusher.wake(told.id)
    assert len(told.receiver.received) == 1
