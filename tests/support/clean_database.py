"""A database that test after test has for itself, made as new between them: that costs a tenth of making a copy and dropping it again.

Of a test whose database looks otherwise than the template's (a table renamed, a partition made), or has become large, nothing is kept: the
next one gets a new copy.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from tests.support.kept_pools import POOLS

MOST_USES = 150
"""Tests that share a database: what they delete bloats it."""
ROOM = 8_000_000
"""Bytes that a database may have grown by and still be cleaned."""

# Whatever a test may do to the shape of a database shows here; autovacuum's work does not.
_SHAPE = """
SELECT (SELECT sum(hashtextextended(concat(relname, relkind, relrowsecurity, relhastriggers, array_to_string(reloptions, ',')), 0))
          FROM pg_class WHERE relnamespace = 'public'::regnamespace),
       (SELECT sum(hashtextextended(concat(attrelid, attname, atttypid, attnotnull), 0)) FROM pg_attribute WHERE attrelid >= 16384),
       (SELECT sum(hashtextextended(concat(conname, conrelid, convalidated), 0)) FROM pg_constraint WHERE oid >= 16384),
       (SELECT sum(hashtextextended(concat(tgname, tgenabled), 0)) FROM pg_trigger),
       (SELECT count(*) FROM pg_policy),
       (SELECT sum(hashtextextended(concat(proname, prosrc), 0)) FROM pg_proc WHERE pronamespace = 'public'::regnamespace)
"""
_TABLES = (
    "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
    " ORDER BY 1"
)
_OTHERS = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND NOT pid = ANY(%s)"
)
_SEQUENCES = (
    "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) FROM pg_sequences"
    " WHERE last_value IS NOT NULL"
)
_AGAIN = (
    "INSERT INTO {0} OVERRIDING SYSTEM VALUE SELECT * FROM json_populate_recordset(NULL::{0}, %s)"
    " WHERE NOT EXISTS (SELECT FROM {0})"
)


def _dsn(server: str, name: str) -> str:
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    return url.replace("postgresql+psycopg", "postgresql")


_NUMBERS = count()
"""Of the databases of this process, whoever of it makes them."""


@dataclass
class Databases:
    """Hands them out, one at a time; those of one worker."""

    server: str
    template: str
    _clean: str | None = None
    _uses: int = 0
    _new: _New | None = None
    _cleaner: psycopg.Connection | None = None
    """Stays open as long as the database does."""

    @contextmanager
    def one(self) -> Iterator[str]:
        """The name of a database that looks as the template does."""
        name, self._clean = self._clean or self._made(), None
        try:
            yield name
        finally:
            self._uses += 1
            if self._uses < MOST_USES and self._cleaned(name):
                self._clean = name
            else:
                self._drop(name)

    def close(self) -> None:
        """Drop what is there."""
        if self._clean is not None:
            self._drop(self._clean)

    def _made(self) -> str:
        name = f"test_{os.getpid()}_{next(_NUMBERS)}"
        self._do(f'CREATE DATABASE "{name}" TEMPLATE "{self.template}"')
        self._uses = 0
        if self._new is None:
            with psycopg.connect(_dsn(self.server, name)) as connection:
                self._new = _New.of(connection)
        return name

    def _drop(self, name: str) -> None:
        POOLS.drop()
        if self._cleaner is not None:
            self._cleaner.close()
            self._cleaner = None
        self._do(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _do(self, statement: str) -> None:
        plain = self.server.replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(statement.encode())

    def _cleaned(self, name: str) -> bool:
        assert self._new is not None
        kept = POOLS.made_as_new()
        if self._cleaner is None:
            self._cleaner = psycopg.connect(_dsn(self.server, name))
        try:
            with self._cleaner.transaction():
                self._cleaner.execute(_OTHERS, [kept])
                return self._new.restore(self._cleaner)
        except psycopg.OperationalError:  # the test has cut everybody off
            return False


@dataclass(frozen=True)
class _New:
    """What a new database has: its shape, its size, and the rows of each of its tables."""

    shape: tuple[Any, ...]
    size: int
    rows: dict[str, str]

    @classmethod
    def of(cls, connection: psycopg.Connection) -> _New:
        tables = [row[0] for row in connection.execute(_TABLES)]
        rows = {table: _rows(connection, table) for table in tables}
        return cls(_shape(connection), _size(connection), rows)

    def restore(self, connection: psycopg.Connection) -> bool:
        """Make a used database as new; False where that is more than rows."""
        if _shape(connection) != self.shape or _size(connection) > self.size + ROOM:
            return False
        # neither references nor our own triggers: tables are emptied one by one, in any order
        connection.execute("SET LOCAL session_replication_role = replica")
        has_rows = sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(
                sql.Literal(table), sql.Identifier(table)
            )
            for table in self.rows
        )
        for (table,) in connection.execute(has_rows).fetchall():
            if self.rows[table] and _rows(connection, table) == self.rows[table]:
                continue
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        for table, kept in self.rows.items():
            if kept:
                connection.execute(sql.SQL(_AGAIN).format(sql.Identifier(table)), [kept])
        connection.execute(_SEQUENCES)
        return True


def _shape(connection: psycopg.Connection) -> tuple[Any, ...]:
    row = connection.execute(_SHAPE).fetchone()
    assert row is not None
    return row


def _size(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    return int(row[0])


def _rows(connection: psycopg.Connection, table: str) -> str:
    """The rows of a table as JSON, "" if there are none."""
    statement = sql.SQL("SELECT coalesce(json_agg(t ORDER BY t::text)::text, '') FROM {} t").format(
        sql.Identifier(table)
    )
    row = connection.execute(statement).fetchone()
    assert row is not None
    return str(row[0])
