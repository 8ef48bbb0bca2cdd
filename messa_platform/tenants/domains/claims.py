"""Claims: domains asked for, given up, moved to another group, and approved or refused by the operator (spec D1, D4).

`session` may be confined to the tenant; `platform` sees every tenant.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from messa_platform.core.bulk import insert_rows
from messa_platform.core.ids import new_id
from messa_platform.core.logs import logger
from messa_platform.tenants import places
from messa_platform.tenants.access.reach import paused
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.authority import NotAdmin, administers
from messa_platform.tenants.domains import faults
from messa_platform.tenants.domains.faults import Fault
from messa_platform.tenants.domains.judgement import DAILY
from messa_platform.tenants.domains.standing import hold
from messa_platform.tenants.domains.told import DomainPost
from messa_platform.tenants.domains.verify import (
    Claim,
    Held,
    Verified,
    is_covered,
    lock_name,
    look_at_rivals,
    look_below,
    start_take,
    suspend,
    verify,
)
from messa_platform.tenants.models import Domain, DomainState, Proof
from messa_platform.tenants.places import Place

log = logger(__name__)

DOMAIN = cast(Table, Domain.__table__)

MOST_WAITING = 100
"""Domains of one tenant that may wait for their proof at the same time."""
PAUSE = timedelta(seconds=10)
"""Between two looks at a domain that somebody asks for."""


@dataclass(frozen=True, slots=True)
class Added:
    """The name is claimed. `verified`: it is the group's already, since a domain above it is the tenant's."""

    domain_id: UUID
    verified: Verified | None


@dataclass(frozen=True, slots=True)
class Known:
    """The tenant has claimed the name before, for this group."""

    domain_id: UUID
    group_id: UUID


@dataclass(frozen=True, slots=True)
class TooMany:
    """So many wait already that the tenant has to see to those first."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The group was removed a moment ago."""


_KNOWN = text("SELECT id, group_id FROM domain WHERE tenant_id = :tenant_id AND name = :name")
_WAITING_HERE = text("SELECT count(*) FROM domain WHERE tenant_id = :tenant_id AND state = 'waiting'")


def add(
    session: Session, platform: Session, now: datetime, author: Author, place: Place, name: str
) -> Added | Known | TooMany | Gone | NotAdmin:
    """Claim a name (`names.read_domain`) for a group. Below a domain that the tenant has proven it is verified at once, else it waits for its
    proof; wake `check.ACTOR`, and `tasks.ACTOR` for what is verified, after the commit.

    That another tenant has it is no hindrance, and is not told: whoever proves it by DNS may get it one day.
    """
    if places.hold(session, place.tenant_id, place.id) is None:
        return Gone()
    if not administers(session, author, place.tenant_id, place.id):
        return NotAdmin()
    if session.execute(_WAITING_HERE, {"tenant_id": place.tenant_id}).scalar_one() >= MOST_WAITING:
        return TooMany()
    identifier = new_id()
    row = {
        "id": identifier,
        "tenant_id": place.tenant_id,
        "group_id": place.id,
        "name": name,
        "state": DomainState.WAITING.value,
        "token": secrets.token_hex(16),
        "requested_by": author.account_id,
        "created_at": now,
        "check_at": now,
    }
    made = insert_rows(session, DOMAIN, [row], "ON CONFLICT (tenant_id, name) DO NOTHING RETURNING id")
    if not made:
        known = session.execute(_KNOWN, {"tenant_id": place.tenant_id, "name": name}).one()
        return Known(known.id, known.group_id)
    claim = Claim(identifier, place.tenant_id, place.id, name)
    record(session, now, author, [Change(place.tenant_id, place.id, Action.DOMAIN_ADDED, name, claim.id)])
    log.info("domain_added", domain=str(claim.id), tenant=str(place.tenant_id))
    if not is_covered(platform, place.tenant_id, name):
        return Added(claim.id, None)
    outcome = verify(session, platform, now, author, claim, Proof.PARENT, now + DAILY)
    return Added(claim.id, outcome if isinstance(outcome, Verified) else None)


_HAS = text(
    "SELECT name, state = 'verified' AS was_verified FROM domain WHERE id = :id AND tenant_id = :tenant_id AND group_id = :group_id FOR UPDATE"
)
# Whoever was linked may have come to another tenant since, whose accounts this one cannot see.
_UNLINK = text(
    "DELETE FROM external_identity e USING identity_provider p WHERE p.id = e.provider_id AND p.domain_id = :id AND p.tenant_id = :tenant_id"
)
_NO_PROVIDER = text(
    "DELETE FROM identity_provider WHERE domain_id = :id AND tenant_id = :tenant_id RETURNING id"
)
_DELETE = text("DELETE FROM domain WHERE id = :id AND tenant_id = :tenant_id")


def remove(platform: Session, now: datetime, author: Author, place: Place, domain_id: UUID) -> str | None:
    """Give a domain of the group up; gives its name, None if the group has none such, or is not the author's any more. Its accounts stay
    where they are.

    Its people no longer sign in by an identity provider, and what was known by it has to be proven itself.
    """
    parameters = {"id": domain_id, "tenant_id": place.tenant_id, "group_id": place.id}
    row = platform.execute(_HAS, parameters).first()
    if row is None or not administers(platform, author, place.tenant_id, place.id):
        return None
    claim = Claim(domain_id, place.tenant_id, place.id, row.name)
    _delete(platform, now, author, claim)
    if row.was_verified:
        look_below(platform, now, claim.tenant_id, claim.name)
        look_at_rivals(platform, now, claim)
    return claim.name


def _delete(platform: Session, now: datetime, author: Author, claim: Claim) -> None:
    owned = {"id": claim.id, "tenant_id": claim.tenant_id}
    platform.execute(_UNLINK, owned)
    actions = [Action.DOMAIN_REMOVED]
    if platform.execute(_NO_PROVIDER, owned).all():
        actions.append(Action.SIGN_ON_REMOVED)
    platform.execute(_DELETE, owned)
    changes = [Change(claim.tenant_id, claim.group_id, action, claim.name, claim.id) for action in actions]
    record(platform, now, author, changes)
    log.info("domain_removed", domain=str(claim.id), tenant=str(claim.tenant_id))


_LOOK = text(
    "UPDATE domain SET check_at = :now WHERE id = :id AND tenant_id = :tenant_id AND group_id = :group_id"
    " AND (state <> 'verified' OR proof IN ('dns', 'parent')) AND (check_at IS NULL OR check_at > :now)"
    " AND (checked_at IS NULL OR checked_at <= :before) RETURNING id"
)


def check_now(session: Session, now: datetime, place: Place, domain_id: UUID) -> bool:
    """Let a domain of the group be looked at now; wake `check.ACTOR` after the commit. False if there is nothing to look at, or it was
    looked at a moment ago."""
    parameters = {"id": domain_id, "tenant_id": place.tenant_id, "group_id": place.id}
    return session.execute(_LOOK, {**parameters, "now": now, "before": now - PAUSE}).first() is not None


_MOVE = text(
    "UPDATE domain SET group_id = :to WHERE id = :id AND tenant_id = :tenant_id AND group_id = :group_id"
    " RETURNING name, state = 'verified' AS is_verified"
)


@dataclass(frozen=True, slots=True)
class Moved:
    """The domain is tied to the other group. `taking`: its accounts are on their way there; None where it is not verified."""

    name: str
    taking: Verified | None


def move(
    session: Session,
    platform: Session,
    now: datetime,
    author: Author,
    place: Place,
    domain_id: UUID,
    to: Place,
) -> Moved | Gone | None:
    """Tie a domain of the group to another group of the same tenant, and let its accounts come there; None if the group has none such, or is
    not the author's any more.

    An identity provider that was set up for a group which `to` does not lie in is paused (`access.reach`).
    """
    if to.tenant_id != place.tenant_id:
        raise ValueError("a domain does not move to another tenant")
    if places.hold(session, to.tenant_id, to.id) is None:
        return Gone()
    if not administers(session, author, place.tenant_id, place.id):
        return None
    parameters = {"id": domain_id, "tenant_id": place.tenant_id, "group_id": place.id, "to": to.id}
    row = session.execute(_MOVE, parameters).first()
    if row is None:
        return None
    was, is_ = {"group": str(place.id)}, {"group": str(to.id)}
    changes = [
        Change(place.tenant_id, group_id, Action.DOMAIN_MOVED, row.name, domain_id, was, is_)
        for group_id in (place.id, to.id)
    ]
    record(session, now, author, changes)
    claim = Claim(domain_id, to.tenant_id, to.id, row.name)
    record(session, now, author, paused(session, to.tenant_id, place.ancestors, domains=[domain_id]))
    taking = start_take(session, platform, now, author, claim) if row.is_verified else None
    return Moved(row.name, taking)


@dataclass(frozen=True, slots=True)
class WaitingClaim:
    """A claim that waits, for the operator. `requested_by` is an address, or an API user's name; `holder` another organisation that has it,
    if any."""

    claim: Claim
    slug: str
    organisation: str
    group: str
    requested_by: str | None
    created_at: datetime
    checked_at: datetime | None
    fault: Fault | None
    holder: str | None


_WAITING = text(
    'SELECT d.id, d.tenant_id, d.group_id, d.name, t.slug, t.name AS organisation, g.name AS "group",'
    " CASE a.kind WHEN 'api' THEN a.display_name ELSE a.address END AS requested_by, d.created_at, d.checked_at, d.fault,"
    " (SELECT ht.name FROM domain h JOIN tenant ht ON ht.id = h.tenant_id"
    " WHERE h.name = d.name AND h.state = 'verified' AND h.tenant_id <> d.tenant_id) AS holder"
    ' FROM domain d JOIN tenant t ON t.id = d.tenant_id JOIN "group" g ON g.id = d.group_id LEFT JOIN account a ON a.id = d.requested_by'
    " WHERE d.state = 'waiting' AND (CAST(:after AS uuid) IS NULL OR d.id > :after) ORDER BY d.id LIMIT :most"
)


def waiting(platform: Session, after: UUID | None = None, most: int = 100) -> list[WaitingClaim]:
    """The claims of all tenants that wait for their proof, the oldest first; `most` of those behind the one with the id `after`."""
    return [
        WaitingClaim(
            Claim(row.id, row.tenant_id, row.group_id, row.name),
            row.slug,
            row.organisation,
            row.group,
            row.requested_by,
            row.created_at,
            row.checked_at,
            faults.read(row.fault),
            row.holder,
        )
        for row in platform.execute(_WAITING, {"after": after, "most": most})
    ]


_NAME = text("SELECT name FROM domain WHERE id = :id")


def _claim(platform: Session, domain_id: UUID, state: DomainState) -> Claim | None:
    """A claim in this state; it, its name and its group are held."""
    name = platform.execute(_NAME, {"id": domain_id}).scalar_one_or_none()
    if name is None:
        return None
    lock_name(platform, name)
    row = hold(platform, domain_id)
    return row.claim if row is not None and row.state is state else None


def approve(
    platform: Session,
    now: datetime,
    author: Author,
    domain_id: UUID,
    told: DomainPost,
    *,
    instead: bool = False,
) -> Verified | Held | None:
    """The operator knows that a waiting domain is its tenant's: verify it, and look for no proof any more. None: it does not wait.

    Where another organisation has it, that is told, and nothing done; with `instead` it is taken from that one, whose admins are told.
    Wake `tasks.ACTOR` after the commit.
    """
    claim = _claim(platform, domain_id, DomainState.WAITING)
    if claim is None:
        return None
    outcome = verify(platform, platform, now, author, claim, Proof.OPERATOR, None)
    if isinstance(outcome, Held) and instead:
        take_away(platform, now, author, outcome.domain_id, told)
        outcome = verify(platform, platform, now, author, claim, Proof.OPERATOR, None)
    if isinstance(outcome, Verified):
        readers = told.of_group(platform, claim.tenant_id, claim.group_id)
        mails = [
            told.letters.verified(to, claim.name, outcome.moving, f"domain_verified:{new_id()}")
            for to in readers
        ]
        told.put(platform, now, mails)
    return outcome


def take_away(platform: Session, now: datetime, author: Author, domain_id: UUID, told: DomainPost) -> bool:
    """The operator takes a verified domain away from its tenant, whose admins are told; False if it is not verified."""
    claim = _claim(platform, domain_id, DomainState.VERIFIED)
    if claim is None:
        return False
    suspend(platform, now, author, claim, fault=None, failing_since=None, check_at=now + DAILY)
    readers = told.of_group(platform, claim.tenant_id, claim.group_id)
    mails = [told.letters.suspended(to, claim.name, f"domain_suspended:{new_id()}") for to in readers]
    told.put(platform, now, mails)
    return True


def refuse(platform: Session, now: datetime, author: Author, domain_id: UUID, told: DomainPost) -> str | None:
    """The operator does not approve a waiting domain: the claim is gone, and its group's admins are told. Gives the name, None if none waits."""
    claim = _claim(platform, domain_id, DomainState.WAITING)
    if claim is None:
        return None
    _delete(platform, now, author, claim)
    readers = told.of_group(platform, claim.tenant_id, claim.group_id)
    mails = [told.letters.refused(to, claim.name, f"domain_refused:{new_id()}") for to in readers]
    told.put(platform, now, mails)
    return claim.name
