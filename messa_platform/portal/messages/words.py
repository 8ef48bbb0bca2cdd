"""Statuses, faults and limits in words for the reader, each in one place. They are English here, and translated where they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from messa_platform.core.i18n import msgid
from messa_platform.messaging.lists import LineFault
from messa_platform.messaging.recipients import Fault
from messa_platform.messaging.sending_rows import RowFault
from messa_platform.messaging.sending_work import ACCOUNT_BLOCKED
from messa_platform.messaging.statuses import NAMES_GROUP, Status
from messa_platform.portal.messages.moments import MomentFault


class Tone(StrEnum):
    """How a status is dressed; also the name of its class in the style sheet. The words carry the meaning, the colour underlines it."""

    PLAIN = "plain"
    OK = "ok"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class StatusWords:
    """A status for a reader: a short sentence, its tone, and the picture beside it (an id of `static/icons.svg`)."""

    sentence: str
    tone: Tone
    icon: str


def _plain(sentence: str, icon: str) -> StatusWords:
    return StatusWords(sentence, Tone.PLAIN, icon)


def _bad(sentence: str, icon: str = "failed") -> StatusWords:
    return StatusWords(sentence, Tone.BAD, icon)


STATUSES: Mapping[Status, StatusWords] = {
    Status.SCHEDULED: _plain(msgid("To be sent later"), "scheduled"),
    Status.CANCELLED: _plain(msgid("Cancelled"), "cancelled"),
    Status.QUEUED: _plain(msgid("On its way"), "queued"),
    Status.UNCONFIRMED: _plain(msgid("Sent, not confirmed yet"), "sent"),
    Status.SENT: _plain(msgid("Sent"), "sent"),
    Status.BUFFERED: _plain(msgid("Waiting for the phone to be switched on or in reach"), "buffered"),
    Status.DELIVERED: StatusWords(msgid("Delivered"), Tone.OK, "delivered"),
    Status.UNDELIVERED: _bad(msgid("Did not arrive. Check the number.")),
    Status.UNSENT: _bad(msgid("The mobile network did not take it. Check the number.")),
    Status.INCOMING: _plain(msgid("Received"), "incoming"),
    Status.NO_ROUTE: _bad(msgid("Not sent: there is no route to the number just now")),
    Status.DESTINATION_NOT_ALLOWED: _bad(msgid("Not sent: your organisation does not allow that country")),
    Status.TENANT_SUSPENDED: _bad(msgid("Not sent: your organisation is suspended from sending")),
    Status.ALREADY_SENT: _bad(msgid("Not sent: the same text went to the number within 24 hours")),
    Status.TOO_MANY_PARTS: _bad(msgid("Not sent: the text is too long")),
    Status.SENDER_NOT_VERIFIED: _bad(msgid("Not sent: we could not tell that it came from you")),
    Status.INVALID_NUMBER: _bad(msgid("Not sent: the number cannot be reached")),
    Status.BLOCKED: _bad(msgid("Not sent: the recipient has answered STOP"), "blocked"),
    Status.NOT_ALLOWED_PERSONAL: _bad(msgid("Not sent: you are not allowed to send")),
    Status.NOT_ALLOWED_GROUP: _bad(msgid("Not sent: your group is not allowed to send")),
    Status.USED_UP_PERSONAL: _bad(msgid("Not sent: your SMS are used up")),
    Status.USED_UP_GROUP: _bad(msgid("Not sent: your group's SMS are used up")),
}

_STEMS = sorted(NAMES_GROUP, key=len, reverse=True)


def status_of(word: str) -> Status:
    """The status that a word as shown stands for: `no_sms_left:Group:Skolan` is `USED_UP_GROUP`. Raises ValueError."""
    for stem in _STEMS:
        if word.startswith(f"{stem}:"):
            return stem
    return Status(word)


_UNSENDABLE: Mapping[str, StatusWords] = {
    **dict.fromkeys((*Fault, *LineFault), STATUSES[Status.INVALID_NUMBER]),
    RowFault.NO_NUMBER: _bad(msgid("Not sent: there is no number in the row")),
    RowFault.EMPTY_TEXT: _bad(msgid("Not sent: there is no text for the row")),
    ACCOUNT_BLOCKED: _bad(msgid("Not sent: your account may not send any more")),
}
"""What else can become of a row of a sending."""


def words_of(word: str) -> StatusWords:
    """A status word as shown, or the word of a sending's row, for a reader. Raises ValueError."""
    return _UNSENDABLE.get(word) or STATUSES[status_of(word)]


FAULTS: Mapping[str, str] = {
    Fault.NOT_A_NUMBER: msgid("is not a phone number"),
    Fault.TOO_SHORT: msgid("is too short"),
    Fault.TOO_LONG: msgid("is too long"),
    Fault.IMPOSSIBLE: msgid("is not a number that can be reached"),
}
"""Why a text is no receiving number; follows the text itself."""

LINE_FAULTS: Mapping[str, str] = {
    **FAULTS,
    LineFault.SEVERAL_NUMBERS: msgid("has several numbers beside a name; write one number a line"),
}
"""The same of a line in a pasted list."""

ROW_FAULTS: Mapping[str, str] = {
    **LINE_FAULTS,
    RowFault.NO_NUMBER: msgid("has no number"),
    RowFault.EMPTY_TEXT: msgid("gets no text"),
}
"""The same of a row of a sending."""

MOMENT_FAULTS: Mapping[MomentFault, str] = {
    MomentFault.NO_TIME: msgid("Choose a day and a time, such as 2026-11-23 14:30."),
    MomentFault.SKIPPED: msgid(
        "That time does not exist: the clocks are put forward that night. Choose another."
    ),
    MomentFault.PAST: msgid("That time has passed. Choose a later one, or leave it empty to send at once."),
    MomentFault.TOO_FAR: msgid("Choose a time within a year from now."),
}
"""What to do about a time that nothing can be sent at."""
