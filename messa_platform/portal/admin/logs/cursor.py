"""Where a page of the log begins or ends, as it stands in an address: the message, what its row is sorted by, and whom that stands for."""

from __future__ import annotations

from uuid import UUID

from messa_platform.messaging.log.asked import Asked, Column, Key
from messa_platform.messaging.statuses import Direction, Status

LONGEST = 1000
"""Characters of a cursor at the most: a group's name, with the letters of its order, and two ids."""
_MARK = "~"


def write(key: Key) -> str:
    """A key for an address."""
    parts = [str(key.id), *([str(key.tie)] if key.tie != key.id else []), *([key.value] if key.value else [])]
    return _MARK.join(parts)


def read(written: str, asked: Asked) -> Key | None:
    """The key that `write` wrote for a page of this search; None if it is of another, or broken."""
    first, _, rest = written.partition(_MARK)
    identifier = _read_id(first)
    if identifier is None or not asked.low <= identifier < asked.high:
        return None
    if asked.sort in (Column.GROUP, Column.EMAIL):
        second, _, value = rest.partition(_MARK)
        tie = _read_id(second)
    else:
        tie, value = identifier, rest
    return Key(value, tie, identifier) if tie is not None and _fits(asked.sort, value) else None


def _read_id(written: str) -> UUID | None:
    try:
        return UUID(written)
    except ValueError:
        return None


def _fits(sort: Column, value: str) -> bool:
    match sort:
        case Column.DATE:
            return value == ""
        case Column.DIRECTION:
            return value in set(Direction)
        case Column.STATUS:
            return value in set(Status)
        case Column.PARTS:
            return value.isascii() and value.isdecimal() and len(value) <= 3
        case _:
            return "\0" not in value
