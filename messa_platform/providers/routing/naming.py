"""Which routes would miss a channel."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.providers.channels import PLATFORM, Owner


@dataclass(frozen=True, slots=True)
class Naming:
    """How many routes name a channel, and how many of these have no other that is there."""

    routes: int
    alone: int


# a tenant's channel is named by its routes only, one of the platform's by anybody's
_NAMING = text(
    "SELECT count(*) AS routes, count(*) FILTER (WHERE NOT EXISTS (SELECT FROM channel c WHERE c.id = ANY(r.channel_ids) AND c.id <> :id"
    " AND c.removed_at IS NULL)) AS alone FROM route r"
    " WHERE :id = ANY(r.channel_ids) AND (CAST(:tenant_id AS uuid) IS NULL OR r.tenant_id = :tenant_id)"
)


def naming(session: Session, channel_id: UUID, owner: Owner = PLATFORM) -> Naming:
    """The routes that name a channel of the owner's."""
    row = session.execute(_NAMING, {"id": channel_id, "tenant_id": owner.tenant_id}).one()
    return Naming(row.routes, row.alone)
