"""`X-Gwapi-Signature`: a JSON web token whose claims are what the callback says, signed with a secret that the customer has chosen.

Whether the claims are just the body is not documented: the token that the documentation shows has more (`callback_url`, `api`). So what is
believed are the claims, and a body that says anything else than they do was changed on its way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from messa_platform.providers.base import CallbackRefused

HEADER: Final = "x-gwapi-signature"
# Headers that no standard knows are none of our business (RFC 7515 4); those that must be understood are (4.1.11).
_ALLOWED = jws.JWSRegistry(algorithms=["HS256"], strict_check_header=False)


def claims_of(token: str, secret: str) -> Mapping[str, Any]:
    """What a token says that is signed with our secret, by HS256 and nothing else. Raises `CallbackRefused`."""
    try:
        return jwt.decode(token, OctKey.import_key(secret.encode()), registry=_ALLOWED).claims
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        # joserfc foresees the first alone
        raise CallbackRefused(403, "it is not signed with the channel's secret") from None


def demand_claims(token: str, secret: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a callback says, as it was signed; the body says nothing else. Raises `CallbackRefused`."""
    claims = claims_of(token, secret)
    # one field may be null in the one and missing in the other, which is the same
    if any(claims.get(name) != value for name, value in body.items()):
        raise CallbackRefused(403, "the body is not what was signed")
    return claims
