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


@dataclass(frozen=True)
class ActorSpec:
    """An actor before it meets a broker: `run` gets the runtime and the wake-up's words."""

    name: str
    run: Callable[..., None]
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
    seen by it. With a remote broker the start is not seen from here, so a key is held for `hold` seconds and, if it was asked for
    meanwhile, sent once more at the end of them.
    """

    def __init__(self, send: Callable[[Key], None], *, embedded: bool, hold: float = 0.02) -> None:
        self._send = send
        self._embedded = embedded
        self._hold = hold
        self._lock = threading.Lock()
        self._waiting: dict[Key, bool] = {}

    def wake(self, *key: str) -> None:
        """Send a wake-up now, unless one waits already."""
        with self._lock:
            if key in self._waiting:
                self._waiting[key] = True
                return
            self._waiting[key] = False
        try:
            self._send(key)
        except Exception as error:  # a broker that is away delays, it does not lose: the sweeper asks again
            log.warning("wake_failed", actor=key[0], error=type(error).__name__)
        if not self._embedded:
            timer = threading.Timer(self._hold, self._release, [key])
            timer.daemon = True
            timer.start()

    def started(self, key: Key) -> None:
        """An actor of this process has taken the wake-up `key`."""
        if self._embedded:
            with self._lock:
                self._waiting.pop(key, None)

    def _release(self, key: Key) -> None:
        with self._lock:
            again = self._waiting.pop(key, False)
        if again:
            self.wake(*key)

    def wake_after_commit(self, session: Session, *key: str) -> None:
        """Send a wake-up once the session's transaction is committed."""
        after_commit(session, lambda: self.wake(*key), once_as=key)


class NoWaker(Waker):
    """For a process whose broker nobody reads, the command line with an embedded broker: it writes rows, the sweeper finds them."""

    def __init__(self) -> None:
        super().__init__(lambda key: None, embedded=True)

    def wake(self, *key: str) -> None:
        return


def bind(
    broker: dramatiq.Broker, specs: Sequence[ActorSpec], runtime: Any
) -> Mapping[str, dramatiq.Actor[..., None]]:
    """Declare every actor on `broker`; their functions get `runtime` first."""
    return {spec.name: _bind_one(broker, spec, runtime) for spec in specs}


def _bind_one(broker: dramatiq.Broker, spec: ActorSpec, runtime: Any) -> dramatiq.Actor[..., None]:
    def run(*words: str) -> None:
        runtime.waker.started((spec.name, *words))
        spec.run(runtime, *words)

    return dramatiq.Actor(
        run,
        broker=broker,
        actor_name=spec.name,
        queue_name=spec.queue,
        priority=0,
        options={"time_limit": spec.time_limit_ms, "max_age": 60_000},
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
