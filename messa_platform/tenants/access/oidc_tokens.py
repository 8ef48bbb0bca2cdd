"""What an OpenID provider's tokens say, and whether to believe it (OpenID Connect Core 1.0, 3.1.3.7). Nothing here asks anybody.

Claims are checked by authlib, signatures by joserfc, which authlib rests on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from joserfc import jws, jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

ALGORITHMS = ("RS256", "ES256", "PS256")
"""Signatures that are believed. Never none, and never one by a shared secret, for which a public key could be taken."""
LEEWAY = 60
"""Seconds that a provider's clock may differ from ours."""
MAX_KEYS = 50


class Trouble(StrEnum):
    """Why a provider did not sign anybody in."""

    BUSY = "busy"
    """Too many sign-ins at the same time."""
    DOWN = "down"
    """It does not answer, or not as a provider does."""
    WRONG = "wrong"
    """What it says cannot be believed, or it does not know us."""
    OLD_CODE = "old_code"
    """The code was used before, or has grown old."""


@dataclass(frozen=True, slots=True)
class Failed:
    """No sign-in; `detail` is for the log and holds no secret."""

    trouble: Trouble
    detail: str


class Stop(Exception):
    """Ends a conversation with a provider from within; none leaves `oidc`."""

    def __init__(self, trouble: Trouble, detail: str) -> None:
        super().__init__(detail)
        self.failed = Failed(trouble, detail)


class UnknownKey(Stop):
    """A token's signature is by none of the keys; the provider may have changed them."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who was signed in, as the provider says. `email` is in lower case; `verified` is False where it says that it is not sure of it."""

    subject: str
    email: str | None
    verified: bool
    name: str


def key_set(found: Any) -> KeySet:
    """The keys of a provider's list by which our algorithms may be verified; what else stands there is no fault (RFC 7517 5)."""
    entries = found[:MAX_KEYS] if isinstance(found, list) else []
    return KeySet([key for entry in entries if (key := _key(entry)) is not None])


def _key(entry: Any) -> Key | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    # 342 letters of base64 are 2048 bits; less is not safe (NIST SP 800-131A)
    if entry.get("kty") != "EC" and (entry.get("kty") != "RSA" or len(str(entry.get("n"))) < 342):
        return None
    public = {name: entry[name] for name in ("kty", "n", "e", "crv", "x", "y", "kid", "alg") if name in entry}
    try:
        return JWKRegistry.import_key(public)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):  # joserfc foresees the first alone
        return None


# Headers that no standard knows are none of our business (RFC 7515 4); those that must be understood are (4.1.11).
_HEADERS = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
_HEADERS.max_header_length = 16_384  # a chain of certificates may stand in it


def verified(token: str, keys: KeySet) -> jwt.Token:
    """A token whose signature is by one of the keys. Raises `Stop`, and `UnknownKey` where newer keys may help."""
    try:
        return jwt.decode(token, keys, registry=_HEADERS)
    except (InvalidKeyIdError, BadSignatureError) as error:
        raise UnknownKey(Trouble.WRONG, error.error) from None
    except JoseError as error:
        raise Stop(Trouble.WRONG, error.error) from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):  # what joserfc does not foresee
        raise Stop(Trouble.WRONG, "the token is malformed") from None


@dataclass(frozen=True, slots=True)
class Expected:
    """What an ID token must say to be meant for us, now."""

    issuer: str
    client_id: str
    nonce: str
    access_token: Any
    now: datetime


def checked(token: jwt.Token, expected: Expected) -> dict[str, Any]:
    """The claims of a token that was verified. Raises `Stop`."""
    claims = CodeIDToken(
        token.claims,
        token.header,
        {
            "iss": {"essential": True, "value": expected.issuer},
            "aud": {"essential": True, "value": expected.client_id},
            "sub": {"essential": True},
        },
        {
            "client_id": expected.client_id,
            "nonce": expected.nonce,
            "access_token": expected.access_token,
        },
    )
    try:
        claims.validate(int(expected.now.timestamp()), LEEWAY)
    except JoseError as error:
        raise Stop(Trouble.WRONG, str(error)[:100]) from None
    except (TypeError, ValueError, AttributeError):  # claims of types that nobody expects
        raise Stop(Trouble.WRONG, "the token's claims are malformed") from None
    return dict(claims)


def person(claims: Mapping[str, Any]) -> Person:
    """Whom the claims tell of. Raises `Stop`."""
    subject, name = claims["sub"], claims.get("name")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255 or not subject.isprintable():
        raise Stop(Trouble.WRONG, "the subject is malformed")
    written = "".join(each for each in name if each.isprintable()).strip() if isinstance(name, str) else ""
    # some send the word as a text; what is neither yes nor left out is no
    is_verified = claims.get("email_verified", True) in (True, "true")
    return Person(subject, _email(claims.get("email")), is_verified, written[:200])


_ADDRESS = re.compile(r'[^\s<>"(),:;@\\]{1,64}@[^\s<>"(),:;@\\]{1,255}')


def _email(claim: Any) -> str | None:
    """An address in lower case; None for what is none, and for letters that only lowering makes common ones (the Kelvin sign)."""
    if not isinstance(claim, str) or not claim.isprintable() or not _ADDRESS.fullmatch(claim.strip()):
        return None
    address = claim.strip().lower()
    return address if address.isascii() == claim.isascii() else None
