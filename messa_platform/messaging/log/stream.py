"""Everything that is asked of the log, line by line, in one statement and from a cursor of the server: memory stays flat at any size."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.ids import time_of
from messa_platform.messaging.log.asked import Asked, Column
from messa_platform.messaging.log.fetch import conditions
from messa_platform.messaging.statuses import Status, status_word

BATCH = 2_000
"""Lines that are fetched at a time."""


class Line(NamedTuple):
    """A line of the log for a file. `status` is the word, completed by the name of the group whose rule struck. `parts` is *Antal*."""

    at: datetime
    group: str
    group_removed: bool
    address: str
    remote: str
    direction: str
    status: str
    parts: int


# In the order of the pages (`pages.page`): the column, what it stands for, then time.
_ORDERS = {
    Column.DATE: ("m.id",),
    Column.GROUP: ("g.sort_key", "m.group_id", "m.id"),
    Column.EMAIL: ("s.address", "m.account_id", "m.id"),
    Column.NUMBER: ('m.remote COLLATE "C"', "m.id"),
    Column.DIRECTION: ('m.direction COLLATE "C"', "m.id"),
    Column.STATUS: ('m.status COLLATE "C"', "m.id"),
    Column.PARTS: ("m.parts", "m.id"),
}
_NAMED = (
    "SELECT m.id, g.name, g.removed_at IS NOT NULL AS is_removed, s.address, m.remote, m.direction, m.status, r.name AS rule_group, m.parts"
    ' FROM message m JOIN "group" g ON g.id = m.group_id AND g.tenant_id = m.tenant_id'
    " JOIN message_sender s ON s.group_id = m.group_id AND s.account_id = m.account_id"
    ' LEFT JOIN "group" r ON r.id = m.rule_group_id AND r.tenant_id = m.tenant_id'
)
# A cursor is planned for its first rows, unless it is said that all of them will be read.
_READ_ALL = text("SET LOCAL cursor_tuple_fraction = 1")


def lines(session: Session, asked: Asked) -> Generator[list[Line]]:
    """All lines, in the order asked for, so many at a time. The session is used for nothing else until the last has come.

    Who does not want them all closes the iterator.
    """
    where, given = conditions(asked)
    way = " DESC" if asked.descending else ""
    order = ", ".join(f"{column}{way}" for column in _ORDERS[asked.sort])
    session.execute(_READ_ALL)
    statement = text(f"{_NAMED} WHERE {where} ORDER BY {order}")
    result = session.execute(statement, given, execution_options={"stream_results": True})
    with closing(result):
        for rows in result.partitions(BATCH):
            yield [_line(*row) for row in rows]


def _line(
    identifier: UUID,
    group: str,
    removed: bool,
    address: str,
    remote: str,
    direction: str,
    status: str,
    rule_group: str | None,
    parts: int,
) -> Line:
    word = status_word(_WORDS[status], rule_group)
    return Line(time_of(identifier), group, removed, address, remote, direction, word, parts)


_WORDS = {status.value: status for status in Status}


def count(session: Session, asked: Asked, most: int | None = None) -> int:
    """How many lines there are; with `most`, not counted beyond."""
    where, given = conditions(asked)
    limit = "" if most is None else " LIMIT :most"
    statement = text(f"SELECT count(*) FROM (SELECT FROM message m WHERE {where}{limit}) m")
    found = session.execute(statement, given if most is None else {**given, "most": most})
    return int(found.scalar_one())
