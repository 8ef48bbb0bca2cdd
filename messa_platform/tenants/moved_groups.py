"""What follows when groups stand elsewhere, or are gone: locks, admins who no longer belong there, numbers of those who may not receive."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import as_parameter, given
from messa_platform.tenants import numbers, tasks
from messa_platform.tenants.admin_models import TaskKind
from messa_platform.tenants.admins import drop_strayed as drop_strayed_accounts
from messa_platform.tenants.audit import SYSTEM, Action, Author, Change, record
from messa_platform.tenants.group_settings import DEFAULTS, Key
from messa_platform.tenants.models import Account
from messa_platform.tenants.numbers import REST
from messa_platform.tenants.places import Place
from messa_platform.tenants.senders import settings_of

ACCOUNT = cast(Table, Account.__table__)

# Where a setting is by the adminship of a group that no longer stands above, that passes to the one under which the groups stand now: a lock
# goes on binding those below, and nobody elsewhere has a say in it.
_SETTLE = text(
    'UPDATE group_setting s SET authority_id = :authority_id FROM "group" g WHERE g.id = s.group_id AND g.tenant_id = :tenant_id'
    " AND s.tenant_id = :tenant_id AND s.authority_id = ANY(CAST(:left AS uuid[])) AND g.path <@ ANY(CAST(:paths AS ltree[]))"
)


def settle(session: Session, moved: Sequence[str], left: Collection[UUID], above: Place) -> None:
    """Let the settings in the groups that have `moved` (their paths now), and below, that were set by the adminship of groups which are
    `left` count as set by `above`. To be done after the move: who changes a setting locks its group first, too."""
    parameters = {
        "tenant_id": above.tenant_id,
        "authority_id": above.id,
        "paths": list(moved),
        "left": list(left),
    }
    session.execute(_SETTLE, parameters)


def lifted(home: Place, here: Place, above: Place) -> Place:
    """Where a group stands once what is below `here` has come under `above`."""
    if here.id not in home.ancestors:
        return home
    return replace(home, path=".".join((above.path, *home.path.split(".")[len(here.ancestors) :])))


def topmost(places: Sequence[Place]) -> list[Place]:
    """Those that are not below another one."""
    ids = {place.id for place in places}
    return [place for place in dict.fromkeys(places) if ids.isdisjoint(place.ancestors[:-1])]


# Whoever sets something there at this moment has done so, or waits; in one order.
_KEEP = text(
    'SELECT g.id FROM "group" g WHERE g.tenant_id = :tenant_id AND g.id = ANY(CAST(:ids AS uuid[])) ORDER BY g.id FOR NO KEY UPDATE'
)
_LOCKED_BEYOND = text(
    'SELECT FROM group_setting s JOIN "group" g ON g.id = s.group_id AND g.tenant_id = :tenant_id WHERE s.tenant_id = :tenant_id'
    " AND s.lock = 'locked' AND s.authority_id = ANY(CAST(:over AS uuid[])) AND (s.group_id = ANY(CAST(:left AS uuid[]))"
    " OR s.authority_id = ANY(CAST(:left AS uuid[])) AND g.path <@ CAST(:path AS ltree)) LIMIT 1"
)


def sets_free(session: Session, author: Author, here: Place, left: Collection[UUID]) -> bool:
    """Whether a setting that is locked by the admins of a group above the author's would be so no longer, if the group, or its people,
    came away from the groups that are `left`: since it is set on one of them, or set from one of them in the group or below it.

    Nothing is locked there meanwhile, until the transaction ends.
    """
    above = here.ancestors
    over = above[: above.index(author.group_id)] if author.group_id in above else ()
    if not over:
        return False
    session.execute(_KEEP, {"tenant_id": here.tenant_id, "ids": [here.id, *left]}).all()
    parameters = {"tenant_id": here.tenant_id, "over": list(over), "left": list(left), "path": here.path}
    return session.execute(_LOCKED_BEYOND, parameters).first() is not None


_STRAYED = text(
    'DELETE FROM group_admin ga USING account a, "group" own, "group" g WHERE ga.tenant_id = :tenant_id'
    " AND ga.group_id = ANY(CAST(:left AS uuid[])) AND a.id = ga.account_id AND own.id = a.group_id AND g.id = ga.group_id"
    " AND NOT (g.removed_at IS NULL AND own.tenant_id = :tenant_id AND own.path <@ g.path)"
    " RETURNING ga.group_id, ga.account_id, a.address, g.removed_at IS NULL AS is_there"
)


def drop_strayed(session: Session, tenant_id: UUID, left: Collection[UUID]) -> list[Change]:
    """Let the admins of the groups that are `left` go who are no longer members of what they administer (spec G10); gives what to write down."""
    rows = session.execute(_STRAYED, {"tenant_id": tenant_id, "left": list(left)}).all()
    return [
        Change(
            tenant_id,
            row.group_id,
            Action.ADMIN_REMOVED,
            row.address,
            row.account_id,
            after={"why": "moved"} if row.is_there else None,
        )
        for row in sorted(rows, key=lambda row: (row.address, row.group_id))
    ]


_MAY_RECEIVE = text(
    "SELECT s.group_id, s.value FROM group_setting s WHERE s.tenant_id = :tenant_id AND s.group_id = ANY(CAST(:ids AS uuid[]))"
    " AND s.key = :key"
)


def may_receive(session: Session, tenant_id: UUID, *paths: Sequence[UUID]) -> list[bool]:
    """Whether who is in the last group of each path may receive; a path is the ids from Master down. One statement."""
    ids = {group_id for path in paths for group_id in path}
    parameters = {"tenant_id": tenant_id, "ids": list(ids), "key": Key.MAY_RECEIVE.value}
    own = {row.group_id: bool(row.value) for row in session.execute(_MAY_RECEIVE, parameters)}
    usual = bool(DEFAULTS[Key.MAY_RECEIVE])
    return [next((own[group_id] for group_id in reversed(path) if group_id in own), usual) for path in paths]


_ACCOUNTS = text(
    'SELECT count(*) FROM account a JOIN "group" g ON g.id = a.group_id WHERE a.tenant_id = :tenant_id AND a.removed_at IS NULL'
    " AND g.tenant_id = :tenant_id AND g.path <@ CAST(:path AS ltree)"
)


def recall(session: Session, now: datetime, author: Author, place: Place) -> UUID | None:
    """Start a task that takes back the numbers from `place` down of those who may not receive; None if nobody is there."""
    total = session.execute(_ACCOUNTS, {"tenant_id": place.tenant_id, "path": place.path}).scalar_one()
    if not total:
        return None
    task_id = tasks.draft(session, now, author, place, TaskKind.RECALL_NUMBERS, {}, total)
    tasks.start(session, now, place.tenant_id, task_id)
    return task_id


REHOUSED = 500
"""Accounts that `rehouse` takes at a time."""

# Where the people of a removed group went stands in its log.
_ASTRAY = text(
    "SELECT a.id, a.address, a.tenant_id, a.group_id, (SELECT e.after ->> 'people' FROM audit_entry e WHERE e.group_id = g.id"
    " AND e.subject_id = g.id AND e.action = 'group_removed' ORDER BY e.id DESC LIMIT 1) AS home"
    ' FROM "group" g JOIN account a ON a.group_id = g.id AND a.tenant_id = g.tenant_id AND a.removed_at IS NULL'
    " WHERE g.removed_at IS NOT NULL ORDER BY a.id LIMIT :most FOR NO KEY UPDATE OF a SKIP LOCKED"
)
_REHOUSE = text(
    f"UPDATE account a SET group_id = given.group_id, group_since = :now, version = version + 1 FROM {given(ACCOUNT, ('id', 'group_id'))}"
    " WHERE a.id = given.id"
)


def rehouse(session: Session, now: datetime, rest: timedelta = REST) -> None:
    """Put accounts that have come to a group at the moment when it was removed, or come back to it later, to where its people went.

    Their numbers go along where those may receive, else they rest for `rest`. For a chore; the session sees every tenant.
    """
    rows = [row for row in session.execute(_ASTRAY, {"most": REHOUSED}) if row.home]
    if not rows:
        return
    moved = [{"id": row.id, "group_id": row.home} for row in rows]
    session.execute(_REHOUSE, {"rows": as_parameter(moved), "now": now})
    settings = settings_of(session, {UUID(row.home) for row in rows})
    receiving = {row.id for row in rows if settings[UUID(row.home)].may_receive}
    numbers.take_back_many(session, now, [row.id for row in rows if row.id not in receiving], rest)
    numbers.follow(session, now, receiving)
    changes = [
        Change(
            row.tenant_id,
            at,
            Action.ACCOUNT_MOVED,
            row.address,
            row.id,
            {"group": str(row.group_id)},
            {"group": row.home},
        )
        for row in rows
        for at in (row.group_id, UUID(row.home))
    ]
    record(session, now, SYSTEM, changes)
    drop_strayed_accounts(session, now, SYSTEM, [row.id for row in rows])
