"""OpenID Connect, our side of it: the authorisation code flow with PKCE (OpenID Connect Core 1.0, RFC 6749, 7636 and 9207).

What is asked of a provider goes by the guarded way out. Nothing here knows accounts.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from authlib.oidc.discovery import get_well_known_url  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.jwk import KeySet

from messa_platform.core.outbound import Answer, NoAnswer, Outbound
from messa_platform.tenants.access.oidc_tokens import (
    Expected,
    Failed,
    Person,
    Stop,
    Trouble,
    UnknownKey,
    checked,
    key_set,
    person,
    verified,
)

KEEP = 3600.0
"""Seconds that a provider's document and keys are kept."""
PAUSE = 60.0
"""Seconds between two look-ups of keys that tokens ask for."""
DOWN = 10.0
"""Seconds that a provider that did not answer is left in peace."""
CONVERSATION = 10.0
"""Seconds that all that is asked of a provider for one sign-in may take."""
AT_ONCE, EACH = 4, 2
"""Conversations of a process at the same time, with all providers and with one: a slow one must not hold every thread of the web."""
PATIENCE = 2.0
"""Seconds to wait for one's turn."""


@dataclass(frozen=True, slots=True)
class Client:
    """What we are at a provider."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What ties an answer to the browser that asked: `state` goes through it, `nonce` into the token, `verifier` shows who redeems the code."""

    state: str
    nonce: str
    verifier: str


@dataclass(slots=True)
class _Known:
    """What is remembered of a provider; the times are of the monotonic clock."""

    turns: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(EACH))
    document: dict[str, Any] | None = None
    document_at: float = 0.0
    keys: KeySet | None = None
    keys_at: float = 0.0
    down_at: float | None = None


@dataclass(frozen=True, slots=True)
class _Conversation:
    """One sign-in with one provider, until it must be done."""

    client: Client
    known: _Known
    until: float


class OpenIdConnect:
    """Speaks with providers, for many threads at once."""

    def __init__(self, outbound: Outbound, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._outbound = outbound
        self._monotonic = monotonic
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}

    def authorise(self, client: Client, inquiry: Inquiry, login_hint: str) -> str | Failed:
        """Where to send the browser."""
        try:
            document = self._document(self._begin(client))
        except Stop as stop:
            return stop.failed
        uri: str = prepare_grant_uri(
            document["authorization_endpoint"],
            client.client_id,
            "code",
            redirect_uri=client.redirect_uri,
            scope="openid email profile",
            state=inquiry.state,
            nonce=inquiry.nonce,
            code_challenge=create_s256_code_challenge(inquiry.verifier),
            code_challenge_method="S256",
            login_hint=login_hint,
        )
        return uri

    def redeem(
        self, client: Client, inquiry: Inquiry, code: str, sender: str | None, now: datetime
    ) -> Person | Failed:
        """Who has signed in, by the code that the browser brought. `sender`: the issuer that the browser's answer names, if any (RFC 9207)."""
        talk = self._begin(client)
        try:
            document = self._document(talk)
            _check_sender(document, client.issuer, sender)
            with self._turn(talk):
                tokens = self._exchange(talk, document, inquiry, code)
                token = self._verified(talk, document, tokens["id_token"])
                access = tokens.get("access_token")
                claims = checked(token, Expected(client.issuer, client.client_id, inquiry.nonce, access, now))
                return person(self._with_address(talk, document, claims, access))
        except Stop as stop:
            return stop.failed

    def _begin(self, client: Client) -> _Conversation:
        with self._lock:
            known = self._known.setdefault(client.issuer, _Known())
        return _Conversation(client, known, self._monotonic() + CONVERSATION)

    @contextmanager
    def _turn(self, talk: _Conversation) -> Iterator[None]:
        if not talk.known.turns.acquire(timeout=PATIENCE):
            raise Stop(Trouble.BUSY, "too many sign-ins by this provider")
        try:
            if not self._turns.acquire(timeout=PATIENCE):
                raise Stop(Trouble.BUSY, "too many sign-ins by providers")
            try:
                yield
            finally:
                self._turns.release()
        finally:
            talk.known.turns.release()

    def _document(self, talk: _Conversation) -> dict[str, Any]:
        """The provider's configuration (OpenID Connect Discovery 1.0)."""
        known, issuer = talk.known, talk.client.issuer
        if known.document is not None and self._monotonic() - known.document_at < KEEP:
            return known.document
        with self._turn(talk):
            document = self._get(talk, get_well_known_url(issuer, external=True))
        # no provider may speak in the name of another (Discovery 4.3)
        if document.get("issuer") != issuer:
            raise Stop(Trouble.WRONG, "the document names another issuer")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not isinstance(document.get(name), str) or not self._outbound.allows(document[name]):
                raise Stop(Trouble.WRONG, f"the document's {name} is no address for us")
        known.document, known.document_at = document, self._monotonic()
        return document

    def _exchange(
        self, talk: _Conversation, document: Mapping[str, Any], inquiry: Inquiry, code: str
    ) -> dict[str, Any]:
        """Code for tokens (RFC 6749 4.1.3)."""
        client = talk.client
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": client.redirect_uri,
            "code_verifier": inquiry.verifier,
        }
        headers = {"Accept": "application/json"}
        methods = document.get("token_endpoint_auth_methods_supported")
        if isinstance(methods, list) and "client_secret_post" in methods:
            form |= {"client_id": client.client_id, "client_secret": client.client_secret}
        else:  # the default (Discovery 3), encoded as RFC 6749 2.3.1 says
            pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        seconds = self._time_for(talk)
        url = document["token_endpoint"]
        return _tokens(
            self._heard(talk, self._outbound.post(url, form=form, headers=headers, seconds=seconds))
        )

    def _verified(self, talk: _Conversation, document: Mapping[str, Any], token: str) -> jwt.Token:
        """The token by the keys that we know; else by newly fetched ones, since providers change theirs."""
        known = talk.known
        if known.keys is None or self._monotonic() - known.keys_at > KEEP:
            known.keys = self._fetch_keys(talk, document)
        try:
            return verified(token, known.keys)
        except UnknownKey:
            if self._monotonic() - known.keys_at < PAUSE:
                raise
        known.keys = self._fetch_keys(talk, document)
        return verified(token, known.keys)

    def _fetch_keys(self, talk: _Conversation, document: Mapping[str, Any]) -> KeySet:
        keys = key_set(self._get(talk, document["jwks_uri"]).get("keys"))
        talk.known.keys_at = self._monotonic()
        return keys

    def _with_address(
        self, talk: _Conversation, document: Mapping[str, Any], claims: Mapping[str, Any], access: Any
    ) -> Mapping[str, Any]:
        """The claims, with those that some providers tell only when asked once more (OpenID Connect Core 5.3)."""
        endpoint = document.get("userinfo_endpoint")
        if "email" in claims or not isinstance(endpoint, str) or not isinstance(access, str):
            return claims
        if not re.fullmatch(r"[!-~]+", access):
            raise Stop(Trouble.WRONG, "the access token is malformed")
        more = self._get(talk, endpoint, {"Authorization": f"Bearer {access}"})
        if more.get("sub") != claims["sub"]:
            raise Stop(Trouble.WRONG, "user info of somebody else")
        told: dict[str, Any] = {
            name: more[name] for name in ("email", "email_verified", "name") if name in more
        }
        return {**claims, **told}

    def _get(self, talk: _Conversation, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """A JSON object from the provider."""
        asked = {"Accept": "application/json", **(headers or {})}
        seconds = self._time_for(talk)
        answer = self._heard(talk, self._outbound.get(url, asked, seconds=seconds))
        found = _object(answer)
        if found is None or not answer.ok:
            raise Stop(Trouble.DOWN, f"status {answer.status}" if not answer.ok else "no JSON object")
        return found

    def _time_for(self, talk: _Conversation) -> float:
        """Seconds that the next question may take; nobody waits for a provider that has just kept others waiting."""
        now, down_at = self._monotonic(), talk.known.down_at
        if down_at is not None and now - down_at < DOWN:
            raise Stop(Trouble.DOWN, "it did not answer a moment ago")
        if talk.until <= now:
            raise Stop(Trouble.DOWN, "it took too long in all")
        return talk.until - now

    def _heard(self, talk: _Conversation, answer: Answer | NoAnswer) -> Answer:
        if isinstance(answer, NoAnswer):
            talk.known.down_at = self._monotonic()
            raise Stop(Trouble.DOWN, answer.fault)
        talk.known.down_at = None
        return answer


def _check_sender(document: Mapping[str, Any], expected: str, sender: str | None) -> None:
    """An answer by another provider to what this one was asked is refused (RFC 9207 2.4)."""
    if sender is None and document.get("authorization_response_iss_parameter_supported") is True:
        raise Stop(Trouble.WRONG, "the answer does not say who sends it")
    if sender is not None and sender != expected:
        raise Stop(Trouble.WRONG, "the answer comes from another issuer")


def _object(answer: Answer) -> dict[str, Any] | None:
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


_COMPLAINTS = frozenset(
    {"invalid_request", "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope"}
)
"""What a token endpoint may complain of besides the code (RFC 6749 5.2). Its other words do not belong in our log."""


def _tokens(answer: Answer) -> dict[str, Any]:
    found = _object(answer)
    if found is None or answer.status >= 500:
        raise Stop(Trouble.DOWN, f"status {answer.status} of the token endpoint")
    error = str(found.get("error"))
    if not answer.ok and error == "invalid_grant":
        raise Stop(Trouble.OLD_CODE, error)
    if not answer.ok:
        raise Stop(Trouble.WRONG, error if error in _COMPLAINTS else f"status {answer.status}")
    if not isinstance(found.get("id_token"), str):
        raise Stop(Trouble.WRONG, "no ID token")
    return found
