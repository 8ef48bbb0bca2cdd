"""By which channel a text leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from messa_platform.core.pipeline import Pipeline
from messa_platform.tenants.senders import Whose

_ROUTES = (
    "SELECT t.id AS tenant_id, (SELECT c.id FROM channel c WHERE c.enabled AND (c.tenant_id = t.id OR c.tenant_id IS NULL)"
    " ORDER BY c.breaker = 'open', c.tenant_id IS NULL, c.priority, c.id LIMIT 1) AS channel_id FROM {} AS t (id)"
)
_OF_TENANTS = text(_ROUTES.format("unnest(CAST(:ids AS uuid[]))"))


def routes(session: Session, tenant_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """The channel of each tenant: its own first, then the platform's, by priority, and those last that do not work just now; a tenant without
    any is left out."""
    rows = session.execute(_OF_TENANTS, {"ids": sorted(set(tenant_ids))})
    return {row.tenant_id: row.channel_id for row in rows if row.channel_id is not None}


def ask_routes(pipeline: Pipeline, whose: Whose) -> Callable[[], Mapping[UUID, UUID | None]]:
    """The channel of each tenant of these accounts, None where there is none; once the pipeline was sent."""
    reply = pipeline.ask(_of_accounts(whose.condition), whose.parameters)
    return lambda: {row.tenant_id: row.channel_id for row in reply.rows}


@cache
def _of_accounts(condition: str) -> TextClause:
    return text(_ROUTES.format(f"(SELECT DISTINCT a.tenant_id FROM account a WHERE {condition})"))
