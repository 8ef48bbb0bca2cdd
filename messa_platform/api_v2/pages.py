"""Pages of lists: `{"items": […], "next": cursor or null}`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from messa_platform.api_v2.operations import Shape
from messa_platform.api_v2.problems import Fault, Problem, Wrong
from messa_platform.api_v2.shapes import MAYBE, field

T = TypeVar("T")

USUAL = 50
LIMIT = {
    "limit": field("string", "Items of a page, 1 to 100; 50 without it.", "50", regex="([1-9][0-9]?|100)")
}
# an id in base64url (RFC 4648, 5)
CURSOR = {"cursor": field("string", "`next` of the page before.", regex="[A-Za-z0-9_-]{21}[AQgw]")}
"""Of lists that go by ids."""

# a word's UTF-8 in hex
WORD_CURSOR = {"cursor": field("string", "`next` of the page before.", regex="([0-9a-f]{2}){1,400}")}
"""Of lists that go by words, such as addresses."""


def a_list(name: str, items: dict[str, Any], description: str) -> Shape:
    """A page of a list."""
    return Shape(
        name,
        {
            "items": {"type": "list", "required": True, "schema": {"type": "dict", "schema": items}},
            "next": field("string", "The `cursor` of the next page; null on the last one.", **MAYBE),
        },
        description,
    )


def limit_of(query: Mapping[str, str]) -> int:
    """Items of a page."""
    return int(query.get("limit", USUAL))


def cut(found: Sequence[T], most: int) -> tuple[Sequence[T], T | None]:
    """What a page shows of the `most` + 1 that were looked for; and the last of it, if there is more behind."""
    return found[:most], found[most - 1] if len(found) > most else None


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


def cursor_of_word(word: str) -> str:
    """The cursor of the page behind an item that has this word, which its reader has been told."""
    return word.encode().hex()


def read_word_cursor(query: Mapping[str, str]) -> str:
    """Behind which word the page begins; "" for the first page. Any cursor that fits its shape names a place in the order."""
    return bytes.fromhex(query.get("cursor", "")).decode(errors="replace").replace("\0", "")
