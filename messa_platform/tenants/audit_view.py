"""Reading the audit log: what stands in the logs of a group and of those below it, as much of it as whoever reads may know (spec G12).

What comes from here holds nothing from above or beside: groups and authors whom the reader may not see have no name and no id any more.
A search finds by what it shows, and by nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row, TextClause, text
from sqlalchemy.orm import Session

from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import Action
from messa_platform.tenants.places import Place

PAGE = 50
"""Entries of a page."""
CHUNK = 2000
"""Entries that are held at a time where all of them are read."""
RECENT = 3000
"""Entries of the tenant, the latest, that are looked through for those of a part of its tree before each of its groups is asked."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: `authority` is the topmost group of the path that they administer; nothing above or beside it is theirs to see."""

    authority: Place
    account_id: UUID


@dataclass(frozen=True, slots=True)
class Asked:
    """Which entries are asked for. `actions` empty: all. `words`: a part of an address, a domain or a name. `since` counts, `until` does not."""

    place: Place
    with_subgroups: bool = True
    actions: frozenset[Action] = frozenset()
    words: str = ""
    since: datetime | None = None
    until: datetime | None = None


class Standing(StrEnum):
    """Where a group stands, for who reads."""

    SEEN = "seen"
    OVERLYING = "overlying"
    OTHER = "other"
    """Beside, in the same organisation."""
    ELSEWHERE = "elsewhere"
    """In another organisation."""


@dataclass(frozen=True, slots=True)
class Named:
    """A group that an entry speaks of; `name` is the one that it has now, "" unless it is `SEEN`. `is_gone`: only its tombstone is left.

    `SEEN` without a name is the organisation as a whole.
    """

    standing: Standing
    name: str = ""
    is_gone: bool = False
    id: UUID | None = field(default=None, compare=False)
    """Of one that is `SEEN`."""


class Who(StrEnum):
    """Who changed something, as far as the reader may know."""

    ADMIN = "admin"
    """One whom the reader may see: the address is told."""
    API_USER = "api_user"
    """The same of an API user, by a key of v2: its name is told."""
    OVERLYING = "overlying"
    """An admin of a group that the reader may not see."""
    ELSEWHERE = "elsewhere"
    """An admin of another organisation."""
    OPERATOR = "operator"
    OWNER = "owner"
    """The owner of the account that was changed."""
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as its reader may know it. In `before` and `after` each group's id has become a `Named`, and so has a `subject`, and its names
    in both, that is a group which the reader may not see. `address`: of who did it, or an API user's name, where either is told."""

    id: UUID
    at: datetime
    who: Who
    address: str
    group: Named
    action: str
    subject: str | Named
    before: Any
    after: Any


# A search asks what the page shows: who did it only where the reader may see them, as `_who` below; a group only where it is named, as `_entry`
# does. A setting's key is shown by its label.
_WORDS = (
    "(e.action <> 'setting_set' AND e.subject ILIKE :pattern AND NOT EXISTS (SELECT FROM \"group\" s WHERE s.id = e.subject_id"
    " AND s.tenant_id = :tenant_id AND NOT s.path <@ CAST(:authority AS ltree))"
    " OR e.actor IN ('admin', 'api') AND e.actor_address ILIKE :pattern"
    ' AND (e.actor_id = :reader OR EXISTS (SELECT FROM "group" a WHERE a.id = e.actor_group_id AND a.tenant_id = :tenant_id'
    " AND a.path <@ CAST(:authority AS ltree))))"
)
_CONDITIONS = {
    "before": "e.id < :before",
    "actions": "e.action = ANY(CAST(:actions AS text[]))",
    "since": "e.at >= :since",
    "until": "e.at < :until",
    "pattern": _WORDS,
}
_COLUMNS = "e.id, e.group_id, e.at, e.actor, e.actor_id, e.actor_address, e.actor_group_id, e.action, e.subject, e.subject_id, e.before, e.after"
# Said twice. A prepared plan that knows no values would take the tenant for an average one, among few tenants a large one, and walk through
# everybody's latest entries by their key for those of a small one; the range makes it expect few, and take the tenant's index.
_OF_TENANT = "e.tenant_id = :tenant_id AND e.tenant_id BETWEEN :tenant_id AND :tenant_id"
_OF_GROUP = "e.group_id = :group_id AND e.tenant_id = :tenant_id"
_NEWEST = "ORDER BY e.id DESC LIMIT"


class _Reach(StrEnum):
    TENANT = "tenant"
    GROUP = "group"
    SUBTREE = "subtree"


def _plain(scope: str, where: str) -> str:
    return f"SELECT {_COLUMNS} FROM audit_entry e WHERE {scope}{where} {_NEWEST} :most"


def _subtree(where: str) -> str:
    """First among the tenant's latest entries, by its own index: a large part of the tree has enough there. Only if not, group by group.

    Removed groups count: their log stays. `IS TRUE` keeps the ids a hash that is asked for each entry, instead of a join.
    """
    before = " AND e.id < :before" if "e.id < :before" in where else ""
    return (
        'WITH below AS MATERIALIZED (SELECT g.id FROM "group" g WHERE g.tenant_id = :tenant_id AND g.path <@ CAST(:path AS ltree)),'
        f" recent AS MATERIALIZED (SELECT {_COLUMNS} FROM (SELECT e.* FROM audit_entry e WHERE {_OF_TENANT}{before}"
        f" {_NEWEST} :recent) e WHERE (e.group_id IN (SELECT id FROM below)) IS TRUE{where} {_NEWEST} :most)"
        " SELECT * FROM recent WHERE (SELECT count(*) FROM recent) = :most UNION ALL"
        " (SELECT found.* FROM below CROSS JOIN LATERAL"
        f" (SELECT {_COLUMNS} FROM audit_entry e WHERE e.group_id = below.id AND e.tenant_id = :tenant_id{where} {_NEWEST} :most) found"
        " WHERE (SELECT count(*) FROM recent) < :most ORDER BY id DESC LIMIT :most) ORDER BY id DESC"
    )


@cache
def _statement(reach: _Reach, conditions: tuple[str, ...]) -> TextClause:
    where = "".join(f" AND {_CONDITIONS[name]}" for name in conditions)
    match reach:
        case _Reach.TENANT:
            return text(_plain(_OF_TENANT, where))
        case _Reach.GROUP:
            return text(_plain(_OF_GROUP, where))
        case _Reach.SUBTREE:
            return text(_subtree(where))


def _reach(asked: Asked) -> _Reach:
    if not asked.with_subgroups:
        return _Reach.GROUP
    return _Reach.TENANT if asked.place.parent_id is None else _Reach.SUBTREE


def _pattern(words: str) -> str:
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _rows(
    session: Session, reader: Reader, asked: Asked, before: UUID | None, most: int
) -> list[Row[tuple[object, ...]]]:
    given: dict[str, Any] = {
        "before": before,
        "actions": sorted(asked.actions) or None,
        "since": asked.since,
        "until": asked.until,
        "pattern": _pattern(asked.words) if asked.words else None,
    }
    parameters = {
        **{name: value for name, value in given.items() if value is not None},
        "tenant_id": asked.place.tenant_id,
        "most": most,
    }
    reach = _reach(asked)
    if reach is _Reach.GROUP:
        parameters["group_id"] = asked.place.id
    elif reach is _Reach.SUBTREE:
        parameters |= {"path": asked.place.path, "recent": max(RECENT, 4 * most)}
    if asked.words:
        parameters |= {"reader": reader.account_id, "authority": reader.authority.path}
    conditions = tuple(name for name, value in given.items() if value is not None)
    return list(session.execute(_statement(reach, conditions), parameters).all())


def entries(
    session: Session, reader: Reader, asked: Asked, before: UUID | None = None, most: int = PAGE
) -> tuple[list[Entry], UUID | None]:
    """A page of entries, the newest first, of those older than the entry `before`; and what the next page is older than, None at the end.

    Two statements. That the reader administers `asked.place` is for the caller to know.
    """
    rows = _rows(session, reader, asked, before, most + 1)
    found = _as_seen(session, reader, asked.place, rows[:most])
    return found, found[-1].id if len(rows) > most else None


def all_entries(
    opened: Callable[[], AbstractContextManager[Session]], reader: Reader, asked: Asked
) -> Iterator[Entry]:
    """Every entry, the newest first, so many at a time, each time in a session that `opened` gives, so that a slow reader holds none."""
    before: UUID | None = None
    while True:
        with opened() as session:
            found, before = entries(session, reader, asked, before, CHUNK)
        yield from found
        if before is None:
            return


def latest(
    session: Session,
    reader: Reader,
    place: Place,
    actions: Collection[Action],
    subject: str = "",
    most: int = 3,
    subject_id: UUID | None = None,
) -> list[Entry]:
    """The last changes of a kind in the very log of a group, for telling who has changed something meanwhile; of one `subject` if given, or
    of the one with an id, whatever it was called."""
    parameters = {
        "tenant_id": place.tenant_id,
        "group_id": place.id,
        "actions": sorted(actions),
        "subject": subject,
        "subject_id": subject_id,
        "most": most,
    }
    return _as_seen(session, reader, place, session.execute(_LATEST, parameters).all())


_LATEST = text(
    _plain(
        _OF_GROUP,
        f" AND {_CONDITIONS['actions']} AND (e.subject = :subject OR CAST(:subject AS text) = '')"
        " AND (e.subject_id = :subject_id OR CAST(:subject_id AS uuid) IS NULL)",
    )
)
_GROUPS = text(
    "SELECT g.id, g.name, g.path::text AS path, g.removed_at IS NOT NULL AS is_gone"
    ' FROM "group" g WHERE g.tenant_id = :tenant_id AND g.id = ANY(CAST(:ids AS uuid[]))'
)


def _as_seen(
    session: Session, reader: Reader, place: Place, rows: Iterable[Row[tuple[object, ...]]]
) -> list[Entry]:
    kept = list(rows)
    if not kept:
        return []
    named = _named(session, reader, place, set(_ids_in(kept)))
    return [_entry(reader, row, named) for row in kept]


def _named(session: Session, reader: Reader, place: Place, ids: set[UUID]) -> Mapping[UUID, Named]:
    """The groups that entries speak of, tombstones too; those of other organisations are not among them."""
    rows = session.execute(_GROUPS, {"tenant_id": reader.authority.tenant_id, "ids": list(ids)})
    return {row.id: _standing(reader, place, row) for row in rows}


def _standing(reader: Reader, place: Place, row: Row[tuple[object, ...]]) -> Named:
    if reader.authority.id.hex in row.path.split("."):
        return Named(Standing.SEEN, row.name, row.is_gone, row.id)
    return Named(Standing.OVERLYING if row.id in place.ancestors else Standing.OTHER)


_ELSEWHERE = Named(Standing.ELSEWHERE)
_OF_ALL = Named(Standing.SEEN)


def _ids_in(rows: Iterable[Row[tuple[object, ...]]]) -> Iterator[UUID]:
    for row in rows:
        yield from (i for i in (row.group_id, row.actor_group_id, row.subject_id) if i is not None)
        for value in (row.before, row.after):
            yield from _ids_of(value)


def _ids_of(value: Any) -> Iterator[UUID]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _ids_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _ids_of(inner)
    elif (identifier := _as_id(value)) is not None:
        yield identifier


def _as_id(value: Any) -> UUID | None:
    """The id that a text is. Whatever looks like one is taken for a group's: so none comes through that its reader may not see."""
    if not isinstance(value, str) or len(value) != 36:
        return None
    try:
        return UUID(value)
    except ValueError:
        return None


def _resolved(value: Any, named: Mapping[UUID, Named]) -> Any:
    if isinstance(value, dict):
        return {name: _resolved(inner, named) for name, inner in value.items()}
    if isinstance(value, list):
        return [_resolved(inner, named) for inner in value]
    identifier = _as_id(value)
    return value if identifier is None else named.get(identifier, _ELSEWHERE)


def _entry(reader: Reader, row: Row[tuple[object, ...]], named: Mapping[UUID, Named]) -> Entry:
    who = _who(reader, row, named)
    subject, before, after = _about(row, named)
    return Entry(
        id=row.id,
        at=row.at,
        who=who,
        address=row.actor_address if who in (Who.ADMIN, Who.API_USER) else "",
        group=_OF_ALL if row.group_id is None else named.get(row.group_id, _ELSEWHERE),
        action=row.action,
        subject=subject,
        before=_resolved(before, named),
        after=_resolved(after, named),
    )


def _about(row: Row[tuple[object, ...]], named: Mapping[UUID, Named]) -> tuple[Any, Any, Any]:
    """What was changed, and what was before and is after it: without its names, if it is a group that the reader may not see."""
    subject = named.get(row.subject_id) if row.subject_id is not None else None
    if subject is None or subject.standing is Standing.SEEN:
        return row.subject, row.before, row.after
    return subject, _unnamed(row.before, subject), _unnamed(row.after, subject)


def _unnamed(value: Any, subject: Named) -> Any:
    return {**value, "name": subject} if isinstance(value, dict) and "name" in value else value


def _who(reader: Reader, row: Row[tuple[object, ...]], named: Mapping[UUID, Named]) -> Who:
    match Actor(row.actor):
        case Actor.OPERATOR:
            return Who.OPERATOR
        case Actor.OWNER:
            return Who.OWNER
        case Actor.SYSTEM:
            return Who.SYSTEM
        case Actor.ADMIN:
            seen = Who.ADMIN
        case Actor.API:
            seen = Who.API_USER
    if row.actor_id == reader.account_id:
        return seen
    if row.actor_group_id is None:
        return Who.OVERLYING
    match named.get(row.actor_group_id, _ELSEWHERE).standing:
        case Standing.SEEN:
            return seen
        case Standing.ELSEWHERE:
            return Who.ELSEWHERE
        case _:
            return Who.OVERLYING
