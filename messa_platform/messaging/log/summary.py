"""How many messages there are of each kind: kept up by the database's triggers as differences, folded now and then, and read.

What is read adds what is not folded yet, in one statement and so as of one moment: it always equals a count of the messages themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from messa_platform.messaging.log.asked import Asked
from messa_platform.messaging.statuses import Direction, Status

MOST = 50_000
"""Differences folded in one transaction."""

_KEY = "direction, status, parts, channel_id"


def _folded(table: str, columns: str, day: str = "day") -> str:
    names = f"{columns}, day, {_KEY}"
    conflict = names.replace("tenant_id, ", "") if "group_id" in columns else names
    return (
        f"INSERT INTO {table} ({names}, messages) SELECT {columns}, {day}, {_KEY}, sum(messages) FROM gone"
        f" GROUP BY {columns}, {day}, {_KEY} HAVING sum(messages) <> 0 ORDER BY {columns}, 3, {_KEY}"
        f" ON CONFLICT ({conflict}) DO UPDATE SET messages = {table}.messages + EXCLUDED.messages"
    )


_MONTH = "date_trunc('month', day)::date"
_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtext('messa.summary'))")
_FOLD = text(
    "WITH gone AS (DELETE FROM message_delta WHERE id IN (SELECT id FROM message_delta ORDER BY id LIMIT :most) RETURNING *),"
    f" days AS ({_folded('message_day', 'tenant_id, group_id')}),"
    f" months AS ({_folded('message_month', 'tenant_id, group_id', _MONTH)}),"
    f" tenants AS ({_folded('tenant_day', 'tenant_id')}),"
    f" tenants_months AS ({_folded('tenant_month', 'tenant_id', _MONTH)})"
    " SELECT count(*) FROM gone"
)
FOLDED = ("message_day", "message_month", "tenant_day", "tenant_month")
"""The tables into which differences are folded."""
_EMPTY = tuple(text(f"DELETE FROM {table} WHERE messages = 0") for table in FOLDED)


def fold(session: Session) -> int:
    """Fold the oldest differences into the tables; gives how many. One process at a time does it, another one finds nothing to do."""
    if not session.execute(_LOCK).scalar_one():
        return 0
    folded = int(session.execute(_FOLD, {"most": MOST}).scalar_one())
    if folded:
        for statement in _EMPTY:
            session.execute(statement)
    return folded


def rebuild(session: Session) -> None:
    """Count everything anew, while nobody may change a message: after an import past the triggers, or to mend."""
    session.execute(text("SELECT messa_rebuild_summaries()"))


@dataclass(frozen=True, slots=True)
class Tally:
    """So many messages of a kind in the time from the day `first` to before the day `after`."""

    first: date
    after: date
    direction: Direction
    status: Status
    parts: int
    messages: int


DAYS_APIECE = 62
"""Up to so many days are told apart; of a longer time, months."""

_NAMED = "group_id = ANY(CAST(:group_ids AS uuid[]))"
_WHERE = "tenant_id = :tenant_id AND {scope} AND day BETWEEN :first AND :last"


def _statement(table: str, scope: str, day: str) -> str:
    cells = f"SELECT day, direction, status, parts, messages FROM {{}} WHERE {_WHERE.format(scope=scope)}"
    return (
        f"SELECT {day} AS day, direction, status, parts, sum(messages) AS messages FROM"
        f" ({cells.format(table)} UNION ALL {cells.format('message_delta')}) k"
        " GROUP BY 1, direction, status, parts HAVING sum(messages) > 0 ORDER BY 1"
    )


_TALLIES = {
    # (by month, some groups only)
    (False, False): text(_statement("tenant_day", "true", "day")),
    (True, False): text(_statement("tenant_month", "true", _MONTH)),
    (False, True): text(_statement("message_day", _NAMED, "day")),
    (True, True): text(_statement("message_month", _NAMED, _MONTH)),
}


def tallies(session: Session, asked: Asked, *, everywhere: bool = False) -> list[Tally]:
    """How many messages there are of each kind, where and when it is asked, oldest first; `everywhere`: in the whole tenant.

    A long time is told in whole months, a short one in whole days, so at its ends they may be more than those that were asked for. Of what it is
    narrowed to only the group counts.
    """
    by_month = (asked.last_day - asked.first_day).days >= DAYS_APIECE
    group_ids = None if everywhere else asked.group_ids
    first, last = asked.first_day, asked.last_day
    if by_month:
        first, last = _month(first), _next_month(last) - timedelta(days=1)
    parameters = {"tenant_id": asked.scope.tenant_id, "first": first, "last": last}
    if group_ids is not None:
        parameters["group_ids"] = list(group_ids)
    rows = session.execute(_TALLIES[by_month, group_ids is not None], parameters)
    return [
        Tally(
            row.day,
            _next_month(row.day) if by_month else row.day + timedelta(days=1),
            Direction(row.direction),
            Status(row.status),
            row.parts,
            int(row.messages),
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Told:
    """What the summaries say: `here` of the groups that are looked in, `walked` of all that lies in the index by which they are walked."""

    here: Sequence[Tally]
    walked: Sequence[Tally]


def ask(session: Session, asked: Asked) -> Told:
    """Of all kinds, whatever the search is narrowed to: one or two statements."""
    here = tallies(session, asked)
    has_own_index = asked.group_ids is None or len(asked.group_ids) == 1
    return Told(here, here if has_own_index else tallies(session, asked, everywhere=True))


def of_kind(asked: Asked, told: Iterable[Tally]) -> list[Tally]:
    """Those of the direction, the status and the parts asked for."""
    return [
        t
        for t in told
        if asked.direction in (None, t.direction)
        and asked.status in (None, t.status)
        and asked.parts in (None, t.parts)
    ]


def _month(day: date) -> date:
    return day.replace(day=1)


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


@dataclass(frozen=True, slots=True)
class Count:
    """The messages of a day, a direction and a status; `parts` are all of theirs together."""

    day: date
    direction: Direction
    status: Status
    messages: int
    parts: int


_COUNTS = (
    "SELECT day, direction, status, sum(messages) AS messages, sum(messages * parts) AS parts FROM"
    " ({cells}) k GROUP BY day, direction, status HAVING sum(messages) > 0 ORDER BY day, direction, status"
)
_CELLS = "SELECT {day} AS day, direction, status, parts, messages FROM {table} WHERE {where} AND day BETWEEN {between}"
# Whole months stand by themselves; the days before the first of them and behind the last are added up.
OF_MONTHS = (
    ("{days}", _MONTH, ":first AND CAST(:whole AS date) - 1"),
    ("{days}", _MONTH, "CAST(:rest AS date) AND :last"),
    ("{months}", "day", ":whole AND CAST(:rest AS date) - 1"),
    ("message_delta", _MONTH, ":first AND :last"),
)
OF_DAYS = (("{days}", "day", ":first AND :last"), ("message_delta", "day", ":first AND :last"))
"""The tables that have the counts of a time, what each row's day stands for, and the days that are taken of each."""


def _counted(parts: Sequence[tuple[str, str, str]], scope: str, **tables: str) -> TextClause:
    where = f"tenant_id = :tenant_id AND {scope}"
    cells = (
        _CELLS.format(day=day, table=table.format(**tables), where=where, between=between)
        for table, day, between in parts
    )
    return text(_COUNTS.format(cells=" UNION ALL ".join(cells)))


_COUNTED = {
    # (by month, some groups only)
    (False, False): _counted(OF_DAYS, "true", days="tenant_day"),
    (True, False): _counted(OF_MONTHS, "true", days="tenant_day", months="tenant_month"),
    (False, True): _counted(OF_DAYS, _NAMED, days="message_day"),
    (True, True): _counted(OF_MONTHS, _NAMED, days="message_day", months="message_month"),
}


def whole_months(first: date, last: date) -> dict[str, date]:
    """Where the whole months of a time begin, and where the rest behind them does; for `OF_MONTHS`."""
    whole = first if first.day == 1 else _next_month(first)
    if whole > last:  # no month is whole
        return dict.fromkeys(("whole", "rest"), last + timedelta(days=1))
    return {"whole": whole, "rest": max(_month(last + timedelta(days=1)), whole)}


def counts(
    session: Session,
    tenant_id: UUID,
    group_ids: Sequence[UUID] | None,
    first: date,
    last: date,
    *,
    by_month: bool = False,
) -> list[Count]:
    """How many messages these groups (None: all of the tenant's) had on each day from `first` to `last`, by direction and status.

    `by_month`: the days of a month may be told together, as its first day. That costs a thirtieth where there are many groups.
    """
    parameters: dict[str, object] = {"tenant_id": tenant_id, "first": first, "last": last}
    if group_ids is not None:
        parameters["group_ids"] = list(group_ids)
    if by_month:
        parameters |= whole_months(first, last)
    rows = session.execute(_COUNTED[by_month, group_ids is not None], parameters)
    return [
        Count(row.day, Direction(row.direction), Status(row.status), int(row.messages), int(row.parts))
        for row in rows
    ]
