"""What Jasmin's refusals and the statuses of its receipts mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from messa_platform.core.i18n import msgid
from messa_platform.core.outbound import Answer
from messa_platform.providers.base import ReceiptStatus, Rejected, Unknown
from messa_platform.providers.http import refused

STATUSES: Final[Mapping[str, ReceiptStatus]] = {
    "ESME_ROK": ReceiptStatus.SENT,
    "ACCEPTD": ReceiptStatus.SENT,
    "UNKNOWN": ReceiptStatus.SENT,
    "ENROUTE": ReceiptStatus.BUFFERED,
    "DELIVRD": ReceiptStatus.DELIVERED,
    "UNDELIV": ReceiptStatus.UNDELIVERED,
    "EXPIRED": ReceiptStatus.UNDELIVERED,
    "DELETED": ReceiptStatus.UNDELIVERED,
    "REJECTD": ReceiptStatus.UNDELIVERED,
}
"""The statuses of SMPP. The first is what the network's centre answers to the text itself; any other that begins alike is a refusal."""

WORDS: Final[Mapping[str, str]] = {
    "http_400": msgid("The gateway does not take the text: its number or sender is not allowed there."),
    "http_403": msgid(
        "The gateway does not know the channel's name or password, or lets it send no more just now."
    ),
    "http_412": msgid("The gateway has no way to the recipient."),
    "http_429": msgid("The gateway lets the channel send no more just now."),
    "http_500": msgid("The gateway could not take the text just then."),
    "http_503": msgid("The gateway could not take the text just then."),
    "ESME_RINVDSTADR": msgid("The network knows no such number."),
    "ESME_RINVSRCADR": msgid("The network does not allow the sender."),
    "ESME_RTHROTTLED": msgid("The network takes no more texts just then."),
    "ESME_RMSGQFUL": msgid("The network takes no more texts just then."),
    "ENROUTE": msgid("The network keeps the text until the phone can be reached."),
    "UNDELIV": msgid("The network could not deliver the text."),
    "EXPIRED": msgid("The network tried to deliver the text for as long as it may."),
    "DELETED": msgid("The network deleted the text."),
    "REJECTD": msgid("The network refused the text."),
}
"""Codes in words."""

_OF_THE_TEXT = re.compile(
    r"Argument \[?(to|from|content|hex-content)\]? has an invalid value"
    r"|Value filter failed .*\((destination_address|source_address|content) filter"
)
"""What it says where the text is at fault. The rest of its complaints are of the user, of what the user may, and of its set-up."""


def refusal(answer: Answer) -> Rejected | Unknown:
    """The outcome of a text that is not taken. Only the status is told on: the sentence can quote numbers and the password."""
    found = refused(answer)
    if not isinstance(found, Rejected):
        return found
    of_the_text = answer.status == 400 and _OF_THE_TEXT.search(answer.body.decode(errors="replace"))
    return Rejected(permanent=bool(of_the_text), code=found.code)


def status_of(written: str) -> ReceiptStatus | None:
    """What a status means; None if it is none of SMPP's."""
    word = written.upper()
    return STATUSES.get(word, ReceiptStatus.UNDELIVERED if word.startswith("ESME_") else None)
