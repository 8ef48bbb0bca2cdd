"""The shapes of messages and batches."""

from __future__ import annotations

from typing import Any

from messa_platform.api_v2.operations import Shape
from messa_platform.messaging.segments import Encoding
from messa_platform.messaging.statuses import Direction, Status

MOST_RECIPIENTS = 10_000
LONGEST_TEXT = 2_000
"""Characters of a text; the longest that an SMS of nine parts holds has 1,377."""
LONGEST_NUMBER = 40
LONGEST_VALUE = 1_000

_ID = {"type": "string", "check_with": "uuid"}


def an_id(description: str, **rules: Any) -> dict[str, Any]:
    """An id."""
    return {
        **_ID,
        **rules,
        "meta": {"description": description, "example": "01a21b9c-8f00-7a4e-9d3b-1f2e3d4c5b6a"},
    }


def a_time(description: str, **rules: Any) -> dict[str, Any]:
    """A time."""
    return {
        "type": "string",
        "check_with": "moment",
        **rules,
        "meta": {"description": description, "example": "2026-12-24T15:00:00+01:00"},
    }


_TEXT = {
    "type": "string",
    "empty": False,
    "maxlength": LONGEST_TEXT,
    "check_with": "storable",
    "meta": {
        "description": "The text. The group's signature goes on a line of its own below it, and typographic characters are made plain where"
        " that keeps the text in GSM 03.38; both as the group's settings say.",
        "example": "Mötet är flyttat till fredag 14.00.",
    },
}
_TO = {
    "type": "string",
    "empty": False,
    "maxlength": LONGEST_NUMBER,
    "check_with": "storable",
    "meta": {
        "description": "The receiving number: `+46701234567`, `0046…`, or a national one such as `070-123 45 67`.",
        "example": "+46701740605",
    },
}
_COMMON = {
    "text": {**_TEXT, "required": True},
    "send_at": a_time(
        "When to send it, at most 366 days ahead; without it, now. Until then it can be cancelled."
    ),
    "allow_duplicate": {
        "type": "boolean",
        "default": False,
        "meta": {"description": "Send it though the same text went to the same number within 24 hours."},
    },
    "client_ref": {
        "type": "string",
        "empty": False,
        "maxlength": 100,
        "check_with": "storable",
        "meta": {
            "description": "Your own word for it, which comes back wherever the message does.",
            "example": "larm-4711",
        },
    },
}
_RECIPIENT = {
    "to": {**_TO, "required": True},
    "values": {
        "type": "dict",
        "maxlength": 50,
        "keysrules": {"type": "string", "regex": r"[^{}\x00-\x1f]{1,100}", "check_with": "storable"},
        "valuesrules": {"type": "string", "maxlength": LONGEST_VALUE, "check_with": "storable"},
        "meta": {
            "description": "What stands in the text for this recipient in the place of `{name}`.",
            "example": {"namn": "Karin"},
        },
    },
}
SEND = Shape(
    "SendMessage",
    {
        "to": {**_TO, "required": True, "excludes": "recipients"},
        "recipients": {
            "type": "list",
            "required": True,
            "excludes": "to",
            "minlength": 1,
            "maxlength": MOST_RECIPIENTS,
            "schema": {"type": "dict", "schema": _RECIPIENT},
            "meta": {
                "description": "Many to whom it goes. Quota is given out in this order; who would get the same text twice gets it once."
                " Where some have `values`, `{name}` in the text stands for what differs, and `{{` and `}}` are braces."
            },
        },
        **_COMMON,
    },
    "A text to one number (`to`), or to many (`recipients`).",
    {"to": "+46701740605", "text": "Mötet är flyttat till fredag 14.00.", "client_ref": "larm-4711"},
)
DRY = Shape(
    "TryMessage",
    {"to": {**_TO, "required": True}, **{n: r for n, r in _COMMON.items() if n != "client_ref"}},
    "A text to one number, to be looked at only.",
    {"to": "+46701740605", "text": "Mötet är flyttat till fredag 14.00."},
)

_STATUS_WORDS = (
    "The status, in the words of the log: `QUEUED`, `SENT`, `DELIVERED` and so on. `Personal:`, `Group:` and `no_sms_left:…` end with"
    " the name of the group whose rule struck."
)
MESSAGE = Shape(
    "Message",
    {
        "id": an_id("Its id.", required=True),
        "direction": {
            "type": "string",
            "required": True,
            "allowed": [d.value for d in Direction],
            "meta": {"description": "`out`: sent, `in`: received."},
        },
        "from": {
            "type": "string",
            "required": True,
            "meta": {
                "description": "A number, or the sender name that it goes out with.",
                "example": "Demo kommun",
            },
        },
        "to": {
            "type": "string",
            "required": True,
            "meta": {
                "description": "A number; of a refused one as it was written.",
                "example": "+46701740605",
            },
        },
        "status": {
            "type": "string",
            "required": True,
            "meta": {"description": _STATUS_WORDS, "example": "QUEUED"},
        },
        "parts": {
            "type": "integer",
            "required": True,
            "meta": {"description": "Parts charged; 0 of what is incoming or refused.", "example": 1},
        },
        "encoding": {
            "type": "string",
            "required": True,
            "allowed": [e.value for e in Encoding],
            "meta": {"description": "How it travels."},
        },
        "text": {
            "type": "string",
            "required": True,
            "nullable": True,
            "meta": {
                "description": "The text as it left. Only of the key's own API user; null of others', and once it was removed.",
                "example": "Hej!",
            },
        },
        "group_id": an_id("The group that it was sent from.", required=True),
        "account_id": an_id("The account or API user whose message it is.", required=True),
        "client_ref": {
            "type": "string",
            "required": True,
            "nullable": True,
            "meta": {"description": "Your own word for it.", "example": "larm-4711"},
        },
        "send_at": a_time("The time that was chosen for it.", required=True, nullable=True),
        "created_at": a_time("When we got it.", required=True),
        "status_at": a_time("When it came to its status.", required=True),
    },
    "A text, sent or received.",
)
_COUNTS = {
    "total": {
        "type": "integer",
        "required": True,
        "meta": {"description": "Recipients, repeated ones left out.", "example": 2},
    },
    "done": {
        "type": "integer",
        "required": True,
        "meta": {"description": "Recipients that were handled so far.", "example": 2},
    },
    "accepted": {
        "type": "integer",
        "required": True,
        "meta": {"description": "Of these, taken in for sending.", "example": 2},
    },
}
BATCH = Shape(
    "Batch",
    {
        "id": an_id("Its id.", required=True),
        "state": {
            "type": "string",
            "required": True,
            "allowed": ["working", "finished"],
            "meta": {"description": "Whether recipients are still to be handled."},
        },
        **_COUNTS,
        "client_ref": {
            "type": "string",
            "required": True,
            "nullable": True,
            "meta": {"description": "Your own word for it.", "example": "larm-4711"},
        },
        "send_at": a_time("The time that was chosen for it.", required=True, nullable=True),
        "created_at": a_time("When we got it.", required=True),
        "finished_at": a_time("When all were handled.", required=True, nullable=True),
        "statuses": {
            "type": "dict",
            "required": True,
            "valuesrules": {"type": "integer"},
            "meta": {
                "description": "Recipients by what was said of each when it was handled.",
                "example": {"QUEUED": 2},
            },
        },
    },
    "A text to many, and how far it has come.",
)
_BATCH_RECIPIENT = {
    "to": {"type": "string", "required": True, "meta": {"example": "+46701740605"}},
    "status": {
        "type": "string",
        "required": True,
        "meta": {"description": "What was said when it was handled.", "example": "QUEUED"},
    },
    "message_id": an_id("Its message; null where the number is none.", required=True, nullable=True),
}


def a_list(name: str, items: dict[str, Any], description: str) -> Shape:
    """A page of a list (`next` is the cursor of the page behind it)."""
    return Shape(
        name,
        {
            "items": {"type": "list", "required": True, "schema": {"type": "dict", "schema": items}},
            "next": {
                "type": "string",
                "required": True,
                "nullable": True,
                "meta": {"description": "The `cursor` of the next page; null on the last one."},
            },
        },
        description,
    )


MESSAGES = a_list("Messages", dict(MESSAGE.schema), "Messages, the newest first.")
BATCH_RECIPIENTS = a_list("BatchRecipients", _BATCH_RECIPIENT, "A batch's recipients, in order.")
EVENTS = Shape(
    "MessageEvents",
    {
        "items": {
            "type": "list",
            "required": True,
            "schema": {
                "type": "dict",
                "schema": {
                    "at": a_time("When it was so.", required=True),
                    "status": {
                        "type": "string",
                        "required": True,
                        "allowed": [s.value for s in Status],
                        "meta": {"description": "The status that it came to."},
                    },
                    "code": {
                        "type": "string",
                        "required": True,
                        "meta": {"description": "The provider's own word, if it had one.", "example": ""},
                    },
                    "changed": {
                        "type": "boolean",
                        "required": True,
                        "meta": {
                            "description": "False: it was said, but came late or again, and moved nothing."
                        },
                    },
                },
            },
        },
        "next": {
            "type": "string",
            "required": True,
            "nullable": True,
            "meta": {"description": "Null: all of them are here."},
        },
    },
    "What happened to a message, in order.",
)
DRY_RUN = Shape(
    "DryRun",
    {
        "text": {
            "type": "string",
            "required": True,
            "meta": {"description": "The text as it would leave, with signature.", "example": "Hej!"},
        },
        "encoding": {
            "type": "string",
            "required": True,
            "allowed": [e.value for e in Encoding],
            "meta": {"description": "How it would travel."},
        },
        "units": {
            "type": "integer",
            "required": True,
            "meta": {"description": "Septets of GSM 03.38, or code units of UCS-2.", "example": 4},
        },
        "parts": {
            "type": "integer",
            "required": True,
            "meta": {"description": "Parts that it would be charged.", "example": 1},
        },
        "left": {
            "type": "integer",
            "required": True,
            "nullable": True,
            "meta": {"description": "Parts left by the tightest limit; null without one."},
        },
        "status": {
            "type": "string",
            "required": True,
            "meta": {
                "description": "What would be said of it: `QUEUED`, `SCHEDULED`, or why it would be refused.",
                "example": "QUEUED",
            },
        },
    },
    "What would become of a text; nothing was stored or sent.",
)

_NUMBERS = {"type": "string", "regex": "([1-9][0-9]?|100)"}
LIMIT = {
    "limit": {
        **_NUMBERS,
        "meta": {"description": "Items of a page, 1 to 100; 50 without it.", "example": "50"},
    }
}
CURSOR = {
    "cursor": {
        "type": "string",
        # an id in base64url (RFC 4648, 5)
        "regex": "[A-Za-z0-9_-]{21}[AQgw]",
        "meta": {"description": "`next` of the page before."},
    }
}
LIST_PARAMETERS = {
    "group_id": an_id("Only of this very group."),
    "account_id": an_id("Only of this account or API user."),
    "number": {
        "type": "string",
        "maxlength": LONGEST_NUMBER,
        "check_with": "storable",
        "meta": {"description": "Only to or from this number, E.164.", "example": "+46701740605"},
    },
    "direction": {
        "type": "string",
        "allowed": [d.value for d in Direction],
        "meta": {"description": "Only sent, or only received ones."},
    },
    "status": {
        "type": "string",
        "allowed": [s.value for s in Status],
        "meta": {"description": "Only with this status, whatever group's rule struck."},
    },
    "since": a_time("Only those that we got then or later."),
    "until": a_time("Only those that we got before."),
    **LIMIT,
    **CURSOR,
}
