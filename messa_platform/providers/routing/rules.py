"""The table of routes, and which versions of price lists there are: what routing goes by beside the channels themselves.

A process keeps it by its *stamp*, which each change replaces, so that a submission reads the stamp and nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from messa_platform.core.pipeline import Pipeline
from messa_platform.providers.prices.kept import Dated, Kept, in_force


class SenderKind(StrEnum):
    """What a text goes out as."""

    NUMBER = "number"
    NAME = "name"


def kind_of(sender_id: str) -> SenderKind:
    """Whether a sender id is a number or a name; names are not digits alone (spec G9)."""
    return SenderKind.NUMBER if sender_id.removeprefix("+").isdigit() else SenderKind.NAME


@dataclass(frozen=True, slots=True)
class Route:
    """By which channels some texts leave, and by no others: see `models.RouteRow`."""

    id: UUID
    tenant_id: UUID | None
    prefix: str
    sender_kind: SenderKind | None
    needs: tuple[str, ...]
    channel_ids: tuple[UUID, ...]
    is_cheapest: bool

    def fits(self, digits: str, kind: SenderKind) -> bool:
        """Whether a text to a number (digits of E.164) as such a sender goes by it."""
        return self.sender_kind in (None, kind) and digits.startswith(self.prefix)

    @property
    def rank(self) -> tuple[bool, int, bool]:
        """Which of several that fit decides, the least: a tenant's own, then the longest prefix, then the one for that kind of sender."""
        return self.tenant_id is None, -len(self.prefix), self.sender_kind is None


@dataclass(frozen=True, slots=True)
class Rules:
    """`for_all` are the routes of all tenants, `for_one` those of one, each in the order of their ranks. `costs` are the versions of the
    channels' lists, `sale` those of the standard sale list."""

    for_all: tuple[Route, ...] = ()
    for_one: Mapping[UUID, tuple[Route, ...]] = field(default_factory=dict)
    costs: Mapping[UUID, tuple[Dated, ...]] = field(default_factory=dict)
    sale: tuple[Dated, ...] = ()

    def of_tenant(self, tenant_id: UUID) -> tuple[Route, ...]:
        """The routes that a tenant's texts may go by, in the order of their ranks: its own come first."""
        return (*self.for_one.get(tenant_id, ()), *self.for_all)

    def costs_on(self, day: date) -> dict[UUID, UUID]:
        """The version of each channel's list that holds on a day; a channel without one is left out."""
        found = {channel_id: in_force(versions, day) for channel_id, versions in self.costs.items()}
        return {channel_id: version for channel_id, version in found.items() if version is not None}


NO_RULES = Rules()

_ROUTES = text("SELECT id, tenant_id, prefix, sender_kind, needs, channel_ids, is_cheapest FROM route")
_VERSIONS = text(
    "SELECT l.channel_id, v.valid_from, v.id FROM price_list l JOIN price_version v ON v.list_id = l.id"
    " WHERE l.channel_id IS NOT NULL OR l.is_standard"
)
_MOST_KEPT = 8
_kept: Kept[Rules] = Kept(_MOST_KEPT)


def rules(session: Session, stamp: UUID | None) -> Rules:
    """What holds since the stamp, or what has replaced it meanwhile; read the first time only. None: nothing was ever set."""
    return NO_RULES if stamp is None else _kept.get(stamp, lambda: _read(session))


def _read(session: Session) -> Rules:
    pipeline = Pipeline(session)
    routes, versions = pipeline.ask(_ROUTES, {}), pipeline.ask(_VERSIONS, {})
    pipeline.send()
    costs: dict[UUID, list[Dated]] = {}
    sale = []
    for row in versions.rows:
        dated = Dated(row.valid_from, row.id)
        if row.channel_id is None:
            sale.append(dated)
        else:
            costs.setdefault(row.channel_id, []).append(dated)
    for_all, for_one = _by_tenant(route_of(row) for row in routes.rows)
    return Rules(for_all, for_one, {channel_id: tuple(of) for channel_id, of in costs.items()}, tuple(sale))


def in_order(routes: Iterable[Route]) -> list[Route]:
    """Routes in the order in which they are asked whether they fit."""
    return sorted(routes, key=lambda route: (route.rank, route.id))


def _by_tenant(routes: Iterable[Route]) -> tuple[tuple[Route, ...], dict[UUID, tuple[Route, ...]]]:
    """Those of all tenants, and those of each, in order: tenants have many, and a text looks at those of its own only."""
    found: dict[UUID | None, list[Route]] = {None: []}
    for route in routes:
        found.setdefault(route.tenant_id, []).append(route)
    for_all = tuple(in_order(found.pop(None)))
    return for_all, {tenant_id: tuple(in_order(of)) for tenant_id, of in found.items() if tenant_id}


def route_of(row: Row[Any]) -> Route:
    """A route by its row."""
    kind = None if row.sender_kind is None else SenderKind(row.sender_kind)
    return Route(
        row.id,
        row.tenant_id,
        row.prefix,
        kind,
        tuple(row.needs),
        tuple(row.channel_ids),
        row.is_cheapest,
    )
