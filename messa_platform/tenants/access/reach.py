"""How far a single sign-on provider reaches: no further than the group for which it was set up (spec I3, G10).

Who set it up administered that group and all below. When its domain goes to a group outside of that, it would open accounts that they never
had a say in. So it signs nobody in while its domain is there, until an admin of that group has looked at it and saved it anew.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.tenants.audit import Action, Change

REACHES = (
    'EXISTS (SELECT FROM "group" own JOIN "group" home ON home.tenant_id = own.tenant_id AND home.path <@ own.path'
    " WHERE own.id = p.group_id AND own.tenant_id = p.tenant_id AND home.id = d.group_id)"
)
"""In SQL: whether the provider `p` reaches its domain `d` where that is now."""

_OUT_OF_REACH = text(
    'SELECT d.id, d.name, d.group_id FROM identity_provider p JOIN domain d ON d.id = p.domain_id JOIN "group" g ON g.id = d.group_id'
    " WHERE p.tenant_id = :tenant_id AND d.tenant_id = :tenant_id AND p.enabled AND p.group_id = ANY(CAST(:were AS uuid[]))"
    f" AND (d.id = ANY(CAST(:domains AS uuid[])) OR g.path <@ ANY(CAST(:paths AS ltree[]))) AND NOT {REACHES} ORDER BY d.name"
)


def paused(
    session: Session,
    tenant_id: UUID,
    were: Collection[UUID],
    *,
    domains: Sequence[UUID] = (),
    paths: Sequence[str] = (),
) -> list[Change]:
    """What to write down of the providers that reach their domains no longer, to be asked after the move: of these `domains`, or those of
    the groups from `paths` down. `were` are the ids of the groups in whose trees all of them were before."""
    asked = {"tenant_id": tenant_id, "were": list(were), "domains": list(domains), "paths": list(paths)}
    return [
        Change(
            tenant_id, row.group_id, Action.SIGN_ON_PAUSED, row.name, row.id, after={"why": "domain_moved"}
        )
        for row in session.execute(_OUT_OF_REACH, asked)
    ]
