"""`/v2/audit`: who changed what in the key's group and below, as far as the key may know (spec G12)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.api_v2 import audit_shapes as shapes
from messa_platform.api_v2.identity import caller
from messa_platform.api_v2.moments import moment_of
from messa_platform.api_v2.operations import Answer, Asked, Operation, Succeeds
from messa_platform.api_v2.pages import cursor_of, limit_of, read_cursor
from messa_platform.api_v2.problems import Problem
from messa_platform.api_v2.reach import place, place_named
from messa_platform.api_v2.resources import Collection
from messa_platform.api_v2.shapes import moment
from messa_platform.tenants import audit_view
from messa_platform.tenants.api_users.models import Scope
from messa_platform.tenants.audit import Action
from messa_platform.tenants.audit_view import Entry, Named, Reader, Standing


class Audit(Collection):
    """`/v2/audit`."""


def listed(_context: Audit, request: Request, asked: Asked) -> Answer:
    """Entries of the log, the newest first."""
    query = asked.query
    at = place_named(request, query)
    reader = Reader(place(request), caller(request).account_id)
    found, older = audit_view.entries(
        request.db, reader, _search(at, query), read_cursor(query), limit_of(query)
    )
    return Answer({"items": [_told(e) for e in found], "next": cursor_of(older) if older else None})


def _search(at: Any, query: Mapping[str, str]) -> audit_view.Asked:
    return audit_view.Asked(
        place=at,
        with_subgroups=query.get("subgroups") != "false",
        actions=frozenset({Action(query["action"])} if "action" in query else ()),
        words=query.get("words", ""),
        since=moment(query["since"]) if "since" in query else None,
        until=moment(query["until"]) if "until" in query else None,
    )


def _told(entry: Entry) -> dict[str, Any]:
    return {
        "id": str(entry.id),
        "at": moment_of(entry.at),
        "actor": entry.who.value,
        "actor_name": entry.address or None,
        "group": _named(entry.group),
        "action": entry.action,
        "subject": None if isinstance(entry.subject, Named) else entry.subject,
        "before": _plain(entry.before),
        "after": _plain(entry.after),
    }


def _plain(value: Any) -> Any:
    """What was, or is, in JSON's own kinds; groups as far as they are told."""
    match value:
        case Named():
            return _named(value)
        case dict():
            return {name: _plain(inner) for name, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
    return value


def _named(group: Named) -> dict[str, Any]:
    is_seen = group.standing is Standing.SEEN and group.id is not None
    return {
        "standing": group.standing.value,
        "id": str(group.id) if is_seen else None,
        "name": group.name if is_seen else None,
        "is_removed": group.is_gone,
    }


LIST = Operation(
    "listAuditEntries", "GET", "/v2/audit", "Read the audit log",
    "Who changed what, when, from what to what, in the key's group and those below it, the newest first. Of groups and people above and beside"
    " nothing is told but that there are some.",
    "Audit log", Scope.AUDIT_READ, (Succeeds(200, "A page of entries.", shapes.ENTRIES),), problems=(Problem.NOT_FOUND,),
    parameters=shapes.PARAMETERS,
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Mount the resource."""
    config.add_collection("audit", Audit)
    config.add_operation(LIST, listed, Audit)
