"""The shapes of usage."""

from __future__ import annotations

from itertools import product

from messa_platform.api_v2.pages import a_list
from messa_platform.api_v2.shapes import MAYBE, MUST, a_day, an_id, field, one_of
from messa_platform.messaging.log.usage import By
from messa_platform.messaging.statuses import Direction, Status

USUAL_BY = f"{By.DAY},{By.GROUP},{By.DIRECTION}"
MOST = 1000
"""Items of a page."""

WAYS = [
    ",".join(word for word in words if word)
    for words in product(("", By.DAY, By.MONTH), ("", By.GROUP), ("", By.DIRECTION), ("", By.STATUS))
    if any(words)
]
"""What it can be told apart by."""
USAGE = a_list(
    "Usage",
    {
        "day": a_day("The day, Stockholm's.", **MAYBE),
        "month": field("string", "The month; of one that was not asked for whole, the days that were.", "2026-11", **MAYBE),
        "group_id": an_id("The group that it was sent from, or came to.", **MAYBE),
        "group": field("string", "Its name.", "Skolan", **MAYBE),
        "direction": one_of(Direction, "`out`: sent, `in`: received.", **MAYBE),
        "status": one_of(Status, "What became of them, whatever group's rule struck.", **MAYBE),
        "messages": field("integer", "Messages.", 12, **MUST),
        "parts": field("integer", "Their parts that were charged.", 14, **MUST),
    },
    "Usage, sorted by what it is told apart by; null is what it is not told apart by. What is none has no item.",
)  # fmt: skip
PARAMETERS = {
    "since": a_day("The first day; without it, 30 days up to the last one."),
    "until": a_day("The last day, itself included; without it, today."),
    "group_id": an_id("Only this group, with all below it."),
    "by": field(
        "string",
        "What it is told apart by, with commas between, in this order: `day` (at most 400 of them) or `month`, `group`, `direction`, `status`.",
        USUAL_BY,
        allowed=WAYS,
        default=USUAL_BY,
    ),
    "limit": field("string", f"Items of a page, 1 to {MOST}; 50 without it.", "50", regex="([1-9][0-9]{0,2}|1000)"),
    "cursor": field(
        "string", "`next` of the page before.", regex="[0-9]{6}-[0-9a-f]{32}-(in|out)-[A-Za-z0-9_:]{1,40}"
    ),
}  # fmt: skip
