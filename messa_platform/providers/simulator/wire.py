"""What goes between the plugin and the network: newline-delimited JSON one way, signed callbacks the other. One secret proves both ends.

docs/simulator.md describes both for a reader who has no Python at hand.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_GATEWAY_PORT: Final = 6545
DEFAULT_SMPP_PORT: Final = 2775

EVENTS_PATH: Final = "events"
"""Where callbacks are posted, below `/providers/<channel>/`."""
TIMESTAMP_HEADER: Final = "x-simulator-timestamp"
SIGNATURE_HEADER: Final = "x-simulator-signature"
TOLERANCE_SECONDS: Final = 300
"""How far the timestamp of a callback or a greeting may lie from the receiver's clock."""
MAX_EVENTS: Final = 500
"""Events in one callback, at most."""
MAX_LINE: Final = 1 << 20
"""Bytes in one line, at most; who sends more is cut off."""
WRONG_KEY: Final = "wrong_key"
"""The code of refusal on a connection that has not proved that it knows the secret."""
_GREETING: Final = b"hello"
"""What a greeting signs; no body of a callback is that."""

# One encoder, made once: json.dumps with separators makes a new one at every call. ASCII only, since a lone
# surrogate in a text has no UTF-8 but does have an escape.
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode


class LineTooLong(Exception):
    """The other end sent more than `MAX_LINE` bytes without a newline."""


class Lines:
    """Puts what arrives in pieces together into whole lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, without their newline. Raises `LineTooLong`."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > MAX_LINE:
            raise LineTooLong
        return lines


def encode(value: Any) -> bytes:
    """One JSON value in one line of ASCII, newline included."""
    return _encode(value).encode("ascii") + b"\n"


def encode_text(value: Any) -> str:
    """As `encode`, as text and without the newline."""
    return _encode(value)


def decode(line: bytes) -> dict[str, Any] | None:
    """The JSON object in `line`, or None where it holds none."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 in hex over the timestamp, a dot and the raw body."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def is_signed(secret: str, timestamp: str, body: bytes, signature: str) -> bool:
    """Whether it is the signature that `sign` makes."""
    # Compared as bytes: compare_digest raises on text that is not ASCII.
    return hmac.compare_digest(sign(secret, timestamp, body).encode(), signature.encode())


def greeting(secret: str, now: float) -> bytes:
    """The first line on a connection to the gateway, by which it knows who asks; nothing answers it."""
    at = int(now)
    return encode({"op": "hello", "at": at, "proof": sign(secret, str(at), _GREETING)})


def is_genuine(secret: str, hello: Mapping[str, Any], now: float) -> bool:
    """Whether a greeting was made lately, with the secret."""
    match hello:
        # Text that is not ASCII may have no bytes to compare.
        case {"at": int(at), "proof": str(proof)} if proof.isascii():
            # Only whoever has the secret gets as far as the time, so a number that is none does no harm.
            return is_signed(secret, str(at), _GREETING, proof) and abs(now - at) <= TOLERANCE_SECONDS
    return False
