"""A listener for the demo's webhooks: it answers by its address's name, and shows what came. Memory alone holds that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

ANSWERS: Final[Mapping[str, HTTPStatus]] = {
    "taken": HTTPStatus.NO_CONTENT,
    "busy": HTTPStatus.SERVICE_UNAVAILABLE,
    "gone": HTTPStatus.GONE,
}
"""What `/simulator/webhooks/<name>` answers each time."""
KEEP_HOOKS: Final = 500
"""Requests in memory; older ones are forgotten."""
MOST_CHARACTERS: Final = 20_000
"""Of a body, at the most; the rest is not kept."""
HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature", "content-type")
"""What is kept of a request's headers."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A request that came to a listener, and what it was answered; `at` in seconds since 1970."""

    n: int
    at: float
    name: str
    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def type(self) -> str:
        """The kind of event, as its body has it; "" if that is none."""
        try:
            told: Any = json.loads(self.body)
        except (ValueError, RecursionError):
            return ""
        return str(told.get("type", "")) if isinstance(told, dict) else ""


def hook_of(n: int, at: float, name: str, headers: Mapping[str, str], body: bytes) -> Hook:
    """A request as it is kept."""
    kept = {header: headers[header] for header in HEADERS if header in headers}
    return Hook(n, at, name, int(ANSWERS[name]), kept, body.decode("utf-8", "replace")[:MOST_CHARACTERS])
