"""What goes between the plugin and the network: newline-delimited JSON one way, signed callbacks the other.

docs/simulator.md describes both for a reader who has no Python at hand.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, Final

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_GATEWAY_PORT: Final = 6545

EVENTS_PATH: Final = "events"
"""Where callbacks are posted, below `/providers/<channel>/`."""
TIMESTAMP_HEADER: Final = "x-simulator-timestamp"
SIGNATURE_HEADER: Final = "x-simulator-signature"
TOLERANCE_SECONDS: Final = 300
"""How far a callback's timestamp may lie from the receiver's clock."""
MAX_EVENTS: Final = 500
"""Events in one callback, at most."""
MAX_LINE: Final = 1 << 20
"""Bytes in one line, at most; who sends more is cut off."""

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
