"""Ways out that are guarded, and names that lead where a test says."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from messa_platform.core.outbound import (
    Fault,
    NoAnswer,
    Outbound,
    OutboundSettings,
)

LOCAL = OutboundSettings(allow_private=True, timeout=5.0, max_bytes=10_000)
STRICT = OutboundSettings(timeout=5.0)


def never(*_: Any) -> socket.socket:
    raise AssertionError("a connection was opened")


def at(*addresses: str) -> Callable[[str, int], list[str]]:
    """A resolver that knows these addresses of any name."""
    return lambda host, port: list(addresses)


def outcome(url: str, settings: OutboundSettings = STRICT, **parts: Any) -> Fault:
    """What keeps a request from leaving at all."""
    parts.setdefault("connect", never)
    refused = Outbound(settings, **parts).get(url)
    assert isinstance(refused, NoAnswer)
    assert not refused.sent
    return refused.fault


def url_of(port: int, path: str = "/in") -> str:
    return f"http://127.0.0.1:{port}{path}"
