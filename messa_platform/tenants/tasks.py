"""Tasks: changes that take a while, worked off in chunks with their progress to be seen, such as moving a domain's 100,000 accounts.

A chunk is one transaction with what it changes and how far the task has come. So a worker may die at any moment, and the next one goes on
behind the last chunk that was committed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.core.clock import Clock
from messa_platform.core.db import Database
from messa_platform.core.ids import new_id
from messa_platform.core.logs import logger
from messa_platform.core.work import Claim, LeaseLost, WorkQueue, pauses, work_off
from messa_platform.tenants.admin_models import Actor, Task, TaskKind, TaskWork
from messa_platform.tenants.audit import Author
from messa_platform.tenants.places import Place

log = logger(__name__)

ACTOR = "work_off_tasks"
"""The name of the actor that works tasks off."""
CHUNK = 500
"""Accounts, or lines, that a handler takes in one transaction at the most."""
KEEP = timedelta(days=90)
"""How long a task and its lines can be looked at."""
KEEP_DRAFT = timedelta(days=1)

TASK = cast(Table, Task.__table__)
WORK = cast(Table, TaskWork.__table__)
QUEUE = WorkQueue("task_work", WORK, timedelta(seconds=120), pauses(1, 5, 30, 300, 1800))


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task as it stands. `is_started`: its author has said yes. `is_parked`: it failed too often and waits for the operator."""

    id: UUID
    tenant_id: UUID
    group_id: UUID
    kind: TaskKind
    parameters: Mapping[str, Any]
    total: int
    done: int
    result: Mapping[str, Any]
    author: Author
    created_at: datetime
    finished_at: datetime | None
    is_started: bool
    is_parked: bool


@dataclass(frozen=True, slots=True)
class Step:
    """What a chunk has done: how far the task has come in all, whether that was the last chunk, and the result if it changed."""

    done: int
    finished: bool
    result: Mapping[str, Any] | None = None


Handler = Callable[[Session, datetime, TaskRow], Step]
"""Does one chunk of a task, in the transaction in which its progress is written."""


def draft(
    session: Session,
    now: datetime,
    author: Author,
    place: Place,
    kind: TaskKind,
    parameters: Mapping[str, Any],
    total: int,
) -> UUID:
    """A task that waits to be started; gives its id."""
    identifier = new_id()
    row = {
        "id": identifier,
        "tenant_id": place.tenant_id,
        "group_id": place.id,
        "kind": kind.value,
        "parameters": dict(parameters),
        "total": total,
        "actor": author.actor.value,
        "actor_id": author.account_id,
        "actor_address": author.address,
        "actor_group_id": author.group_id,
        "created_at": now,
    }
    insert_rows(session, TASK, [row])
    return identifier


def start(session: Session, now: datetime, tenant_id: UUID, task_id: UUID) -> None:
    """Let a task be worked off; one that was started already is left as it is. Wake `ACTOR` after the commit."""
    row = {"id": task_id, "tenant_id": tenant_id, "next_attempt_at": now}
    insert_rows(session, WORK, [row], "ON CONFLICT (id) DO NOTHING")


_COLUMNS = (
    "t.id, t.tenant_id, t.group_id, t.kind, t.parameters, t.total, t.done, t.result, t.actor, t.actor_id, t.actor_address,"
    " t.actor_group_id, t.created_at, t.finished_at, w.id IS NOT NULL AS is_started, coalesce(w.state = 'parked', false) AS is_parked"
    " FROM task t LEFT JOIN task_work w ON w.id = t.id"
)
_GET = text(f"SELECT {_COLUMNS} WHERE t.id = :id AND t.tenant_id = :tenant_id")
_LOCKED = text(f"SELECT {_COLUMNS} WHERE t.id = :id FOR UPDATE OF t")
_LATEST = text(
    f"SELECT {_COLUMNS} WHERE t.tenant_id = :tenant_id AND t.group_id = :group_id AND t.kind = :kind AND w.id IS NOT NULL"
    " ORDER BY t.id DESC LIMIT :most"
)


def _task(row: Row[tuple[object, ...]]) -> TaskRow:
    return TaskRow(
        id=row.id,
        tenant_id=row.tenant_id,
        group_id=row.group_id,
        kind=TaskKind(row.kind),
        parameters=row.parameters,
        total=row.total,
        done=row.done,
        result=row.result,
        author=Author(Actor(row.actor), row.actor_id, row.actor_address, row.actor_group_id),
        created_at=row.created_at,
        finished_at=row.finished_at,
        is_started=row.is_started,
        is_parked=row.is_parked,
    )


def get(session: Session, tenant_id: UUID, task_id: UUID) -> TaskRow | None:
    """A task of the tenant; whether its group is the asker's to see is for the caller to ask."""
    row = session.execute(_GET, {"id": task_id, "tenant_id": tenant_id}).first()
    return None if row is None else _task(row)


def latest(session: Session, tenant_id: UUID, group_id: UUID, kind: TaskKind, most: int = 5) -> list[TaskRow]:
    """The group's started tasks of a kind, the newest first."""
    parameters = {"tenant_id": tenant_id, "group_id": group_id, "kind": kind.value, "most": most}
    return [_task(row) for row in session.execute(_LATEST, parameters)]


def work_off_tasks(database: Database, clock: Clock, handlers: Mapping[TaskKind, Handler]) -> bool:
    """Work off started tasks, a chunk of each in turn; True if more may wait."""
    return work_off(
        database, QUEUE, clock, lambda session, claims: _chunk(session, clock, handlers, claims[0]), batch=1
    )


_ADVANCE = text(
    "UPDATE task SET done = :done, result = coalesce(CAST(:result AS jsonb), result),"
    " finished_at = CASE WHEN :finished THEN CAST(:now AS timestamptz) END WHERE id = :id"
)
_AGAIN = text(
    "UPDATE task_work SET state = 'ready', next_attempt_at = :now, attempts = 0, lease_id = NULL"
    " WHERE id = :id AND lease_id = :lease"
)


def _chunk(session: Session, clock: Clock, handlers: Mapping[TaskKind, Handler], claim: Claim) -> None:
    now = clock.now()
    task = _task(session.execute(_LOCKED, {"id": claim.id}).one())
    step = handlers[task.kind](session, now, task)
    result = None if step.result is None else json.dumps(dict(step.result))
    parameters = {"id": task.id, "done": step.done, "finished": step.finished, "now": now, "result": result}
    session.execute(_ADVANCE, parameters)
    if step.finished:
        QUEUE.finish(session, [claim])
    elif not session.execute(_AGAIN, {"id": claim.id, "lease": claim.lease_id, "now": now}).rowcount:  # type: ignore[attr-defined]
        raise LeaseLost(QUEUE.name)
    log.info("task_advanced", task=str(task.id), kind=task.kind.value, done=step.done, total=task.total)


_FORGET = text(
    "DELETE FROM task t WHERE t.id IN (SELECT t.id FROM task t LEFT JOIN task_work w ON w.id = t.id WHERE t.created_at < :before"
    " AND (w.id IS NULL OR t.created_at < :long_before AND w.state = 'done') ORDER BY t.created_at LIMIT 100)"
)


def forget_old(session: Session, now: datetime) -> None:
    """Drop drafts that nobody has said yes to, and tasks that were done long ago, with their lines."""
    session.execute(_FORGET, {"before": now - KEEP_DRAFT, "long_before": now - KEEP})
