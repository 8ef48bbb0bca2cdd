"""What a process keeps of price lists: a version never changes, so it is read once (see `models.PriceVersion`)."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.providers.prices.table import Price, PriceTable

T = TypeVar("T")


class Kept(Generic[T]):
    """Things by their ids, of which the `most` that were used last are kept. Two who look for the same at once may both read it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._things: OrderedDict[UUID, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, identifier: UUID, read: Callable[[], T]) -> T:
        """The thing of that id, which is read if it is not there."""
        with self._lock:
            if identifier in self._things:
                self._things.move_to_end(identifier)
                return self._things[identifier]
        thing = read()
        self.put(identifier, thing)
        return thing

    def put(self, identifier: UUID, thing: T) -> None:
        """Keep it; what was used longest ago goes if there are too many."""
        with self._lock:
            self._things[identifier] = thing
            while len(self._things) > self._most:
                self._things.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Dated:
    """A version of a list, and the day from which it holds."""

    valid_from: date
    version_id: UUID


def in_force(versions: Sequence[Dated], day: date) -> UUID | None:
    """The version that holds on a day in Stockholm; None if none does yet."""
    begun = [version for version in versions if version.valid_from <= day]
    return max(begun, key=lambda version: version.valid_from).version_id if begun else None


MOST_VERSIONS = 32
"""Versions that a process keeps; one of ten thousand rows takes some three megabytes."""
_tables: Kept[PriceTable] = Kept(MOST_VERSIONS)
_ROWS = text("SELECT prefix, amount, name FROM price WHERE version_id = :version ORDER BY prefix")


def rows(session: Session, version_id: UUID) -> list[Price]:
    """The prices of a version, by prefix; none if there is no such version."""
    return [
        Price(row.prefix, row.amount, row.name) for row in session.execute(_ROWS, {"version": version_id})
    ]


def table(session: Session, version_id: UUID) -> PriceTable:
    """The prices of a version, for looking up. The database is asked the first time only."""
    return _tables.get(version_id, lambda: PriceTable(rows(session, version_id)))
