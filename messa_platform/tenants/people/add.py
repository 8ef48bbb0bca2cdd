"""Adding many people to a group (spec G11): what was pasted becomes a draft, which tells the admin what would become of each line; with the
admin's yes it becomes a task, which does it (`adding`).

These are for sessions that see every tenant, but for `lines`, `counts` and `confirm`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.core.work import WorkState
from messa_platform.tenants import tasks
from messa_platform.tenants.admin_models import TaskKind, TaskLine, TaskWork
from messa_platform.tenants.audit import Author
from messa_platform.tenants.people.lines import kept, read_back
from messa_platform.tenants.people.plan import Planned, Word, plan, questions
from messa_platform.tenants.people.reading import Fault, Line
from messa_platform.tenants.places import Place
from messa_platform.tenants.tasks import Handler, TaskRow

LINE = cast(Table, TaskLine.__table__)
WORK = cast(Table, TaskWork.__table__)

AT_ONCE = tasks.CHUNK
"""Lines up to which the request itself does the work (`run_now`)."""


def preview(
    session: Session, now: datetime, place: Place, authority: UUID, lines: Sequence[Line], asks_a_day: int
) -> list[Planned]:
    """What would become of each line, for who sees what lies below the group `authority`; nothing is kept."""
    return plan(session, now, place, authority, lines, questions(session, now, place.tenant_id, asks_a_day))


def draft(
    session: Session,
    now: datetime,
    author: Author,
    place: Place,
    seen_path: Sequence[Place],
    lines: Sequence[Line],
    asks_a_day: int,
) -> UUID:
    """Keep what was pasted, with what would become of each line, until the admin says yes; gives the task's id.

    `seen_path` are the groups of the path that the admin may see, the topmost first. `asks_a_day`: addresses that the organisation may ask
    in a day. The same few statements for any number of lines.
    """
    authority = seen_path[0].id
    planned = preview(session, now, place, authority, lines, asks_a_day)
    counts = Counter(p.word.value for p in planned)
    parameters = {"authority": str(authority), "planned": dict(sorted(counts.items()))}
    task_id = tasks.draft(session, now, author, place, TaskKind.ADD_PEOPLE, parameters, len(lines))
    rows = [_row(place, task_id, line, p) for line, p in zip(lines, planned, strict=True)]
    insert_rows(session, LINE, rows)
    return task_id


def _row(place: Place, task_id: UUID, line: Line, planned: Planned) -> dict[str, object]:
    return {
        "task_id": task_id,
        "place": line.place,
        "tenant_id": place.tenant_id,
        "address": kept(line),
        "word": planned.word.value,
        "from_group_id": planned.from_group_id,
    }


def is_theirs(task: TaskRow, author: Author) -> bool:
    """Whether who asks may look at the task's lines, and say yes to it: whoever acts by the adminship that it was drafted by.

    A line may name a group that somebody further down must not know, and its author may be further down by now.
    """
    return task.author.group_id == author.group_id


@dataclass(frozen=True, slots=True)
class Told:
    """A line as the admin may be told of it. `from_group_id`: the group that its account leaves, where it may be named.

    `written` is what stood there, of a line with a `fault`; else the address.
    """

    place: int
    written: str
    address: str | None
    name: str
    fault: Fault | None
    word: Word
    from_group_id: UUID | None


_LINES = text(
    "SELECT place, address, word, CASE word WHEN 'move' THEN from_group_id END AS from_group_id FROM task_line"
    " WHERE task_id = :task_id AND tenant_id = :tenant_id AND place > :after AND (CAST(:word AS text) IS NULL OR word = :word)"
    " ORDER BY place LIMIT :most"
)


def lines(
    session: Session, tenant_id: UUID, task_id: UUID, word: Word | None = None, after: int = 0, most: int = 50
) -> list[Told]:
    """Lines behind the place `after`, in order; of one `word` if given. What is planned, or, as far as the task is done, what became of them.

    Whether they are the asker's to see is for the caller to ask (`is_theirs`).
    """
    parameters = {
        "task_id": task_id,
        "tenant_id": tenant_id,
        "word": None if word is None else word.value,
        "after": after,
        "most": most,
    }
    told = []
    for row in session.execute(_LINES, parameters):
        line = read_back(row.place, row.address)
        told.append(
            Told(
                line.place,
                line.written,
                line.address,
                line.name,
                line.fault,
                Word(row.word),
                row.from_group_id,
            )
        )
    return told


_HERE = text(
    "SELECT address, id FROM account WHERE tenant_id = :tenant_id AND group_id = :group_id AND removed_at IS NULL AND kind = 'person'"
    " AND address = ANY(CAST(:addresses AS text[]))"
)


def here(session: Session, place: Place, addresses: Collection[str]) -> dict[str, UUID]:
    """The accounts that those of the addresses have who are in this very group; any session will do."""
    parameters = {"tenant_id": place.tenant_id, "group_id": place.id, "addresses": sorted(addresses)}
    return {row.address: row.id for row in session.execute(_HERE, parameters)}


def counts(task: TaskRow) -> dict[Word, int]:
    """How many lines have each word: as planned, or, of a task that is under way, as done so far."""
    found = task.result.get("words") if task.is_started else task.parameters["planned"]
    return {Word(word): count for word, count in (found or {}).items()}


# The one who says yes may be another than the one who pasted, and is the one who does it.
_YES = text(
    "UPDATE task t SET actor = :actor, actor_id = :actor_id, actor_address = :actor_address WHERE t.id = :id AND t.tenant_id = :tenant_id"
    " AND t.actor_group_id = :actor_group_id AND NOT EXISTS (SELECT FROM task_work w WHERE w.id = t.id)"
)


def _say_yes(session: Session, author: Author, task: TaskRow) -> None:
    parameters = {
        "id": task.id,
        "tenant_id": task.tenant_id,
        "actor": author.actor.value,
        "actor_id": author.account_id,
        "actor_address": author.address,
        "actor_group_id": author.group_id,
    }
    session.execute(_YES, parameters)


def confirm(
    session: Session, now: datetime, author: Author, tenant_id: UUID, task_id: UUID
) -> TaskRow | None:
    """The admin's yes: let the draft be worked off; None if there is no such draft. One that was started already is left as it is.

    Wake `tasks.ACTOR` after the commit.
    """
    task = tasks.get(session, tenant_id, task_id)
    if task is None or task.kind is not TaskKind.ADD_PEOPLE:
        return None
    _say_yes(session, author, task)
    tasks.start(session, now, tenant_id, task_id)
    return task


_LOCK = text("SELECT id FROM task WHERE id = :id FOR UPDATE")
_FINISH = text(
    "UPDATE task SET done = :done, result = CAST(:result AS jsonb), finished_at = :now WHERE id = :id"
)


def run_now(
    session: Session, now: datetime, author: Author, tenant_id: UUID, task_id: UUID, handler: Handler
) -> TaskRow | None:
    """The admin's yes to a draft of no more than `AT_ONCE` lines, which is done in this very transaction; gives the finished task.

    None if there is no such draft, or it is too long for that: then `confirm` it. One that was started already is left as it is.
    """
    task = tasks.get(session, tenant_id, task_id)
    if task is None or task.kind is not TaskKind.ADD_PEOPLE or task.total > AT_ONCE:
        return None
    session.execute(_LOCK, {"id": task_id})
    _say_yes(session, author, task)
    work = {
        "id": task_id,
        "tenant_id": tenant_id,
        "state": WorkState.DONE.value,
        "next_attempt_at": now,
    }
    if insert_rows(session, WORK, [work], "ON CONFLICT (id) DO NOTHING RETURNING id"):
        step = handler(session, now, replace(task, author=author))
        result = json.dumps(dict(step.result or {}))
        session.execute(_FINISH, {"id": task_id, "done": step.done, "result": result, "now": now})
    return tasks.get(session, tenant_id, task_id)
