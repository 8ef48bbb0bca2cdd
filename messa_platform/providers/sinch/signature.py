"""How Sinch proves that a callback is its own: X-Sinch-Webhook-Signature, over the body, a nonce and the time."""

from __future__ import annotations

import base64
import hmac
import re
from typing import Final

from messa_platform.providers.base import Callback, CallbackRefused

HEADER: Final = "x-sinch-webhook-signature"
ALGORITHM: Final = "hmacsha256"
_SECONDS = re.compile(r"[0-9]{1,12}")


def signature(secret: str, body: bytes, nonce: str, timestamp: str) -> str:
    """The signature of a callback."""
    signed = b".".join((body, nonce.encode(), timestamp.encode()))
    return base64.b64encode(hmac.digest(secret.encode(), signed, "sha256")).decode()


def demand_signature(callback: Callback, secret: str, tolerance: int) -> None:
    """Let in a callback that Sinch signed at most `tolerance` seconds from when it came. Raises `CallbackRefused`."""
    headers = callback.headers
    if headers.get(f"{HEADER}-algorithm", ALGORITHM).lower() != ALGORITHM:
        raise CallbackRefused(401, "signed by an algorithm other than HmacSHA256")
    timestamp = headers.get(f"{HEADER}-timestamp", "")
    wanted = signature(secret, callback.body, headers.get(f"{HEADER}-nonce", ""), timestamp)
    # as bytes: compare_digest raises on text that is not ASCII
    if not hmac.compare_digest(wanted.encode(), headers.get(HEADER, "").encode()):
        raise CallbackRefused(401, "the signature is missing or wrong")
    if not _SECONDS.fullmatch(timestamp) or abs(callback.at.timestamp() - int(timestamp)) > tolerance:
        raise CallbackRefused(401, "signed too long ago, or in the future")
