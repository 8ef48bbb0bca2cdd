"""The connector: one process holds a channel's sessions; by them texts leave, and receipts and texts come in."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

from messa_platform.core.clock import SystemClock
from messa_platform.core.listen import Listener
from messa_platform.core.outbound import Outbound, OutboundSettings
from messa_platform.messaging import connector as connectors
from messa_platform.messaging.connector import Connector
from messa_platform.messaging.dispatch import Dispatcher, queue
from messa_platform.messaging.incoming import Arrival
from messa_platform.messaging.outcomes import Outcomes
from messa_platform.messaging.sink import EventSink
from messa_platform.providers import leases
from messa_platform.providers.base import Inbox
from messa_platform.providers.kit.fake import Trouble
from messa_platform.providers.pool import ProviderPool
from messa_platform.providers.smpp.fake import SmppFake
from messa_platform.providers.smpp.plugin import SmppProvider
from messa_platform.tenants.group_settings import Key
from tests.support.providers import KEYS, OUR_URL, obedient
from tests.support.world import World

PHONE = "+46701740605"
LEASE = 1.5


class Told:
    """Hears what becomes of texts."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []

    def unsent(self, session: Session, now: datetime, message_ids: Sequence[UUID]) -> None:
        """Nothing is done."""

    def came_in(self, session: Session, now: datetime, arrivals: Sequence[Arrival]) -> None:
        self.arrivals += arrivals


class Failing(SmppProvider):
    """Cannot hold sessions, and not let go of them either."""

    name = "failing"

    async def open(self, _inbox: Inbox) -> None:
        raise RuntimeError("a stranger's mistake")

    async def close(self) -> None:
        raise RuntimeError("another one")


class Flaky(EventSink):
    """Fails to store as often as it is told; `poison` is the reference of what the database does not take."""

    failures = 0
    poison = ""

    def take(self, *asked: Any) -> None:
        if Flaky.poison in [event.reference for event in asked[3]]:
            raise DataError("INSERT", None, ValueError("what no database takes"))
        if Flaky.failures:
            Flaky.failures -= 1
            raise RuntimeError("the database is away")
        super().take(*asked)


@dataclass
class Process:
    """What a process has of it."""

    connector: Connector
    pool: ProviderPool
    listener: Listener
    told: Told

    def start(self) -> None:
        self.listener.start()
        self.connector.start()

    def close(self) -> None:
        self.connector.close()
        self.listener.close()
        self.pool.close()

    def die(self) -> None:
        """As if killed: nothing is released, and its sessions are cut."""
        self.connector._stop.set()
        self.connector._thread.join()
        for held in self.connector._held.values():
            held.given_up.set()
            held.poked.set()
        self.listener.close()
        self.pool.close()


@dataclass
class Scene:
    """A channel by SMPP, with a service centre at its other end, and processes."""

    world: World
    url: str
    fake: SmppFake
    stack: ExitStack
    channel_id: UUID
    anna: UUID
    ended: list[Process] = field(default_factory=list)

    def process(self) -> Process:
        """One that is not started."""
        way = Outbound(OutboundSettings(allow_private=True))
        plugins: dict[str, Any] = {"smpp": SmppProvider, "obedient": obedient(), "failing": Failing}
        pool = ProviderPool(plugins, 20, (way, way), OUR_URL, KEYS)
        told, database = Told(), self.world.database
        outcomes = Outcomes(queue(timedelta(seconds=90)), told)
        dispatcher = Dispatcher(database, SystemClock(), pool, outcomes, threading.Event())
        listener = Listener(self.url, SystemClock())
        process = Process(
            Connector(database, SystemClock(), dispatcher, Flaky(told), listener), pool, listener, told
        )
        self.stack.callback(lambda: None if process in self.ended else process.close())
        return process

    def started(self) -> Process:
        """One whose sessions are there."""
        process = self.process()
        process.start()
        until(lambda: self.bound(process) == 1)
        return process

    def bound(self, process: Process) -> int:
        """How many sessions a process holds."""
        held = process.pool._providers.get(self.channel_id)
        return held[1].bound.up if held is not None else 0  # type: ignore[attr-defined]

    def end(self, process: Process, end: Callable[[], None]) -> None:
        end()
        self.ended.append(process)

    def send(self, process: Process, words: str = "Hej", recipient: str = PHONE) -> UUID:
        """Hand a text in, and tell of it as the actor does; gives the message."""
        self.world.submit(self.anna, [recipient], words)
        process.connector.poke(self.channel_id)
        identifier: UUID = self.world.value(
            "SELECT id FROM message WHERE text = :text AND remote = :remote", text=words, remote=recipient
        )
        return identifier

    def status(self, message_id: UUID) -> str:
        status: str = self.world.value("SELECT status FROM message WHERE id = :id", id=message_id)
        return status


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)


@pytest.fixture
def scene(world: World, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(connectors, "LOOK", 0.3)
    monkeypatch.setattr(leases, "LEASE", timedelta(seconds=LEASE))
    world.clock.move(SystemClock().now() - world.clock.now())
    Flaky.failures, Flaky.poison = 0, ""
    fake = SmppFake()
    with ExitStack() as stack:
        stack.enter_context(fake.running())
        channel_id = world.channel("operator", plugin="smpp", settings=fake.settings())
        world.numbers()
        group = world.tenant()
        world.set(group, Key.MAY_RECEIVE, True)
        yield Scene(world, database_url, fake, stack, channel_id, world.account(group, "anna@kommun.example"))


def test_a_text_leaves_by_a_session_and_its_receipt_comes_by_it(scene: Scene) -> None:
    process = scene.started()
    message = scene.send(process)
    until(lambda: scene.status(message) == "SENT")
    [taken] = scene.fake.taken
    assert scene.fake.deliver(scene.fake.receipts(taken, "DELIVRD")) == [True]
    assert scene.status(message) == "DELIVERED"


def test_a_long_text_is_delivered_when_all_of_its_parts_are(scene: Scene) -> None:
    process = scene.started()
    message = scene.send(process, "Lång text som fyller mer än en del. " * 10)
    until(lambda: scene.status(message) == "SENT")
    first, *rest = scene.fake.receipts(scene.fake.taken[0], "DELIVRD")
    assert len(rest) == 2
    scene.fake.deliver([first, rest[0]])
    assert scene.status(message) == "SENT"
    scene.fake.deliver(rest[1:])
    assert scene.status(message) == "DELIVERED"


def test_a_text_from_a_phone_comes_in_once_though_it_is_brought_again_after_a_cut(scene: Scene) -> None:
    process = scene.started()
    scene.send(process, "Den första, som lånar ett nummer")
    number = scene.world.value("SELECT msisdn FROM number")
    brought = scene.fake.incoming("", PHONE, number, "Tack! " * 40)
    assert len(brought) > 1
    assert all(scene.fake.deliver(brought))
    scene.fake.cut()
    until(lambda: scene.bound(process) == 0)
    assert all(scene.fake.deliver(brought))
    assert [arrival.text for arrival in process.told.arrivals] == ["Tack! " * 40]
    assert all(scene.fake.deliver(scene.fake.incoming("", PHONE, number, "Ja")))
    assert all(scene.fake.deliver(scene.fake.incoming("", PHONE, number, "Ja")))
    assert [arrival.text for arrival in process.told.arrivals][1:] == ["Ja", "Ja"]


def test_what_cannot_be_stored_is_brought_again(scene: Scene) -> None:
    process = scene.started()
    message = scene.send(process)
    until(lambda: scene.status(message) == "SENT")
    Flaky.failures = 1
    receipts = scene.fake.receipts(scene.fake.taken[0], "DELIVRD")
    assert scene.fake.deliver(receipts) == [False]
    assert scene.status(message) == "SENT"
    assert scene.fake.deliver(receipts) == [True]
    assert scene.status(message) == "DELIVERED"


def test_what_the_database_never_takes_holds_up_nothing_else(scene: Scene) -> None:
    process = scene.started()
    messages = [scene.send(process, f"Nr {n}", f"+4670174060{n}") for n in range(3)]
    until(lambda: {scene.status(message) for message in messages} == {"SENT"})
    receipts = [receipt for taken in scene.fake.taken for receipt in scene.fake.receipts(taken, "DELIVRD")]
    Flaky.poison = scene.fake.taken[1].references[0]
    assert not all(scene.fake.deliver(receipts))
    of_poison = messages[int(scene.fake.taken[1].text[-1])]
    assert {m: scene.status(m) for m in messages} == {
        m: "SENT" if m == of_poison else "DELIVERED" for m in messages
    }


def test_another_process_takes_over_when_one_dies_and_not_before(scene: Scene) -> None:
    first, second = scene.started(), scene.process()
    second.start()
    time.sleep(2 * LEASE)
    assert scene.bound(second) == 0
    scene.end(first, first.die)
    until(lambda: scene.bound(second) == 1, LEASE + 2)
    message = scene.send(second)
    until(lambda: scene.status(message) == "SENT")


def test_at_an_orderly_end_another_takes_over_at_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "LEASE", timedelta(minutes=10))
    first, second = scene.started(), scene.process()
    second.start()
    scene.end(first, first.close)
    until(lambda: scene.bound(second) == 1, 3)


def test_where_nobody_holds_it_a_text_goes_another_way(scene: Scene) -> None:
    other = scene.world.channel("another", plugin="obedient", settings={}, priority=9)
    process = scene.process()
    message = scene.send(process)
    [(channel_id, state)] = scene.world.rows(
        "SELECT channel_id, state FROM dispatch_queue WHERE id = :id", id=message
    )
    assert (channel_id, state) == (other, "ready")
    assert scene.world.value("SELECT breaker FROM channel WHERE id = :id", id=scene.channel_id) == "open"


def test_a_changed_password_makes_new_sessions(scene: Scene) -> None:
    process = scene.started()
    scene.world.run(
        "UPDATE channel SET settings = jsonb_set(settings, '{password}', '\"wrong\"') WHERE id = :id",
        id=scene.channel_id,
    )
    until(lambda: scene.bound(process) == 0)

    def told() -> tuple[int, int, str]:
        [row] = scene.world.rows("SELECT up, wanted, fault FROM connector_lease")
        return row.up, row.wanted, row.fault

    until(lambda: told() == (0, 1, "ESME_RINVPASWD"))
    scene.world.run(
        "UPDATE channel SET settings = CAST(:settings AS jsonb) WHERE id = :id",
        id=scene.channel_id,
        settings=json.dumps(scene.fake.settings()),
    )
    until(lambda: told() == (1, 1, ""))


def test_sessions_that_are_slow_to_end_lose_no_lease(scene: Scene) -> None:
    first, second = scene.started(), scene.process()
    second.start()
    scene.fake.trouble = Trouble.SILENT
    scene.send(first)
    until(lambda: scene.fake.asked == 1)
    [holder] = scene.world.rows("SELECT holder FROM connector_lease")
    scene.world.run(
        "UPDATE channel SET settings = jsonb_set(settings, '{answer_seconds}', '6') WHERE id = :id",
        id=scene.channel_id,
    )
    until(lambda: scene.bound(first) == 1 and scene.fake.trouble is Trouble.SILENT)
    scene.send(first, "Den andra")
    until(lambda: scene.fake.asked == 2)
    scene.world.run(
        "UPDATE channel SET settings = jsonb_set(settings, '{answer_seconds}', '2') WHERE id = :id",
        id=scene.channel_id,
    )
    time.sleep(LEASE + 2)
    assert scene.world.rows("SELECT holder FROM connector_lease") == [holder]
    assert scene.bound(second) == 0


def test_a_plugin_that_fails_stops_no_other_channel(scene: Scene) -> None:
    failing = scene.world.channel("failing", plugin="failing", settings=scene.fake.settings())
    process = scene.started()

    def fault() -> str:
        rows = scene.world.rows("SELECT fault FROM connector_lease WHERE channel_id = :id", id=failing)
        return str(rows[0].fault) if rows else ""

    until(lambda: "RuntimeError" in fault())
    assert process.connector._thread.is_alive()
    scene.world.run("DELETE FROM channel WHERE id = :id", id=failing)
    until(lambda: failing not in process.connector._held)
    message = scene.send(process)
    until(lambda: scene.status(message) == "SENT")


def test_what_comes_is_stored_though_every_look_up_of_names_hangs(scene: Scene) -> None:
    process = scene.started()
    message = scene.send(process)
    until(lambda: scene.status(message) == "SENT")
    loop, answered = process.pool._loop, threading.Event()
    scene.stack.callback(answered.set)
    for _ in range(50):
        loop.call_soon_threadsafe(loop.run_in_executor, None, answered.wait)
    assert scene.fake.deliver(scene.fake.receipts(scene.fake.taken[0], "DELIVRD")) == [True]
    assert scene.status(message) == "DELIVERED"


def test_a_channel_that_is_removed_is_let_go_and_its_session_says_good_bye(scene: Scene) -> None:
    process = scene.started()
    scene.world.run("DELETE FROM channel WHERE id = :id", id=scene.channel_id)
    until(lambda: not process.connector._held)
    until(lambda: not scene.fake._centre._sessions)
    assert process.connector._thread.is_alive()


def test_between_an_orderly_end_and_the_next_holder_texts_wait_for_a_moment_only(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "HANDED_OVER", timedelta(seconds=1))
    other = scene.world.channel("another", plugin="obedient", settings={}, priority=9)
    first, second = scene.started(), scene.process()
    scene.end(first, first.close)

    def way(message: UUID) -> UUID:
        found: UUID = scene.world.value("SELECT channel_id FROM dispatch_queue WHERE id = :id", id=message)
        return found

    message = scene.send(second)
    assert way(message) == scene.channel_id
    assert scene.world.value("SELECT breaker FROM channel WHERE id = :id", id=scene.channel_id) == "closed"
    time.sleep(1.1)
    second.connector.poke(scene.channel_id)
    assert way(message) == other
