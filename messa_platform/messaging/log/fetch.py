"""Statements that fetch rows of the log: which index serves each is said beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.clock import start_of_stockholm_day
from messa_platform.core.ids import id_at, time_of
from messa_platform.messaging.log.asked import Asked, Column, Key, Row, Scope
from messa_platform.messaging.statuses import Direction, Status

COLUMNS = "m.id, m.group_id, m.account_id, m.remote, m.direction, m.status, m.rule_group_id, m.parts"


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that was found, before names are put to it."""

    id: UUID
    group_id: UUID
    account_id: UUID
    remote: str
    direction: str
    status: str
    rule_group_id: UUID | None
    parts: int


def conditions(asked: Asked, low: UUID | None = None, high: UUID | None = None) -> tuple[str, dict[str, Any]]:
    """What a message `m` has to fulfil, and the parameters of that; `low` and `high` narrow the time further."""
    said = ["m.tenant_id = :tenant_id", "m.id >= :low", "m.id < :high"]
    given: dict[str, Any] = {
        "tenant_id": asked.scope.tenant_id,
        "low": max(low or asked.low, asked.low),
        "high": min(high or asked.high, asked.high),
    }
    group_ids = asked.group_ids
    if group_ids is not None and len(group_ids) == 1:
        said.append("m.group_id = :group_id")
        given["group_id"] = group_ids[0]
    elif group_ids is not None:
        said.append("m.group_id = ANY(CAST(:group_ids AS uuid[]))")
        given["group_ids"] = list(group_ids)
    for name in ("account_id", "remote", "direction", "status", "parts"):
        value = getattr(asked, name)
        if value is not None:
            said.append(f"m.{name} = :{name}")
            given[name] = getattr(value, "value", value)
    return " AND ".join(said), given


def _order(asked: Asked, *columns: str) -> str:
    way = " DESC" if asked.descending else ""
    return ", ".join(f"{column}{way}" for column in columns)


def _beyond(asked: Asked) -> str:
    return "<" if asked.descending else ">"


def _hits(session: Session, statement: str, given: dict[str, Any]) -> list[Hit]:
    return [Hit(*row) for row in session.execute(text(statement), given)]


def walk(session: Session, asked: Asked, low: UUID | None, high: UUID | None, most: int) -> list[Hit]:
    """By date, through an index in that order: a group's, an account's, a number's or the tenant's."""
    where, given = conditions(asked, low, high)
    statement = f"SELECT {COLUMNS} FROM message m WHERE {where} ORDER BY {_order(asked, 'm.id')} LIMIT :most"
    return _hits(session, statement, {**given, "most": most})


@dataclass(frozen=True, slots=True)
class Cell:
    """A group and one of its days, on which it has so many messages of the kind asked for."""

    group_id: UUID
    day: date
    hits: int


_KINDS = {
    "direction": "k.direction = :direction",
    "status": "k.status = :status",
    "parts": "k.parts = :parts",
}


def _kinds(asked: Asked) -> tuple[str, dict[str, Any]]:
    given = {n: getattr(v, "value", v) for n in _KINDS if (v := getattr(asked, n)) is not None}
    return " AND ".join(["k.tenant_id = :tenant_id", *(_KINDS[n] for n in given)]), given


def cells(session: Session, asked: Asked, first: date, last: date, most: int) -> list[Cell]:
    """Groups and days, in the order of the days, that have messages of the kind asked for; through the tenant's summary of days."""
    kinds, given = _kinds(asked)
    group_ids = asked.group_ids
    if group_ids is not None:
        kinds_of_groups = f"{kinds} AND k.group_id = ANY(CAST(:group_ids AS uuid[]))"
        given["group_ids"] = list(group_ids)
    else:
        kinds_of_groups = kinds
    day = "k.day BETWEEN :first AND :last"
    statement = (
        # which of the tenant's days have any: of them alone the groups are asked
        f"WITH days AS MATERIALIZED (SELECT day, status FROM (SELECT k.day, k.status, k.messages FROM tenant_day k WHERE {kinds} AND {day}"
        f" UNION ALL SELECT k.day, k.status, k.messages FROM message_delta k WHERE {kinds} AND {day}) d GROUP BY 1, 2 HAVING sum(messages) > 0)"
        f" SELECT group_id, day, sum(messages) AS hits FROM (SELECT k.group_id, k.day, k.messages FROM days JOIN message_day k"
        f" ON k.status = days.status AND k.day = days.day AND {kinds_of_groups}"
        f" UNION ALL SELECT k.group_id, k.day, k.messages FROM message_delta k WHERE {kinds_of_groups} AND {day}) c"
        f" GROUP BY 1, 2 HAVING sum(messages) > 0 ORDER BY {_order(asked, 'day')}, group_id LIMIT :most"
    )
    parameters = {
        "tenant_id": asked.scope.tenant_id,
        "first": first,
        "last": last,
        "most": most,
        **given,
    }
    return [
        Cell(row.group_id, row.day, int(row.hits)) for row in session.execute(text(statement), parameters)
    ]


# Each cell is looked into by itself: a join of all at once would be planned as a scan of every month.
_CELLS = (
    "unnest(CAST(:cell_groups AS uuid[]), CAST(:cell_lows AS uuid[]), CAST(:cell_highs AS uuid[])) AS c (group_id, low, high)"
    f" CROSS JOIN LATERAL (SELECT {COLUMNS} FROM message m WHERE m.group_id = c.group_id AND m.id >= c.low AND m.id < c.high AND {{where}}"
    " OFFSET 0) m"
)


def _of_cells(found: Sequence[Cell]) -> dict[str, Any]:
    bounds = {day: (_id_of(day), _id_of(day + timedelta(days=1))) for day in {cell.day for cell in found}}
    return {
        "cell_groups": [cell.group_id for cell in found],
        "cell_lows": [bounds[cell.day][0] for cell in found],
        "cell_highs": [bounds[cell.day][1] for cell in found],
    }


def _id_of(day: date) -> UUID:
    return id_at(start_of_stockholm_day(day))


def in_cells(
    session: Session, asked: Asked, found: Sequence[Cell], low: UUID | None, high: UUID | None, most: int
) -> list[Hit]:
    """By date, in these cells only, each through its group's index."""
    where, given = conditions(_anywhere(asked), low, high)
    source = _CELLS.format(where=where)
    statement = f"SELECT {COLUMNS} FROM {source} ORDER BY {_order(asked, 'm.id')} LIMIT :most"
    return _hits(session, statement, {**given, **_of_cells(found), "most": most})


def _anywhere(asked: Asked) -> Asked:
    """The same without its groups: the cells have them."""
    return asked.within(scope=Scope(asked.scope.tenant_id, None), group_id=None)


# How a column sorts: what it sorts by, the tie between equals (an account, a group), and what has to be joined for it.
_SORTED = {
    Column.DATE: ("''", "m.id", ""),
    Column.GROUP: ("g.sort_key", "m.group_id", 'JOIN "group" g ON g.id = m.group_id'),
    Column.EMAIL: (
        "s.address",
        "m.account_id",
        "JOIN message_sender s ON s.group_id = m.group_id AND s.account_id = m.account_id",
    ),
    Column.NUMBER: ('m.remote COLLATE "C"', "m.id", ""),
    Column.DIRECTION: ('m.direction COLLATE "C"', "m.id", ""),
    Column.STATUS: ('m.status COLLATE "C"', "m.id", ""),
    Column.PARTS: ("m.parts", "m.id", ""),
}


def sorted_hits(
    session: Session, asked: Asked, key: Key | None, most: int, found: Sequence[Cell] | None = None
) -> list[Hit]:
    """All that are asked for, in `found` cells only if given, sorted and cut; for few. Kept apart, so that no plan walks an index in vain."""
    where, given = conditions(asked if found is None else _anywhere(asked))
    source = f"message m WHERE {where}" if found is None else _CELLS.format(where=where)
    value, tie, join = _SORTED[asked.sort]
    behind = ""
    if key is not None:
        of_key = "CAST(:value AS smallint)" if asked.sort is Column.PARTS else ":value"
        behind = (
            f"WHERE ({value}, {tie}, m.id) {_beyond(asked)} ({of_key}, CAST(:tie AS uuid), CAST(:id AS uuid))"
        )
        given |= {"value": _typed(asked, key), "tie": key.tie, "id": key.id}
    statement = (
        f"WITH m AS MATERIALIZED (SELECT {COLUMNS} FROM {source})"
        f" SELECT {COLUMNS} FROM m {join} {behind} ORDER BY {_order(asked, value, tie, 'm.id')} LIMIT :most"
    )
    cell_parameters = _of_cells(found) if found is not None else {}
    return _hits(session, statement, {**given, **cell_parameters, "most": most})


def _typed(asked: Asked, key: Key) -> object:
    return int(key.value) if asked.sort is Column.PARTS else key.value


def by_number(session: Session, asked: Asked, key: Key | None, most: int) -> list[Hit]:
    """By number, through the tenant's index of numbers; for many."""
    where, given = conditions(asked)
    if key is not None:
        where += f" AND (m.remote, m.id) {_beyond(asked)} (:value, CAST(:id AS uuid))"
        given |= {"value": key.value, "id": key.id}
    order = _order(asked, "m.remote", "m.id")
    return _hits(
        session,
        f"SELECT {COLUMNS} FROM message m WHERE {where} ORDER BY {order} LIMIT :most",
        {**given, "most": most},
    )


def by_address(session: Session, asked: Asked, key: Key | None, most: int) -> list[Hit]:
    """By address: the senders in that order, each through its account's index; for many."""
    where, given = conditions(asked)
    senders = "s.tenant_id = :tenant_id"
    if asked.group_ids is not None:
        senders += " AND s.group_id = ANY(CAST(:senders_of AS uuid[]))"
        given["senders_of"] = list(asked.group_ids)
    behind = ""
    if key is not None:
        beyond = _beyond(asked)
        senders += f" AND (s.address, s.account_id) {beyond}= (:value, CAST(:tie AS uuid))"
        behind = f" AND (s.account_id <> :tie OR m.id {beyond} CAST(:id AS uuid))"
        given |= {"value": key.value, "tie": key.tie, "id": key.id}
    statement = (
        f"SELECT {COLUMNS} FROM (SELECT DISTINCT s.address, s.account_id FROM message_sender s WHERE {senders}"
        f" ORDER BY {_order(asked, 's.address', 's.account_id')}) s CROSS JOIN LATERAL (SELECT {COLUMNS} FROM message m"
        f" WHERE {where} AND m.account_id = s.account_id{behind} ORDER BY {_order(asked, 'm.id')} LIMIT :most) m"
        f" ORDER BY {_order(asked, 's.address', 's.account_id', 'm.id')} LIMIT :most"
    )
    return _hits(session, statement, {**given, "most": most})


def groups_with(session: Session, asked: Asked, key: Key | None) -> list[UUID]:
    """The groups from that of `key` on, in the order of their names, that have messages of the kind asked for, by the month."""
    kinds, given = _kinds(asked)
    scope = "g.tenant_id = :tenant_id"
    if asked.group_ids is not None:
        scope += " AND g.id = ANY(CAST(:group_ids AS uuid[]))"
        given["group_ids"] = list(asked.group_ids)
    if key is not None:
        scope += f" AND (g.sort_key, g.id) {_beyond(asked)}= (:value, CAST(:tie AS uuid))"
        given |= {"value": key.value, "tie": key.tie}
    day = "k.day BETWEEN CAST(:first AS date) AND :last"
    statement = (
        f'SELECT g.id FROM "group" g WHERE {scope}'
        f" AND ((SELECT true FROM message_month k WHERE k.group_id = g.id AND k.messages > 0 AND {kinds} AND {day} LIMIT 1)"
        f" OR g.id IN (SELECT k.group_id FROM message_delta k WHERE {kinds} AND {day}))"
        f" ORDER BY {_order(asked, 'g.sort_key', 'g.id')}"
    )
    parameters = {
        "tenant_id": asked.scope.tenant_id,
        "first": asked.first_day.replace(day=1),
        "last": asked.last_day,
        **given,
    }
    return list(session.execute(text(statement), parameters).scalars())


_GROUPS = text(
    'SELECT id, name, sort_key, removed_at IS NOT NULL AS is_removed FROM "group"'
    " WHERE tenant_id = :tenant_id AND id = ANY(CAST(:ids AS uuid[]))"
)
_SENDERS = text(
    "SELECT s.group_id, s.account_id, s.address FROM unnest(CAST(:groups AS uuid[]), CAST(:accounts AS uuid[])) AS u (group_id, account_id)"
    " JOIN message_sender s ON s.group_id = u.group_id AND s.account_id = u.account_id AND s.tenant_id = :tenant_id"
)


def rows(session: Session, asked: Asked, hits: Sequence[Hit]) -> list[Row]:
    """Hits with names put to them, in two statements."""
    if not hits:
        return []
    tenant_id = asked.scope.tenant_id
    ids = {h.group_id for h in hits} | {h.rule_group_id for h in hits if h.rule_group_id}
    groups = {g.id: g for g in session.execute(_GROUPS, {"tenant_id": tenant_id, "ids": list(ids)})}
    pairs = sorted({(h.group_id, h.account_id) for h in hits})
    named = {"groups": [g for g, _ in pairs], "accounts": [a for _, a in pairs], "tenant_id": tenant_id}
    addresses = {(s.group_id, s.account_id): s.address for s in session.execute(_SENDERS, named)}
    return [_row(asked, hit, groups, addresses[hit.group_id, hit.account_id]) for hit in hits]


def _row(asked: Asked, hit: Hit, groups: dict[UUID, Any], address: str) -> Row:
    group = groups[hit.group_id]
    rule = groups.get(hit.rule_group_id) if hit.rule_group_id else None
    return Row(
        hit.id,
        time_of(hit.id),
        hit.group_id,
        group.name,
        group.is_removed,
        hit.account_id,
        address,
        hit.remote,
        Direction(hit.direction),
        Status(hit.status),
        hit.rule_group_id,
        rule.name if rule else None,
        hit.parts,
        _key(asked, hit, group.sort_key, address),
    )


def _key(asked: Asked, hit: Hit, sort_key: str, address: str) -> Key:
    match asked.sort:
        case Column.GROUP:
            return Key(sort_key, hit.group_id, hit.id)
        case Column.EMAIL:
            return Key(address, hit.account_id, hit.id)
        case Column.NUMBER:
            return Key(hit.remote, hit.id, hit.id)
        case Column.DIRECTION:
            return Key(hit.direction, hit.id, hit.id)
        case Column.STATUS:
            return Key(hit.status, hit.id, hit.id)
        case Column.PARTS:
            return Key(str(hit.parts), hit.id, hit.id)
        case _:
            return Key("", hit.id, hit.id)
