"""What is asked of the log: where, when, narrowed to what, and in which order (spec L1)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.clock import stockholm_day
from messa_platform.core.ids import id_at
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.tenants.places import Place


class Column(StrEnum):
    """The columns of the log, in the order in which they stand; each sorts both ways."""

    DATE = "date"
    GROUP = "group"
    EMAIL = "email"
    NUMBER = "number"
    DIRECTION = "direction"
    STATUS = "status"
    PARTS = "parts"


@dataclass(frozen=True, slots=True)
class Scope:
    """The groups whose messages are looked for, tombstones too; `group_ids` None: all of the tenant's."""

    tenant_id: UUID
    group_ids: tuple[UUID, ...] | None


_BELOW = text('SELECT g.id FROM "group" g WHERE g.tenant_id = :tenant_id AND g.path <@ CAST(:path AS ltree)')


def scope_of(session: Session, place: Place, *, subgroups: bool = True) -> Scope:
    """A group, with all that is or was below it; today's tree counts, and a group that was removed stays below its parent (spec G13)."""
    if not subgroups:
        return Scope(place.tenant_id, (place.id,))
    if place.parent_id is None:
        return Scope(place.tenant_id, None)
    rows = session.execute(_BELOW, {"tenant_id": place.tenant_id, "path": place.path}).scalars()
    return Scope(place.tenant_id, tuple(sorted(rows)))


@dataclass(frozen=True, slots=True)
class Asked:
    """A search. From `since` until before `until`, both aware; a message's time is that of its id.

    Narrowed, where given, to one of the scope's groups, an account, a remote number, a direction, a status (whatever group's rule struck),
    a number of parts. Rows that are alike in `sort` stand in the order of their ids, both ways the same way round.
    """

    scope: Scope
    since: datetime
    until: datetime
    group_id: UUID | None = None
    account_id: UUID | None = None
    remote: str | None = None
    direction: Direction | None = None
    status: Status | None = None
    parts: int | None = None
    sort: Column = Column.DATE
    descending: bool = True

    @property
    def low(self) -> UUID:
        """The smallest id of the time asked for."""
        return id_at(self.since)

    @property
    def high(self) -> UUID:
        """The smallest id after it."""
        return id_at(self.until)

    @property
    def first_day(self) -> date:
        """The first of Stockholm's days that the time touches."""
        return stockholm_day(self.since)

    @property
    def last_day(self) -> date:
        """The last of them."""
        return stockholm_day(self.until - timedelta(milliseconds=1))

    @property
    def group_ids(self) -> tuple[UUID, ...] | None:
        """The groups that are looked in; None: all of the tenant's. One outside the scope is none."""
        within = self.scope.group_ids
        if self.group_id is None:
            return within
        return (self.group_id,) if within is None or self.group_id in within else ()

    @property
    def has_kind(self) -> bool:
        """Whether it is narrowed to a direction, a status or parts, of which the summaries know."""
        return (self.direction, self.status, self.parts) != (None, None, None)

    @property
    def is_plain(self) -> bool:
        """Whether the summaries know how many messages it finds: they know neither accounts nor numbers."""
        return self.account_id is None and self.remote is None

    def turned(self) -> Asked:
        """The same from its other end."""
        return replace(self, descending=not self.descending)

    def within(self, **changes: Any) -> Asked:
        """The same, but for these."""
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class Key:
    """Where a page begins or ends. `value` is the row's in the sorted column, as text; `tie` the group or account it stands for."""

    value: str
    tie: UUID
    id: UUID


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the log. `parts` is *Antal*. `rule_group` is the name of the group whose rule struck, if one did.

    `group_removed`: the group is a tombstone. The text is none of an admin's business (spec L4).
    """

    id: UUID
    at: datetime
    group_id: UUID
    group: str
    group_removed: bool
    account_id: UUID
    address: str
    remote: str
    direction: Direction
    status: Status
    rule_group_id: UUID | None
    rule_group: str | None
    parts: int
    key: Key


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and whether there are more before the first and behind the last, as they are sorted."""

    rows: tuple[Row, ...]
    has_before: bool
    has_after: bool
