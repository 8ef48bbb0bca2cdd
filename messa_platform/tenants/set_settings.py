"""Changing the settings of a group (spec G2, G3, G5, G6, G12).

Of two who change a setting at once the second is told: every wish names the version that it was written for. A quota without a window
counts since its limit was set: another number, another window or another lock does not begin it anew, else whoever lowers a limit would
refill it. It begins anew where there was no limit before (nothing set here, or unlimited), and where the wish says `count_anew`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.tenants import tasks
from messa_platform.tenants.admin_models import TaskKind
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.audit_view import Entry, Reader, latest
from messa_platform.tenants.authority import NotAdmin, administers
from messa_platform.tenants.group_settings import DEFAULTS, QUOTAS, Key, fits, fits_lock
from messa_platform.tenants.held_settings import OnPath, Own, on_path
from messa_platform.tenants.models import GroupSetting, Lock
from messa_platform.tenants.places import Place
from messa_platform.tenants.profile import MAX_SIGNATURE

SETTING = cast(Table, GroupSetting.__table__)


class Inherit(Enum):
    """In the place of a value: have none of one's own."""

    INHERIT = "inherit"


INHERIT = Inherit.INHERIT


@dataclass(frozen=True, slots=True)
class Wish:
    """What a setting is to be. `version` is the one that it had when this was written, 0 if nothing was set here.

    `clear_below`: the groups below shall inherit it, too. `count_anew`: a quota without a window counts from now.
    """

    value: Any
    lock: Lock
    version: int
    clear_below: bool = False
    count_anew: bool = False


@dataclass(frozen=True, slots=True)
class Changed:
    """Done. `keys` have changed; so many `cleared` of groups below are inherited now; `recalls`: numbers are being taken back."""

    keys: tuple[Key, ...]
    cleared: int
    recalls: bool


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody else has changed these meanwhile; nothing was done. Each with the log's last entry of it, as far as its reader may know it."""

    entries: Mapping[Key, Entry | None]


@dataclass(frozen=True, slots=True)
class NotAllowed:
    """These are locked for the author; nothing was done."""

    keys: tuple[Key, ...]


Wake = Callable[[Session, str], None]
"""Wakes an actor once the session's transaction is committed."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A setting before and after; None where it is inherited."""

    key: Key
    before: Own | None
    after: Own | None


# Whoever changes the same group waits here, so that what is compared is still so when it is written.
_LOCK_GROUP = text('SELECT id FROM "group" WHERE id = :id AND tenant_id = :tenant_id FOR NO KEY UPDATE')


def change(
    session: Session,
    now: datetime,
    author: Author,
    path: Sequence[Place],
    wishes: Mapping[Key, Wish],
    wake: Wake,
) -> Changed | Conflict | NotAllowed | NotAdmin:
    """Make settings of the last group of `path` what is wished, all of them or none; what is so already is left alone.

    Where people may receive no more, a task takes their numbers back, and `wake` wakes its actor. Raises ValueError for a value or a lock
    that a setting cannot have.
    """
    _refuse_nonsense(wishes)
    place = path[-1]
    session.execute(_LOCK_GROUP, {"id": place.id, "tenant_id": place.tenant_id})
    if not administers(session, author, place.tenant_id, place.id):
        return NotAdmin()
    found = on_path(session, path)
    actor = found.depth_of(author.group_id or path[0].id) or 0
    if barred := tuple(key for key in wishes if not found.may_change(key, actor)):
        return NotAllowed(barred)
    steps = [_step(found, now, actor, key, wish) for key, wish in wishes.items()]
    steps = [step for step in steps if step.after != step.before]
    if late := [s.key for s in steps if wishes[s.key].version != (s.before.version if s.before else 0)]:
        return Conflict({key: _last(session, author, found, actor, key) for key in late})
    _write(session, place, steps)
    cleared = _clear_below(session, found, actor, [key for key, wish in wishes.items() if wish.clear_below])
    record(session, now, author, [*(_entry(place, step) for step in steps), *cleared])
    recalls = _silences(found, steps, cleared)
    if recalls:
        task_id = tasks.draft(session, now, author, place, TaskKind.RECALL_NUMBERS, {}, 0)
        tasks.start(session, now, place.tenant_id, task_id)
        wake(session, tasks.ACTOR)
    return Changed(tuple(step.key for step in steps), len(cleared), recalls)


def _refuse_nonsense(wishes: Mapping[Key, Wish]) -> None:
    for key, wish in wishes.items():
        too_long = key is Key.SIGNATURE and isinstance(wish.value, str) and len(wish.value) > MAX_SIGNATURE
        if wish.value is not INHERIT and (too_long or not fits(key, wish.value)):
            raise ValueError(f"{key} cannot be {wish.value!r}")
        if not fits_lock(key, wish.lock):
            raise ValueError(f"{key} cannot be {wish.lock}")


def _step(found: OnPath, now: datetime, actor: int, key: Key, wish: Wish) -> _Step:
    before = found.own(key)
    if wish.value is INHERIT:
        return _Step(key, before, None)
    authority_id = found.path[actor].id
    if before is None:
        return _Step(key, None, Own(found.here, key, wish.value, wish.lock, authority_id, 0, now))
    lock = wish.lock
    if lock is not before.lock and lock is found.lock_seen(before, actor):
        # the lock that an admin further down has set for those below stays that admin's
        lock, authority_id = before.lock, before.authority_id
    elif lock is before.lock and lock is not Lock.LOCKED and wish.value == before.value:
        authority_id = before.authority_id
    set_at = _set_at(before, wish, now)
    return _Step(
        key,
        before,
        replace(before, value=wish.value, lock=lock, authority_id=authority_id, set_at=set_at),
    )


def _set_at(before: Own, wish: Wish, now: datetime) -> datetime:
    if before.key not in QUOTAS:
        return before.set_at if wish.value == before.value else now
    was_limited = before.value is not None and before.value.get("sms") is not None
    goes_on = was_limited or wish.value == before.value
    return before.set_at if goes_on and not wish.count_anew else now


_UPSERT = (
    "ON CONFLICT (group_id, key) DO UPDATE SET value = EXCLUDED.value, lock = EXCLUDED.lock, authority_id = EXCLUDED.authority_id,"
    " set_at = EXCLUDED.set_at, version = nextval('group_setting_version')"
)
_INHERIT = text(
    "DELETE FROM group_setting WHERE tenant_id = :tenant_id AND group_id = :group_id AND key = ANY(CAST(:keys AS text[]))"
)


def _write(session: Session, place: Place, steps: Sequence[_Step]) -> None:
    rows = [
        {
            "group_id": place.id,
            "key": step.key.value,
            "tenant_id": place.tenant_id,
            "value": step.after.value,
            "lock": step.after.lock.value,
            "authority_id": step.after.authority_id,
            "set_at": step.after.set_at,
        }
        for step in steps
        if step.after is not None
    ]
    insert_rows(session, SETTING, rows, _UPSERT)
    if gone := [step.key.value for step in steps if step.after is None]:
        parameters = {"tenant_id": place.tenant_id, "group_id": place.id, "keys": gone}
        session.execute(_INHERIT, parameters)


# Left alone is what the author may not change: what a lock from above the author's own group binds, at its group or further up. Locked in one
# order, so that two who clear overlapping parts of a tree never wait for each other in a ring.
_CLEAR = text(
    "DELETE FROM group_setting s USING (SELECT b.group_id, b.key FROM group_setting b"
    ' JOIN "group" g ON g.id = b.group_id AND g.tenant_id = b.tenant_id'
    " WHERE b.tenant_id = :tenant_id AND b.key = ANY(CAST(:keys AS text[])) AND g.path <@ CAST(:path AS ltree) AND g.id <> :id"
    ' AND g.removed_at IS NULL AND NOT EXISTS (SELECT FROM group_setting l JOIN "group" up ON up.id = l.group_id'
    " WHERE l.tenant_id = :tenant_id AND l.key = b.key AND l.lock = 'locked' AND l.authority_id = ANY(CAST(:over AS uuid[]))"
    " AND up.path @> g.path) ORDER BY b.group_id, b.key FOR UPDATE OF b) AS doomed"
    " WHERE s.group_id = doomed.group_id AND s.key = doomed.key RETURNING s.group_id, s.key, s.value, s.lock"
)


def _clear_below(session: Session, found: OnPath, actor: int, keys: Sequence[Key]) -> list[Change]:
    """Have the groups below inherit; gives what is to be said of it in their logs."""
    if not keys:
        return []
    place = found.path[-1]
    parameters = {
        "tenant_id": place.tenant_id,
        "keys": [key.value for key in keys],
        "path": place.path,
        "id": place.id,
        "over": [above.id for above in found.path[:actor]],
    }
    return [
        Change(
            place.tenant_id,
            row.group_id,
            Action.SETTING_SET,
            row.key,
            before={"value": row.value, "lock": row.lock},
        )
        for row in session.execute(_CLEAR, parameters)
    ]


def _entry(place: Place, step: _Step) -> Change:
    before, after = _told(step.before), _told(step.after)
    if before and after and before == after and step.before and step.after:
        # what looks the same is counted anew, or locked from further up
        if step.before.set_at != step.after.set_at:
            before |= {"since": step.before.set_at.isoformat()}
            after |= {"since": step.after.set_at.isoformat()}
        if step.before.authority_id != step.after.authority_id:
            before |= {"authority": str(step.before.authority_id)}
            after |= {"authority": str(step.after.authority_id)}
    return Change(place.tenant_id, place.id, Action.SETTING_SET, step.key.value, before=before, after=after)


def _told(own: Own | None) -> dict[str, Any] | None:
    return None if own is None else {"value": own.value, "lock": own.lock.value}


def _silences(found: OnPath, steps: Sequence[_Step], cleared: Sequence[Change]) -> bool:
    """Whether people who could receive no longer can."""
    key = Key.MAY_RECEIVE
    own, above = found.own(key), found.above(key)
    inherited = above.value if above else DEFAULTS[key]
    before = own.value if own else inherited
    step = next((s for s in steps if s.key is key), None)
    after = before if step is None else step.after.value if step.after else inherited
    could = before or any(c.subject == key.value and c.before["value"] for c in cleared)
    return bool(could and not after)


_NOBODY = UUID(int=0)


def _last(session: Session, author: Author, found: OnPath, actor: int, key: Key) -> Entry | None:
    reader = Reader(found.path[actor], author.account_id or _NOBODY)
    entries = latest(session, reader, found.path[-1], {Action.SETTING_SET}, key.value, 1)
    return entries[0] if entries else None
