"""Many rows in one statement, by arrays: the work for PostgreSQL and for SQLAlchemy does not grow with the statement's text.

`INSERT … SELECT … FROM unnest(:a, :b)` is one cached statement for any number of rows, where `VALUES` is another text for each count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, Table, TextClause, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


def _type(table: Table, column: str) -> str:
    compiled: str = table.c[column].type.compile(_DIALECT)
    return compiled


def _is_array(table: Table, column: str) -> bool:
    return isinstance(table.c[column].type, ARRAY)


def unnest(table: Table, columns: Sequence[str]) -> str:
    """`unnest(…) AS given (…)` over one array parameter a column, with the columns' own types; parameters are named as the columns.

    A column that is itself an array travels as text, since unnest would flatten it.
    """
    arrays = (f"CAST(:{c} AS {'text' if _is_array(table, c) else _type(table, c)}[])" for c in columns)
    return f"unnest({', '.join(arrays)}) AS given ({', '.join(columns)})"


def _selected(table: Table, column: str) -> str:
    return (
        f"CAST(given.{column} AS {_type(table, column)})" if _is_array(table, column) else f"given.{column}"
    )


@cache
def _insert(table: Table, columns: tuple[str, ...], suffix: str) -> TextClause:
    name = _DIALECT.identifier_preparer.quote(table.name)
    chosen = ", ".join(_selected(table, c) for c in columns)
    return text(
        f"INSERT INTO {name} ({', '.join(columns)}) SELECT {chosen} FROM {unnest(table, columns)} {suffix}"
    )


def _literal(value: Sequence[Any] | None) -> str | None:
    """An array of numbers or ids as PostgreSQL writes it."""
    return None if value is None else "{" + ",".join(str(v) for v in value) + "}"


def by_column(
    table: Table, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]
) -> dict[str, list[Any]]:
    """Turn rows into one list a column, as `unnest` takes them."""
    return {
        c: [_literal(row[c]) for row in rows] if _is_array(table, c) else [row[c] for row in rows]
        for c in columns
    }


def insert_rows(
    session: Session, table: Table, rows: Sequence[Mapping[str, Any]], suffix: str = ""
) -> list[Any]:
    """Insert `rows` (all with the same keys) in their order; `suffix` is what follows, such as `ON CONFLICT … RETURNING …`.

    Gives the rows that RETURNING gave, else an empty list.
    """
    if not rows:
        return []
    columns = tuple(rows[0])
    result = session.execute(_insert(table, columns, suffix), by_column(table, rows, columns))
    return list(result) if "RETURNING" in suffix else []
