"""The shapes of messages and batches."""

from __future__ import annotations

from typing import Any

from messa_platform.api_v2.operations import Shape
from messa_platform.api_v2.shapes import a_time, an_id, field, one_of
from messa_platform.messaging.segments import Encoding
from messa_platform.messaging.statuses import Direction, Status

MOST_RECIPIENTS = 10_000
LONGEST_TEXT = 2_000
"""Characters of a text; the longest that an SMS of nine parts holds has 1,377."""
LONGEST_NUMBER = 40
LONGEST_VALUE = 1_000

_PHONE = "+46701740605"
_REFERENCE = "Your own word for it, which comes back wherever it does."
_WORDS = {"check_with": "storable", "empty": False}
_MUST = {"required": True}
_MAYBE = {"required": True, "nullable": True}
"""Of what is told: it is always there, and may be null."""

_TO = field(
    "string",
    "The receiving number: `+46701234567`, `0046…`, or a national one such as `070-123 45 67`.",
    _PHONE,
    maxlength=LONGEST_NUMBER,
    **_WORDS,
)
_COMMON = {
    "text": field(
        "string",
        "The text. The group's signature goes on a line of its own below it, and typographic characters are made plain where that keeps the"
        " text in GSM 03.38; both as the group's settings say.",
        "Mötet är flyttat till fredag 14.00.",
        maxlength=LONGEST_TEXT,
        **_MUST,
        **_WORDS,
    ),
    "send_at": a_time(
        "When to send it, at most 366 days ahead; without it, now. Until then it can be cancelled."
    ),
    "allow_duplicate": field(
        "boolean", "Send it though the same text went to the same number within 24 hours.", default=False
    ),
    "client_ref": field("string", _REFERENCE, "larm-4711", maxlength=100, **_WORDS),
}
_VALUES = field(
    "dict",
    "What stands in the text for this recipient in the place of `{name}`.",
    {"namn": "Karin"},
    maxlength=50,
    keysrules={"type": "string", "regex": r"[^{}\x00-\x1f]{1,100}", "check_with": "storable"},
    valuesrules={"type": "string", "maxlength": LONGEST_VALUE, "check_with": "storable"},
)
_EXAMPLE = {"to": _PHONE, "text": "Mötet är flyttat till fredag 14.00."}
SEND = Shape(
    "SendMessage",
    {
        "to": {**_TO, **_MUST, "excludes": "recipients"},
        "recipients": field(
            "list",
            "Many to whom it goes. Quota is given out in this order; who would get the same text twice gets it once."
            " Where some have `values`, `{name}` in the text stands for what differs, and `{{` and `}}` are braces.",
            required=True,
            excludes="to",
            minlength=1,
            maxlength=MOST_RECIPIENTS,
            schema={"type": "dict", "schema": {"to": {**_TO, **_MUST}, "values": _VALUES}},
        ),
        **_COMMON,
    },
    "A text to one number (`to`), or to many (`recipients`).",
    {**_EXAMPLE, "client_ref": "larm-4711"},
)
DRY = Shape(
    "TryMessage",
    {"to": {**_TO, **_MUST}, **{name: rules for name, rules in _COMMON.items() if name != "client_ref"}},
    "A text to one number, to be looked at only.",
    _EXAMPLE,
)

_STATUS = (
    "The status, in the words of the log: `QUEUED`, `SENT`, `DELIVERED` and so on. `Personal:`, `Group:` and `no_sms_left:…` end with"
    " the name of the group whose rule struck."
)
_GOT = a_time("When we got it.", **_MUST)
_CHOSEN = a_time("The time that was chosen for it.", **_MAYBE)
_REF = field("string", _REFERENCE, "larm-4711", **_MAYBE)
_ENCODING = one_of(Encoding, "How it travels.", **_MUST)
MESSAGE = Shape(
    "Message",
    {
        "id": an_id("Its id.", **_MUST),
        "direction": one_of(Direction, "`out`: sent, `in`: received.", **_MUST),
        "from": field(
            "string", "A number, or the sender name that it goes out with.", "Demo kommun", **_MUST
        ),
        "to": field("string", "A number; of a refused one as it was written.", _PHONE, **_MUST),
        "status": field("string", _STATUS, "QUEUED", **_MUST),
        "parts": field("integer", "Parts charged; 0 of what is incoming or refused.", 1, **_MUST),
        "encoding": _ENCODING,
        "text": field(
            "string",
            "The text as it left. Only of the key's own API user; null of others', and once it was removed.",
            "Hej!",
            **_MAYBE,
        ),
        "group_id": an_id("The group that it was sent from.", **_MUST),
        "account_id": an_id("The account or API user whose message it is.", **_MUST),
        "client_ref": _REF,
        "send_at": _CHOSEN,
        "created_at": _GOT,
        "status_at": a_time("When it came to its status.", **_MUST),
    },
    "A text, sent or received.",
)
BATCH = Shape(
    "Batch",
    {
        "id": an_id("Its id.", **_MUST),
        "state": field(
            "string", "Whether recipients are still to be handled.", allowed=["working", "finished"], **_MUST
        ),
        "total": field("integer", "Recipients, repeated ones left out.", 2, **_MUST),
        "done": field("integer", "Recipients that were handled so far.", 2, **_MUST),
        "accepted": field("integer", "Of these, taken in for sending.", 2, **_MUST),
        "client_ref": _REF,
        "send_at": _CHOSEN,
        "created_at": _GOT,
        "finished_at": a_time("When all were handled.", **_MAYBE),
        "statuses": field(
            "dict",
            "Recipients by what was said of each when it was handled.",
            {"QUEUED": 2},
            valuesrules={"type": "integer"},
            **_MUST,
        ),
    },
    "A text to many, and how far it has come.",
)


def a_list(name: str, items: dict[str, Any], description: str) -> Shape:
    """A page of a list."""
    return Shape(
        name,
        {
            "items": {"type": "list", "required": True, "schema": {"type": "dict", "schema": items}},
            "next": field("string", "The `cursor` of the next page; null on the last one.", **_MAYBE),
        },
        description,
    )


MESSAGES = a_list("Messages", dict(MESSAGE.schema), "Messages, the newest first.")
BATCH_RECIPIENTS = a_list(
    "BatchRecipients",
    {
        "to": field("string", "The number; of a refused one as it was written.", _PHONE, **_MUST),
        "status": field("string", "What was said when it was handled.", "QUEUED", **_MUST),
        "message_id": an_id("Its message; null where the number is none.", **_MAYBE),
    },
    "A batch's recipients, in order.",
)
EVENTS = a_list(
    "MessageEvents",
    {
        "at": a_time("When it was so.", **_MUST),
        "status": one_of(Status, "The status that it came to.", **_MUST),
        "code": field("string", "The provider's own word, if it had one.", "", **_MUST),
        "changed": field(
            "boolean", "False: it was said, but came late or again, and moved nothing.", **_MUST
        ),
    },
    "What happened to a message, in order; all of it at once.",
)
DRY_RUN = Shape(
    "DryRun",
    {
        "text": field("string", "The text as it would leave, with signature.", "Hej!", **_MUST),
        "encoding": _ENCODING,
        "units": field("integer", "Septets of GSM 03.38, or code units of UCS-2.", 4, **_MUST),
        "parts": field("integer", "Parts that it would be charged.", 1, **_MUST),
        "left": field("integer", "Parts left by the tightest limit; null without one.", **_MAYBE),
        "status": field(
            "string",
            "What would be said of it: `QUEUED`, `SCHEDULED`, or why it would be refused.",
            "QUEUED",
            **_MUST,
        ),
    },
    "What would become of a text; nothing was stored or sent.",
)

LIMIT = {
    "limit": field("string", "Items of a page, 1 to 100; 50 without it.", "50", regex="([1-9][0-9]?|100)")
}
# an id in base64url (RFC 4648, 5)
CURSOR = {"cursor": field("string", "`next` of the page before.", regex="[A-Za-z0-9_-]{21}[AQgw]")}
LIST_PARAMETERS = {
    "group_id": an_id("Only of this very group."),
    "account_id": an_id("Only of this account or API user."),
    "number": field(
        "string",
        "Only to or from this number, E.164.",
        _PHONE,
        maxlength=LONGEST_NUMBER,
        check_with="storable",
    ),
    "direction": one_of(Direction, "Only sent, or only received ones."),
    "status": one_of(Status, "Only with this status, whatever group's rule struck."),
    "since": a_time("Only those that we got then or later."),
    "until": a_time("Only those that we got before."),
    **LIMIT,
    **CURSOR,
}
