"""Who reads what is written about a group: its admins, or those of the nearest group above it that has any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.tenants.places import ways


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who gets a mail. `page`: the segments of the address of the group's page that the mail is about."""

    address: str
    language: str
    tenant_id: UUID
    page: tuple[str, ...]


_READERS = text(
    "SELECT group_id, address, language, slug FROM (SELECT g.id AS group_id, a.address, coalesce(a.language, t.language) AS language, t.slug,"
    ' rank() OVER (PARTITION BY g.id ORDER BY nlevel(above.path) DESC) AS nearness FROM "group" g'
    ' JOIN "group" above ON above.path @> g.path AND above.tenant_id = g.tenant_id JOIN tenant t ON t.id = g.tenant_id'
    " JOIN group_admin ga ON ga.group_id = above.id AND ga.tenant_id = g.tenant_id"
    " JOIN account a ON a.id = ga.account_id AND a.tenant_id = g.tenant_id AND a.removed_at IS NULL AND NOT a.blocked"
    " WHERE g.id = ANY(CAST(:ids AS uuid[])) AND g.tenant_id = :tenant_id) found WHERE nearness = 1 ORDER BY group_id, address"
)


def readers(
    session: Session, tenant_id: UUID, group_ids: Sequence[UUID], view: str
) -> dict[UUID, list[Reader]]:
    """For each of the tenant's groups its readers, of whom there may be none; `view` is the name of the page."""
    rows = session.execute(_READERS, {"ids": list(group_ids), "tenant_id": tenant_id}).all()
    slugs = {i: way.slugs[1:] for i, way in ways(session, tenant_id, group_ids).items()} if rows else {}
    found: dict[UUID, list[Reader]] = {}
    for row in rows:
        page = ("t", row.slug, *slugs[row.group_id], view)
        found.setdefault(row.group_id, []).append(Reader(row.address, row.language, tenant_id, page))
    return found
