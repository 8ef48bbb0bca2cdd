"""Domains as their group's page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from messa_platform.tenants import places
from messa_platform.tenants.domains import faults
from messa_platform.tenants.domains.faults import Fault
from messa_platform.tenants.domains.judgement import SUSPEND
from messa_platform.tenants.domains.verify import Claim
from messa_platform.tenants.models import DomainState, Proof
from messa_platform.tenants.places import Place


@dataclass(frozen=True, slots=True)
class DomainRow:
    """A domain of a group. `failing_since` is since when its proof is missing; `check_at` when it is looked at next, None: not by itself."""

    id: UUID
    tenant_id: UUID
    group_id: UUID
    name: str
    state: DomainState
    proof: Proof | None
    token: str
    created_at: datetime
    verified_at: datetime | None
    checked_at: datetime | None
    check_at: datetime | None
    failing_since: datetime | None
    fault: Fault | None

    @property
    def is_failing(self) -> bool:
        """Whether it is verified, and its proof is lost."""
        return self.state is DomainState.VERIFIED and self.failing_since is not None

    @property
    def suspended_at(self) -> datetime | None:
        """When it will be suspended if its proof stays lost."""
        return None if self.failing_since is None else self.failing_since + SUSPEND

    @property
    def can_be_checked(self) -> bool:
        """Whether looking at it can change anything: not what was approved by hand."""
        return self.state is not DomainState.VERIFIED or self.proof in (Proof.DNS, Proof.PARENT)

    def is_due(self, now: datetime) -> bool:
        """Whether it is being looked at, or about to be."""
        return self.check_at is not None and self.check_at <= now

    @property
    def claim(self) -> Claim:
        """Who claims what."""
        return Claim(self.id, self.tenant_id, self.group_id, self.name)


COLUMNS = (
    "d.id, d.tenant_id, d.group_id, d.name, d.state, d.proof, d.token, d.created_at, d.verified_at, d.checked_at, d.check_at,"
    " d.failing_since, d.fault"
)
_LISTED = text(
    f"SELECT {COLUMNS} FROM domain d WHERE d.tenant_id = :tenant_id AND d.group_id = :group_id AND d.name > :after"
    " ORDER BY d.name LIMIT :most"
)
_ONE = text(
    f"SELECT {COLUMNS} FROM domain d WHERE d.tenant_id = :tenant_id AND d.group_id = :group_id AND d.id = :id"
)


def domain_row(row: Row[Any]) -> DomainRow:
    """A row of `COLUMNS`."""
    return DomainRow(
        id=row.id,
        tenant_id=row.tenant_id,
        group_id=row.group_id,
        name=row.name,
        state=DomainState(row.state),
        proof=Proof(row.proof) if row.proof else None,
        token=row.token,
        created_at=row.created_at,
        verified_at=row.verified_at,
        checked_at=row.checked_at,
        check_at=row.check_at,
        failing_since=row.failing_since,
        fault=faults.read(row.fault),
    )


def of_group(session: Session, place: Place, after: str = "", most: int = 100) -> list[DomainRow]:
    """The domains that are tied to this very group, by name; `most` of those behind the name `after`."""
    parameters = {"tenant_id": place.tenant_id, "group_id": place.id, "after": after, "most": most}
    return [domain_row(row) for row in session.execute(_LISTED, parameters)]


def get(session: Session, place: Place, domain_id: UUID) -> DomainRow | None:
    """A domain of this very group."""
    parameters = {"tenant_id": place.tenant_id, "group_id": place.id, "id": domain_id}
    row = session.execute(_ONE, parameters).first()
    return None if row is None else domain_row(row)


_WITHIN = text(
    f"SELECT {COLUMNS} FROM domain d WHERE d.tenant_id = :tenant_id AND d.group_id = ANY(CAST(:group_ids AS uuid[]))"
    " AND (CAST(:after AS uuid) IS NULL OR d.id > :after) ORDER BY d.id LIMIT :most"
)


def within(
    session: Session, tenant_id: UUID, group_ids: Sequence[UUID], after: UUID | None, most: int
) -> list[DomainRow]:
    """The domains of these groups of a tenant, oldest first; `most` of those behind the one with the id `after`."""
    parameters = {"tenant_id": tenant_id, "group_ids": list(group_ids), "after": after, "most": most}
    return [domain_row(row) for row in session.execute(_WITHIN, parameters)]


_GROUP = text("SELECT group_id FROM domain WHERE id = :id AND tenant_id = :tenant_id")


def group_of(session: Session, tenant_id: UUID, domain_id: UUID) -> UUID | None:
    """The group that a domain is tied to; None if the tenant has none of that id."""
    found: UUID | None = session.execute(_GROUP, {"id": domain_id, "tenant_id": tenant_id}).scalar()
    return found


_GROUP_OF = text("SELECT tenant_id, group_id FROM domain WHERE id = :id")
_LOCKED = text(f"SELECT {COLUMNS} FROM domain d WHERE d.id = :id AND d.group_id = :group_id FOR UPDATE")


def hold(platform: Session, domain_id: UUID) -> DomainRow | None:
    """A domain as it stands now, and stays until the transaction ends, as does its group; None if it is given up.

    `platform` sees every tenant. Whoever decides about its name as well locks that first (`verify.lock_name`).
    """
    while (seen := platform.execute(_GROUP_OF, {"id": domain_id}).first()) is not None:
        # the group first, as who removes it does; by then the domain may have gone to another one
        if places.hold(platform, seen.tenant_id, seen.group_id) is not None:
            row = platform.execute(_LOCKED, {"id": domain_id, "group_id": seen.group_id}).first()
            if row is not None:
                return domain_row(row)
    return None


@dataclass(frozen=True, slots=True)
class Inherited:
    """The domains that a group with none of its own has from the nearest group above that has some: `names` the first of `count`."""

    group_id: UUID
    names: tuple[str, ...]
    count: int


_INHERITED = text(
    "SELECT u.id, (SELECT count(*) FROM domain d WHERE d.tenant_id = :tenant_id AND d.group_id = u.id AND d.state = 'verified') AS total,"
    " ARRAY(SELECT d.name FROM domain d WHERE d.tenant_id = :tenant_id AND d.group_id = u.id AND d.state = 'verified'"
    " ORDER BY d.name LIMIT :most) AS names FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS u (id, depth)"
    " WHERE EXISTS (SELECT FROM domain d WHERE d.tenant_id = :tenant_id AND d.group_id = u.id AND d.state = 'verified')"
    " ORDER BY u.depth DESC LIMIT 1"
)


def inherited(session: Session, path: Sequence[Place], most: int = 20) -> Inherited | None:
    """What the last group of `path` has from above if it has no domain of its own (spec D2)."""
    above = [place.id for place in path[:-1]]
    if not above:
        return None
    parameters = {"tenant_id": path[-1].tenant_id, "ids": above, "most": most}
    row = session.execute(_INHERITED, parameters).first()
    return None if row is None else Inherited(row.id, tuple(row.names), row.total)
