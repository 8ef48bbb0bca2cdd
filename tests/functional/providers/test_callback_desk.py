"""What many callbacks hold is stored together: in their order, in no more statements, and what is wrong with one harms no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

from messa_platform.core.clock import FixedClock
from messa_platform.messaging.sink import EventSink
from messa_platform.providers.base import IncomingText, Receipt, ReceiptStatus
from messa_platform.providers.callback_desk import CallbackDesk, Events, NotNow
from messa_platform.tenants.group_settings import Key
from tests.support.network import Network, reference
from tests.support.observe import statements, together, wait_until_blocked
from tests.support.processes import wait_for
from tests.support.world import World

SENT, DELIVERED, UNDELIVERED = ReceiptStatus.SENT, ReceiptStatus.DELIVERED, ReceiptStatus.UNDELIVERED


@dataclass
class Told:
    """A sink that writes down what it is told, after doing what it was made for; `held` holds it up, `bad` is what it cannot store."""

    real: EventSink
    batches: list[list[Any]] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)
    may_go: threading.Event = field(default_factory=threading.Event)
    bad: str = ""

    def take(self, session: Session, now: datetime, channel_id: UUID, events: Events) -> None:
        self.batches.append(list(events))
        self.begun.set()
        assert self.may_go.wait(10)
        if any(event.reference == self.bad for event in events):
            session.execute(text("SELECT CAST('no number' AS int)"))
        self.real.take(session, now, channel_id, events)


@pytest.fixture
def network(world: World) -> Network:
    return Network(world)


@pytest.fixture
def anna(world: World, network: Network) -> UUID:
    group = world.tenant()
    world.set(group, Key.MAY_RECEIVE, True)
    world.numbers()
    return world.account(group, "anna@kommun.example")


@pytest.fixture
def sink(network: Network) -> Told:
    told = Told(EventSink(network))
    told.may_go.set()
    return told


@pytest.fixture
def desk(world: World, clock: FixedClock, sink: Told) -> CallbackDesk:
    return CallbackDesk(world.database, clock, sink)


def sent(world: World, network: Network, anna: UUID, count: int) -> list[UUID]:
    world.words(anna, [f"07017406{n:02}" for n in range(count)])
    return network.accept()


def says(message: UUID, status: ReceiptStatus) -> Receipt:
    return Receipt(reference(message), status, status.lower())


@dataclass
class Go:
    """Callbacks that are stored in one go: `asked`, in their order, and `came`, what came of each."""

    desk: CallbackDesk
    channel_id: UUID
    asked: list[Events] = field(default_factory=list)
    came: list[tuple[Events, Exception | None]] = field(default_factory=list)

    def store(self, events: Events) -> None:
        try:
            self.desk.store(self.channel_id, events)
            self.came.append((events, None))
        except Exception as error:
            self.came.append((events, error))

    def waits(self, count: int) -> bool:
        return len(self.desk._channels[self.channel_id]._waiting) == count


@contextmanager
def gathered(desk: CallbackDesk, sink: Told, channel_id: UUID) -> Iterator[Go]:
    """What is asked for in the block is stored after it in one go: it comes behind a first callback that is held up."""
    sink.begun.clear()
    sink.may_go.clear()
    threads = [threading.Thread(target=desk.store, args=(channel_id, [Receipt("nobody's", SENT, "")]))]
    threads[0].start()
    assert sink.begun.wait(10)
    go = Go(desk, channel_id)
    yield go
    for n, events in enumerate(go.asked, 1):
        threads.append(threading.Thread(target=go.store, args=(events,)))
        threads[-1].start()
        wait_for(lambda n=n: go.waits(n))  # type: ignore[misc]
    sink.may_go.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_what_waits_is_stored_in_one_go_and_in_its_order(
    world: World, network: Network, desk: CallbackDesk, sink: Told, anna: UUID
) -> None:
    messages = sent(world, network, anna, 5)
    with gathered(desk, sink, network.channel_id) as go:
        go.asked += [[says(m, DELIVERED)] for m in messages]
    assert [answer for _, answer in go.came] == [None] * 5
    assert sink.batches[1:] == [[says(m, DELIVERED) for m in messages]]
    assert {network.status(m) for m in messages} == {"DELIVERED"}


def test_of_one_message_the_first_end_holds_and_every_word_is_kept(
    world: World, network: Network, desk: CallbackDesk, sink: Told, anna: UUID
) -> None:
    [message] = sent(world, network, anna, 1)
    words = (ReceiptStatus.BUFFERED, UNDELIVERED, DELIVERED, SENT, UNDELIVERED)
    with gathered(desk, sink, network.channel_id) as go:
        go.asked += [[says(message, word)] for word in words]
    assert network.status(message) == "UNDELIVERED"
    assert network.history(message)[-2:] == ["BUFFERED", "UNDELIVERED"]
    assert [event.code for event in network.events(message)][-5:] == [word.lower() for word in words]


def test_many_callbacks_take_no_more_statements_than_one(
    world: World, network: Network, desk: CallbackDesk, sink: Told, anna: UUID
) -> None:
    messages = sent(world, network, anna, 16)
    number = world.value("SELECT msisdn FROM number")

    def events(n: int) -> Sequence[Receipt | IncomingText]:
        # a receipt, a text to somebody, and one to a number that nobody has ever held
        came = [IncomingText(f"in-{n}-{to}", f"+4670{n:07}", to, "Hej") for to in (number, "+46700000000")]
        return [says(messages[n], DELIVERED), *came]

    with statements(world.database.engine) as for_one:
        desk.store(network.channel_id, events(0))
    with statements(world.database.engine) as for_many, gathered(desk, sink, network.channel_id) as go:
        go.asked += [events(n) for n in range(1, 10)]
    limit = next(i for i, s in enumerate(for_many[1:], 1) if "statement_timeout" in s.text)
    assert [s.text for s in for_many[limit:]] == [s.text for s in for_one]
    assert len(network.arrived) == 10


def test_one_that_cannot_be_stored_does_not_fail_the_others(
    world: World, network: Network, desk: CallbackDesk, sink: Told, anna: UUID
) -> None:
    messages = sent(world, network, anna, 5)
    sink.bad = reference(messages[2])
    with gathered(desk, sink, network.channel_id) as go:
        go.asked += [[says(m, DELIVERED)] for m in messages]
    came = {events[0].reference: answer for events, answer in go.came}
    assert isinstance(came.pop(reference(messages[2])), DataError)
    assert list(came.values()) == [None] * 4
    assert [network.status(m) for m in messages] == ["DELIVERED"] * 2 + ["SENT"] + ["DELIVERED"] * 2


def test_where_the_connection_is_lost_all_are_put_off_and_none_is_tried_alone(
    world: World, network: Network, desk: CallbackDesk, sink: Told, anna: UUID
) -> None:
    messages = sent(world, network, anna, 3)
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    real = sink.real

    class Cut:
        def take(self, session: Session, now: datetime, channel_id: UUID, events: Events) -> None:
            real.take(session, now, channel_id, events)
            if len(events) == 3:
                world.run(cut)

    sink.real = Cut()  # type: ignore[assignment]
    with gathered(desk, sink, network.channel_id) as go:
        go.asked += [[says(m, DELIVERED)] for m in messages]
    assert all(isinstance(answer, NotNow) for _, answer in go.came)
    assert len(sink.batches) == 2
    for message in messages:  # the provider comes again
        desk.store(network.channel_id, [says(message, DELIVERED)])
    assert {network.status(m) for m in messages} == {"DELIVERED"}


def test_a_callback_does_not_wait_for_a_lock_for_ever(
    world: World, clock: FixedClock, network: Network, sink: Told, anna: UUID
) -> None:
    [message, other] = sent(world, network, anna, 2)
    desk = CallbackDesk(world.database, clock, sink, patience=0.3)
    with world.database.unit_of_work() as session:
        session.execute(text("SELECT FROM message WHERE id = :id FOR UPDATE"), {"id": message})
        begun = time.monotonic()
        with pytest.raises(NotNow):
            desk.store(network.channel_id, [says(message, DELIVERED)])
        assert 0.2 < time.monotonic() - begun < 2
        desk.store(network.channel_id, [says(other, DELIVERED)])
    assert (network.status(message), network.status(other)) == ("SENT", "DELIVERED")


def test_while_a_channel_does_not_work_only_one_callback_waits_for_it(
    world: World, clock: FixedClock, network: Network, sink: Told, anna: UUID
) -> None:
    [message, other] = sent(world, network, anna, 2)
    desk = CallbackDesk(world.database, clock, sink, patience=0.5)
    with world.database.unit_of_work() as session:
        session.execute(text("SELECT FROM message WHERE id = :id FOR UPDATE"), {"id": message})
        with pytest.raises(NotNow):
            desk.store(network.channel_id, [says(message, DELIVERED)])
        go = Go(desk, network.channel_id)
        thread = threading.Thread(target=go.store, args=([says(message, DELIVERED)],))
        thread.start()
        wait_until_blocked(world.database)
        begun = time.monotonic()
        for _ in range(20):
            with pytest.raises(NotNow):
                desk.store(network.channel_id, [says(other, DELIVERED)])
        assert time.monotonic() - begun < 0.3
        thread.join(5)
        assert isinstance(go.came[0][1], NotNow)
    for each in (message, other):
        desk.store(network.channel_id, [says(each, DELIVERED)])
    assert {network.status(m) for m in (message, other)} == {"DELIVERED"}
    assert desk._failing == set()


def test_a_channel_that_is_held_up_holds_up_no_other(
    world: World, clock: FixedClock, network: Network, desk: CallbackDesk, anna: UUID
) -> None:
    [message] = sent(world, network, anna, 1)
    other = world.channel("another")
    with world.database.unit_of_work() as session:
        session.execute(text("SELECT FROM message WHERE id = :id FOR UPDATE"), {"id": message})
        thread = threading.Thread(target=desk.store, args=(network.channel_id, [says(message, DELIVERED)]))
        thread.start()
        wait_until_blocked(world.database)
        desk.store(other, [Receipt("early", DELIVERED, "d")])
        assert world.value("SELECT count(*) FROM early_receipt") == 1
    thread.join(5)
    assert network.status(message) == "DELIVERED"


def test_the_same_from_many_at_once_is_stored_once(
    world: World, network: Network, desk: CallbackDesk, anna: UUID
) -> None:
    sent(world, network, anna, 1)
    number = world.value("SELECT msisdn FROM number")
    texts = [IncomingText(f"in-{n}", "+46701740605", number, f"Nr {n}") for n in range(4)]
    together([lambda n=n: desk.store(network.channel_id, [texts[n % 4]]) for n in range(20)])  # type: ignore[misc]
    assert sorted(a.text for a in network.arrived) == [t.text for t in texts]
    assert world.value("SELECT count(*) FROM message WHERE direction = 'in'") == 4
    assert world.value("SELECT sum(unread) FROM thread") == 4
