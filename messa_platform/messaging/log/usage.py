"""How much was sent and received, told apart as it is asked: by days or months, by groups, by directions, by statuses (spec V5).

It is read from the summaries alone, and so costs the same whatever lies behind them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from messa_platform.messaging.log.asked import Scope
from messa_platform.messaging.log.summary import OF_DAYS, OF_MONTHS, whole_months
from messa_platform.messaging.statuses import Direction, Status


class By(StrEnum):
    """What usage can be told apart by, in the order in which it is sorted. Days and months exclude each other."""

    DAY = "day"
    MONTH = "month"
    GROUP = "group"
    DIRECTION = "direction"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Use:
    """So many messages, with so many parts charged. What it is not told apart by is None. Of a month `day` is the first."""

    day: date | None
    group_id: UUID | None
    group: str | None
    direction: Direction | None
    status: Status | None
    messages: int
    parts: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked: the days from `first` to `last`, both included, of the scope's groups, told apart by `by`."""

    scope: Scope
    first: date
    last: date
    by: frozenset[By]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that tell it apart, in the order in which it is sorted."""
        return tuple(dict.fromkeys(_COLUMNS[by] for by in By if by in self.by))


_COLUMNS = {
    By.DAY: "day",
    By.MONTH: "day",
    By.GROUP: "group_id",
    By.DIRECTION: "direction",
    By.STATUS: "status",
}
_TYPES = {"day": "date", "group_id": "uuid", "direction": "text", "status": "text"}
_ALL = text('SELECT g.id FROM "group" g WHERE g.tenant_id = :tenant_id')


@cache
def _statement(columns: tuple[str, ...], days_apart: bool, of_groups: bool, goes_on: bool) -> TextClause:
    """One for each way of asking: the words in it are those of this module."""
    days, months = ("message_day", "message_month") if of_groups else ("tenant_day", "tenant_month")
    group = "group_id, " if of_groups else ""
    where = "tenant_id = :tenant_id" + (
        " AND group_id = ANY(CAST(:group_ids AS uuid[]))" if of_groups else ""
    )
    cells = " UNION ALL ".join(
        f"SELECT {group}{day} AS day, direction, status, parts, messages"
        f" FROM {table.format(days=days, months=months)} WHERE {where} AND day BETWEEN {between}"
        for table, day, between in (OF_DAYS if days_apart else OF_MONTHS)
    )
    keys = ", ".join(columns)
    after = ", ".join(f"CAST(:after_{column} AS {_TYPES[column]})" for column in columns)
    summed = (
        f"SELECT {keys}, sum(messages) AS messages, sum(messages * parts) AS parts FROM ({cells}) k"
        f"{f' WHERE ({keys}) > ({after})' if goes_on else ''}"
        f" GROUP BY {keys} HAVING sum(messages) > 0 ORDER BY {keys} LIMIT :most"
    )
    if "group_id" not in columns:
        return text(summed)
    order = ", ".join(f"u.{column}" for column in columns)
    return text(
        f'SELECT u.*, g.name AS "group" FROM ({summed}) u LEFT JOIN "group" g ON g.id = u.group_id ORDER BY {order}'
    )


def usage(session: Session, wanted: Wanted, after: Sequence[Any] | None, most: int) -> list[Use]:
    """The first uses, at most so many, behind `after`, which has a value for each of the columns; in order.

    Raises ValueError if it is told apart by nothing, or both by days and by months.
    """
    if not wanted.by or {By.DAY, By.MONTH} <= wanted.by:
        raise ValueError(f"by: {sorted(wanted.by)}")
    columns, group_ids = wanted.columns, wanted.scope.group_ids
    key = dict(zip(columns, after, strict=True)) if after is not None else {}
    if group_ids is None and By.GROUP in wanted.by:
        group_ids = tuple(session.execute(_ALL, {"tenant_id": wanted.scope.tenant_id}).scalars())
    if group_ids is not None and columns[0] == "group_id" and key:
        group_ids = tuple(g for g in group_ids if g >= key["group_id"])
    # what lies before the key's day, or month, need not be added up again
    first = max(wanted.first, key["day"]) if "day" in key else wanted.first
    parameters: dict[str, Any] = {
        "tenant_id": wanted.scope.tenant_id,
        "first": first,
        "last": wanted.last,
        "most": most,
        **{f"after_{column}": value for column, value in key.items()},
    }
    days_apart = By.DAY in wanted.by
    if group_ids is not None:
        parameters["group_ids"] = list(group_ids)
    if not days_apart:
        parameters |= whole_months(first, wanted.last)
    statement = _statement(columns, days_apart, group_ids is not None, after is not None)
    return [_use(row._mapping) for row in session.execute(statement, parameters)]


def _use(row: Any) -> Use:
    return Use(
        row.get("day"),
        row.get("group_id"),
        row.get("group"),
        Direction(row["direction"]) if "direction" in row else None,
        Status(row["status"]) if "status" in row else None,
        int(row["messages"]),
        int(row["parts"]),
    )
