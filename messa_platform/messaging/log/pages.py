"""A page of the log, in any order, quick at any size (spec L1).

The summaries tell beforehand how many messages there are of each kind in each day or month. From that follows the way:

- Few in all (`FEW`): they are fetched, sorted, and cut.
- Many, by date: see `by_date`.
- Many, by group, direction, status or parts: the values come from the summaries in their order, and each is a search by date.
- Many, by number: an index in that order is walked. By address: the senders in that order, each a walk through its account's index.

So the cost follows what is shown, not what is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import UUID

from sqlalchemy.orm import Session

from messa_platform.messaging.log import fetch
from messa_platform.messaging.log.asked import Asked, Column, Key, Page
from messa_platform.messaging.log.by_date import FEW, by_date, days_with
from messa_platform.messaging.log.fetch import Hit
from messa_platform.messaging.log.summary import Tally, Told, ask, of_kind
from messa_platform.messaging.statuses import Direction, Status

PAGE = 50
"""Rows of a page."""


def page(
    session: Session, asked: Asked, key: Key | None = None, *, backwards: bool = False, most: int = PAGE
) -> Page:
    """The rows behind `key`, or, `backwards`, those before it; the first ones without.

    A few statements, and where a column's values are gone through, some for each value until the page is full.
    """
    hits = _hits(session, asked.turned() if backwards else asked, key, most + 1)
    more = len(hits) > most
    hits = hits[:most]
    if backwards:
        hits.reverse()
    has_before, has_after = (more, key is not None) if backwards else (key is not None, more)
    return Page(tuple(fetch.rows(session, asked, hits)), has_before, has_after)


def _hits(session: Session, asked: Asked, key: Key | None, most: int) -> list[Hit]:
    if asked.group_ids == () or asked.low >= asked.high:
        return []
    if asked.sort is Column.DATE:
        return by_date(session, asked, key.id if key else None, most)
    if not asked.is_plain:
        return fetch.sorted_hits(session, asked, key, most)
    told = ask(session, asked)
    found = of_kind(asked, told.here)
    if sum(t.messages for t in found) <= FEW:
        is_rare = asked.has_kind and sum(t.messages for t in told.here) > FEW
        return fetch.sorted_hits(session, asked, key, most, days_with(session, asked) if is_rare else None)
    match asked.sort:
        case Column.NUMBER:
            return fetch.by_number(session, asked, key, most)
        case Column.EMAIL:
            return fetch.by_address(session, asked, key, most)
        case Column.GROUP:
            return _by_group(session, asked, key, most)
        case _:
            return _by_value(session, asked, told, key, most)


def _by_group(session: Session, asked: Asked, key: Key | None, most: int) -> list[Hit]:
    groups = fetch.groups_with(session, asked, key)
    after = key.id if key and groups[:1] == [key.tie] else None
    return _in_turn(session, (asked.within(group_id=g) for g in groups), after, most)


# What is no text stands so that its order is the texts': parts have one digit.
_VALUE: dict[Column, Callable[[Tally], str]] = {
    Column.DIRECTION: lambda t: t.direction.value,
    Column.STATUS: lambda t: t.status.value,
    Column.PARTS: lambda t: str(t.parts),
}


def _by_value(session: Session, asked: Asked, told: Told, key: Key | None, most: int) -> list[Hit]:
    values = sorted({_VALUE[asked.sort](t) for t in of_kind(asked, told.here)}, reverse=asked.descending)
    if key is not None:
        values = [v for v in values if v == key.value or (v < key.value) is asked.descending]
    after = key.id if key and values[:1] == [key.value] else None
    return _in_turn(session, (_narrowed(asked, v) for v in values), after, most, told)


def _narrowed(asked: Asked, value: str) -> Asked:
    match asked.sort:
        case Column.DIRECTION:
            return asked.within(direction=Direction(value))
        case Column.STATUS:
            return asked.within(status=Status(value))
        case _:
            return asked.within(parts=int(value))


def _in_turn(
    session: Session, searches: Iterable[Asked], after: UUID | None, most: int, told: Told | None = None
) -> list[Hit]:
    """Search after search by date until there are enough; the first goes on behind `after`. `told`: of a place that is the same for all."""
    hits: list[Hit] = []
    for search in searches:
        hits += by_date(session, search, after, most - len(hits), told)
        after = None
        if len(hits) >= most:
            break
    return hits
