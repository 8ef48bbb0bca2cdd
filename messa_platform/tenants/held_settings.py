"""What a group's path has set, and the settings of a group as its admins see them: the value in force, where it comes from, who may change it
(spec G2, G3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.tenants.group_settings import DEFAULTS, NO_LIMIT, QUOTAS, GroupNode, Key
from messa_platform.tenants.locks import may_change
from messa_platform.tenants.models import Lock
from messa_platform.tenants.places import Place

MOST_BELOW = 100
"""Groups below with a value of their own that are counted; one more stands for any number of them."""
_FEW_GROUPS = 300


class Origin(StrEnum):
    """Where a value in force comes from, for who asks (spec G2)."""

    HERE = "here"
    GROUP = "group"
    OVERLYING = "overlying"
    """A group above, whose name is not for who asks."""
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from; `name` and `group_id` are the group's where `origin` is GROUP."""

    origin: Origin
    name: str = ""
    group_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A setting of a group. `value` is in force; a group quota adds up instead of being inherited, so that its value is the group's own.

    `above` and `above_source` are what would be in force if nothing were set here. `lock` is as it binds those below who asks; where
    nothing is set here, what it would best be. `version`: 0 if nothing is set here. `own_below`: groups below that have set it themselves,
    more than `MOST_BELOW` if there are more. `since`: when it was set here.
    """

    key: Key
    value: Any
    is_own: bool
    source: Source
    above: Any
    above_source: Source
    lock: Lock
    may_change: bool
    version: int
    own_below: int
    since: datetime | None

    @property
    def shown(self) -> Any:
        """The value in force; a quota written out that limits nothing."""
        return written_out(self.key, self.value)

    @property
    def tells_above(self) -> bool:
        """Whether who asks may know `above`: not where that is a figure of an overlying group which does not hold here (spec G2)."""
        return not (self.is_own and self.key in QUOTAS and self.above_source.origin is Origin.OVERLYING)


def written_out(key: Key, value: Any) -> Any:
    """A value of a setting; of a quota with all its members."""
    return {**NO_LIMIT, **(value or {})} if key in QUOTAS else value


@dataclass(frozen=True, slots=True)
class Own:
    """What the group at `depth` of a path has set itself."""

    depth: int
    key: Key
    value: Any
    lock: Lock
    authority_id: UUID
    version: int
    set_at: datetime


@dataclass(frozen=True, slots=True)
class OnPath:
    """All that is set on a path, from Master down to the group that is looked at."""

    path: tuple[Place, ...]
    rows: Mapping[Key, tuple[Own, ...]]

    @property
    def here(self) -> int:
        """The depth of the group itself."""
        return len(self.path) - 1

    def depth_of(self, group_id: UUID) -> int | None:
        """Where a group stands on the path; None: not on it any more, since one was moved."""
        return next((depth for depth, place in enumerate(self.path) if place.id == group_id), None)

    def own(self, key: Key) -> Own | None:
        """What the group has set itself."""
        return next((row for row in self.rows.get(key, ()) if row.depth == self.here), None)

    def above(self, key: Key) -> Own | None:
        """What it would inherit."""
        if key is Key.GROUP_QUOTA:
            return None
        return next((row for row in reversed(self.rows.get(key, ())) if row.depth < self.here), None)

    def may_change(self, key: Key, actor: int) -> bool:
        """Whether no lock on the path binds the admins whose authority begins at the depth `actor`."""
        known = ((row, self.depth_of(row.authority_id)) for row in self.rows.get(key, ()))
        rows = [(row.depth, row.lock, authority) for row, authority in known if authority is not None]
        return may_change(rows, self.here, actor)

    def lock_seen(self, row: Own, actor: int) -> Lock:
        """A row's lock, for an admin at the depth `actor`: one that an admin further down has set does not bind that admin."""
        authority = self.depth_of(row.authority_id)
        binds_all_below = authority is not None and authority <= actor
        return Lock.SUBADMIN if row.lock is Lock.LOCKED and not binds_all_below else row.lock

    def nodes(self) -> list[GroupNode]:
        """The path as `group_settings.in_force` takes it."""
        rows = list(chain.from_iterable(self.rows.values()))
        return [
            GroupNode(p.id, p.name, {r.key: (r.value, r.lock, r.set_at) for r in rows if r.depth == depth})
            for depth, p in enumerate(self.path)
        ]


_ROWS = text(
    "SELECT s.group_id, s.key, s.value, s.lock, s.authority_id, s.version, s.set_at FROM group_setting s"
    " WHERE s.tenant_id = :tenant_id AND s.group_id = ANY(CAST(:ids AS uuid[]))"
)
# Few groups below are asked each by its key. Where there are many, the tenant's rows of each setting are looked through until enough are
# found: many groups are a large part of a tree, so that where rows are many, too, enough of them come soon. OFFSET 0 and the subselect keep
# that order, which the planner would turn round: it takes a path for a rare one.
_OWN_BELOW = text(
    'WITH RECURSIVE below AS (SELECT g.id FROM "group" g WHERE g.tenant_id = :tenant_id AND g.parent_id = :id AND g.removed_at IS NULL'
    ' UNION ALL SELECT g.id FROM below JOIN "group" g ON g.tenant_id = :tenant_id AND g.parent_id = below.id AND g.removed_at IS NULL),'
    " few AS MATERIALIZED (SELECT id FROM below LIMIT CAST(:few AS bigint))"
    " SELECT s.key, least(count(*), CAST(:most AS bigint)) AS groups FROM few CROSS JOIN LATERAL (SELECT s.key FROM group_setting s"
    " WHERE s.group_id = few.id AND s.tenant_id = :tenant_id OFFSET 0) s WHERE (SELECT count(*) FROM few) < CAST(:few AS bigint) GROUP BY s.key"
    " UNION ALL SELECT k.key, found.groups FROM unnest(CAST(:keys AS text[])) AS k (key) CROSS JOIN LATERAL (SELECT count(*) AS groups FROM"
    " (SELECT FROM group_setting s WHERE s.tenant_id = :tenant_id AND s.key = k.key AND (SELECT g.path <@ CAST(:path AS ltree)"
    ' AND g.id <> :id AND g.removed_at IS NULL FROM "group" g WHERE g.id = s.group_id AND g.tenant_id = :tenant_id)'
    " LIMIT CAST(:most AS bigint)) AS enough) AS found WHERE (SELECT count(*) FROM few) = CAST(:few AS bigint)"
)


def on_path(session: Session, path: Sequence[Place]) -> OnPath:
    """All that is set on a path, which goes from Master down to the group that is looked at; one statement."""
    depths = {place.id: depth for depth, place in enumerate(path)}
    found = session.execute(_ROWS, {"tenant_id": path[-1].tenant_id, "ids": list(depths)})
    rows = [
        Own(depths[r.group_id], Key(r.key), r.value, Lock(r.lock), r.authority_id, r.version, r.set_at)
        for r in found
    ]
    rows.sort(key=lambda row: row.depth)
    return OnPath(tuple(path), {key: tuple(r for r in rows if r.key is key) for key in Key})


def held(session: Session, path: Sequence[Place], authority: Place) -> Mapping[Key, Held]:
    """Every setting of the last group of `path`, for an admin of `authority`, which stands on it; two statements."""
    place = path[-1]
    found = on_path(session, path)
    parameters = {
        "tenant_id": place.tenant_id,
        "path": place.path,
        "id": place.id,
        "few": _FEW_GROUPS,
        "most": MOST_BELOW + 1,
        "keys": [key.value for key in Key],
    }
    below = {row.key: row.groups for row in session.execute(_OWN_BELOW, parameters)}
    actor = path.index(authority)
    return {key: _held(found, key, actor, below.get(key.value, 0)) for key in Key}


def _held(found: OnPath, key: Key, actor: int, own_below: int) -> Held:
    own, above = found.own(key), found.above(key)
    above_source = _source(found, above, actor)
    value_above = above.value if above else DEFAULTS[key]
    return Held(
        key=key,
        value=own.value if own else value_above,
        is_own=own is not None,
        source=Source(Origin.HERE) if own else above_source,
        above=value_above,
        above_source=above_source,
        lock=found.lock_seen(own, actor) if own else _usual_lock(key, above),
        may_change=found.may_change(key, actor),
        version=own.version if own else 0,
        own_below=own_below,
        since=own.set_at if own else None,
    )


def _source(found: OnPath, row: Own | None, actor: int) -> Source:
    if row is None:
        return Source(Origin.PLATFORM)
    if row.depth < actor:
        return Source(Origin.OVERLYING)
    group = found.path[row.depth]
    return Source(Origin.GROUP, group.name, group.id)


def _usual_lock(key: Key, above: Own | None) -> Lock:
    if key is Key.SIGNATURE:  # whoever sets one takes nobody's own away unasked
        return above.lock if above else Lock.ALL
    return Lock.LOCKED if key in QUOTAS else Lock.SUBADMIN
