"""Setting up single sign-on for a verified domain (spec I3): by the admins of the domain's group; and trying whether a provider is one.

The functions that change something need a session that sees every tenant: whom a provider has signed in may have moved to another one, and
what ties them to it goes with it. Each names the domain's tenant and group itself.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from messa_platform.core.crypto import Keys
from messa_platform.tenants.access.reach import REACHES
from messa_platform.tenants.access.single_sign_on import configure
from messa_platform.tenants.audit import Action, Author, Change, record
from messa_platform.tenants.authority import administers
from messa_platform.tenants.models import DomainState
from messa_platform.tenants.places import Place

MAX_NAME, MAX_ISSUER, MAX_CLIENT_ID, MAX_SECRET = 60, 500, 255, 1000
"""Characters of each at the most."""


@dataclass(frozen=True, slots=True)
class Provider:
    """What is set up. The secret is not among it: nobody sees that again. `enabled`: it signs people in, as far as that is for it to say."""

    name: str
    issuer: str
    client_id: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class SetUp:
    """A domain of a group and its provider, None if it has none. `is_paused`: the provider was set up for the group `set_up_for`, in which
    this one does not lie, and is switched off until it is saved for this one. `mark` changes with each change of the provider."""

    domain_id: UUID
    domain: str
    is_verified: bool
    provider: Provider | None
    set_up_for: UUID | None
    is_paused: bool
    mark: str

    def would_pause(self, to: Place) -> bool:
        """Whether the provider signs people in, and would not if the domain were tied to `to`."""
        signs_in = self.provider is not None and self.provider.enabled
        return signs_in and self.set_up_for not in to.ancestors


class Outcome(StrEnum):
    """What became of a change."""

    SAVED = "saved"
    CONFLICT = "conflict"
    """Somebody else has changed it meanwhile."""
    NOT_VERIFIED = "not_verified"
    NO_SECRET = "no_secret"  # noqa: S105
    """A new provider, or another issuer, without a secret for it."""
    GONE = "gone"
    """The group has no such domain, or the domain no such provider; or the author administers the group no longer."""


_SET_UP = (
    "SELECT d.id, d.name AS domain, d.state, p.id AS provider_id, p.name, p.issuer, p.client_id, p.enabled, p.client_secret, p.group_id,"
    f" {REACHES} AS reaches FROM domain d LEFT JOIN identity_provider p ON p.domain_id = d.id AND p.tenant_id = d.tenant_id"
    " WHERE d.id = :domain_id AND d.tenant_id = :tenant_id AND d.group_id = :group_id"
)
_READ = text(_SET_UP)
_LOCKED = text(f"{_SET_UP} FOR NO KEY UPDATE OF d")


def _row(session: Session, place: Place, domain_id: UUID, *, locked: bool = False) -> Row[Any] | None:
    parameters = {"domain_id": domain_id, "tenant_id": place.tenant_id, "group_id": place.id}
    return session.execute(_LOCKED if locked else _READ, parameters).one_or_none()


def _set_up(row: Row[Any]) -> SetUp:
    provider, is_paused, mark = None, False, ""
    if row.provider_id is not None:
        is_paused = not row.reaches
        provider = Provider(row.name, row.issuer, row.client_id, row.enabled and row.reaches)
        looks = f"{row.enabled} {row.reaches}"
        held = (row.name, row.issuer, row.client_id, looks, bytes(row.client_secret).hex())
        mark = hashlib.sha256("\0".join(held).encode()).hexdigest()[:24]
    is_verified = row.state == DomainState.VERIFIED
    return SetUp(row.id, row.domain, is_verified, provider, row.group_id, is_paused, mark)


def set_up(session: Session, place: Place, domain_id: UUID) -> SetUp | None:
    """A domain of this very group, with its provider; None if the group has no such domain."""
    row = _row(session, place, domain_id)
    return None if row is None else _set_up(row)


def save(
    session: Session,
    now: datetime,
    keys: Keys,
    author: Author,
    place: Place,
    domain_id: UUID,
    wanted: Provider,
    secret: str,
    mark: str,
) -> Outcome:
    """Set up the provider of a domain, if it still is as `mark` says; one that is paused is confirmed. `secret` "" keeps the one that there
    is."""
    row = _row(session, place, domain_id, locked=True)
    if row is None or not administers(session, author, place.tenant_id, place.id):
        return Outcome.GONE
    before = _set_up(row)
    if fault := _fault(before, mark, wanted, secret):
        return fault
    had = before.provider
    if had == wanted and not secret and not before.is_paused:
        return Outcome.SAVED
    configure(
        session,
        keys,
        domain_id,
        wanted.name,
        wanted.issuer,
        wanted.client_id,
        secret or None,
        enabled=wanted.enabled,
    )
    was = _told(had) if had else None
    after = _told(wanted) | ({"secret": "changed"} if had and secret else {})
    record(session, now, author, [_change(place, before, Action.SIGN_ON_SET, was, after)])
    return Outcome.SAVED


def _fault(before: SetUp, mark: str, wanted: Provider, secret: str) -> Outcome | None:
    """Why it cannot be set up so."""
    if not before.is_verified:
        return Outcome.NOT_VERIFIED
    if before.mark != mark:
        return Outcome.CONFLICT
    had = before.provider
    # the secret of one issuer is not for the eyes of another
    if not secret and (had is None or had.issuer != wanted.issuer):
        return Outcome.NO_SECRET
    return None


def _change(place: Place, domain: SetUp, action: Action, before: Any = None, after: Any = None) -> Change:
    return Change(place.tenant_id, place.id, action, domain.domain, domain.domain_id, before, after)


_UNLINK = text(
    "DELETE FROM external_identity e USING identity_provider p WHERE p.id = e.provider_id AND p.domain_id = :domain_id"
)
_FORGET = text("DELETE FROM identity_provider WHERE domain_id = :domain_id")


def remove(
    session: Session, now: datetime, author: Author, place: Place, domain_id: UUID, mark: str
) -> Outcome:
    """Let nobody sign in by the domain's provider any more, if it still is as `mark` says; accounts and passwords stay."""
    row = _row(session, place, domain_id, locked=True)
    is_theirs = administers(session, author, place.tenant_id, place.id)
    if row is None or row.provider_id is None or not is_theirs:
        return Outcome.GONE
    before = _set_up(row)
    if before.mark != mark:
        return Outcome.CONFLICT
    # who is linked by it goes first: they may be of other tenants by now
    session.execute(_UNLINK, {"domain_id": domain_id})
    session.execute(_FORGET, {"domain_id": domain_id})
    assert before.provider is not None
    change = _change(place, before, Action.SIGN_ON_REMOVED, _told(before.provider))
    record(session, now, author, [change])
    return Outcome.SAVED


def _told(provider: Provider) -> dict[str, Any]:
    return {
        "name": provider.name,
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "enabled": provider.enabled,
    }
