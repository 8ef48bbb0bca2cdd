"""`/v2/usage`: how much was sent and received, by day and group and otherwise (spec V5)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.api_v2 import usage_shapes as shapes
from messa_platform.api_v2.moments import now
from messa_platform.api_v2.operations import Answer, Asked, Operation, Succeeds
from messa_platform.api_v2.pages import cut, limit_of
from messa_platform.api_v2.problems import Fault, Problem, Wrong
from messa_platform.api_v2.reach import place_named
from messa_platform.api_v2.resources import Collection
from messa_platform.core.clock import stockholm_day
from messa_platform.messaging.log.asked import scope_of
from messa_platform.messaging.log.usage import By, Use, Wanted, usage
from messa_platform.messaging.statuses import Direction
from messa_platform.tenants.api_users.models import Scope

MOST_DAYS = 400
"""That are told apart at once."""
LONGEST = 3660
"""Days at the most, however they are told: ten years."""
USUAL_DAYS = 30
BEGINNING = date(2020, 1, 1)
"""There is nothing before it."""


class AllUsage(Collection):
    """`/v2/usage`."""


def listed(_context: AllUsage, request: Request, asked: Asked) -> Answer:
    """A page of it."""
    query, most = asked.query, limit_of(asked.query)
    by = frozenset(By(word) for word in query.get("by", shapes.USUAL_BY).split(","))
    since, until = _time(query, stockholm_day(now(request)), by)
    wanted = Wanted(scope_of(request.db, place_named(request, query)), since, until, by)
    after = _read_cursor(query, wanted)
    found = usage(request.db, wanted, after, most + 1)
    shown, last = cut(found, most)
    return Answer({"items": [_told(use, by) for use in shown], "next": _cursor(last) if last else None})


def _time(query: Mapping[str, str], today: date, by: frozenset[By]) -> tuple[date, date]:
    """The days asked for, as far as there can be anything. Raises `Wrong` if they are too many."""
    until = date.fromisoformat(query["until"]) if "until" in query else today
    usual = date.fromordinal(max(1, until.toordinal() - USUAL_DAYS + 1))
    since = date.fromisoformat(query["since"]) if "since" in query else usual
    days, most = (until - since).days + 1, MOST_DAYS if By.DAY in by else LONGEST
    if days > most:
        more = "; without day, there can be more" if By.DAY in by else ""
        said = f"lies {days} days before the end, both included; there can be {most} at once{more}"
        raise Wrong(Problem.TOO_LONG, faults=[Fault("?since", "too_long", said)])
    return max(since, BEGINNING), min(until, today + timedelta(days=1))


def _told(use: Use, by: frozenset[By]) -> dict[str, Any]:
    return {
        "day": use.day.isoformat() if use.day and By.DAY in by else None,
        "month": use.day.isoformat()[:7] if use.day and By.MONTH in by else None,
        "group_id": str(use.group_id) if use.group_id else None,
        "group": use.group,
        "direction": use.direction,
        "status": use.status,
        "messages": use.messages,
        "parts": use.parts,
    }


def _cursor(use: Use) -> str:
    """Behind a use, whatever it is told apart by; what it is not has a word that means nothing."""
    day = use.day.toordinal() if use.day else 0
    group, direction = use.group_id or UUID(int=0), use.direction or Direction.IN
    return f"{day:06}-{group.hex}-{direction}-{use.status or '_'}"


def _read_cursor(query: Mapping[str, str], wanted: Wanted) -> list[Any] | None:
    """Behind what the page begins. It opens nothing: what a page may hold is asked anew each time."""
    if "cursor" not in query:
        return None
    day, group, direction, status = query["cursor"].split("-")
    read = {
        "day": date.fromordinal(max(1, int(day))),
        "group_id": UUID(group),
        "direction": direction,
        "status": status,
    }
    return [read[column] for column in wanted.columns]


LIST = Operation(
    "listUsage", "GET", "/v2/usage", "Usage",
    "How many messages there were, and how many parts were charged, of the key's group and those below it, as they stand today. Days are"
    " Stockholm's, and a message counts on the day on which we got it, in the group that it was sent from.",
    "Usage", Scope.USAGE_READ, (Succeeds(200, "A page of it.", shapes.USAGE),), parameters=shapes.PARAMETERS,
    problems=(Problem.NOT_FOUND, Problem.TOO_LONG),
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Mount the resource."""
    config.add_collection("usage", AllUsage)
    config.add_operation(LIST, listed, AllUsage)
