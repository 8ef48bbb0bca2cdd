"""Pages of lists: `{"items": […], "next": cursor or null}`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from uuid import UUID

from messa_platform.api_v2.problems import Fault, Problem, Wrong

USUAL = 50


def limit_of(query: Mapping[str, str]) -> int:
    """Items of a page."""
    return int(query.get("limit", USUAL))


def cursor_of(identifier: UUID) -> str:
    """The cursor of the page behind an item. It tells nothing, and opens nothing: what a page may hold is asked anew each time."""
    return base64.urlsafe_b64encode(identifier.bytes).decode().rstrip("=")


def read_cursor(query: Mapping[str, str]) -> UUID | None:
    """Behind which item the page begins. Raises `Wrong`."""
    written = query.get("cursor")
    if written is None:
        return None
    try:
        return UUID(bytes=base64.b64decode(written.encode("ascii") + b"==", b"-_", validate=True))
    except (ValueError, binascii.Error):
        said = "is no cursor; take `next` of the page before as it is"
        raise Wrong(Problem.INVALID_PARAMETERS, faults=[Fault("?cursor", "invalid", said)]) from None
