"""`/operator/audit`: what the operators did, in every organisation, and what was done to the platform itself (spec O1, G12).

What the admins of an organisation did stands in its own log, which the operator reads on the organisation's admin pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.request import Request
from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from messa_platform.portal.admin.audit_words import Told, told
from messa_platform.portal.forms import asked
from messa_platform.portal.operator.frame import page
from messa_platform.portal.operator.resources import OperatorResource
from messa_platform.portal.pages import url
from messa_platform.tenants import tenants
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import Action
from messa_platform.tenants.audit_view import Entry, Named, Standing, Who

PAGE = 50
"""Entries at a time."""


@dataclass(frozen=True, slots=True)
class Line:
    """An entry in words. `slug` and `organisation` say in whose log it stands, "" for that of the platform itself."""

    id: UUID
    at: datetime
    told: Told
    slug: str
    organisation: str


_COLUMNS = (
    "e.id, e.at, e.actor, e.actor_address, e.group_id, e.action, e.subject, e.before, e.after,"
    " coalesce(t.slug, '') AS slug, coalesce(t.name, '') AS organisation FROM audit_entry e LEFT JOIN tenant t ON t.id = e.tenant_id"
)
_OURS = "(e.actor = 'operator' OR e.tenant_id IS NULL)"
_ENTRIES = text(f"SELECT {_COLUMNS} WHERE {_OURS} AND e.id < :before ORDER BY e.id DESC LIMIT :most")
_OF_TENANT = text(
    f"SELECT {_COLUMNS} WHERE {_OURS} AND e.tenant_id = :tenant_id AND e.id < :before ORDER BY e.id DESC LIMIT :most"
)
_LATEST = text(
    f"SELECT {_COLUMNS} WHERE e.tenant_id = :tenant_id AND e.subject_id = :tenant_id AND e.action = :action ORDER BY e.id DESC LIMIT 1"
)
_GROUPS = text(
    'SELECT id, name, removed_at IS NOT NULL AS is_gone FROM "group" WHERE id = ANY(CAST(:ids AS uuid[]))'
)
_NEWEST = UUID(int=2**128 - 1)


def _ids(values: Iterable[Any]) -> Iterable[UUID]:
    """The groups that stand by their ids in what was before and after."""
    for value in values:
        for inner in value.values() if isinstance(value, dict) else ():
            if (found := _as_id(inner)) is not None:
                yield found


def _as_id(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) and len(value) == 36 else None
    except ValueError:
        return None


def _resolved(value: Any, named: Mapping[UUID, Named]) -> Any:
    if not isinstance(value, dict):
        return value
    found = {name: named.get(identifier) for name, inner in value.items() if (identifier := _as_id(inner))}
    return {name: found.get(name) or inner for name, inner in value.items()}


def _lines(request: Request, session: Session, rows: Sequence[Row[Any]]) -> list[Line]:
    ids = {row.group_id for row in rows if row.group_id is not None}
    ids |= set(_ids(value for row in rows for value in (row.before, row.after)))
    named = {
        row.id: Named(Standing.SEEN, row.name, row.is_gone)
        for row in session.execute(_GROUPS, {"ids": list(ids)})
    }
    return [
        Line(row.id, row.at, told(request.speech, _entry(row, named)), row.slug, row.organisation)
        for row in rows
    ]


def _entry(row: Row[Any], named: Mapping[UUID, Named]) -> Entry:
    return Entry(
        id=row.id,
        at=row.at,
        # nobody is hidden from the operator: whoever has an address is told by it
        who=Who.ADMIN if row.actor_address else Who(Actor(row.actor).value),
        address=row.actor_address,
        group=named.get(row.group_id, Named(Standing.SEEN)),
        action=row.action,
        subject=row.subject,
        before=_resolved(row.before, named),
        after=_resolved(row.after, named),
    )


def last_change(request: Request, tenant_id: UUID) -> Line | None:
    """Who last changed an organisation as such, and how: for whoever wanted to change it meanwhile."""
    session = request.platform_db
    parameters = {"tenant_id": tenant_id, "action": Action.TENANT_CHANGED.value}
    return next(iter(_lines(request, session, session.execute(_LATEST, parameters).all())), None)


def show(request: Request) -> Mapping[str, Any]:
    """The log, the newest first; of one organisation, if its address is asked for."""
    session, slug = request.platform_db, asked(request, "organisation").replace("\x00", "")
    tenant_id = tenants.id_of(session, slug) if slug else None
    parameters = {"before": _as_id(asked(request, "before")) or _NEWEST, "most": PAGE + 1}
    if tenant_id is None:
        rows = session.execute(_ENTRIES, parameters).all()
    else:
        rows = session.execute(_OF_TENANT, {**parameters, "tenant_id": tenant_id}).all()
    more = ""
    if len(rows) > PAGE:
        more = url(
            request, "operator", "audit", before=rows[PAGE - 1].id, organisation=slug if tenant_id else ""
        )
    lines = _lines(request, session, rows[:PAGE])
    return page(request, "audit", lines=lines, more=more, slug=slug if tenant_id else "")


def includeme(config: Configurator) -> None:
    """Mount it."""
    config.add_operator_view(show, OperatorResource, "audit", "audit")
