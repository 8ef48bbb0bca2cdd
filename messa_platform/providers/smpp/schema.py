"""A channel's settings for SMPP. What only some operators want otherwise is rare."""

from __future__ import annotations

from typing import Any, Final

from messa_platform.core.i18n import msgid
from messa_platform.providers.http import needed, whole_number
from messa_platform.providers.smpp.inward import Ids
from messa_platform.providers.smpp.reading import ALPHABETS
from messa_platform.providers.smpp.writing import Alphabet, Long

_ASCII = r"[ -~]*"
"""What SMPP's names and words may have."""
TRANSCEIVER, SEPARATE = "transceiver", "transmitter and receiver"


def _choice(label: str, choices: list[str], default: str, help_: str = "") -> dict[str, Any]:
    meta = {"label": label, "rare": True} | ({"help": help_} if help_ else {})
    return {"type": "string", "allowed": choices, "default": default, "meta": meta}


def _kind(label: str, default: str) -> dict[str, Any]:
    return {
        "type": "string",
        "regex": r"[0-6]/(0|1|3|4|6|8|9|10|14|18)",
        "default": default,
        "meta": {
            "label": label,
            "rare": True,
            "help": msgid("Type of number / numbering plan, for example 1/1"),
        },
    }


def _text(label: str, most: int) -> dict[str, Any]:
    return {
        "type": "string",
        "regex": _ASCII,
        "maxlength": most,
        "default": "",
        "meta": {"label": label, "rare": True},
    }


def _switch(label: str, *, default: bool) -> dict[str, Any]:
    return {"type": "boolean", "default": default, "meta": {"label": label, "rare": True}}


SCHEMA: Final[dict[str, Any]] = {
    "host": needed(msgid("The operator's host"), msgid("For example smpp.operator.example")),
    "port": whole_number(msgid("Port"), 1, 65_535, default=2775, rare=False),
    "system_id": needed(msgid("System id")) | {"regex": _ASCII, "maxlength": 15},
    "password": needed(msgid("Password"), msgid("At most eight characters"), secret=True)
    | {"regex": _ASCII, "maxlength": 8},
    "tls": _switch(msgid("Encrypted (TLS)"), default=False),
    "bind": _choice(
        msgid("Kind of sessions"),
        [TRANSCEIVER, SEPARATE],
        TRANSCEIVER,
        msgid("Some operators want one session for sending and another for receiving."),
    ),
    "sessions": whole_number(
        msgid("Sessions of each kind"), 1, 16, default=1, help_=msgid("As many as the contract allows")
    ),
    "window": whole_number(
        msgid("Window"),
        1,
        1000,
        default=50,
        help_=msgid("Texts on their way at once by a session, as the contract allows"),
    ),
    "system_type": _text(msgid("System type"), 12),
    "address_range": _text(msgid("Address range"), 40),
    "service_type": _text(msgid("Service type"), 5),
    "long_texts": _choice(
        msgid("How long texts travel"),
        [long.value for long in Long],
        Long.UDH.value,
        msgid("udh and udh16: a header in each part; sar: parameters; payload: the operator divides it"),
    ),
    "alphabet": _choice(msgid("The operator's alphabet"), [a.value for a in Alphabet], Alphabet.GSM.value),
    "incoming_alphabet": _choice(msgid("The operator's alphabet for incoming texts"), list(ALPHABETS), "gsm"),
    "ids": _choice(msgid("The ids of texts"), [ids.value for ids in Ids], Ids.AS_THEY_ARE.value),
    "name_type": _kind(msgid("Type of a sender name"), "5/0"),
    "number_type": _kind(msgid("Type of a sender number"), "1/1"),
    "short_code_type": _kind(msgid("Type of a short code"), "3/0"),
    "recipient_type": _kind(msgid("Type of a recipient's number"), "1/1"),
    "plus": _switch(msgid("Numbers begin with a plus sign"), default=False),
    "validity": whole_number(msgid("Minutes for which the operator tries"), 1, 60 * 24 * 7)
    | {"nullable": True, "default": None},
    "answer_seconds": whole_number(msgid("Seconds to wait for an answer"), 1, 30, default=10),
    "silence_seconds": whole_number(
        msgid("Seconds of silence until it is asked whether anybody is there"), 1, 600, default=30
    ),
}
