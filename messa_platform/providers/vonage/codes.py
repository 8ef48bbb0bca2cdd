"""Vonage's statuses of texts that it took or refused, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from messa_platform.core.i18n import msgid
from messa_platform.providers.base import ReceiptStatus

TAKEN: Final = "0"
"""The status of a part that was taken."""

FOR_GOOD: Final = frozenset({"2", "3", "6", "7", "12", "15", "29", "33"})
"""The statuses that say something of this very text. All others say something of the account or of now, or are not known: it waits."""

STATUSES: Final[Mapping[str, ReceiptStatus]] = {
    "accepted": ReceiptStatus.SENT,
    "unknown": ReceiptStatus.SENT,
    "buffered": ReceiptStatus.BUFFERED,
    "delivered": ReceiptStatus.DELIVERED,
    "failed": ReceiptStatus.UNDELIVERED,
    "expired": ReceiptStatus.UNDELIVERED,
    "rejected": ReceiptStatus.UNDELIVERED,
}

PARTLY_TAKEN: Final = "partly_taken"

_REFUSALS: Final[Mapping[str, str]] = {
    "1": msgid("Vonage takes no more texts just now."),
    "2": msgid("Vonage misses something that belongs to a text."),
    "3": msgid("Vonage does not accept something of the text, such as its recipient."),
    "4": msgid("Vonage does not know the channel's key or secret."),
    "5": msgid("Vonage has a fault of its own."),
    "6": msgid("Vonage cannot send to this recipient."),
    "7": msgid("Vonage sends nothing to this recipient, who is barred."),
    "8": msgid("Vonage has suspended the channel's account."),
    "9": msgid("The channel's account at Vonage has no money left."),
    "11": msgid("The channel's account at Vonage may not send in this way."),
    "12": msgid("The text is too long for Vonage."),
    "14": msgid("Vonage demands that what the channel sends is signed."),
    "15": msgid("Vonage does not accept the sender."),
    "23": msgid("Vonage does not accept the address for receipts."),
    "29": msgid("The channel's account at Vonage is a trial, and the recipient is not on its list."),
    "32": msgid("Vonage demands that what the channel sends is signed."),
    "33": msgid("The recipient's number is no longer in use."),
}

_ERRORS: Final[Mapping[str, str]] = {
    "2": msgid("The phone cannot be reached just now."),
    "3": msgid("The phone can no longer be reached."),
    "4": msgid("The recipient is barred from texts."),
    "6": msgid("The network took the text for spam."),
    "9": msgid("The recipient's number is none."),
    "15": msgid("The recipient has no money left to receive texts."),
}
"""The codes that stand beside the status in a receipt."""

CODES: Final[Mapping[str, str]] = {
    **_REFUSALS,
    PARTLY_TAKEN: msgid(
        "Vonage took only some parts of the text; the phone may show it in part, or not at all."
    ),
    "failed": msgid("The network could not deliver the text."),
    "expired": msgid("The phone could not be reached in time."),
    "rejected": msgid("The network refused the text."),
    **{
        f"{status} {code}": words
        for status in ("failed", "expired", "rejected")
        for code, words in _ERRORS.items()
    },
}
