"""Hearing at once what other processes say by PostgreSQL's NOTIFY, on a connection of its own.

What is said while nobody listens is lost. So whoever keeps something in memory because of what it hears asks `listening_since` how far back
that memory may be believed.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime

import psycopg
from psycopg import sql

from messa_platform.core.clock import Clock
from messa_platform.core.logs import logger

log = logger(__name__)

Callback = Callable[[str], None]
"""Takes the payload of a notification; called in the listener's thread, one after the other, so it must be quick."""

PATIENCE = 15.0
"""Seconds without a sign of life after which the connection is no longer believed in."""

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0


def pause_after(failures: int) -> float:
    """Seconds until the next try to connect, after so many failures in a row."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures, 10))


class Listener:
    """A thread that LISTENs on the database at `url`, which must be no transaction pooler: that would hand the connection on."""

    def __init__(self, url: str, clock: Clock, patience: float = PATIENCE) -> None:
        self._dsn = "postgresql://" + url.partition("://")[2]
        self._clock = clock
        self._patience = patience
        self._callbacks: dict[str, list[Callback]] = {}
        self._since: datetime | None = None
        self._alive_at = 0.0
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._connection: psycopg.Connection | None = None
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def subscribe(self, channel: str, callback: Callback) -> None:
        """Call `callback` with what is said on `channel`. Raises `RuntimeError` once the listener has been started."""
        if self._thread.ident is not None:
            raise RuntimeError("who wants to hear says so before the listener is started")
        self._callbacks.setdefault(channel, []).append(callback)

    def start(self) -> None:
        """Begin to listen, unless that has begun; the database need not be there yet."""
        if self._thread.ident is None:
            self._thread.start()

    @property
    def listening_since(self) -> datetime | None:
        """Since when everything that was committed has been heard, without a gap; None while that cannot be said."""
        # a connection whose other end has vanished without a word looks like a quiet one
        return self._since if time.monotonic() - self._alive_at < self._patience else None

    def close(self) -> None:
        """End at once."""
        self._closing.set()
        with self._lock:
            if self._connection is not None:
                _shut_down(self._connection)
        if self._thread.ident is not None:
            self._thread.join(2)

    def _run(self) -> None:
        failures = 0
        while not self._closing.is_set():
            begun = time.monotonic()
            try:
                self._listen()
            except (psycopg.Error, OSError) as error:
                if not self._closing.is_set():
                    log.warning("listener_cut_off", error=type(error).__name__)
            # one that is cut off as soon as it is there has not come back
            failures = failures + 1 if time.monotonic() - begun < LONGEST_PAUSE else 0
            self._closing.wait(pause_after(failures))

    def _listen(self) -> None:
        """Connect and hear until the connection ends."""
        patience = max(1, int(self._patience))
        with contextlib.closing(
            psycopg.connect(
                self._dsn,
                autocommit=True,
                application_name="messa listener",
                connect_timeout=patience,
                keepalives_idle=patience,
                keepalives_interval=patience,
                keepalives_count=2,
                tcp_user_timeout=2000 * patience,
            )
        ) as connection:
            try:
                self._hear(connection)
            finally:
                with self._lock:
                    self._since = self._connection = None

    def _hear(self, connection: psycopg.Connection) -> None:
        with self._lock:
            self._connection = connection
        asked_at = time.monotonic()
        for channel in self._callbacks:
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        self._alive_at, self._since = asked_at, self._clock.now()
        log.info("listener_listens", channels=sorted(self._callbacks))
        while not self._closing.is_set():
            for said in connection.notifies(timeout=self._patience / 3):
                self._tell(said.channel, said.payload)
            asked_at = time.monotonic()
            connection.execute("SELECT 1")
            self._alive_at = asked_at

    def _tell(self, channel: str, payload: str) -> None:
        for callback in self._callbacks[channel]:
            try:
                callback(payload)
            except Exception:
                # whoever failed has missed it: what is remembered from before is no longer to be believed
                log.exception("listener_callback_failed", channel=channel)
                self._since = self._clock.now()


def _shut_down(connection: psycopg.Connection) -> None:
    """Make the thread that waits for this connection see its end; closing it from here would take the file number away from under it."""
    with (
        contextlib.suppress(OSError, psycopg.Error),
        socket.socket(fileno=os.dup(connection.fileno())) as end,
    ):
        end.shutdown(socket.SHUT_RDWR)
