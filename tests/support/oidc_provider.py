"""A small OpenID provider on loopback: discovery, keys, an authorise page that consents by itself, tokens with PKCE, and user info.

It is strict with its clients, and lies to them as a test bids it (`Lie`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum, auto
from functools import cache
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey
from joserfc.jws import JWSRegistry

CLIENT_ID = "messa i tjänst"
CLIENT_SECRET = "hemligt: 100 % & lite till"


@cache
def rsa_key(kid: str) -> RSAKey:
    """The run's RSA key of this name; making one takes a while."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


class Lie(StrEnum):
    """What is wrong with the provider's ID tokens."""

    NONE = auto()
    WRONG_SIGNATURE = auto()
    """Signed by another key under the same name."""
    UNKNOWN_KEY = auto()
    """Signed by a key that is not in its list."""
    NO_SIGNATURE = auto()
    """`alg` is none."""
    PUBLIC_KEY_AS_SECRET = auto()
    """HS256 by the text of the public key, which everybody knows."""
    WRONG_NONCE = auto()
    NO_NONCE = auto()
    WRONG_ISSUER = auto()
    WRONG_AUDIENCE = auto()
    SHARED_AUDIENCE = auto()
    """For us and somebody else, who is the authorised party."""
    EXPIRED = auto()
    NOT_YET = auto()
    NO_EXPIRY = auto()
    NO_SUBJECT = auto()
    OTHER_ACCESS_TOKEN = auto()
    """`at_hash` is of another access token."""
    CRITICAL_HEADER = auto()
    """A header that must be understood, which nobody does."""
    GARBAGE = auto()


@dataclass(frozen=True)
class Subject:
    """Somebody whom the provider knows; `claims` is what it tells of them besides `sub`."""

    sub: str
    claims: dict[str, Any]


@dataclass(frozen=True)
class Canned:
    """An answer of a path in place of the true one, after so many seconds."""

    status: int = 200
    body: bytes = b""
    kind: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    after: float = 0.0


@dataclass
class _Grant:
    subject: Subject
    nonce: str
    challenge: str
    redirect_uri: str


@dataclass
class OidcProvider:
    """The provider's state, which tests look at and change."""

    port: int
    redirect_uri: str
    issuer: str = ""
    lie: Lie = Lie.NONE
    algorithm: str = "RS256"
    auth_method: str = "client_secret_basic"
    people: dict[str, Subject] = field(default_factory=dict)
    """By login name; `login_hint` and the parameter `as` name one."""
    canned: dict[str, Canned] = field(default_factory=dict)
    """By path."""
    document: dict[str, Any] = field(default_factory=dict)
    """Put into the discovery document, over what stands there."""
    more_keys: list[Any] = field(default_factory=list)
    """Put before its own in its list of keys."""
    claims_in_token: bool = True
    """Whether the ID token tells addresses and names; else only user info does."""
    user_info_sub: str | None = None
    names_itself: bool = False
    """Whether it says who it is in the address of its answer (RFC 9207)."""
    now: Callable[[], float] = time.time
    """Its clock, in seconds since 1970."""
    hurry: threading.Event = field(default_factory=threading.Event)
    """Set: canned answers wait no more."""
    asked: list[str] = field(default_factory=list)
    """The paths that were asked for, in order."""
    forms: list[dict[str, str]] = field(default_factory=list)
    """What came to the token endpoint."""
    grants: dict[str, _Grant] = field(default_factory=dict)
    access: dict[str, Subject] = field(default_factory=dict)
    key: Key = field(default_factory=lambda: rsa_key("first"))

    def __post_init__(self) -> None:
        self.issuer = self.issuer or f"http://127.0.0.1:{self.port}"

    def knows(self, login: str, sub: str | None = None, **claims: Any) -> Subject:
        """Make somebody known; the address is the login unless `claims` says otherwise."""
        claims = {"email": login, "email_verified": True} | claims
        person = Subject(
            sub or f"sub-{login}", {name: each for name, each in claims.items() if each is not None}
        )
        self.people[login] = person
        return person

    def turn_key(self, kid: str, algorithm: str = "RS256") -> None:
        """Sign with a new key from now on; the old one leaves the list."""
        self.algorithm = algorithm
        if algorithm == "ES256":
            self.key = ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})
        else:
            self.key = rsa_key(kid)

    def configuration(self) -> dict[str, Any]:
        """The discovery document."""
        base = f"http://127.0.0.1:{self.port}"
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{base}/authorize?realm=demo",
            "token_endpoint": f"{base}/token",
            "jwks_uri": f"{base}/keys",
            "userinfo_endpoint": f"{base}/userinfo",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self.algorithm],
            "token_endpoint_auth_methods_supported": [self.auth_method],
            "code_challenge_methods_supported": ["S256"],
        } | self.document

    def keys(self) -> dict[str, Any]:
        """The list of public keys."""
        return {"keys": [*self.more_keys, self.key.as_dict(private=False)]}

    def authorise(self, asked: dict[str, str]) -> tuple[int, str]:
        """A redirect back (302) or a page (200, 400) in answer to an authorisation request."""
        expected = {
            "client_id": CLIENT_ID,
            "response_type": "code",
            "redirect_uri": self.redirect_uri,
            "code_challenge_method": "S256",
            "realm": "demo",
        }
        if any(asked.get(name) != value for name, value in expected.items()):
            return 400, "this client may not ask so"
        back = {"state": asked["state"]} | ({"iss": self.issuer} if self.names_itself else {})
        if "openid" not in asked["scope"].split() or not asked.get("code_challenge"):
            return 302, f"{self.redirect_uri}?{urlencode({**back, 'error': 'invalid_request'})}"
        login = asked.get("as") or asked.get("login_hint", "")
        if login == "nobody":
            return 302, f"{self.redirect_uri}?{urlencode({**back, 'error': 'access_denied'})}"
        if login not in self.people:
            return 200, self._choice(asked)
        code = secrets.token_urlsafe(20)
        nonce, challenge = asked.get("nonce", ""), asked["code_challenge"]
        self.grants[code] = _Grant(self.people[login], nonce, challenge, self.redirect_uri)
        return 302, f"{self.redirect_uri}?{urlencode({**back, 'code': code})}"

    def _choice(self, asked: dict[str, str]) -> str:
        links = "".join(
            f'<li><a href="?{escape(urlencode({**asked, "as": login}))}">{escape(login)}</a>'
            for login in [*self.people, "nobody"]
        )
        return (
            f'<!doctype html><html lang="en"><title>Who are you?</title><h1>Who are you?</h1><ul>{links}</ul>'
        )

    def token(self, form: dict[str, str], authorisation: str | None) -> tuple[int, dict[str, Any]]:
        """Tokens for a code, once."""
        self.forms.append(form)
        if self._authenticated(form, authorisation) != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        grant = self.grants.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            grant is None
            or grant.redirect_uri != form.get("redirect_uri")
            or not secrets.compare_digest(grant.challenge, challenge)
        ):
            return 400, {"error": "invalid_grant", "error_description": "no such code"}
        access = secrets.token_urlsafe(20)
        self.access[access] = grant.subject
        return 200, {
            "access_token": access,
            "token_type": "Bearer",
            "id_token": self._id_token(grant, access),
        }

    def _authenticated(self, form: dict[str, str], authorisation: str | None) -> tuple[str, str]:
        if self.auth_method == "client_secret_post":
            return form.get("client_id", ""), form.get("client_secret", "")
        if not authorisation or not authorisation.startswith("Basic "):
            return "", ""
        name, _, secret = base64.b64decode(authorisation[6:]).decode().partition(":")
        return unquote_plus(name), unquote_plus(secret)

    def _id_token(self, grant: _Grant, access: str) -> str:
        now = int(self.now())
        half = hashlib.sha256(access.encode()).digest()[:16]
        claims = {
            "iss": self.issuer,
            "sub": grant.subject.sub,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": grant.nonce,
            "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
        } | (grant.subject.claims if self.claims_in_token else {})
        claims |= _LIES.get(self.lie, lambda now: {})(now)
        return self._signed({name: value for name, value in claims.items() if value is not None})

    def _signed(self, claims: dict[str, Any]) -> str:
        header = {"alg": self.algorithm, "kid": self.key.kid, "x-of-our-own": "7"}
        key = self.key
        match self.lie:
            case Lie.GARBAGE:
                return "a.b.c"
            case Lie.NO_SIGNATURE:
                return f"{_part({'alg': 'none', 'kid': self.key.kid})}.{_part(claims)}."
            case Lie.PUBLIC_KEY_AS_SECRET:
                return _with_public_key_as_secret(claims, self.key)
            case Lie.WRONG_SIGNATURE:
                key = rsa_key("somebody-elses")
            case Lie.UNKNOWN_KEY:
                key, header["kid"] = rsa_key("never-heard-of"), "never-heard-of"
            case Lie.CRITICAL_HEADER:
                return _with_critical_header(claims, self.key)
        registry = JWSRegistry(algorithms=[self.algorithm], strict_check_header=False)
        return jwt.encode(header, claims, key, registry=registry)

    def user_info(self, authorisation: str | None) -> tuple[int, dict[str, Any]]:
        """What the bearer of an access token may know."""
        subject = self.access.get((authorisation or "").removeprefix("Bearer "))
        if subject is None:
            return 401, {"error": "invalid_token"}
        return 200, {"sub": self.user_info_sub or subject.sub, **subject.claims}


_LIES: dict[Lie, Any] = {
    Lie.WRONG_NONCE: lambda now: {"nonce": "another"},
    Lie.NO_NONCE: lambda now: {"nonce": None},
    Lie.WRONG_ISSUER: lambda now: {"iss": "https://idp.annan.example"},
    Lie.WRONG_AUDIENCE: lambda now: {"aud": "somebody-else"},
    Lie.SHARED_AUDIENCE: lambda now: {"aud": [CLIENT_ID, "somebody-else"], "azp": "somebody-else"},
    Lie.EXPIRED: lambda now: {"iat": now - 400, "exp": now - 61},
    Lie.NOT_YET: lambda now: {"iat": now + 120},
    Lie.NO_EXPIRY: lambda now: {"exp": None},
    Lie.NO_SUBJECT: lambda now: {"sub": None},
    Lie.OTHER_ACCESS_TOKEN: lambda now: {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _with_public_key_as_secret(claims: dict[str, Any], key: Key) -> str:
    """A token by HMAC, as old libraries believed it who took the key for what the header says it is."""
    assert isinstance(key, RSAKey)
    signed = f"{_part({'alg': 'HS256', 'kid': key.kid})}.{_part(claims)}"
    made = hmac.digest(key.as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


def _with_critical_header(claims: dict[str, Any], key: Key) -> str:
    """A token that is signed well, but under a header that says one must understand what nobody does."""
    honest = jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)
    head = {"alg": "RS256", "kid": key.kid, "crit": ["magic"], "magic": 1}
    return ".".join([_part(head), *honest.split(".")[1:]])


def visit(url: str) -> dict[str, str]:
    """Open the provider's page as a browser does; gives the parameters with which it sends the browser back to us."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        response = connection.getresponse()
        assert response.status == 302, response.read()
        return dict(parse_qsl(urlsplit(response.headers["Location"]).query))
    finally:
        connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    provider: OidcProvider

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hung up before the answer was there is none of the test's concern."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        provider, url = self.server.provider, urlsplit(self.path)
        if self._can(url.path):
            return
        match url.path:
            case "/.well-known/openid-configuration":
                self._json(200, provider.configuration())
            case "/keys":
                self._json(200, provider.keys())
            case "/userinfo":
                self._json(*provider.user_info(self.headers["Authorization"]))
            case "/authorize":
                status, said = provider.authorise(dict(parse_qsl(url.query)))
                headers = [("Location", said)] if status == 302 else []
                self._answer(status, said.encode(), "text/html; charset=utf-8", headers)
            case _:
                self._json(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self._can(self.path):
            return
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self._json(*self.server.provider.token(form, self.headers["Authorization"]))

    def _can(self, path: str) -> bool:
        """Give the canned answer of a path, if there is one."""
        self.server.provider.asked.append(path)
        canned = self.server.provider.canned.get(path)
        if canned is None:
            return False
        self.server.provider.hurry.wait(canned.after)
        self._answer(canned.status, canned.body, canned.kind, canned.headers)
        return True

    def _json(self, status: int, value: dict[str, Any]) -> None:
        self._answer(status, json.dumps(value).encode(), "application/json", ())

    def _answer(self, status: int, body: bytes, kind: str, headers: Any) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: tests look at `asked`."""


@contextmanager
def oidc_provider(redirect_uri: str) -> Iterator[OidcProvider]:
    """A provider on a free port of 127.0.0.1 whose only client has this redirect URI, for the length of the block."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.provider = OidcProvider(server.server_address[1], redirect_uri)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.provider
    finally:
        server.provider.hurry.set()
        server.shutdown()
        server.server_close()
        thread.join(20)
