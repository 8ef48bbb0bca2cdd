"""`/v2/domains/<id>/moves`: accounts on their way to a domain's group, taken along, and let go back within a day (spec D4)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.api_v2 import domain_shapes as shapes
from messa_platform.api_v2.domains import OneDomain, place_of_domain, row_of
from messa_platform.api_v2.moments import moment_of, now
from messa_platform.api_v2.operations import Answer, Asked, Operation, Succeeds
from messa_platform.api_v2.problems import Problem, Wrong
from messa_platform.api_v2.reach import author
from messa_platform.tenants import tasks
from messa_platform.tenants.api_users.models import Scope
from messa_platform.tenants.domains import take
from messa_platform.tenants.domains.take import Takes
from messa_platform.tenants.models import DomainState
from messa_platform.tenants.tasks import TaskRow


def listed(context: OneDomain, request: Request, _asked: Asked) -> Answer:
    """What is being moved, and what was, for as long as it can be undone."""
    row = row_of(request, place_of_domain(request, context.id), context.id)
    at = now(request)
    seen = take.of_domain(request.db, at, row.claim)
    return Answer({"items": [_told(seen, task, at) for task in seen.takes], "next": None})


def take_along(context: OneDomain, request: Request, _asked: Asked) -> Answer:
    """Let also those come that an admin has placed elsewhere by hand."""
    row = row_of(request, place_of_domain(request, context.id), context.id)
    if row.state is not DomainState.VERIFIED:
        raise Wrong(Problem.CONFLICT, f"The domain is {row.state.value}: nobody moves before it is verified.")
    begun = take.take_along(request.db, request.platform_db, now(request), author(request), row.claim)
    if begun is None:
        raise Wrong(Problem.NOT_FOUND)
    _wake(request)
    return Answer({"id": str(begun.task_id), "total": begun.moving}, 202)


def undo(context: OneDomain, request: Request, asked: Asked) -> Answer:
    """Let everybody of a move go back to where they were."""
    at = place_of_domain(request, context.id)
    row, move_id = row_of(request, at, context.id), UUID(asked.body["move_id"])
    known = take.of_domain(request.db, now(request), row.claim)
    found = next((task for task in known.takes if task.id == move_id), None)
    begun = found and take.start_undo(request.db, now(request), author(request), at, move_id)
    if found is None or begun is None:
        raise Wrong(
            Problem.CONFLICT, "That can no longer be undone, or is being undone already, or is no such move."
        )
    _wake(request)
    return Answer({"id": str(begun), "total": found.result["moved"]}, 202)


def _wake(request: Request) -> None:
    request.registry["messa.runtime"].waker.wake_after_commit(request.db, tasks.ACTOR)


def _told(seen: Takes, task: TaskRow, at: datetime) -> dict[str, Any]:
    until = task.finished_at + take.UNDO if task.finished_at and seen.can_undo(task, at) else None
    return {
        "id": str(task.id),
        "total": task.total,
        "done": task.done,
        "moved": task.result.get("moved", 0),
        "stayed": task.result.get("stayed", 0),
        "started_at": moment_of(task.created_at),
        "finished_at": moment_of(task.finished_at),
        "undo_until": moment_of(until),
        "is_undone": task.id in seen.undone,
    }


_TAG = "Domains"
_GONE = (Problem.NOT_FOUND,)
LIST = Operation(
    "listDomainMoves", "GET", "/v2/domains/{id}/moves", "See a domain's accounts move",
    "What is on its way to the domain's group, and what came within the last day, the newest first.",
    _TAG, Scope.DOMAINS_READ, (Succeeds(200, "All of them.", shapes.MOVES),), problems=_GONE,
)  # fmt: skip
ALONG = Operation(
    "takeAlong", "POST", "/v2/domains/{id}/take-along", "Take along those placed by hand",
    "Lets also those accounts of a verified domain come to its group that an admin of the organisation has placed elsewhere by hand.",
    _TAG, Scope.DOMAINS_WRITE, (Succeeds(202, "The move, on its way.", shapes.BEGUN),), problems=(Problem.CONFLICT, *_GONE),
)  # fmt: skip
UNDO = Operation(
    "undoDomainMove", "POST", "/v2/domains/{id}/undo-move", "Let a domain's accounts go back",
    "Within a day of its end, everybody of a move goes back to where they were, but for whoever was moved again or removed since.",
    _TAG, Scope.DOMAINS_WRITE, (Succeeds(202, "The way back, begun.", shapes.BEGUN),), body=shapes.UNDO,
    problems=(Problem.CONFLICT, *_GONE),
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Mount the resource."""
    config.add_operation(LIST, listed, OneDomain, "moves")
    config.add_operation(ALONG, take_along, OneDomain, "take-along")
    config.add_operation(UNDO, undo, OneDomain, "undo-move")
