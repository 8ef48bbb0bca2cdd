"""The shapes of routes. Of channels that are not the organisation's own nothing is told but that there are some."""

from __future__ import annotations

from typing import Any

from messa_platform.api_v2.operations import Shape
from messa_platform.api_v2.pages import a_list
from messa_platform.api_v2.shapes import MAYBE, MUST, an_id, field, one_of
from messa_platform.providers.capabilities import NAMES
from messa_platform.providers.prices.cells import LONGEST_PREFIX
from messa_platform.providers.routing.own import By
from messa_platform.providers.routing.routes import MOST_CHANNELS
from messa_platform.providers.routing.rules import SenderKind

_ID = "01a21b9c-8f00-7a4e-9d3b-1f2e3d4c5b6a"
_PREFIX = field(
    "string",
    "Which numbers it is for: the digits that they begin with, the country code first, without `+`; empty: all.",
    "4670",
    regex=f"([1-9][0-9]{{0,{LONGEST_PREFIX - 1}}})?",
)
_SENDER = one_of(
    SenderKind, "For texts that go out as a `number`, or as a `name`; null: for both.", nullable=True
)
_NEEDS = field(
    "list",
    "What a channel must be able to do for it: `alphanumeric_sender`, `own_numbers`, `receipts`, `incoming`, `unicode`, `idempotent_submit`"
    " (a text that is sent again arrives once).",
    ["receipts"],
    maxlength=len(NAMES),
    schema={"type": "string", "allowed": list(NAMES)},
)
_CHEAPEST = field(
    "boolean",
    "Whether the cheapest of the channels that work is taken, as far as we know what they cost, instead of the first.",
    False,
)
_CHANNELS = field(
    "list",
    "The ids of channels of your own, the one that is to be taken first at first. Texts go by no others.",
    [_ID],
    minlength=1,
    maxlength=MOST_CHANNELS,
    schema={"type": "string", "check_with": "uuid"},
)
CREATE = Shape(
    "CreateRoute",
    {
        "prefix": {**_PREFIX, "default": ""},
        "sender": {**_SENDER, "default": None},
        "needs": {**_NEEDS, "default": []},
        "cheapest": {**_CHEAPEST, "default": False},
        "channels": {**_CHANNELS, **MUST},
    },
    "A route that is wanted.",
    {"prefix": "4670", "sender": "name", "channels": [_ID]},
)
CHANGE = Shape(
    "ChangeRoute",
    {
        "prefix": _PREFIX,
        "sender": _SENDER,
        "needs": _NEEDS,
        "cheapest": _CHEAPEST,
        "channels": _CHANNELS,
    },
    "What is to be different; what is left out stays, but for channels that are removed.",
    {"cheapest": True},
)
_CHANNEL: dict[str, Any] = {
    "is_own": field(
        "boolean",
        "Whether it is yours. False: it is the platform's, or there are several such in a row.",
        True,
        **MUST,
    ),
    "id": an_id("Its id; null if it is the platform's.", **MAYBE),
    "name": field("string", "Its name; null if it is the platform's.", "46elks", **MAYBE),
    "is_removed": field("boolean", "Whether it was removed; it is passed over then.", False, **MUST),
}
_ROUTE: dict[str, Any] = {
    "id": an_id("Its id.", **MUST),
    "by": one_of(
        By,
        "Who keeps it. `organisation`: you do, and can change it; `operator`: the platform's operator has made it for you; `platform`: so for"
        " all organisations, whose own channels come before those of the route.",
        **MUST,
    ),
    "prefix": {**_PREFIX, **MUST},
    "sender": {**_SENDER, **MUST},
    "needs": {**_NEEDS, **MUST},
    "cheapest": {**_CHEAPEST, **MUST},
    "channels": {
        "type": "list",
        "required": True,
        "schema": {"type": "dict", "schema": _CHANNEL},
        "meta": {"description": "In the order in which they stand in the route."},
    },
}  # fmt: skip
ROUTE = Shape("Route", _ROUTE, "By which channels some texts leave, and by no others.")
ROUTES = a_list(
    "Routes", _ROUTE, "The routes that hold for the organisation, in the order in which they decide."
)
