"""Single sign-on: who has a verified domain may let its own identity provider sign its people in (spec I3, D3).

A provider speaks for the addresses of its domain and of nobody else: not for those of a domain below that another tenant has proven, nor for
accounts that another tenant has, nor for the platform's owners. It reaches no further than the group for which it was set up (`access.reach`).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select, text
from sqlalchemy.orm import Session

from messa_platform.core.clock import Clock
from messa_platform.core.crypto import Keys
from messa_platform.core.db import Database
from messa_platform.core.ids import new_id
from messa_platform.core.logs import logger
from messa_platform.tenants.access.models import ExternalIdentity, IdentityProvider
from messa_platform.tenants.access.oidc import Client, Inquiry, OpenIdConnect
from messa_platform.tenants.access.oidc_tokens import Failed, Person, Trouble
from messa_platform.tenants.access.reach import REACHES
from messa_platform.tenants.accounts import Newcomer, find_or_create, parents
from messa_platform.tenants.models import Domain

log = logger(__name__)

STATE_LIFE = timedelta(minutes=10)
"""How long somebody may take at the provider."""
MAX_ADDRESS = 320
_PURPOSE = "single-sign-on"


class Reason(StrEnum):
    """Why somebody was not signed in."""

    NO_PROVIDER = "no_provider"
    """The address's domain has none, or has none any more."""
    TOO_LATE = "too_late"
    """The state is none of ours, or has grown old."""
    OTHER_BROWSER = "other_browser"
    """It was begun in another browser, perhaps by somebody else."""
    CANCELLED = "cancelled"
    """The provider has not signed them in, or they did not want it."""
    BUSY = "busy"
    DOWN = "down"
    WRONG = "wrong"
    """What the provider says cannot be believed; its administrator, or ours, has to see to it."""
    NO_ADDRESS = "no_address"
    """The provider does not tell a confirmed address."""
    OTHER_ADDRESS = "other_address"
    """The address is not one that this provider speaks for."""
    OTHER_PERSON = "other_person"
    """The address's account belongs to somebody else at the provider."""
    NOT_WELCOME = "not_welcome"
    """The account is blocked or removed, or its organisation closed."""
    PASSWORD_ONLY = "password_only"  # noqa: S105
    """The account is another tenant's, or an operator's: no tenant's provider opens it."""


_TROUBLES = {
    Trouble.BUSY: Reason.BUSY,
    Trouble.DOWN: Reason.DOWN,
    Trouble.WRONG: Reason.WRONG,
    Trouble.OLD_CODE: Reason.TOO_LATE,
}


_ERRORS = {
    "access_denied": Reason.CANCELLED,
    "login_required": Reason.CANCELLED,
    "interaction_required": Reason.CANCELLED,
    "consent_required": Reason.CANCELLED,
    "account_selection_required": Reason.CANCELLED,
    "server_error": Reason.DOWN,
    "temporarily_unavailable": Reason.DOWN,
    "invalid_request": Reason.WRONG,
    "invalid_scope": Reason.WRONG,
    "unauthorized_client": Reason.WRONG,
    "unsupported_response_type": Reason.WRONG,
}
"""What a provider may send instead of a code (RFC 6749 4.1.2.1, OpenID Connect Core 3.1.2.6)."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Nobody is signed in. `address` is what was typed at the start, if that is known."""

    reason: Reason
    address: str = ""


@dataclass(frozen=True, slots=True)
class SignedOn:
    """Who is signed in, and what was wished for at the start."""

    account_id: UUID
    remember: bool
    onward: str


@dataclass(frozen=True, slots=True)
class Browser:
    """By what a browser is known again: user agent and network (`core.client.binding_of`), and its probe cookie's value ("" if it sent none)."""

    binding: bytes
    probe: str

    def marks(self) -> dict[str, str]:
        """What a state keeps of it."""
        probe = hashlib.sha256(self.probe.encode()).hexdigest() if self.probe else ""
        return {"binding": self.binding.hex(), "probe": probe}


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants who goes to a provider: `address` is as typed, `onward` where to go on to."""

    address: str
    remember: bool = False
    onward: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider that may sign people in; `sealed` is its client secret."""

    id: UUID
    tenant_id: UUID
    name: str
    issuer: str
    client_id: str
    sealed: bytes


# Each verified domain that an address lies in, the longest first (D3), with its provider if one is enabled.
_PROVIDERS = text(
    "SELECT d.tenant_id AS home, p.id, p.tenant_id, p.name, p.issuer, p.client_id, p.client_secret"
    " FROM domain d LEFT JOIN identity_provider p ON p.domain_id = d.id AND p.tenant_id = d.tenant_id AND p.enabled"
    f" AND {REACHES}"
    " WHERE d.name = ANY(CAST(:names AS text[])) AND d.state = 'verified' ORDER BY length(d.name) DESC"
)
_PROVIDER = text(
    "SELECT p.id, p.tenant_id, p.name, p.issuer, p.client_id, p.client_secret"
    " FROM identity_provider p JOIN domain d ON d.id = p.domain_id AND d.tenant_id = p.tenant_id"
    f" WHERE p.id = :id AND p.enabled AND d.state = 'verified' AND {REACHES}"
)
_LINKED = text(
    "SELECT account_id FROM external_identity WHERE provider_id = :provider AND subject = :subject"
)
_LINK = text(
    "INSERT INTO external_identity (provider_id, subject, account_id, linked_at) VALUES (:provider, :subject, :account, :now)"
    " ON CONFLICT DO NOTHING"
)
_ACCOUNT = text(
    "SELECT a.address, a.tenant_id, a.is_operator, t.is_free, a.blocked OR a.removed_at IS NOT NULL OR t.state = 'closed' AS is_out,"
    ' home.path @> g.path AS is_below, EXISTS (SELECT FROM group_admin ga JOIN "group" own ON own.id = ga.group_id'
    " WHERE ga.account_id = a.id AND NOT home.path @> own.path) AS administers_beyond"
    ' FROM account a JOIN tenant t ON t.id = a.tenant_id JOIN "group" g ON g.id = a.group_id CROSS JOIN'
    ' (SELECT dg.path FROM identity_provider p JOIN domain d ON d.id = p.domain_id JOIN "group" dg ON dg.id = d.group_id'
    " WHERE p.id = :provider) AS home (path) WHERE a.id = :id"
)


def _provider(row: Row[Any]) -> Provider:
    return Provider(row.id, row.tenant_id, row.name, row.issuer, row.client_id, bytes(row.client_secret))


def provider_for(session: Session, address: str) -> Provider | None:
    """Who signs an address in, by its domain alone: whether there is such an account is not asked.

    A domain without a provider of its own has that of the next one above, as long as both are the same tenant's.
    """
    domain = address[:MAX_ADDRESS].strip().lower().rpartition("@")[2]
    if not domain or "\0" in domain:
        return None
    rows = session.execute(_PROVIDERS, {"names": parents(domain)}).all()
    return next((_provider(row) for row in rows if row.id is not None and row.home == rows[0].home), None)


def configure(
    session: Session,
    keys: Keys,
    domain_id: UUID,
    name: str,
    issuer: str,
    client_id: str,
    client_secret: str | None,
    *,
    enabled: bool = True,
) -> UUID:
    """Set the provider of a domain, for the group that the domain has now; gives its id. Who was linked by another issuer is linked no more:
    its subjects are others.

    `client_secret` None keeps the one that there is: only for the same issuer, or another would be handed it.
    Raises `NoResultFound` if there is no such domain.
    """
    domain = session.execute(select(Domain.tenant_id, Domain.group_id).where(Domain.id == domain_id)).one()
    provider = session.execute(
        select(IdentityProvider).where(IdentityProvider.domain_id == domain_id)
    ).scalar_one_or_none()
    if client_secret is None and (provider is None or provider.issuer != issuer):
        raise ValueError("a new issuer needs a secret of its own")
    if provider is None:
        provider = IdentityProvider(id=new_id(), domain_id=domain_id)
        session.add(provider)
    elif provider.issuer != issuer:
        session.execute(delete(ExternalIdentity).where(ExternalIdentity.provider_id == provider.id))
    provider.tenant_id, provider.group_id = domain.tenant_id, domain.group_id
    provider.name, provider.issuer = name, issuer
    provider.client_id, provider.enabled = client_id, enabled
    if client_secret is not None:
        provider.client_secret = keys.seal(client_secret.encode())
    session.flush()
    return provider.id


class SingleSignOn:
    """Sends browsers to providers, and takes them back. No transaction is open while a provider is asked."""

    def __init__(
        self, database: Database, clock: Clock, keys: Keys, openid: OpenIdConnect, redirect_uri: str
    ) -> None:
        self._database = database
        self._clock = clock
        self._keys = keys
        self._openid = openid
        self._redirect_uri = redirect_uri

    def start(self, wish: Wish, browser: Browser) -> str | Refused:
        """The URL at the provider of an address that its browser is to be sent to."""
        with self._database.unit_of_work() as session:
            provider = provider_for(session, wish.address)
        if provider is None:
            return Refused(Reason.NO_PROVIDER, wish.address)
        nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        payload = {
            "provider": str(provider.id),
            "nonce": nonce,
            "verifier": verifier,
            "address": wish.address,
            "remember": wish.remember,
            "onward": wish.onward,
            **browser.marks(),
        }
        client = self._client(provider)
        if isinstance(client, Failed):
            return _refused(provider.id, _TROUBLES[client.trouble], wish.address, client.detail)
        inquiry = Inquiry(self._keys.stamp(_PURPOSE, payload), nonce, verifier)
        uri = self._openid.authorise(client, inquiry, wish.address)
        if isinstance(uri, Failed):
            return _refused(provider.id, _TROUBLES[uri.trouble], wish.address, uri.detail)
        return uri

    def finish(self, answer: Mapping[str, str], browser: Browser) -> SignedOn | Refused:
        """Who comes back from a provider, by the parameters that the browser brings."""
        state = answer.get("state", "")
        known = self._keys.read_stamp(_PURPOSE, state, self._clock.now(), STATE_LIFE)
        if known is None:
            return _refused(None, Reason.TOO_LATE)
        if not _same_browser(known, browser):
            # its address is the other browser's affair
            return _refused(UUID(known["provider"]), Reason.OTHER_BROWSER)
        outcome = self._account_of(known, state, answer)
        if isinstance(outcome, Refused):
            return outcome
        log.info("signed_on", provider=known["provider"], account=str(outcome))
        return SignedOn(outcome, known["remember"], known["onward"])

    def _account_of(self, known: Mapping[str, Any], state: str, answer: Mapping[str, str]) -> UUID | Refused:
        provider_id, address, now = UUID(known["provider"]), known["address"], self._clock.now()
        if (code := answer.get("code")) is None:
            error = answer.get("error", "")
            detail = error if error in _ERRORS else "no code"
            return _refused(provider_id, _ERRORS.get(error, Reason.CANCELLED), address, detail)
        with self._database.unit_of_work() as session:
            row = session.execute(_PROVIDER, {"id": provider_id}).one_or_none()
        if row is None:
            return _refused(provider_id, Reason.NO_PROVIDER, address)
        provider = _provider(row)
        found = self._redeem(
            provider, Inquiry(state, known["nonce"], known["verifier"]), code, answer.get("iss")
        )
        if isinstance(found, Failed):
            return _refused(provider_id, _TROUBLES[found.trouble], address, found.detail)
        with self._database.unit_of_work() as session:
            account = account_of(session, now, provider, found)
        return _refused(provider_id, account, address) if isinstance(account, Reason) else account

    def _redeem(self, provider: Provider, inquiry: Inquiry, code: str, sender: str | None) -> Person | Failed:
        client = self._client(provider)
        if isinstance(client, Failed):
            return client
        return self._openid.redeem(client, inquiry, code, sender, self._clock.now())

    def _client(self, provider: Provider) -> Client | Failed:
        secret = self._keys.unseal(provider.sealed)
        if secret is None:
            return Failed(Trouble.WRONG, "the client secret cannot be unsealed")
        return Client(provider.issuer, provider.client_id, secret.decode(), self._redirect_uri)


def _same_browser(known: Mapping[str, Any], browser: Browser) -> bool:
    """Whether a state was made for this browser; otherwise somebody could sign others in as himself, and read what they then write.

    The probe cookie is the surest mark, and stays when a telephone changes its network. A browser without one must be where it was.
    """
    now = browser.marks()
    decides = "probe" if browser.probe else "binding"
    same_kind = bool(known["probe"]) == bool(browser.probe)
    return same_kind and hmac.compare_digest(known[decides], now[decides])


def _refused(provider_id: UUID | None, reason: Reason, address: str = "", detail: str = "") -> Refused:
    log.warning(
        "sign_on_refused", provider=provider_id and str(provider_id), reason=reason.value, detail=detail
    )
    return Refused(reason, address)


def account_of(session: Session, now: datetime, provider: Provider, person: Person) -> UUID | Reason:
    """The account of somebody whom a provider has signed in: the one that its subject is linked to, else that of its address, made if new."""
    named = {"provider": provider.id, "subject": person.subject}
    linked: UUID | None = session.execute(_LINKED, named).scalar_one_or_none()
    if linked is not None:
        return _unwelcome(session, provider, linked) or linked
    if person.email is None or not person.verified:
        return Reason.NO_ADDRESS
    if not _speaks_for(session, provider, person.email):
        return Reason.OTHER_ADDRESS
    newcomer = Newcomer(person.name, None)
    account_id = find_or_create(session, now, {person.email: newcomer})[person.email].id
    if (reason := _unwelcome(session, provider, account_id)) is not None:
        return reason
    session.execute(_LINK, {**named, "account": account_id, "now": now})
    # of two that come at once with one address, one is linked
    is_linked = session.execute(_LINKED, named).scalar_one_or_none() == account_id
    return account_id if is_linked else Reason.OTHER_PERSON


def _speaks_for(session: Session, provider: Provider, address: str) -> bool:
    found = provider_for(session, address)
    return found is not None and found.id == provider.id


def _unwelcome(session: Session, provider: Provider, account_id: UUID) -> Reason | None:
    """Why a provider may not open an account."""
    account = session.execute(_ACCOUNT, {"id": account_id, "provider": provider.id}).one()
    if not _speaks_for(session, provider, account.address):
        return Reason.OTHER_ADDRESS
    if account.is_out:
        return Reason.NOT_WELCOME
    if account.is_operator or not (account.is_free or account.tenant_id == provider.tenant_id):
        return Reason.PASSWORD_ONLY
    # whoever administers a group sets up its provider: that one must open nobody above or beside it
    if account.administers_beyond or not (account.is_free or account.is_below):
        return Reason.PASSWORD_ONLY
    return None
