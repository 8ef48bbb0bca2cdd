"""Many rows in one statement, whose text does not depend on how many there are.

`copy_rows` is for what is only inserted: binary COPY (measured for a message row, from Python to stored: 20 µs, where INSERT from JSON took
41 and INSERT from one array a column 50). `insert_rows` and `given` are for what must look at what is there: the rows travel as
one JSON text, which costs the driver half of what arrays do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    DateTime,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    TextClause,
    Uuid,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from messa_platform.core.pipeline import Pipeline, Reply, send_waiting

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]

_BINARY_TYPES: tuple[tuple[type[Any], str], ...] = (
    (Uuid, "uuid"),
    (DateTime, "timestamptz"),
    (String, "text"),
    (BigInteger, "int8"),
    (SmallInteger, "int2"),
    (Integer, "int4"),
    (Boolean, "bool"),
    (LargeBinary, "bytea"),
)


def _sql_type(table: Table, column: str) -> str:
    compiled: str = table.c[column].type.compile(_DIALECT)
    return compiled


def _binary_type(kind: Any) -> str:
    if isinstance(kind, ARRAY):
        return f"{_binary_type(kind.item_type)}[]"
    return next(name for known, name in _BINARY_TYPES if isinstance(kind, known))


def given(table: Table, columns: Sequence[str]) -> str:
    """A FROM item, `given`, with these columns of `table` for each row of the parameter `:rows` (see `as_parameter`)."""
    types = ", ".join(f"{c} {_sql_type(table, c)}" for c in columns)
    return f"json_to_recordset(CAST(:rows AS json)) AS given ({types})"


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)


def as_parameter(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as the parameter `:rows` of a statement with `given`."""
    return json.dumps(rows, default=_plain)


@cache
def _insert(table: Table, columns: tuple[str, ...], suffix: str) -> TextClause:
    name = _DIALECT.identifier_preparer.quote(table.name)
    return text(
        f"INSERT INTO {name} ({', '.join(columns)}) SELECT {', '.join(columns)} FROM {given(table, columns)} {suffix}"
    )


def insert_rows(
    session: Session, table: Table, rows: Sequence[Mapping[str, Any]], suffix: str = ""
) -> list[Any]:
    """Insert `rows` (all with the same keys) in their order; `suffix` is what follows, such as `ON CONFLICT … RETURNING …`.

    Gives the rows that RETURNING gave, else an empty list.
    """
    if not rows:
        return []
    result = session.execute(_insert(table, tuple(rows[0]), suffix), {"rows": as_parameter(rows)})
    return list(result) if "RETURNING" in suffix else []


def ask_insert(
    pipeline: Pipeline, table: Table, rows: Sequence[Mapping[str, Any]], suffix: str = ""
) -> Reply:
    """The same as `insert_rows`, among what a pipeline sends together."""
    if not rows:
        return Reply([])
    return pipeline.ask(_insert(table, tuple(rows[0]), suffix), {"rows": as_parameter(rows)})


FEW = 20
"""So many rows at the most travel with others; to copy more costs two round trips, and then half as much for a row."""


def store_rows(pipeline: Pipeline, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert `rows` (all with the same keys) of which nothing needs to be known: with what a pipeline sends if they are few, else by COPY
    once that was sent."""
    if len(rows) <= FEW:
        ask_insert(pipeline, table, rows)
    else:
        pipeline.send()
        copy_rows(pipeline.session, table, rows)


@cache
def _copy(table: Table, columns: tuple[str, ...]) -> tuple[bytes, tuple[str, ...]]:
    name = _DIALECT.identifier_preparer.quote(table.name)
    statement = f"COPY {name} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    return statement.encode(), tuple(_binary_type(table.c[c].type) for c in columns)


def copy_rows(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert `rows` (all with the same keys) by COPY; a row that a constraint refuses fails them all."""
    if rows:
        send_waiting(session)
        copy_into(session.connection().connection.cursor, table, rows)


def copy_into(open_cursor: Any, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """The same on a psycopg connection, of which `open_cursor` is the way to a cursor."""
    statement, types = _copy(table, tuple(rows[0]))
    with open_cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(tuple(row.values()))
