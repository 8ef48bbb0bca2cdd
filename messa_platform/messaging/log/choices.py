"""What a search of the log can be narrowed to: taken from its result, within the asker's groups, and never by reading all of it (spec L1).

Groups, directions, statuses and parts come from the summaries. Of an account or a number, which those do not know, the newest `FEW`
messages are looked at. Addresses come from those who have sent from the groups, numbers from the messages: see each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.messaging.log.asked import Asked, Scope
from messa_platform.messaging.log.by_date import FEW, days_with
from messa_platform.messaging.log.fetch import conditions
from messa_platform.messaging.log.summary import Tally, of_kind, tallies
from messa_platform.messaging.log.total import pieces
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.tenants.tree import swedish_sort_key

MOST = 50
"""Choices at a time; of more, one writes a part."""


@dataclass(frozen=True, slots=True)
class GroupChoice:
    """A group that has any. `is_removed`: it is a tombstone."""

    id: UUID
    name: str
    is_removed: bool


@dataclass(frozen=True, slots=True)
class Choices:
    """What each column can be narrowed to while the others stay as they are; `groups` None: more than `MOST`."""

    groups: tuple[GroupChoice, ...] | None
    directions: tuple[Direction, ...]
    statuses: tuple[Status, ...]
    parts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of messages that there are; `group_id` None: in whatever groups are asked for."""

    group_id: UUID | None
    direction: Direction
    status: Status
    parts: int

    def fits(self, asked: Asked, *but: str) -> bool:
        """Whether it is what is asked for, whatever these columns are narrowed to."""
        return all(
            name in but or (wanted := getattr(asked, name)) is None or getattr(self, name) in (wanted, None)
            for name in ("group_id", "direction", "status", "parts")
        )


def choices(session: Session, asked: Asked, known: Iterable[Tally]) -> Choices:
    """What the search can be narrowed to; `known` is what the summaries tell of it (`total.told`)."""
    looked = None if asked.is_plain else _kinds_of_one(session, asked)
    kinds = looked if looked is not None else [_Kind(None, t.direction, t.status, t.parts) for t in known]
    if looked is not None:
        ids = {k.group_id for k in looked if k.group_id and k.fits(asked, "group_id")}
        found = named(session, asked.scope, ids) if len(ids) <= MOST else None
    else:
        found = groups(session, asked)
    return Choices(
        tuple(found) if found is not None and len(found) <= MOST else None,
        tuple(d for d in Direction if any(k.direction is d for k in kinds if k.fits(asked, "direction"))),
        tuple(s for s in Status if any(k.status is s for k in kinds if k.fits(asked, "status"))),
        tuple(sorted({k.parts for k in kinds if k.fits(asked, "parts")})),
    )


def _whole(asked: Asked) -> Asked:
    """The same, narrowed to no kind of messages."""
    return asked.within(direction=None, status=None, parts=None)


def _kinds_of_one(session: Session, asked: Asked) -> list[_Kind] | None:
    """The kinds of messages of the account, or the number, asked for; None if those are too many to look at."""
    where, given = conditions(_whole(asked).within(group_id=None))
    statement = (
        "SELECT m.group_id, m.direction, m.status, m.parts, count(*) AS messages FROM (SELECT * FROM message m"
        f" WHERE {where} ORDER BY m.id DESC LIMIT :few) m GROUP BY 1, 2, 3, 4"
    )
    rows = session.execute(text(statement), {**given, "few": FEW}).all()
    if sum(row.messages for row in rows) >= FEW:
        return None
    return [_Kind(row.group_id, Direction(row.direction), Status(row.status), row.parts) for row in rows]


# Groups

_NAMED = text(
    'SELECT g.id, g.name, g.removed_at IS NOT NULL AS is_removed FROM "group" g'
    " WHERE g.tenant_id = :tenant_id AND g.id = ANY(CAST(:ids AS uuid[])) ORDER BY g.sort_key, g.id"
)


def named(session: Session, scope: Scope, group_ids: Iterable[UUID]) -> list[GroupChoice]:
    """These groups, as far as they lie in the scope, in the order of their names."""
    ids = [i for i in set(group_ids) if scope.group_ids is None or i in scope.group_ids]
    rows = session.execute(_NAMED, {"tenant_id": scope.tenant_id, "ids": ids}) if ids else ()
    return [GroupChoice(*row) for row in rows]


def called(session: Session, scope: Scope, words: str) -> list[GroupChoice]:
    """The scope's groups of this name, else those whose names hold it; whether they have any messages does not matter. One more than `MOST`."""
    key = swedish_sort_key(" ".join(words.split()))
    found = _groups(session, scope, "g.sort_key = :key", {"key": key})
    return found or _groups(session, scope, _HOLDS, {"key": key})


_HOLDS = "strpos(g.sort_key, :key) > 0"


def groups(session: Session, asked: Asked, words: str = "") -> list[GroupChoice]:
    """The groups with messages of the kind and in the days asked for, and `words` in their names; one more than `MOST` if there are more."""
    everywhere = asked.within(group_id=None)
    if asked.has_kind and sum(t.messages for t in of_kind(asked, tallies(session, everywhere))) <= FEW:
        condition = "g.id = ANY(CAST(:found AS uuid[]))"
        given: dict[str, Any] = {"found": sorted({cell.group_id for cell in days_with(session, everywhere)})}
    else:
        condition, given = _has_any(asked)
    if words:
        condition, given = f"{condition} AND {_HOLDS}", {**given, "key": swedish_sort_key(words)}
    return _groups(session, asked.scope, condition, given)


def _has_any(asked: Asked) -> tuple[str, dict[str, Any]]:
    """That a group `g` has any, by the summaries: those of months for whole ones, those of days for the rest, and what is not folded yet."""
    kinds = ("direction", "status", "parts")
    given: dict[str, Any] = {n: getattr(v, "value", v) for n in kinds if (v := getattr(asked, n)) is not None}
    of_kind = "".join(f" AND k.{name} = :{name}" for name in given)
    folded = []
    for number, piece in enumerate(pieces(asked.first_day, asked.last_day)):
        table, names = (
            "message_month" if piece.is_months else "message_day",
            (f"first_{number}", f"last_{number}"),
        )
        given |= dict(zip(names, (piece.first, piece.last), strict=True))
        folded.append(
            f"(SELECT true FROM {table} k WHERE k.group_id = g.id AND k.messages > 0"
            f" AND k.day BETWEEN :{names[0]} AND :{names[1]}{of_kind} LIMIT 1)"
        )
    unfolded = (
        "g.id IN (SELECT k.group_id FROM message_delta k WHERE k.tenant_id = :tenant_id AND k.day BETWEEN :first AND :last"
        f"{of_kind} GROUP BY k.group_id HAVING sum(k.messages) > 0)"
    )
    return f"({' OR '.join([*folded, unfolded])})", {
        **given,
        "first": asked.first_day,
        "last": asked.last_day,
    }


def _groups(session: Session, scope: Scope, condition: str, given: dict[str, Any]) -> list[GroupChoice]:
    within = "" if scope.group_ids is None else " AND g.id = ANY(CAST(:ids AS uuid[]))"
    statement = (
        'SELECT g.id, g.name, g.removed_at IS NOT NULL AS is_removed FROM "group" g'
        f" WHERE g.tenant_id = :tenant_id{within} AND {condition} ORDER BY g.sort_key, g.id LIMIT :most"
    )
    parameters = {"tenant_id": scope.tenant_id, "most": MOST + 1, **given}
    if scope.group_ids is not None:
        parameters["ids"] = list(scope.group_ids)
    return [GroupChoice(*row) for row in session.execute(text(statement), parameters)]
