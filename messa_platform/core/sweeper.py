"""The sweeper: wakes what is due, so that no wake-up needs to arrive, and does the chores that come round."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from messa_platform.core.actors import Key, Waker
from messa_platform.core.clock import Clock
from messa_platform.core.db import Database
from messa_platform.core.logs import logger

log = logger(__name__)

INTERVAL = 1.0
"""Seconds between two looks."""

Look = Callable[[Session, datetime], Iterable[Key]]
"""Looks at one queue and gives the wake-ups that are wanted."""


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do every now and then, in a transaction of its own; doing it twice does no harm."""

    name: str
    every: timedelta
    do: Callable[[Session, datetime], object]


class Sweeper:
    """A thread that sweeps. Several may run, in as many processes: what they do is idempotent."""

    def __init__(
        self, database: Database, clock: Clock, waker: Waker, looks: Sequence[Look], chores: Sequence[Chore]
    ) -> None:
        self._database = database
        self._clock = clock
        self._waker = waker
        self._looks = looks
        self._chores = chores
        self._done: dict[str, datetime] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        """Begin to sweep."""
        self._thread.start()

    def sweep(self) -> None:
        """Look once at everything, and do the chores that are due; one that fails keeps none of the others from being done."""
        for look in self._looks:
            with self._guarded("look"), self._database.unit_of_work() as session:
                for key in list(look(session, self._clock.now())):
                    self._waker.wake(*key)
        for chore in self._chores:
            now = self._clock.now()
            if chore.name not in self._done or now - self._done[chore.name] >= chore.every:
                with self._guarded(chore.name), self._database.unit_of_work() as session:
                    chore.do(session, now)
                self._done[chore.name] = now

    @contextmanager
    def _guarded(self, name: str) -> Iterator[None]:
        try:
            yield
        except Exception:  # a database that is away comes back, and a chore comes round again
            log.exception("sweep_failed", doing=name)

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL):
            self.sweep()

    def close(self) -> None:
        """End after the sweep under way."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10)
