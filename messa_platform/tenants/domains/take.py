"""The accounts of a verified domain come to its group, in the background, and go back if that is undone within a day (spec D4).

First the accounts are listed as the task's lines; then each chunk moves so many of them, and writes into their lines where they were. What
became an account meanwhile is listed once more at the end. An account that has changed since it was listed is asked for again under its
lock, and stays where it is if it should not move any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import as_parameter, given
from messa_platform.core.logs import logger
from messa_platform.tenants import places, tasks
from messa_platform.tenants.admin_models import TaskKind, TaskLine
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.authority import administers
from messa_platform.tenants.domains.moving import Home, Move, lend_again, move
from messa_platform.tenants.domains.preview import MAY_MOVE, OF_DOMAIN, asked, nearer
from messa_platform.tenants.domains.told import DomainPost, tell_who_lost
from messa_platform.tenants.domains.verify import Claim, Verified, start_take
from messa_platform.tenants.numbers import REST
from messa_platform.tenants.places import Place
from messa_platform.tenants.tasks import CHUNK, Handler, Step, TaskRow

log = logger(__name__)

LINE = cast(Table, TaskLine.__table__)

UNDO = timedelta(days=1)
"""How long what was moved can be put back."""
MOST_SHOWN = 100
"""Moves of a group, of all its domains, among which those of one domain are looked for."""


def handlers(told: DomainPost, rest: timedelta = REST) -> Mapping[TaskKind, Handler]:
    """What works off the tasks of this module, for `tasks.work_off_tasks`. `rest`: how long numbers rest that are given back."""
    return {
        TaskKind.TAKE_DOMAIN: lambda session, now, task: take(session, now, task, told, rest),
        TaskKind.UNDO_TAKE: lambda session, now, task: undo(session, now, task, rest),
    }


# The domain cannot be given up, or tied to another group, while a chunk is under way.
_STILL_OURS = text(
    'SELECT d.name FROM domain d JOIN "group" g ON g.id = d.group_id AND g.removed_at IS NULL WHERE d.id = :id AND d.tenant_id = :tenant_id'
    " AND d.group_id = :group_id AND d.state = 'verified' FOR SHARE OF d"
)
_NEARER = nearer("split_part(a.address, '@', 2)")
_LIST = text(
    "INSERT INTO task_line (task_id, place, tenant_id, address, account_id, word)"
    " SELECT :task_id, :done + row_number() OVER (ORDER BY a.id), :tenant_id, a.address, a.id, 'planned' FROM account a"
    f" WHERE {OF_DOMAIN} AND {MAY_MOVE} AND NOT {_NEARER}"
    " AND NOT EXISTS (SELECT FROM task_line l WHERE l.task_id = :task_id AND l.account_id = a.id)"
)
_LINES = text(
    "SELECT place, account_id, from_tenant_id, from_group_id, from_since, from_tenant_since, from_by_hand FROM task_line"
    " WHERE task_id = :task_id AND word = :word ORDER BY place LIMIT :most"
)
_LOCKED = text(
    "SELECT a.id, a.address, a.tenant_id, a.group_id, a.group_since, a.tenant_since, a.placed_by_hand FROM account a"
    f" WHERE a.id = ANY(CAST(:ids AS uuid[])) AND {MAY_MOVE} AND NOT {_NEARER} ORDER BY a.id FOR NO KEY UPDATE OF a"
)
_WRITTEN = (
    "place",
    "word",
    "from_tenant_id",
    "from_group_id",
    "from_since",
    "from_tenant_since",
    "from_by_hand",
)
_WRITE = text(
    "UPDATE task_line SET word = given.word, from_tenant_id = given.from_tenant_id, from_group_id = given.from_group_id,"
    " from_since = given.from_since, from_tenant_since = given.from_tenant_since, from_by_hand = given.from_by_hand"
    f" FROM {given(LINE, _WRITTEN)}"
    " WHERE task_line.task_id = :task_id AND task_line.place = given.place"
)


def take(session: Session, now: datetime, task: TaskRow, told: DomainPost, rest: timedelta = REST) -> Step:
    """One chunk of moving a domain's accounts to its group. `result`: `moved` and `stayed` count accounts; `stopped` that the domain is no
    longer the group's, so that the rest stays where it is."""
    owned = {
        "id": UUID(task.parameters["domain_id"]),
        "tenant_id": task.tenant_id,
        "group_id": task.group_id,
    }
    if session.execute(_STILL_OURS, owned).first() is None:
        return _finish(session, now, task, told, {**task.result, "stopped": True})
    if "moved" not in task.result:
        _list(session, task)
        return Step(0, False, {"moved": 0, "stayed": 0})
    lines = session.execute(_LINES, {"task_id": task.id, "word": "planned", "most": CHUNK}).all()
    if not lines:
        return _sweep(session, now, task, told)
    moved = _take_lines(session, now, task, lines, rest)
    result = {**task.result, "moved": task.result["moved"] + moved}
    result["stayed"] += len(lines) - moved
    return Step(task.done + len(lines), False, result)


def _conditions(task: TaskRow) -> dict[str, Any]:
    by_hand: bool = task.parameters["by_hand"]
    return asked(task.parameters["domain"], task.tenant_id, task.group_id, by_hand=by_hand)


def _list(session: Session, task: TaskRow) -> int:
    parameters = {**_conditions(task), "task_id": task.id, "done": task.done}
    listed: int = session.execute(_LIST, parameters).rowcount  # type: ignore[attr-defined]
    return listed


def _sweep(session: Session, now: datetime, task: TaskRow, told: DomainPost) -> Step:
    """Who wrote first while the domain was being verified may still have become an account elsewhere."""
    if _list(session, task):
        return Step(task.done, False)
    return _finish(session, now, task, told, task.result)


def _take_lines(
    session: Session, now: datetime, task: TaskRow, lines: Sequence[Row[Any]], rest: timedelta
) -> int:
    ids = [line.account_id for line in lines]
    to = Home(task.tenant_id, task.group_id, now, now, by_hand=False)
    moves = {
        row.id: Move(row.id, row.address, _home(row), to)
        for row in session.execute(_LOCKED, {**_conditions(task), "ids": ids})
    }
    move(session, now, task.author, task.tenant_id, list(moves.values()), rest)
    written = [_line(line.place, moves.get(line.account_id)) for line in lines]
    session.execute(_WRITE, {"rows": as_parameter(written), "task_id": task.id})
    return len(moves)


def _home(row: Row[Any]) -> Home:
    return Home(row.tenant_id, row.group_id, row.group_since, row.tenant_since, row.placed_by_hand)


def _line(place: int, moved: Move | None) -> dict[str, Any]:
    if moved is None:
        return dict(zip(_WRITTEN, (place, "stayed", *[None] * 5), strict=True))
    was = moved.was
    values = (place, "moved", was.tenant_id, was.group_id, was.since, was.tenant_since, was.by_hand)
    return dict(zip(_WRITTEN, values, strict=True))


_LEFT = text(
    "SELECT from_tenant_id, from_group_id, count(*) AS accounts FROM task_line WHERE task_id = :task_id AND word = 'moved' GROUP BY 1, 2"
)


def _finish(
    session: Session, now: datetime, task: TaskRow, told: DomainPost, result: Mapping[str, Any]
) -> Step:
    name, moved = task.parameters["domain"], result.get("moved", 0)
    if moved:
        _record(session, now, task, Action.DOMAIN_TAKEN, UUID(task.parameters["domain_id"]), moved)
        counts: dict[UUID, dict[UUID, int]] = {}
        for row in session.execute(_LEFT, {"task_id": task.id}):
            counts.setdefault(row.from_tenant_id, {})[row.from_group_id] = row.accounts
        tell_who_lost(session, now, told, name, counts, task.author.address)
    log.info("domain_taken", task=str(task.id), tenant=str(task.tenant_id), moved=moved)
    return Step(task.done, True, {"moved": 0, "stayed": 0, **result})


def _record(
    session: Session, now: datetime, task: TaskRow, action: Action, domain_id: UUID, moved: int
) -> None:
    name = task.parameters["domain"]
    change = Change(task.tenant_id, task.group_id, action, name, domain_id, after={"moved": moved})
    record(session, now, task.author, [change])


def take_along(
    session: Session, platform: Session, now: datetime, author: Author, claim: Claim
) -> Verified | None:
    """Let also those accounts of a verified domain come to its group that an admin of the tenant has placed elsewhere by hand.

    None if the group was removed a moment ago, or the author administers it no longer. Wake `tasks.ACTOR` after the commit.
    """
    if places.hold(session, claim.tenant_id, claim.group_id) is None:
        return None
    if not administers(session, author, claim.tenant_id, claim.group_id):
        return None
    return start_take(session, platform, now, author, claim, by_hand=True)


_LOCK_TASK = text("SELECT 1 FROM task WHERE id = :id AND tenant_id = :tenant_id FOR UPDATE")
_UNDONE = text(
    "SELECT t.parameters->>'take' AS take FROM task t WHERE t.tenant_id = :tenant_id AND t.group_id = :group_id AND t.kind = 'undo_take'"
    " AND t.created_at >= :since"
)


@dataclass(frozen=True, slots=True)
class Takes:
    """The moves of a domain's accounts to a group that can still be seen on its page, the newest first; `undone` are those of `takes` whose
    undoing was begun, by id, with the task that undoes them."""

    takes: tuple[TaskRow, ...]
    undone: Mapping[UUID, TaskRow]

    @property
    def is_at_work(self) -> bool:
        """Whether something is still being moved."""
        return any(task.finished_at is None for task in (*self.takes, *self.undone.values()))

    def can_undo(self, task: TaskRow, now: datetime) -> bool:
        """Whether a move can be taken back: done, less than a day ago, and not taken back yet."""
        return task.id not in self.undone and can_undo(task, now)


def can_undo(task: TaskRow, now: datetime) -> bool:
    """Whether a move that nobody has taken back yet can be."""
    finished = task.kind is TaskKind.TAKE_DOMAIN and task.finished_at is not None
    return finished and now - cast(datetime, task.finished_at) < UNDO and bool(task.result.get("moved"))


def of_domain(session: Session, now: datetime, claim: Claim) -> Takes:
    """What is being moved for a domain, and what was, for as long as it can be undone."""
    where = (claim.tenant_id, claim.group_id)
    takes = [
        task
        for task in tasks.latest(session, *where, TaskKind.TAKE_DOMAIN, MOST_SHOWN)
        if task.parameters["domain_id"] == str(claim.id)
        and (task.finished_at is None or now - task.finished_at < UNDO)
    ]
    undos = tasks.latest(session, *where, TaskKind.UNDO_TAKE, MOST_SHOWN) if takes else []
    return Takes(tuple(takes), {UUID(undo.parameters["take"]): undo for undo in undos})


def start_undo(session: Session, now: datetime, author: Author, place: Place, task_id: UUID) -> UUID | None:
    """Put the accounts of a finished move back where they were; gives the task, None if it is too late or was done already, or the
    author administers the group no longer.

    What was moved again since, or removed, stays. Wake `tasks.ACTOR` after the commit.
    """
    locked = session.execute(_LOCK_TASK, {"id": task_id, "tenant_id": place.tenant_id}).first()
    taken = tasks.get(session, place.tenant_id, task_id)
    if locked is None or taken is None or taken.group_id != place.id or not can_undo(taken, now):
        return None
    if not administers(session, author, place.tenant_id, place.id):
        return None
    since = {"tenant_id": place.tenant_id, "group_id": place.id, "since": taken.created_at}
    if str(task_id) in session.execute(_UNDONE, since).scalars().all():
        return None
    parameters = {**taken.parameters, "take": str(task_id)}
    undoing = tasks.draft(session, now, author, place, TaskKind.UNDO_TAKE, parameters, taken.result["moved"])
    tasks.start(session, now, place.tenant_id, undoing)
    return undoing


_TAKEN = text("SELECT created_at, finished_at FROM task WHERE id = :id AND tenant_id = :tenant_id")
# It stays if it was moved again, or an admin has put it there by hand since; or there is nothing to go back to.
_STILL_THERE = text(
    "SELECT a.id, a.address, a.tenant_id, a.group_id, a.group_since, a.tenant_since, a.placed_by_hand"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:groups AS uuid[])) AS w (id, group_id)"
    " JOIN \"group\" g ON g.id = w.group_id AND g.removed_at IS NULL JOIN tenant t ON t.id = g.tenant_id AND t.state <> 'closed'"
    " JOIN account a ON a.id = w.id AND a.removed_at IS NULL AND NOT a.is_operator AND a.tenant_id = :tenant_id"
    " AND a.group_id = :group_id AND a.group_since BETWEEN :first AND :last AND NOT a.placed_by_hand"
    " ORDER BY a.id FOR NO KEY UPDATE OF a"
)
_WORDS = text(
    f"UPDATE task_line SET word = given.word FROM {given(LINE, ('place', 'word'))}"
    " WHERE task_line.task_id = :task_id AND task_line.place = given.place"
)


def undo(session: Session, now: datetime, task: TaskRow, rest: timedelta = REST) -> Step:
    """One chunk of putting accounts back; `result`: `moved` and `stayed` count accounts."""
    take_id = UUID(task.parameters["take"])
    lines = session.execute(_LINES, {"task_id": take_id, "word": "moved", "most": CHUNK}).all()
    result = {"moved": 0, "stayed": 0, **task.result}
    if not lines:
        domain_id = UUID(task.parameters["domain_id"])
        _record(session, now, task, Action.DOMAIN_TAKE_UNDONE, domain_id, result["moved"])
        return Step(task.done, True, result)
    moved = _undo_lines(session, now, task, take_id, lines, rest)
    result = {"moved": result["moved"] + moved, "stayed": result["stayed"] + len(lines) - moved}
    return Step(task.done + len(lines), False, result)


def _undo_lines(
    session: Session, now: datetime, task: TaskRow, take_id: UUID, lines: Sequence[Row[Any]], rest: timedelta
) -> int:
    taken = session.execute(_TAKEN, {"id": take_id, "tenant_id": task.tenant_id}).one()
    first, last = taken.created_at, taken.finished_at
    of_account = {line.account_id: line for line in lines}
    parameters = {
        "ids": list(of_account),
        "groups": [line.from_group_id for line in of_account.values()],
        "tenant_id": task.tenant_id,
        "group_id": task.group_id,
        "first": first,
        "last": last,
    }
    moves = {row.id: _back(row, of_account[row.id]) for row in session.execute(_STILL_THERE, parameters)}
    receiving = move(session, now, task.author, task.tenant_id, list(moves.values()), rest)
    lend_again(session, now, list(moves.values()), receiving, first, last)
    words = [
        {"place": line.place, "word": "undone" if line.account_id in moves else "kept"} for line in lines
    ]
    session.execute(_WORDS, {"rows": as_parameter(words), "task_id": take_id})
    return len(moves)


def _back(row: Row[Any], line: Row[Any]) -> Move:
    # limits without a window go on counting there, as if nothing had been
    to = Home(
        line.from_tenant_id, line.from_group_id, line.from_since, line.from_tenant_since, line.from_by_hand
    )
    return Move(row.id, row.address, _home(row), to)
