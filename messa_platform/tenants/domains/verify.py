"""A domain becomes its tenant's, or is no longer: the one place where that is decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from messa_platform.core.logs import logger
from messa_platform.tenants import tasks
from messa_platform.tenants.accounts import parents
from messa_platform.tenants.admin_models import TaskKind
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.domains.preview import preview
from messa_platform.tenants.models import Proof
from messa_platform.tenants.places import place_of

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A tenant's wish to have a name for one of its groups."""

    id: UUID
    tenant_id: UUID
    group_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Verified:
    """The domain is the group's. The task `task_id` moves `moving` accounts there; wake `tasks.ACTOR` after the commit."""

    task_id: UUID
    moving: int


@dataclass(frozen=True, slots=True)
class Held:
    """Another tenant has it."""

    tenant_id: UUID
    domain_id: UUID
    organisation: str


# Two tenants may prove a name at the same moment; the second then sees what the first has done.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('messa.domain:' || :name, 0))")
_HOLDER = text(
    "SELECT d.id, d.tenant_id, t.name AS organisation FROM domain d JOIN tenant t ON t.id = d.tenant_id"
    " WHERE d.name = :name AND d.state = 'verified' AND d.tenant_id <> :tenant_id"
)
_VERIFY = text(
    "UPDATE domain SET state = 'verified', verified_at = :now, proof = :proof, checked_at = :now, check_at = :check_at,"
    " failing_since = NULL, fault = NULL, told_at = NULL WHERE id = :id AND tenant_id = :tenant_id"
)


def verify(
    session: Session,
    platform: Session,
    now: datetime,
    author: Author,
    claim: Claim,
    proof: Proof,
    check_at: datetime | None,
) -> Verified | Held:
    """Make a claimed name its tenant's, unless another one has it, and let its accounts come. The claim's group is held.

    `platform` sees every tenant, and may be `session` itself. `check_at`: when it is looked at next.
    """
    lock_name(session, claim.name)
    held = platform.execute(_HOLDER, {"name": claim.name, "tenant_id": claim.tenant_id}).first()
    if held is not None:
        return Held(held.tenant_id, held.id, held.organisation)
    parameters = {"proof": proof.value, "check_at": check_at, "now": now}
    session.execute(_VERIFY, {**parameters, "id": claim.id, "tenant_id": claim.tenant_id})
    _record(session, now, author, claim, Action.DOMAIN_VERIFIED, {"proof": proof.value})
    look_below(session, now, claim.tenant_id, claim.name)
    log.info("domain_verified", domain=str(claim.id), tenant=str(claim.tenant_id), proof=proof.value)
    return start_take(session, platform, now, author, claim)


def lock_name(session: Session, name: str) -> None:
    """Be the only one that decides about a name, until the transaction ends."""
    session.execute(_LOCK, {"name": name})


def start_take(
    session: Session, platform: Session, now: datetime, author: Author, claim: Claim, *, by_hand: bool = False
) -> Verified:
    """Let the accounts of a verified domain come to its group, which is held (`places.hold`), so that it hands the task on if it is removed
    later; `by_hand`: also those of the tenant that were placed by hand."""
    place = place_of(session, claim.tenant_id, claim.group_id)
    assert place is not None
    seen = preview(platform, claim.name, claim.tenant_id, claim.group_id)
    moving = seen.moving + (seen.by_hand if by_hand else 0)
    parameters = {"domain": claim.name, "domain_id": str(claim.id), "by_hand": by_hand}
    task_id = tasks.draft(session, now, author, place, TaskKind.TAKE_DOMAIN, parameters, moving)
    tasks.start(session, now, claim.tenant_id, task_id)
    return Verified(task_id, moving)


_SUSPEND = text(
    "UPDATE domain SET state = 'suspended', checked_at = :now, check_at = :check_at, fault = :fault, failing_since = :failing_since,"
    " told_at = :now WHERE id = :id AND tenant_id = :tenant_id"
)


def suspend(
    session: Session,
    now: datetime,
    author: Author,
    claim: Claim,
    *,
    fault: str | None,
    failing_since: datetime | None,
    check_at: datetime | None,
) -> None:
    """Take a domain away from its tenant: accounts stay, new addresses no longer come. `session` sees every tenant.

    Whoever else claims the name is looked at at once, and so is what was known by this domain.
    """
    parameters = {"fault": fault, "failing_since": failing_since, "check_at": check_at, "now": now}
    session.execute(_SUSPEND, {**parameters, "id": claim.id, "tenant_id": claim.tenant_id})
    _record(session, now, author, claim, Action.DOMAIN_SUSPENDED, None)
    look_below(session, now, claim.tenant_id, claim.name)
    look_at_rivals(session, now, claim)
    log.info("domain_suspended", domain=str(claim.id), tenant=str(claim.tenant_id))


def _record(
    session: Session, now: datetime, author: Author, claim: Claim, action: Action, after: Any
) -> None:
    change = Change(claim.tenant_id, claim.group_id, action, claim.name, claim.id, after=after)
    record(session, now, author, [change])


# What was approved by hand, or is not looked at any more, stays as it is: but what waits long is worth a look when its parent is proven.
_BELOW = text(
    "UPDATE domain SET check_at = :now WHERE tenant_id = :tenant_id AND right(name, length(:name) + 1) = '.' || :name"
    " AND proof IS DISTINCT FROM 'operator' AND (state <> 'verified' OR proof IS NOT NULL)"
)
_RIVALS = text(
    "UPDATE domain SET check_at = :now WHERE name = :name AND tenant_id <> :tenant_id AND state = 'waiting' AND check_at IS NOT NULL"
)


def look_below(session: Session, now: datetime, tenant_id: UUID, name: str) -> None:
    """Let the tenant's domains below one whose state has changed be looked at."""
    session.execute(_BELOW, {"tenant_id": tenant_id, "name": name, "now": now})


def look_at_rivals(session: Session, now: datetime, claim: Claim) -> None:
    """Let the claims of other tenants for a name that is free now be looked at."""
    session.execute(_RIVALS, {"tenant_id": claim.tenant_id, "name": claim.name, "now": now})


_ABOVE = text(
    "SELECT name, tenant_id FROM domain WHERE name = ANY(CAST(:names AS text[])) AND state = 'verified' ORDER BY length(name) DESC LIMIT 1"
)


def is_covered(platform: Session, tenant_id: UUID, name: str) -> bool:
    """Whether the nearest verified domain above a name is the tenant's own, which proves the name as well (spec D1)."""
    row: Row[Any] | None = platform.execute(_ABOVE, {"names": parents(name)[1:]}).first()
    return row is not None and row.tenant_id == tenant_id
