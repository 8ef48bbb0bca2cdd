"""What callbacks hold is stored: all that waits of a channel in one transaction, in the order in which it came.

Whoever calls twice with the same does no harm (see `Sink`), so a callback of which it is not known whether it was stored is answered as one
that was not: the provider comes again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Protocol
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError
from sqlalchemy.orm import Session

from messa_platform.core.clock import Clock
from messa_platform.core.db import Database
from messa_platform.core.gather import Gathering, TurnedAway
from messa_platform.core.logs import logger
from messa_platform.core.pipeline import at_commit
from messa_platform.providers.base import IncomingText, Receipt

log = logger(__name__)

Events = Sequence[Receipt | IncomingText]

MOST = 64
"""Callbacks in one transaction at the most."""
ROOM = 256
"""Callbacks of a channel that may wait for theirs."""
PAUSE = 0.02
"""Seconds between two transactions of a channel: each has its price, whether it stores one callback or twenty."""
PATIENCE = 5.0
"""Seconds that a statement may take, and for which a callback waits for its turn at the most: in its web thread, or without one, when it is told
so at the end of the transaction that is under way."""


class Sink(Protocol):
    """Where what callbacks held is stored; messaging registers itself."""

    def take(self, session: Session, now: datetime, channel_id: UUID, events: Events) -> None:
        """Store events of a channel, in order, in the session's transaction. The same once more changes nothing."""


class NotNow(Exception):
    """It is not known to be stored; the provider is to come again in a while."""


_UNAVAILABLE = (OperationalError, InterfaceError, TimeoutError)
"""What is no callback's own fault: the database is away, a lock or a statement took too long."""

_LIMIT = text("SELECT set_config('statement_timeout', :milliseconds, true)")


class CallbackDesk:
    """Stores what callbacks hold; each channel has a queue of its own, so that none waits for another's. `patience` is in seconds."""

    def __init__(self, database: Database, clock: Clock, sink: Sink, patience: float = PATIENCE) -> None:
        self._database = database
        self._clock = clock
        self._sink = sink
        self._patience = patience
        self._lock = threading.Lock()
        self._channels: dict[UUID, Gathering[Events, None]] = {}
        self._failing: set[UUID] = set()

    def store(self, channel_id: UUID, events: Events) -> None:
        """Store what a callback of a channel holds; it is committed then. Raises `NotNow`, and what is wrong with the events themselves."""
        queue = self._queue(channel_id)
        try:
            queue.ask(events)
        except (TurnedAway, *_UNAVAILABLE) as error:
            raise NotNow(type(error).__name__) from error

    def put(self, channel_id: UUID, events: Events, tell: Callable[[BaseException | None], None]) -> None:
        """The same for who need not wait: `tell` gets None once it is committed, or what `store` would have raised. Raises `NotNow`."""
        queue = self._queue(channel_id)
        try:
            queue.put(events, lambda came: tell(_as_not_now(came)))
        except TurnedAway as error:
            raise NotNow(type(error).__name__) from error

    def _queue(self, channel_id: UUID) -> Gathering[Events, None]:
        with self._lock:
            if (queue := self._channels.get(channel_id)) is None:
                queue = Gathering(partial(self._store, channel_id), MOST, ROOM, self._patience, PAUSE)
                self._channels[channel_id] = queue
        if channel_id in self._failing and queue.is_at_work:
            # one finds out whether it works again; to wait for that would take a web thread each
            raise NotNow("it does not work just now")
        return queue

    def _store(self, channel_id: UUID, callbacks: Sequence[Events]) -> list[Exception | None]:
        """Store what these hold in one transaction; if that fails by what one of them holds, each in one of its own."""
        try:
            self._database.in_turn(lambda session: self._take(session, channel_id, callbacks))
        except Exception as error:
            if len(callbacks) == 1 or isinstance(error, _UNAVAILABLE):
                log.error(
                    "callbacks_not_stored",
                    channel=str(channel_id),
                    callbacks=len(callbacks),
                    error=_kind(error),
                )
                if isinstance(error, _UNAVAILABLE):
                    self._failing.add(channel_id)
                return [error for _ in callbacks]
            return [answer for one in callbacks for answer in self._store(channel_id, [one])]
        self._failing.discard(channel_id)
        return [None for _ in callbacks]

    def _take(self, session: Session, channel_id: UUID, callbacks: Sequence[Events]) -> None:
        at_commit(session).ask(_LIMIT, {"milliseconds": str(int(self._patience * 1000))})
        events = [event for held in callbacks for event in held]
        self._sink.take(session, self._clock.now(), channel_id, events)


def _as_not_now(came: BaseException | None) -> BaseException | None:
    return NotNow(type(came).__name__) if isinstance(came, (TurnedAway, *_UNAVAILABLE)) else came


def _kind(error: Exception) -> str:
    """What went wrong; not its text, in which a message's may stand."""
    return type(getattr(error, "orig", None) or error).__name__
