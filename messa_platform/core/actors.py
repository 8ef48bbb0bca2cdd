"""Actors: what Dramatiq moves. An actor's message is only a wake-up; the work itself stands in the tables (see `core.work`).

Rooms declare actors as plain functions that take the process's runtime; `bind` makes Dramatiq actors of them at start, so that importing a
module touches no broker. Wake-ups are sent after commit, may be lost (the sweeper finds what is due) and are coalesced by `Waker`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import AgeLimit, Callbacks, CurrentMessage, ShutdownNotifications, TimeLimit
from sqlalchemy.orm import Session

from messa_platform.core.db import after_commit
from messa_platform.core.logs import logger

log = logger(__name__)

Key = tuple[str, ...]


More = Callable[[], bool]
"""Asked by an actor at work: whether it has been woken again since it last asked."""


@dataclass(frozen=True)
class ActorSpec:
    """An actor before it meets a broker: `run` gets the runtime, a `More`, and the wake-up's words; True asks for another run.

    In one process it runs once at a time for the same words; so its batches grow with the load, where many at a time would
    share out the same work in small pieces.
    """

    name: str
    run: Callable[..., bool]
    queue: str = "default"
    time_limit_ms: int = 600_000


def make_broker(url: str) -> dramatiq.Broker:
    """The broker at `url`: `embedded`, `redis://…` or `amqp://…`."""
    # No Retries: a wake-up that fails is made again by the sweeper, from the table that knows what is due.
    middleware = [AgeLimit(), TimeLimit(), ShutdownNotifications(), Callbacks(), CurrentMessage()]
    if url == "embedded":
        return StubBroker(middleware=middleware)
    if url.startswith(("redis://", "rediss://", "unix://")):
        return RedisBroker(url=url, middleware=middleware, namespace="messa")  # type: ignore[no-untyped-call]
    if url.startswith(("amqp://", "amqps://")):
        return RabbitmqBroker(url=url, middleware=middleware, confirm_delivery=True)
    raise ValueError("broker.url: use embedded, redis://… or amqp://…")


class Waker:
    """Sends wake-ups, at most one waiting for a key at a time.

    In the process of an embedded broker a key is free again when its actor starts, which is exact: what was committed before the start is
    seen by it. With a remote broker the start is not seen from here: one thread sends what was asked for, each key once in `hold` seconds.
    That thread is the only one that speaks to the broker, since a connection belongs to its thread and is kept as long as the process.
    """

    def __init__(self, send: Callable[[Key], None], *, embedded: bool, hold: float = 0.02) -> None:
        self._send = send
        self._embedded = embedded
        self._hold = hold
        self._lock = threading.Lock()
        self._waiting: dict[Key, None] = {}  # a set that keeps its order
        self._asked = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        if not embedded:
            self._thread = threading.Thread(target=self._run, name="waker", daemon=True)
            self._thread.start()

    def wake(self, *key: str) -> None:
        """Send a wake-up, unless one waits already; with a remote broker it is on its way when this returns, not there."""
        with self._lock:
            if key in self._waiting:
                return
            self._waiting[key] = None
        if self._embedded:
            self._try_send(key)
        else:
            self._asked.set()

    def started(self, key: Key) -> None:
        """An actor of this process has taken the wake-up `key`."""
        if self._embedded:
            with self._lock:
                self._waiting.pop(key, None)

    def _run(self) -> None:
        while not self._closed.is_set():
            self._asked.wait()
            self._asked.clear()
            self._send_waiting()
            self._closed.wait(self._hold)
        self._send_waiting()

    def _send_waiting(self) -> None:
        with self._lock:
            keys, self._waiting = self._waiting, {}
        for key in keys:
            self._try_send(key)

    def _try_send(self, key: Key) -> None:
        try:
            self._send(key)
        except Exception as error:  # a broker that is away delays, it does not lose: the sweeper asks again
            log.warning("wake_failed", actor=key[0], error=type(error).__name__)
            self.started(key)  # it never will be: the key must not stay taken

    def wake_after_commit(self, session: Session, *key: str) -> None:
        """Send a wake-up once the session's transaction is committed."""
        after_commit(session, lambda: self.wake(*key), once_as=key)

    def close(self) -> None:
        """Send what was asked for, then end."""
        self._closed.set()
        self._asked.set()
        if self._thread is not None:
            self._thread.join(10)


class NoWaker(Waker):
    """For a process whose broker nobody reads, the command line with an embedded broker: it writes rows, the sweeper finds them."""

    def __init__(self) -> None:
        super().__init__(lambda key: None, embedded=True)

    def wake(self, *key: str) -> None:
        return


class Flights:
    """Which keys' actors are at work in this process, and which of them were woken meanwhile."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._again: dict[Key, bool] = {}

    def begin(self, key: Key) -> bool:
        """Whether the caller may work on `key`; otherwise the one that does is told to look again."""
        with self._lock:
            if key in self._again:
                self._again[key] = True
                return False
            self._again[key] = False
            return True

    def take_again(self, key: Key) -> bool:
        """Whether somebody asked for `key` since this was last called."""
        with self._lock:
            again, self._again[key] = self._again[key], False
            return again

    def end(self, key: Key) -> bool:
        """The caller is done with `key`; True if somebody asked for it meanwhile and nobody has looked since."""
        with self._lock:
            return self._again.pop(key)


def bind(
    broker: dramatiq.Broker, specs: Sequence[ActorSpec], runtime: Any
) -> Mapping[str, dramatiq.Actor[..., None]]:
    """Declare every actor on `broker`; their functions get `runtime` first."""
    flights = Flights()
    return {spec.name: _bind_one(broker, spec, runtime, flights) for spec in specs}


def _bind_one(
    broker: dramatiq.Broker, spec: ActorSpec, runtime: Any, flights: Flights
) -> dramatiq.Actor[..., None]:
    def run(*words: str) -> None:
        key = (spec.name, *words)
        runtime.waker.started(key)
        if not flights.begin(key):
            return
        again = False
        try:
            again = bool(spec.run(runtime, lambda: flights.take_again(key), *words))
        finally:
            # a new wake-up rather than another round: each gets the whole of the time limit
            if flights.end(key) or again:
                runtime.waker.wake(*key)

    options = {"time_limit": spec.time_limit_ms}
    if not isinstance(broker, StubBroker):
        # what piled up while no worker ran says nothing new; in one process `Waker` lets none pile up, and must see each one start
        options["max_age"] = 60_000
    return dramatiq.Actor(
        run, broker=broker, actor_name=spec.name, queue_name=spec.queue, priority=0, options=options
    )


def sender(broker: dramatiq.Broker, specs: Sequence[ActorSpec]) -> Callable[[Key], None]:
    """How a wake-up reaches `broker`."""
    queues = {spec.name: spec.queue for spec in specs}

    def send(key: Key) -> None:
        name, *words = key
        broker.enqueue(
            dramatiq.Message(
                queue_name=queues[name], actor_name=name, args=tuple(words), kwargs={}, options={}
            )
        )

    return send
