"""What a way names, for those to whom it is told: channels and routes by their ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class NamedChannel:
    """A channel; `is_own`: it is the tenant's, not the platform's."""

    name: str
    is_own: bool


_CHANNELS = text(
    "SELECT id, name, tenant_id IS NOT NULL AS is_own FROM channel"
    " WHERE id = ANY(CAST(:ids AS uuid[])) AND (tenant_id IS NULL OR tenant_id = :tenant)"
)


def named(session: Session, tenant_id: UUID, channel_ids: Iterable[UUID]) -> Mapping[UUID, NamedChannel]:
    """The channels, by their ids, as far as they are there and the platform's or this tenant's."""
    rows = session.execute(_CHANNELS, {"ids": list(set(channel_ids)), "tenant": tenant_id})
    return {row.id: NamedChannel(row.name, row.is_own) for row in rows}


@dataclass(frozen=True, slots=True)
class ChannelOf:
    """A channel that a route may name."""

    id: UUID
    name: str
    is_own: bool
    enabled: bool


_OF = text(
    "SELECT id, name, tenant_id IS NOT NULL AS is_own, enabled FROM channel"
    " WHERE removed_at IS NULL AND (tenant_id IS NULL OR tenant_id = :tenant)"
    " ORDER BY tenant_id IS NULL, priority, id"
)


def channels_for(session: Session, tenant_id: UUID | None) -> list[ChannelOf]:
    """The channels that a route of a tenant may name, its own first; None: of all tenants."""
    rows = session.execute(_OF, {"tenant": tenant_id})
    return [ChannelOf(row.id, row.name, row.is_own, row.enabled) for row in rows]
