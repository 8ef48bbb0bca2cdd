"""`/v2/usage`: how much was sent and received, by day and group and otherwise (spec V5)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.api_v2 import usage_shapes as shapes
from messa_platform.api_v2.moments import now
from messa_platform.api_v2.operations import Answer, Asked, Operation, Succeeds
from messa_platform.api_v2.pages import limit_of
from messa_platform.api_v2.problems import Fault, Problem, Wrong
from messa_platform.api_v2.reach import place_within
from messa_platform.api_v2.resources import Collection
from messa_platform.core.clock import stockholm_day
from messa_platform.messaging.log.asked import scope_of
from messa_platform.messaging.log.usage import By, Use, Wanted, usage
from messa_platform.messaging.statuses import Direction, Status
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
    by = _by(query)
    first, last = _time(query, stockholm_day(now(request)), by)
    group_id = UUID(query["group_id"]) if "group_id" in query else None
    wanted = Wanted(scope_of(request.db, place_within(request, group_id)), first, last, by)
    after = _read_cursor(query, wanted)
    found = usage(request.db, wanted, after, most + 1)
    more = len(found) > most
    items = [_told(use, by) for use in found[:most]]
    return Answer({"items": items, "next": _cursor(wanted.key(found[most - 1])) if more else None})


def _by(query: Mapping[str, str]) -> frozenset[By]:
    words = [By(word) for word in query.get("by", shapes.USUAL_BY).split(",")]
    if len(set(words)) < len(words):
        raise _wrong("by", "repeated", "names something twice")
    if {By.DAY, By.MONTH} <= set(words):
        raise _wrong("by", "excludes", "names days and months; one of them tells when")
    return frozenset(words)


def _time(query: Mapping[str, str], today: date, by: frozenset[By]) -> tuple[date, date]:
    """The days asked for, as far as there can be anything. Raises `Wrong` if they are too many."""
    until = date.fromisoformat(query["until"]) if "until" in query else today
    usual = date.fromordinal(max(1, until.toordinal() - USUAL_DAYS + 1))
    since = date.fromisoformat(query["since"]) if "since" in query else usual
    days, most = (until - since).days + 1, MOST_DAYS if By.DAY in by else LONGEST
    if days < 1:
        raise _wrong("until", "too_small", f"must not be before since, {since}")
    if days > most:
        said = f"lies {days} days before the end; there can be {most} at once"
        raise _wrong("since", "too_long", f"{said}, and more by month" if By.DAY in by else said)
    last = min(until, today + timedelta(days=1))
    return max(since, BEGINNING), last


def _wrong(name: str, code: str, said: str) -> Wrong:
    return Wrong(Problem.INVALID_PARAMETERS, faults=[Fault(f"?{name}", code, said)])


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


_READ: Mapping[str, Callable[[Any], Any]] = {
    "day": date.fromisoformat,
    "group_id": UUID,
    "direction": Direction,
    "status": Status,
}


def _cursor(key: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([str(value) for value in key]).encode()).decode().rstrip("=")


def _read_cursor(query: Mapping[str, str], wanted: Wanted) -> list[Any] | None:
    """Behind what the page begins. Raises `Wrong` if it is none of ours, or of another way of telling apart."""
    if "cursor" not in query:
        return None
    try:
        words = json.loads(base64.urlsafe_b64decode(query["cursor"] + "=="))
        return [_READ[name](word) for name, word in zip(wanted.columns, words, strict=True)]
    except (ValueError, TypeError, AttributeError, RecursionError):
        said = "is no cursor of this; take `next` of the page before as it is, with the same `by`"
        raise _wrong("cursor", "invalid", said) from None


LIST = Operation(
    "listUsage", "GET", "/v2/usage", "Usage",
    "How many messages there were, and how many parts were charged, of the key's group and those below it, as they stand today. Days are"
    " Stockholm's, and a message counts on the day on which we got it, in the group that it was sent from.",
    "Usage", Scope.USAGE_READ, (Succeeds(200, "A page of it.", shapes.USAGE),), parameters=shapes.PARAMETERS, problems=(Problem.NOT_FOUND,),
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Mount the resource."""
    config.add_collection("usage", AllUsage)
    config.add_operation(LIST, listed, AllUsage)
