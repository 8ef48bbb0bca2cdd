"""Connections that outlive a test: a new one costs 10 ms, and as much again until PostgreSQL has read the catalogues for it.

Between tests a kept connection is made as new by `DISCARD ALL`: settings, locks, prepared statements and temporary tables go. What a test has
not given back is never kept.
"""

from __future__ import annotations

from itertools import count
from typing import Any

import psycopg
from sqlalchemy import event

from messa_platform.core.db import Database, make_engine

_TIMES = count()


class KeptDatabase(Database):
    """A database whose connections stay when a test is done with it."""

    def __init__(self, url: str) -> None:
        super().__init__(make_engine(url))
        self.pids: set[int] = set()
        event.listen(self.engine, "connect", self._opened)
        event.listen(self.engine, "close", self._closed)

    def _opened(self, connection: Any, _record: Any) -> None:
        self.pids.add(connection.info.backend_pid)

    def _closed(self, connection: Any, _record: Any) -> None:
        self.pids.discard(connection.info.backend_pid)

    def close(self) -> None:
        """It stays open: tests close what they were given."""

    def made_as_new(self) -> bool:
        """Whether all of its connections are as new ones; where one is still in use, or was cut off, none is kept."""
        pool: Any = self.engine.pool
        if pool.checkedout() or not self._discarded(pool.checkedin()):
            self.drop()
            return False
        return True

    def _discarded(self, count: int) -> bool:
        held = [self.engine.connect() for _ in range(count)]
        try:
            for connection in held:
                driver: Any = connection.connection.driver_connection
                driver.autocommit = True
                # psycopg forgets its own part of prepared statements only at the first time that it sees a statement
                driver.execute(f"DISCARD ALL -- {next(_TIMES)}")
                driver.autocommit = False
        except psycopg.OperationalError:
            return False
        finally:
            for connection in held:
                connection.close()
        return True

    def drop(self) -> None:
        """Close every connection."""
        self.engine.dispose()
        self.pids.clear()


class KeptPools:
    """Those of the database that a worker's tests have: one for the tests, one for the processes that they build."""

    def __init__(self) -> None:
        self._by_use: dict[tuple[str, str], KeptDatabase] = {}

    def of(self, url: str, use: str) -> KeptDatabase:
        """The one for a use."""
        if (url, use) not in self._by_use:
            self._by_use[url, use] = KeptDatabase(url)
        return self._by_use[url, use]

    def knows(self, url: str) -> bool:
        """Whether a test has that database just now."""
        return any(known == url for known, _ in self._by_use)

    def made_as_new(self) -> list[int]:
        """Their connections, which are as new now, by the ids of their processes at the server."""
        return [pid for kept in self._by_use.values() if kept.made_as_new() for pid in kept.pids]

    def drop(self) -> None:
        """Close every connection, before the database goes."""
        for kept in self._by_use.values():
            kept.drop()
        self._by_use.clear()


POOLS = KeptPools()
"""Of this process: a worker's tests have one database at a time."""
