"""The shapes of messages and batches."""

from __future__ import annotations

from messa_platform.api_v2.operations import Shape
from messa_platform.api_v2.pages import CURSOR, LIMIT, a_list
from messa_platform.api_v2.shapes import MAYBE, MUST, WORDS, a_time, an_id, field, one_of
from messa_platform.core.segments import Encoding
from messa_platform.messaging.statuses import Direction, Status

MOST_RECIPIENTS = 10_000
LONGEST_TEXT = 2_000
"""Characters of a text; the longest that an SMS of nine parts holds has 1,377."""
LONGEST_NUMBER = 40
LONGEST_VALUE = 1_000

_PHONE = "+46701740605"
_REFERENCE = "Your own word for it, which comes back wherever it does."

_TO = field(
    "string",
    "The receiving number: `+46701234567`, `0046…`, or a national one such as `070-123 45 67`.",
    _PHONE,
    maxlength=LONGEST_NUMBER,
    **WORDS,
)
_COMMON = {
    "text": field(
        "string",
        "The text. The group's signature goes on a line of its own below it, and typographic characters are made plain where that keeps the"
        " text in GSM 03.38; both as the group's settings say.",
        "Mötet är flyttat till fredag 14.00.",
        maxlength=LONGEST_TEXT,
        **MUST,
        **WORDS,
    ),
    "send_at": a_time(
        "When to send it, at most 366 days ahead; without it, now. Until then it can be cancelled."
    ),
    "allow_duplicate": field(
        "boolean", "Send it though the same text went to the same number within 24 hours.", default=False
    ),
    "client_ref": field("string", _REFERENCE, "larm-4711", maxlength=100, **WORDS),
    "from": field(
        "string",
        "What it goes out as: the API user's own number, where its group may receive texts and it has one, or the group's sender name."
        " Without it, the number if there is one to have, so that it can be answered; else the name. Anything else is refused.",
        "Demo kommun",
        maxlength=LONGEST_NUMBER,
        **WORDS,
    ),
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
        "to": {**_TO, **MUST, "excludes": "recipients"},
        "recipients": field(
            "list",
            "Many to whom it goes. Quota is given out in this order; who would get the same text twice gets it once."
            " Where some have `values`, `{name}` in the text stands for what differs, and `{{` and `}}` are braces.",
            required=True,
            excludes="to",
            minlength=1,
            maxlength=MOST_RECIPIENTS,
            schema={"type": "dict", "schema": {"to": {**_TO, **MUST}, "values": _VALUES}},
        ),
        **_COMMON,
    },
    "A text to one number (`to`), or to many (`recipients`).",
    {**_EXAMPLE, "client_ref": "larm-4711"},
)
DRY = Shape(
    "TryMessage",
    {"to": {**_TO, **MUST}, **{name: rules for name, rules in _COMMON.items() if name != "client_ref"}},
    "A text to one number, to be looked at only.",
    _EXAMPLE,
)

_STATUS = (
    "The status, in the words of the log: `QUEUED`, `SENT`, `DELIVERED` and so on. `Personal:`, `Group:` and `no_sms_left:…` end with"
    " the name of the group whose rule struck."
)
_GOT = a_time("When we got it.", **MUST)
_CHOSEN = a_time("The time that was chosen for it.", **MAYBE)
_REF = field("string", _REFERENCE, "larm-4711", **MAYBE)
_ENCODING = one_of(Encoding, "How it travels.", **MUST)
MESSAGE = Shape(
    "Message",
    {
        "id": an_id("Its id.", **MUST),
        "direction": one_of(Direction, "`out`: sent, `in`: received.", **MUST),
        "from": field("string", "A number, or the sender name that it goes out with.", "Demo kommun", **MUST),
        "to": field("string", "A number; of a refused one as it was written.", _PHONE, **MUST),
        "status": field("string", _STATUS, "QUEUED", **MUST),
        "parts": field("integer", "Parts charged; 0 of what is incoming or refused.", 1, **MUST),
        "encoding": _ENCODING,
        "text": field(
            "string",
            "The text as it left. Only of the key's own API user; null of others', and once it was removed.",
            "Hej!",
            **MAYBE,
        ),
        "group_id": an_id("The group that it was sent from.", **MUST),
        "account_id": an_id("The account or API user whose message it is.", **MUST),
        "client_ref": _REF,
        "send_at": _CHOSEN,
        "created_at": _GOT,
        "status_at": a_time("When it came to its status.", **MUST),
    },
    "A text, sent or received.",
)
BATCH = Shape(
    "Batch",
    {
        "id": an_id("Its id.", **MUST),
        "state": field(
            "string", "Whether recipients are still to be handled.", allowed=["working", "finished"], **MUST
        ),
        "total": field("integer", "Recipients, repeated ones left out.", 2, **MUST),
        "done": field("integer", "Recipients that were handled so far.", 2, **MUST),
        "accepted": field("integer", "Of these, taken in for sending.", 2, **MUST),
        "client_ref": _REF,
        "send_at": _CHOSEN,
        "created_at": _GOT,
        "finished_at": a_time("When all were handled.", **MAYBE),
        "statuses": field(
            "dict",
            "Recipients by what was said of each when it was handled.",
            {"QUEUED": 2},
            valuesrules={"type": "integer"},
            **MUST,
        ),
    },
    "A text to many, and how far it has come.",
)

MESSAGES = a_list("Messages", dict(MESSAGE.schema), "Messages, the newest first.")
BATCH_RECIPIENTS = a_list(
    "BatchRecipients",
    {
        "to": field("string", "The number; of a refused one as it was written.", _PHONE, **MUST),
        "status": field("string", "What was said when it was handled.", "QUEUED", **MUST),
        "message_id": an_id("Its message; null where the number is none.", **MAYBE),
    },
    "A batch's recipients, in order.",
)
EVENTS = a_list(
    "MessageEvents",
    {
        "at": a_time("When it was so.", **MUST),
        "status": one_of(Status, "The status that it came to.", **MUST),
        "code": field("string", "The provider's own word, if it had one.", "", **MUST),
        "changed": field("boolean", "False: it was said, but came late or again, and moved nothing.", **MUST),
    },
    "What happened to a message, in order; all of it at once.",
)
DRY_RUN = Shape(
    "DryRun",
    {
        "text": field("string", "The text as it would leave, with signature.", "Hej!", **MUST),
        "encoding": _ENCODING,
        "units": field("integer", "Septets of GSM 03.38, or code units of UCS-2.", 4, **MUST),
        "parts": field("integer", "Parts that it would be charged.", 1, **MUST),
        "price": field(
            "string",
            "What it would be charged by the price list that holds when it is sent, for all its parts: SEK without VAT, with six decimals, as a"
            " string, so that nothing is rounded on the way. `0.000000` of what would be refused; null where there is no price.",
            "0.350000",
            **MAYBE,
        ),
        "left": field("integer", "Parts left by the tightest limit; null without one.", **MAYBE),
        "status": field(
            "string",
            "What would be said of it: `QUEUED`, `SCHEDULED`, or why it would be refused.",
            "QUEUED",
            **MUST,
        ),
    },
    "What would become of a text; nothing was stored or sent.",
)

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
