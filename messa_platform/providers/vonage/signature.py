"""The signature of what Vonage sends: over its fields, in whichever way they travel."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

METHODS: Final = ("md5hash", "md5", "sha1", "sha256", "sha512")
"""What an account can be set to: `md5hash` has the secret after the text, the others are HMACs."""


def sign(fields: Mapping[str, str], secret: str, method: str) -> str:
    """The signature of fields, in hexadecimal digits; what a field `sig` has does not count."""
    text = "".join(f"&{name}={_cleaned(fields[name])}" for name in sorted(fields) if name != "sig")
    # Half a surrogate pair, which JSON can carry, is a question mark in the bytes, as it is to Java.
    plain, key = text.encode(errors="replace"), secret.encode()
    if method == "md5hash":
        return hashlib.md5(plain + key, usedforsecurity=False).hexdigest()
    return hmac.new(key, plain, method).hexdigest()


def signed(fields: Mapping[str, str], secret: str, method: str) -> Mapping[str, str] | None:
    """Those of the fields that `sig` is over, or None if it is over others.

    Vonage's own libraries do not agree on whether empty fields are signed: some leave them out. So both will do, but then what is not
    signed is not there.
    """
    given = fields.get("sig", "").lower().encode(errors="replace")
    for candidate in (fields, {name: value for name, value in fields.items() if value.strip()}):
        if hmac.compare_digest(sign(candidate, secret, method).encode(), given):
            return candidate
    return None


def _cleaned(value: str) -> str:
    return value.replace("&", "_").replace("=", "_")
