"""Changing the tree: groups are added, renamed, moved and removed (spec G1, G13).

Changes of one tenant's tree take turns, so each finds the tree as the last one left it: what a page knew of it when it was opened is looked
at again. Each is a constant number of statements, however many groups move and however many people they have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import as_parameter, given
from messa_platform.tenants.access.reach import paused
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.authority import NotAdmin, authorities
from messa_platform.tenants.models import Group
from messa_platform.tenants.moved_groups import (
    drop_strayed,
    lifted,
    may_receive,
    recall,
    sets_free,
    settle,
    topmost,
)
from messa_platform.tenants.numbers import follow_group
from messa_platform.tenants.places import Place, children, places_of
from messa_platform.tenants.tree import (
    add_group,
    free_slug,
    kept_slug,
    slug_of,
    slugs_below,
    swedish_sort_key,
)

GROUP = cast(Table, Group.__table__)

LONGEST_NAME = 60
"""Characters of a group's name, at the most."""
DEEPEST = 12
"""Groups on the way from Master down to one, at the most, so that no address and no page grows without end."""


class Refusal(StrEnum):
    """Why nothing was changed."""

    NO_NAME = "no_name"
    TOO_LONG = "too_long"
    TOO_DEEP = "too_deep"
    CYCLE = "cycle"
    """A group cannot come below itself."""
    TOPMOST = "topmost"
    """Master stays, and so does the topmost group of one's own authority: that takes an admin of what is above it."""
    LOCKED = "locked"
    """A setting that an admin above the author's authority has locked would be locked no longer."""
    NOT_THERE = "not_there"
    """One of the groups is removed, or no longer where the author administers it."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody else was first; `place` is how the group stands now."""

    place: Place


@dataclass(frozen=True, slots=True)
class Moved:
    """Done. `place`: the group where it stands now, or as it was before it was removed. `task_ids`: they take back the numbers of those who may
    no longer receive; with any, wake `tasks.ACTOR` after the commit."""

    place: Place
    task_ids: tuple[UUID, ...] = ()


# Whoever adds an account, or a message, shares the row; only changes of the tree wait for each other.
_TAKE_TURN = text("SELECT t.id FROM tenant t WHERE t.id = :tenant_id FOR NO KEY UPDATE")


def _in_turn(session: Session, tenant_id: UUID, ids: Iterable[UUID]) -> dict[UUID, Place]:
    """Wait for other changes of the tenant's tree; gives the groups as they then stand, a removed one left out."""
    session.execute(_TAKE_TURN, {"tenant_id": tenant_id}).all()
    # a statement of its own, which sees what was committed while the other one waited
    return places_of(session, tenant_id, ids)


def _in_reach(tops: Collection[UUID], *places: Place) -> bool:
    """Whether each of the groups, where it stands now, is one of `tops` or stands below one."""
    return all(not set(tops).isdisjoint(place.ancestors) for place in places)


def _is_movable(author: Author, place: Place) -> bool:
    """Whether the group stands strictly below where the author's authority begins."""
    return place.parent_id is not None and place.id != author.group_id


def _name(written: str) -> str | Refusal:
    """A name on one line, without what cannot be seen."""
    seen = "".join(c if c.isprintable() else " " for c in written)
    name = " ".join(seen.split())
    if not name:
        return Refusal.NO_NAME
    return name if len(name) <= LONGEST_NAME else Refusal.TOO_LONG


def _change(place: Place, at: UUID, action: Action, before: Any = None, after: Any = None) -> Change:
    return Change(place.tenant_id, at, action, place.name, place.id, before, after)


def _moves(place: Place, was: UUID, is_now: UUID, logs: Iterable[UUID]) -> list[Change]:
    """A group's way from below one to below another, as each of `logs` has it."""
    before, after = {"parent": str(was)}, {"parent": str(is_now)}
    return [_change(place, at, Action.GROUP_MOVED, before, after) for at in logs]


def _found(session: Session, author: Author, group: Place) -> Place | Refusal | NotAdmin:
    """A group as it stands once it is the author's turn, if the author administers it."""
    here = _in_turn(session, group.tenant_id, [group.id]).get(group.id)
    tops = authorities(session, author, group.tenant_id)
    if not tops:
        return NotAdmin()
    return Refusal.NOT_THERE if here is None or not _in_reach(tops, here) else here


def add(
    session: Session, now: datetime, author: Author, parent: Place, name: str
) -> Place | Refusal | NotAdmin:
    """Add a group below `parent`."""
    clean = _name(name)
    if isinstance(clean, Refusal):
        return clean
    above = _found(session, author, parent)
    if not isinstance(above, Place):
        return above
    if len(above.ancestors) >= DEEPEST:
        return Refusal.TOO_DEEP
    group = add_group(session, above, clean)
    place = Place(group.id, group.tenant_id, above.id, group.path, group.slug, group.name, version=1)
    after = {"parent": str(above.id)}
    changes = [_change(place, at, Action.GROUP_ADDED, None, after) for at in (place.id, above.id)]
    record(session, now, author, changes)
    return place


_RENAME = text(
    'UPDATE "group" SET name = :name, sort_key = :sort_key, version = version + 1 WHERE id = :id AND tenant_id = :tenant_id'
)


def rename(
    session: Session, now: datetime, author: Author, group: Place, name: str, version: int
) -> Place | Conflict | Refusal | NotAdmin:
    """Give a group another name. Its address stays what it is: links and bookmarks go on leading to it."""
    clean = _name(name)
    if isinstance(clean, Refusal):
        return clean
    here = _found(session, author, group)
    if not isinstance(here, Place):
        return here
    if here.version != version:
        return Conflict(here)
    if here.name == clean:
        return here
    parameters = {"id": here.id, "tenant_id": here.tenant_id, "name": clean}
    session.execute(_RENAME, parameters | {"sort_key": swedish_sort_key(clean)})
    renamed = replace(here, name=clean, version=here.version + 1)
    change = _change(renamed, here.id, Action.GROUP_RENAMED, {"name": here.name}, {"name": clean})
    record(session, now, author, [change])
    return renamed


_DEPTH = text(
    'SELECT max(nlevel(g.path)) FROM "group" g WHERE g.tenant_id = :tenant_id AND g.path <@ CAST(:path AS ltree) AND g.removed_at IS NULL'
)


def _depth(session: Session, place: Place) -> int:
    """How far down from Master the deepest group from this one down stands."""
    return int(session.execute(_DEPTH, {"tenant_id": place.tenant_id, "path": place.path}).scalar_one())


# Tombstones go along, so that their log stays where their neighbours' is.
_MOVE = text(
    'UPDATE "group" SET path = CAST(:above AS ltree) || subpath(path, :cut),'
    " parent_id = CASE WHEN id = :id THEN :parent_id ELSE parent_id END, slug = CASE WHEN id = :id THEN :slug ELSE slug END,"
    " version = version + CASE WHEN id = :id THEN 1 ELSE 0 END WHERE tenant_id = :tenant_id AND path <@ CAST(:path AS ltree)"
)


def move(
    session: Session,
    now: datetime,
    author: Author,
    group: Place,
    new_parent: Place,
    version: int,
    also: Collection[UUID] = (),
) -> Moved | Conflict | Refusal | NotAdmin:
    """Put a group with all below it under another. `also`: groups that the author administers besides the one of `author`."""
    found = _in_turn(session, group.tenant_id, [group.id, new_parent.id])
    here, above = found.get(group.id), found.get(new_parent.id)
    tops = authorities(session, author, group.tenant_id, also)
    own = tops & {author.group_id}
    if not own:
        return NotAdmin()
    if here is None or above is None or not (_in_reach(own, here) and _in_reach(tops, above)):
        return Refusal.NOT_THERE
    if here.version != version:
        return Conflict(here)
    if here.parent_id is None or not _is_movable(author, here):
        return Refusal.TOPMOST
    if here.id in above.ancestors:
        return Refusal.CYCLE
    if above.id == here.parent_id:
        return Moved(here)
    if len(above.ancestors) + 1 + _depth(session, here) - len(here.ancestors) > DEEPEST:
        return Refusal.TOO_DEEP
    left = set(here.ancestors) - {*above.ancestors, here.id}
    if sets_free(session, author, here, left):
        return Refusal.LOCKED
    moved = _moved(session, here, above)
    settle(session, [moved.path], left, above)
    changes = _moves(moved, here.parent_id, above.id, (moved.id, here.parent_id, above.id))
    changes += paused(session, here.tenant_id, here.ancestors, paths=[moved.path])
    record(session, now, author, changes + drop_strayed(session, here.tenant_id, left))
    could, can = may_receive(session, here.tenant_id, here.ancestors, moved.ancestors)
    task_id = recall(session, now, author, moved) if could and not can else None
    return Moved(moved, _those([task_id]))


def _those(task_ids: Iterable[UUID | None]) -> tuple[UUID, ...]:
    return tuple(task_id for task_id in task_ids if task_id is not None)


def _moved(session: Session, here: Place, above: Place) -> Place:
    """Write the move; gives the group where it stands then."""
    slug = kept_slug(here.slug, here.name, slugs_below(session, here.tenant_id, above.id))
    parameters = {
        "id": here.id,
        "tenant_id": here.tenant_id,
        "parent_id": above.id,
        "slug": slug,
        "path": here.path,
        "above": above.path,
        "cut": len(here.ancestors) - 1,
    }
    session.execute(_MOVE, parameters)
    path = f"{above.path}.{here.id.hex}"
    return replace(here, parent_id=above.id, path=path, slug=slug, version=here.version + 1)


_REMOVE = text(
    'UPDATE "group" SET removed_at = :now, version = version + 1 WHERE id = :id AND tenant_id = :tenant_id'
)
_SLUGS = text(
    f'UPDATE "group" g SET slug = given.slug FROM {given(GROUP, ("id", "slug"))} WHERE g.id = given.id AND g.tenant_id = :tenant_id'
)
_LIFT = text(
    'UPDATE "group" SET path = CAST(:above AS ltree) || subpath(path, :cut),'
    " parent_id = CASE WHEN parent_id = :id THEN :parent_id ELSE parent_id END,"
    " version = version + CASE WHEN parent_id = :id THEN 1 ELSE 0 END"
    " WHERE tenant_id = :tenant_id AND path <@ CAST(:path AS ltree) AND id <> :id"
)
# Locked in the order in which all lock accounts.
_HOUSE = text(
    "WITH those AS (SELECT a.id FROM account a WHERE a.tenant_id = :tenant_id AND a.group_id = :id AND a.removed_at IS NULL ORDER BY a.id"
    " FOR NO KEY UPDATE) UPDATE account a SET group_id = :home, group_since = :now, version = version + 1 FROM those WHERE a.id = those.id"
)
_HAND_OVER_DOMAINS = text(
    "UPDATE domain SET group_id = :home WHERE tenant_id = :tenant_id AND group_id = :id RETURNING id, name"
)
_HAND_OVER_TASKS = text(
    "UPDATE task SET group_id = :home WHERE tenant_id = :tenant_id AND group_id = :id AND finished_at IS NULL"
)
_HAND_OVER_CONSENTS = text(
    "UPDATE consent_request SET group_id = :home WHERE tenant_id = :tenant_id AND group_id = :id AND answered_at IS NULL"
)
_FORGET_SETTINGS = text("DELETE FROM group_setting WHERE tenant_id = :tenant_id AND group_id = :id")


def remove(
    session: Session,
    now: datetime,
    author: Author,
    group: Place,
    people_to: Place,
    groups_to: Place,
    version: int,
    also: Collection[UUID] = (),
) -> Moved | Conflict | Refusal | NotAdmin:
    """Remove a group: its accounts and domains go to one group, its subgroups to another; its settings and admins are gone.

    What was sent from it, its log and its bill stay with it (spec G13); its name and its address may be used again. `also` as in `move`.
    """
    found = _in_turn(session, group.tenant_id, [group.id, people_to.id, groups_to.id])
    here, home, above = (found.get(place.id) for place in (group, people_to, groups_to))
    tops = authorities(session, author, group.tenant_id, also)
    own = tops & {author.group_id}
    if not own:
        return NotAdmin()
    if here is None or home is None or above is None:
        return Refusal.NOT_THERE
    if not (_in_reach(own, here) and _in_reach(tops, home, above)):
        return Refusal.NOT_THERE
    if here.version != version:
        return Conflict(here)
    receivers = _receivers(session, author, here, home, above)
    if isinstance(receivers, Refusal):
        return receivers
    could = may_receive(session, here.tenant_id, here.ancestors)[0]
    changes = _dissolve(session, now, here, home, above)
    record(session, now, author, changes)
    can = may_receive(session, here.tenant_id, *(place.ancestors for place in receivers))
    if can[0]:
        follow_group(session, now, here.tenant_id, here.id, home.id)
    lost = [place for place, still in zip(receivers, can, strict=True) if could and not still]
    return Moved(here, _those(recall(session, now, author, place) for place in topmost(lost)))


def _receivers(
    session: Session, author: Author, here: Place, home: Place, above: Place
) -> tuple[Place, ...] | Refusal:
    """The groups to which a removed one's people and, if it has any, its subgroups come, as they stand then; or why it stays."""
    if not _is_movable(author, here):
        return Refusal.TOPMOST
    if here.id == home.id or here.id in above.ancestors:
        return Refusal.CYCLE
    below = _depth(session, here) - len(here.ancestors)
    if below and len(above.ancestors) + below > DEEPEST:
        return Refusal.TOO_DEEP
    people_to = lifted(home, here, above)
    receivers = (people_to, above) if below else (people_to,)
    kept = set(here.ancestors).intersection(*(place.ancestors for place in receivers))
    is_freed = sets_free(session, author, here, set(here.ancestors) - kept)
    return Refusal.LOCKED if is_freed else receivers


def _dissolve(session: Session, now: datetime, here: Place, home: Place, above: Place) -> list[Change]:
    """Empty and remove a group; gives what to write down."""
    # the group before what is tied to it: so does who ties a domain to it. Tasks before domains and accounts: so does who works a task off
    ids = {"id": here.id, "tenant_id": here.tenant_id, "now": now}
    session.execute(_REMOVE, ids)
    for statement in (_HAND_OVER_TASKS, _HAND_OVER_CONSENTS):
        session.execute(statement, {**ids, "home": home.id})
    children = _lift(session, here, above)
    people: int = session.execute(_HOUSE, {**ids, "home": home.id}).rowcount  # type: ignore[attr-defined]
    domains = session.execute(_HAND_OVER_DOMAINS, {**ids, "home": home.id}).all()
    session.execute(_FORGET_SETTINGS, ids)
    went_up = [f"{above.path}.{child.id.hex}" for child in children]
    settle(session, went_up, set(here.ancestors) - set(above.ancestors), above)
    went: dict[str, Any] = {"people": str(home.id), "groups": str(above.id), "moved": people}
    logs = dict.fromkeys((here.id, here.parent_id or here.id, home.id, above.id))
    changes = [_change(here, at, Action.GROUP_REMOVED, None, went) for at in logs]
    for child in children:
        changes += _moves(child, here.id, above.id, (child.id, above.id))
    for domain in domains:
        before, after = {"group": str(here.id)}, {"group": str(home.id)}
        changes += [
            Change(here.tenant_id, at, Action.DOMAIN_MOVED, domain.name, domain.id, before, after)
            for at in (here.id, home.id)
        ]
    handed = [domain.id for domain in domains]
    changes += paused(session, here.tenant_id, here.ancestors, domains=handed, paths=went_up)
    kept = set(home.ancestors) & set(above.ancestors)
    return changes + drop_strayed(session, here.tenant_id, set(here.ancestors) - kept)


def _lift(session: Session, here: Place, above: Place) -> list[Place]:
    """Put all that is below a removed group under another one; gives its former children as they were."""
    below = children(session, here, most=None)
    taken = slugs_below(session, here.tenant_id, above.id)
    own = {child.slug for child in below}
    others = []
    for child in below:
        if child.slug in taken:
            slug = free_slug(slug_of(child.name), taken | own)
            taken.add(slug)
            others.append({"id": child.id, "slug": slug})
    if others:
        session.execute(_SLUGS, {"rows": as_parameter(others), "tenant_id": here.tenant_id})
    parameters = {
        "id": here.id,
        "tenant_id": here.tenant_id,
        "parent_id": above.id,
        "path": here.path,
        "above": above.path,
        "cut": len(here.ancestors),
    }
    session.execute(_LIFT, parameters)
    return below
