"""The shapes of channels. Secrets are sent and never told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from messa_platform.api_v2.operations import Shape
from messa_platform.api_v2.pages import a_list
from messa_platform.api_v2.shapes import MAYBE, MUST, WORDS, an_id, field, one_of
from messa_platform.core.outbound import SENTENCES
from messa_platform.providers.base import State
from messa_platform.providers.breaker import Breaker
from messa_platform.providers.connect import LONGEST_NAME, MOST_RATE
from messa_platform.providers.given_settings import LONGEST, Fault, Wrong

_SAID: Mapping[Wrong, str] = {
    Wrong.MISSING: "is missing",
    Wrong.TOO_SHORT: "must hold at least {limit} characters",
    Wrong.TOO_LONG: "must hold at most {limit} characters",
    Wrong.TOO_SMALL: "must be at least {limit}",
    Wrong.TOO_LARGE: "must be at most {limit}",
    Wrong.NOT_ALLOWED: "must be one of those that the plugin knows",
    Wrong.NO_NUMBER: "must be a number",
    Wrong.PATTERN: "does not look as the provider writes it",
    Wrong.UNKNOWN: "is no setting of the plugin",
    Wrong.TAKEN: "is the name of another channel",
}


def said(fault: Fault) -> str:
    """What is wrong, without what was sent."""
    return SENTENCES[fault.reason] if fault.reason else _SAID[fault.wrong].format(limit=fault.limit)


_NAME = field("string", "What people call it; unique among yours.", "46elks", maxlength=LONGEST_NAME, **WORDS)
_RATE = field(
    "integer", "Texts a second at the most; null: no limit.", 30, min=1, max=int(MOST_RATE), nullable=True
)
_SETTINGS = field(
    "dict",
    "The plugin's settings, each as a text. What is empty is the plugin's own choice; a secret that is empty stays as it is, and is taken away"
    " by null. Keys of ours that prove callbacks need not be given: they are made.",
    {"username": "u1f7e2c4d5a6b", "password": "9A0F1E2D3C4B5A69"},
    maxlength=50,
    keysrules={"type": "string", "regex": r"[A-Za-z][A-Za-z0-9_]{0,63}"},
    valuesrules={"type": "string", "maxlength": LONGEST, "check_with": "storable", "nullable": True},
)
_RESENDS = field(
    "boolean",
    "Whether a text of which nobody can tell if the provider took it is sent once more, and may arrive twice; otherwise it stays UNCONFIRMED.",
    False,
)
CREATE = Shape(
    "CreateChannel",
    {
        "name": {**_NAME, **MUST},
        "plugin": field(
            "string",
            "By which plugin; the portal's marketplace has them all.",
            "elks",
            maxlength=64,
            **MUST,
            **WORDS,
        ),
        "settings": {**_SETTINGS, **MUST},
        "rate": _RATE,
        "resends": _RESENDS,
    },
    "A channel that is wanted.",
    {
        "name": "46elks",
        "plugin": "elks",
        "settings": {"username": "u1f7e2c4d5a6b", "password": "9A0F1E2D3C4B5A69"},
    },
)
CHANGE = Shape(
    "ChangeChannel",
    {
        "name": _NAME,
        "settings": _SETTINGS,
        "rate": _RATE,
        "resends": _RESENDS,
        "place": field(
            "integer", "Where it stands in the order, from 1; beyond the last is the last.", 1, min=1, max=100
        ),
        "renew_keys": field("boolean", "Whether the keys of ours are made anew; the old ones end at once."),
    },
    "What is to be different; what is left out stays.",
    {"place": 1},
)
_CHANNEL: dict[str, Any] = {
    "id": an_id("Its id.", **MUST),
    "name": {**_NAME, **MUST},
    "plugin": field("string", "Its plugin.", "elks", **MUST),
    "place": field("integer", "Where it stands in the order, from 1.", 1, **MUST),
    "enabled": field("boolean", "Whether texts may leave by it.", **MUST),
    "breaker": one_of(
        Breaker,
        "`closed`: it works; `open`: several texts in a row got no answer, so they take another one; `trial`: it answers again.",
        **MUST,
    ),
    "rate": field("integer", "Texts a second at the most; null: no limit.", 30, **MAYBE),
    "resends": {**_RESENDS, **MUST},
    "settings": field(
        "dict",
        "Its settings without secrets, as texts.",
        {"username": "u1f7e2c4d5a6b"},
        valuesrules={"type": "string"},
        **MUST,
    ),
    "secrets": field(
        "list", "The names of the secrets that it has.", ["password"], schema={"type": "string"}, **MUST
    ),
    "callbacks": field(
        "string",
        "The address below which its provider calls us, `/incoming` and `/receipts`; null if it does not.",
        "https://messa.example/providers/01a21b9c-8f00-7a4e-9d3b-1f2e3d4c5b6a",
        **MAYBE,
    ),
}
CHANNEL = Shape("Channel", _CHANNEL, "A connection of the organisation's own to a provider.")
WITH_KEYS = Shape(
    "ChannelWithKeys",
    {
        **_CHANNEL,
        "keys": field(
            "dict",
            "Keys of ours that were made just now, told this once: `callback_key` goes behind the addresses of its callbacks as `?key=`.",
            {"callback_key": "q7x0VQd3b1m9Zk2L4n8Rt5Yw"},
            valuesrules={"type": "string"},
            **MUST,
        ),
    },
    "A channel, with the keys that were made with it.",
)
CHANNELS = a_list(
    "Channels", _CHANNEL, "The organisation's own channels, in the order in which texts take them."
)
TESTED = Shape(
    "ChannelTest",
    {
        "state": one_of(
            State,
            "`well`: the provider knows us; `wrong_key`: it does not; `unreachable`: there was no answer; `strange`: there was one that"
            " does not tell.",
            **MUST,
        ),
        "code": field("string", "The provider's own word, or the fault; may be empty.", "http_401", **MUST),
        "balance": field("string", "What the account holds, if the provider tells.", "123.45", **MAYBE),
        "currency": field("string", "In which currency; may be empty.", "SEK", **MUST),
    },
    "What a test of a channel found; nothing was sent.",
)
