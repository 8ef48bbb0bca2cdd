"""Holding the embedded server: the first to come starts it, others join, the last to go ends it."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from messa_platform.core.embedded import cluster, locks, place, watch
from messa_platform.core.embedded.binaries import Binaries, choose, find_binaries
from messa_platform.core.embedded.errors import EmbeddedError
from messa_platform.core.embedded.place import Place
from messa_platform.core.embedded.users import PLAIN_ENVIRONMENT, myself

log = logging.getLogger(__name__)

ANSWER_SECONDS = 60.0
"""How long a server that has been started may be silent."""

RECOVERY_SECONDS = 900.0
"""How long a server may say that it is starting up: after a crash it first puts everything in its place."""

_SHORTEST_PAUSE = 0.01
_LONGEST_PAUSE = 0.2
_TRIES = 3


@dataclass(slots=True)
class _Share:
    """This process's share of a server's holders' lock, and how many `Held` rest on it."""

    at: Place
    descriptor: int
    count: int = 0


_shares: dict[
    Path, _Share
] = {}  # by the folder of the server; those given up because it was removed are not here
_mutex = threading.RLock()


class Held:
    """A running server that stays for as long as this is open (or the process lives).

    A forked child does not hold what its parent held; it must attach itself, and closing the parent's there
    does nothing.
    """

    def __init__(self, share: _Share, password: str, version: str) -> None:
        at = share.at
        self.version = version
        """The server's version, such as "18.6"."""
        self.cluster = at.cluster
        """PostgreSQL's data folder."""
        self.log = at.log
        """The file with what the server says."""
        # The password is hexadecimal and the folder plain: nothing to escape.
        self.dsn = f"postgresql://{cluster.USER}:{password}@/{cluster.DATABASE}?host={at.sockets}&port={cluster.PORT}"
        """The address for psycopg and PostgreSQL's own programs. Holds the password."""
        self._share = share
        self._pid: int | None = os.getpid()

    @property
    def url(self) -> str:
        """The address for SQLAlchemy. Holds the password."""
        return self.dsn.replace("postgresql:", "postgresql+psycopg:", 1)

    def close(self) -> None:
        """Gives the server back; the last holder's call returns when it is gone. A second does nothing."""
        with _mutex:
            if self._pid == os.getpid():
                self._pid = None
                _leave(self._share)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Held {self.version} {self.cluster}>"


def attach(data_dir: Path, *, binaries: Sequence[Binaries] | None = None) -> Held:
    """Holds the server whose data belongs to `data_dir`, which is made and started when need be.

    `binaries` are the programs to choose from, the preferred first; by default all that `find_binaries`
    finds. Raises EmbeddedError, whose text says what to do, when there is no server to be had.
    """
    with _mutex:
        try:
            return _attach(place.find(data_dir), binaries)
        except (OSError, subprocess.SubprocessError) as error:
            raise EmbeddedError(f"The database in {data_dir} could not be started: {error}") from error


def _attach(at: Place, binaries: Sequence[Binaries] | None) -> Held:
    with locks.alone(at.starting):
        share = _share_of(at)
        try:
            version = _running_version(at, binaries)
            held = Held(share, cluster.password_of(at), version)
            share.count += 1
        finally:
            if share.count == 0:
                _drop(share)
        return held


def _share_of(at: Place) -> _Share:
    found = _shares.get(at.base)
    if found is not None and locks.is_open_file(found.descriptor, at.holders):
        return found
    # Not there, or the lock of a folder that has been removed: then those who hold that server keep it so.
    share = _shares[at.base] = _Share(at, locks.hold(at.holders))
    return share


def _leave(share: _Share) -> None:
    share.count -= 1
    if share.count:
        return
    _drop(share)
    try:
        _see_it_watched_or_gone(share.at)
    except (OSError, EmbeddedError) as error:
        log.warning("The database in %s may not stop: %s", share.at.base, error)


def _drop(share: _Share) -> None:
    if _shares.get(share.at.base) is share:
        del _shares[share.at.base]
    os.close(share.descriptor)


def _see_it_watched_or_gone(at: Place) -> None:
    """Returns when others hold the server and it has a watchdog, or when it is gone."""
    deadline = time.monotonic() + 2 * watch.STOP_SECONDS
    while time.monotonic() < deadline:
        with locks.alone(at.starting):  # which a watchdog has while it stops the server
            if not locks.is_held_by_another(at.watchdog):
                if not locks.is_inherited_by_any(at.running):
                    return
                _start_watchdog(at, find_binaries())  # the one that was there has been ended itself
            if locks.anyone_shares(at.holders):
                return
        time.sleep(_SHORTEST_PAUSE)
    log.warning("The database in %s is still being stopped.", at.base)


def _running_version(at: Place, binaries: Sequence[Binaries] | None) -> str:
    """Sees to it that the server runs and takes connections; returns its version."""
    refused: psycopg.Error | None = None
    # More than once: the server that is found may be about to end, being killed, or stopped by hand or by a
    # watchdog that did not live to see it through.
    for _ in range(_TRIES):
        if not locks.is_held_by_another(at.watchdog):
            _start_watchdog(at, find_binaries() if binaries is None else binaries)
        if _answers(at):
            try:
                return _sign_in(at)
            except psycopg.OperationalError as error:
                refused = error
    why = f"takes no sign-in: {refused}" if refused else "did not start"
    raise EmbeddedError(f"The database in {at.base} {why}. {at.log} ends with:\n{_end_of(at.log)}")


def _start_watchdog(at: Place, binaries: Sequence[Binaries]) -> None:
    major = cluster.major_of(at)
    chosen = choose(binaries, major, at.server, at.base)
    if major is None:
        cluster.make(at, chosen)
    place.make_sockets(at)
    plan = watch.Plan(
        command=cluster.command(at, chosen),
        environment=PLAIN_ENVIRONMENT,
        lend=[at.server.uid, at.server.gid] if at.server != myself() else None,
        cluster=str(at.cluster),
        sockets=str(at.sockets),
        log=str(at.log),
        starting=str(at.starting),
        holders=str(at.holders),
        watchdog=str(at.watchdog),
        running=str(at.running),
    )
    place.write_new(at.log, b"", at.keeper)
    words = os.open(at.log, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        subprocess.run(  # noqa: S603  (our own script)
            # A script, not `-m`: importing this package would load the whole platform into the watchdog.
            [sys.executable, "-I", "-S", watch.__file__, json.dumps(asdict(plan))],
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            start_new_session=True,
            cwd="/",
            check=False,
        )
    finally:
        os.close(words)


def _answers(at: Place) -> bool:
    """Waits until the server takes connections; False when its watchdog has ended instead."""
    asked = f"host={at.sockets} port={cluster.PORT} dbname=postgres user={cluster.USER} connect_timeout=10"
    begun, pause = time.monotonic(), _SHORTEST_PAUSE
    while True:
        answer = psycopg.pq.PGconn.ping(asked.encode())
        if answer == psycopg.pq.Ping.OK:
            return True
        if not locks.is_held_by_another(at.watchdog):
            return False
        patience = RECOVERY_SECONDS if answer == psycopg.pq.Ping.REJECT else ANSWER_SECONDS
        if time.monotonic() - begun > patience:
            words = f"The database in {at.base} has not answered for {patience:.0f} s. {at.log} ends with:\n"
            raise EmbeddedError(words + _end_of(at.log))
        time.sleep(pause)
        pause = min(1.5 * pause, _LONGEST_PAUSE)  # the server logs each refusal


def _sign_in(at: Place) -> str:
    """Makes our database if it is not there, and returns the server's version."""
    place.check_sockets(at)
    with psycopg.connect(
        host=str(at.sockets),
        port=cluster.PORT,
        dbname="postgres",
        user=cluster.USER,
        password=cluster.password_of(at),
        autocommit=True,
    ) as connection:
        there = "SELECT FROM pg_database WHERE datname = %s"
        if connection.execute(there, [cluster.DATABASE]).fetchone() is None:
            connection.execute(f"CREATE DATABASE {cluster.DATABASE}")
        return (connection.info.parameter_status("server_version") or "").split(" ", 1)[0]


def _end_of(path: Path, size: int = 2000) -> str:
    return path.read_text(errors="replace")[-size:] if path.exists() else "(nothing)"


def _forget_what_the_parent_holds() -> None:
    global _mutex
    _mutex = threading.RLock()  # the parent's may be taken by a thread that is not here
    for share in _shares.values():
        os.close(share.descriptor)  # the lock is the parent's and stays so
    _shares.clear()


os.register_at_fork(after_in_child=_forget_what_the_parent_holds)
