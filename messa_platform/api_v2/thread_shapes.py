"""The shapes of threads."""

from __future__ import annotations

from messa_platform.api_v2.operations import Shape
from messa_platform.api_v2.pages import LIMIT, a_list
from messa_platform.api_v2.shapes import MAYBE, MUST, WORDS, a_time, an_id, field, one_of
from messa_platform.messaging.conversation import LONGEST_NAME
from messa_platform.messaging.inbox import LONGEST_SEARCH
from messa_platform.messaging.statuses import Direction

_PHONE = "+46701740605"
_NAME = "Görans jobbmobil"
THREAD = Shape(
    "Thread",
    {
        "id": an_id("Its id.", **MUST),
        "number": field("string", "The number at its other end, E.164.", _PHONE, **MUST),
        "display_name": field("string", "What it is called; empty where it has no name.", _NAME, **MUST),
        "unread": field("integer", "Texts received that are not marked as read.", 1, **MUST),
        "opted_out": field("boolean", "The number has said STOP: nothing can be sent to it.", **MUST),
        "last_at": a_time("When the last text was sent or came; the list is in this order.", **MUST),
        "last_message": {
            "type": "dict",
            "required": True,
            "nullable": True,
            "schema": {
                "direction": one_of(Direction, "`out`: sent, `in`: received.", **MUST),
                "status": field("string", "The status, in the words of the log.", "INCOMING", **MUST),
                "text": field(
                    "string", "Its beginning, on one line; null once the text was removed.", "Ja", **MAYBE
                ),
            },
            "meta": {"description": "The last text; null if there is none any more."},
        },
    },
    "All texts between the API user and one number.",
)
THREADS = a_list("Threads", dict(THREAD.schema), "Threads, the one with the newest text first.")
CHANGE = Shape(
    "ChangeThread",
    {
        "display_name": field(
            "string", "What it is called; empty takes the name away.", _NAME, maxlength=LONGEST_NAME, check_with="storable"
        ),
        "read": field("boolean", "All its texts are read.", True, allowed=[True]),
    },
    "What is to be changed; what is left out stays as it is.",
    {"display_name": _NAME, "read": True},
)  # fmt: skip

LIST_PARAMETERS = {
    "search": field(
        "string",
        "Only threads in whose name, number or texts this stands.",
        "Göran",
        maxlength=LONGEST_SEARCH,
        **WORDS,
    ),
    **LIMIT,
    "cursor": field("string", "`next` of the page before.", regex="[0-9]{1,16}-[0-9a-f]{32}"),
}
