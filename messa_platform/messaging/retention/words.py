"""The words of a tenant's messages are removed after the days that its admins chose, wherever they are kept (spec L4).

A *place* is a table that keeps words. Each remembers for each tenant how far it has come, so that a round looks at what has become old since
the last one and at nothing else. A batch is a transaction of its own: whatever dies, the next round goes on behind the last batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.clock import Clock, start_of_stockholm_day, stockholm_day
from messa_platform.core.db import Database
from messa_platform.core.ids import id_at
from messa_platform.core.logs import logger

log = logger(__name__)

PURGE_ACTOR = "purge_texts"
ROUNDS = 200
"""Batches in one run of the actor."""


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be removed: the words of a tenant with an id from `begin` on that are from before `before`."""

    tenant_id: UUID
    begin: UUID
    before: datetime

    @property
    def end(self) -> UUID:
        """The smallest id that is not old enough."""
        return id_at(self.before)


Empty = Callable[[Session, Due], UUID | None]
"""Removes a batch. Gives the id that the next one begins at; None if nothing is left."""


@dataclass(frozen=True, slots=True)
class Place:
    """A table that keeps words, by a name of its own."""

    name: str
    empty: Empty


def old_before(now: datetime, days: int) -> datetime:
    """Words from before this are removed where they are kept for so many days: Stockholm's, the one that is under way not counted."""
    return start_of_stockholm_day(stockholm_day(now) - timedelta(days=days))


_KEEPING = text(
    "SELECT t.id, t.keep_text_days, p.name, r.done_to FROM tenant t CROSS JOIN unnest(CAST(:places AS text[])) AS p (name)"
    " LEFT JOIN text_retention r ON r.tenant_id = t.id AND r.place = p.name WHERE t.keep_text_days IS NOT NULL ORDER BY t.id"
)


def purge(database: Database, clock: Clock, places: Sequence[Place]) -> bool:
    """Remove what has become old, in batches; True if more may wait. Several may run at once, each at another tenant's place."""
    left = ROUNDS
    with database.unit_of_work() as session:
        rows = session.execute(_KEEPING, {"places": [place.name for place in places]}).all()
    named = {place.name: place for place in places}
    for row in rows:
        end = id_at(old_before(clock.now(), row.keep_text_days))
        going = row.done_to is None or row.done_to < end
        while going:
            if not left:
                return True
            left -= 1
            with database.unit_of_work() as session:
                going = _batch(session, clock.now(), row.id, named[row.name])
    return False


_MARK = text(
    "INSERT INTO text_retention (tenant_id, place, done_to) VALUES (:tenant_id, :place, :nothing) ON CONFLICT DO NOTHING"
)
# Asked for again, under the lock: another process may have come further, an admin may keep them for longer now.
_LOCKED = text(
    "SELECT r.done_to, t.keep_text_days FROM text_retention r JOIN tenant t ON t.id = r.tenant_id"
    " WHERE r.tenant_id = :tenant_id AND r.place = :place AND t.keep_text_days IS NOT NULL FOR NO KEY UPDATE OF r SKIP LOCKED"
)
_ADVANCE = text(
    "UPDATE text_retention SET done_to = :done_to WHERE tenant_id = :tenant_id AND place = :place"
)
_NOTHING = UUID(int=0)


def _batch(session: Session, now: datetime, tenant_id: UUID, place: Place) -> bool:
    """Remove a batch of a tenant's words; True if more may wait."""
    key = {"tenant_id": tenant_id, "place": place.name}
    session.execute(_MARK, {**key, "nothing": _NOTHING})
    held = session.execute(_LOCKED, key).one_or_none()
    if held is None:
        return False
    due = Due(tenant_id, held.done_to, old_before(now, held.keep_text_days))
    if due.begin >= due.end:
        return False
    reached = place.empty(session, due)
    session.execute(_ADVANCE, {**key, "done_to": reached or due.end})
    log.info("texts_purged", tenant=str(tenant_id), place=place.name, all=reached is None)
    return reached is not None


def after(identifier: UUID) -> UUID:
    """The id right behind one."""
    return UUID(int=identifier.int + 1)
