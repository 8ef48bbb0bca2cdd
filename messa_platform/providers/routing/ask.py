"""What routing goes by, as the database has it: a statement for any number of tenants, among what else travels with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from messa_platform.core.clock import stockholm_day
from messa_platform.core.pipeline import Pipeline
from messa_platform.providers.prices import kept
from messa_platform.providers.prices.table import PriceTable
from messa_platform.providers.routing.choose import Candidate, Router
from messa_platform.providers.routing.rules import rules
from messa_platform.tenants.senders import Whose


@dataclass(frozen=True, slots=True)
class Ways:
    """The channels of a tenant in the order of priority, its own first; and the stamp of the routes and price lists that hold."""

    channels: tuple[Candidate, ...]
    stamp: UUID | None


NO_WAYS = Ways((), None)

_WAYS = (
    "SELECT t.id AS tenant_id, (SELECT stamp FROM routing_stamp) AS stamp, c.id, c.tenant_id IS NOT NULL AS is_own, c.enabled,"
    " c.breaker = 'open' AS is_open, c.capabilities, c.countries FROM {} AS t (id)"
    " LEFT JOIN channel c ON c.removed_at IS NULL AND (c.tenant_id = t.id OR c.tenant_id IS NULL)"
    " ORDER BY c.tenant_id IS NULL, c.priority, c.id"
)
_OF_TENANTS = text(_WAYS.format("unnest(CAST(:ids AS uuid[]))"))


def ask_ways(pipeline: Pipeline, whose: Whose) -> Callable[[], Mapping[UUID, Ways]]:
    """The ways of each tenant of these accounts, once the pipeline was sent."""
    reply = pipeline.ask(_of_accounts(whose.condition), whose.parameters)
    return lambda: _by_tenant(reply.rows)


@cache
def _of_accounts(condition: str) -> TextClause:
    return text(_WAYS.format(f"(SELECT DISTINCT a.tenant_id FROM account a WHERE {condition})"))


def _by_tenant(rows: Iterable[Any]) -> dict[UUID, Ways]:
    channels: dict[UUID, list[Candidate]] = {}
    stamp = None
    for row in rows:
        of_tenant = channels.setdefault(row.tenant_id, [])
        stamp = row.stamp
        if row.id is not None:
            of_tenant.append(_candidate(row))
    return {tenant_id: Ways(tuple(of_tenant), stamp) for tenant_id, of_tenant in channels.items()}


def _candidate(row: Any) -> Candidate:
    can = None if row.capabilities is None else frozenset(row.capabilities)
    return Candidate(row.id, row.is_own, row.enabled, row.is_open, can, frozenset(row.countries or ()))


def router(session: Session, now: datetime, tenant_id: UUID, ways: Ways) -> Router:
    """Who decides for a tenant's texts at `now`. The database is asked for what this process has not read yet."""
    held = rules(session, ways.stamp)
    there = {channel.id for channel in ways.channels}
    costs = held.costs_on(stockholm_day(now))
    prices = {i: kept.table(session, version) for i, version in costs.items() if i in there}
    return Router(ways.channels, held.of_tenant(tenant_id), prices)


def routers(session: Session, now: datetime, tenant_ids: Iterable[UUID]) -> dict[UUID, Router]:
    """Who decides for the texts of each of these tenants."""
    found = _by_tenant(session.execute(_OF_TENANTS, {"ids": sorted(set(tenant_ids))}))
    return {tenant_id: router(session, now, tenant_id, ways) for tenant_id, ways in found.items()}


def sale_prices(session: Session, now: datetime, ways: Ways) -> PriceTable | None:
    """What we charge at `now` by the standard sale list; None where there is none."""
    version = kept.in_force(rules(session, ways.stamp).sale, stockholm_day(now))
    return None if version is None else kept.table(session, version)
