"""Infobip's words: what its groups of statuses mean, which refusals are for good, and what is told of its codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from messa_platform.core.i18n import msgid
from messa_platform.providers.base import ReceiptStatus

TAKEN: Final = frozenset({"OK", "ACCEPTED", "PENDING", "DELIVERED"})
"""Groups of statuses that say, in its reply, that it has the text."""
REFUSED: Final = frozenset({"REJECTED", "UNDELIVERABLE", "EXPIRED"})
"""Groups that say, in its reply, that the text goes nowhere."""

STATUSES: Final[Mapping[str, ReceiptStatus]] = {
    "ACCEPTED": ReceiptStatus.SENT,
    "PENDING": ReceiptStatus.BUFFERED,
    "DELIVERED": ReceiptStatus.DELIVERED,
    "UNDELIVERABLE": ReceiptStatus.UNDELIVERED,
    "EXPIRED": ReceiptStatus.UNDELIVERED,
    "REJECTED": ReceiptStatus.UNDELIVERED,
}
"""What each group of statuses means in a receipt."""
AT_OPERATOR: Final = "DELIVERED_TO_OPERATOR"
"""It is in the group DELIVERED, but says only that the operator has the text: no phone has shown it, and another receipt may follow."""

NO_ERROR: Final = "NO_ERROR"

FOR_GOOD: Final[Mapping[str, int]] = {
    "REJECTED_NETWORK": 6,
    "REJECTED_PREFIX_MISSING": 8,
    "REJECTED_DND": 10,
    "REJECTED_SOURCE": 11,
    "REJECTED_SENDER": 13,
    "REJECTED_DESTINATION_BLOCKLISTED": 14,
    "REJECTED_INVALID_UDH": 24,
    "REJECTED_MESSAGE_TOO_LONG": 25,
    "MISSING_TO": 51,
    "REJECTED_DESTINATION": 52,
    "SIGNALS_BLOCKED": 87,
}
"""Refusals that are about this text, its recipient or its sender, and their numbers. All others, and those that are new, are about the
account, about the network or about now, so that the text is kept."""
IN_DOUBT: Final[Mapping[str, int]] = {"REJECTED_DUPLICATE_MESSAGE_ID": 23, "EXPIRED_DLR_UNKNOWN": 29}
"""Refusals that leave it open whether Infobip has the text: it had one with our id before, or does not know what became of it."""

_NOT_THE_KEY = msgid("Infobip does not know the channel's API key.")
_NOT_ALLOWED = msgid(
    "Infobip does not allow the channel's API key this: it must be allowed to send texts, to read their logs and to read the balance."
)
_TOO_MANY = msgid("Infobip takes no more texts just now; it is tried again.")
_BLOCKED = msgid("Infobip blocks the text as fraud.")
_NO_CREDIT = msgid("The account at Infobip is empty.")

_OF_REFUSALS: Final[Mapping[str, str]] = {
    "UNAUTHORIZED": _NOT_THE_KEY,
    "E401": _NOT_THE_KEY,
    "http_401": _NOT_THE_KEY,
    "FORBIDDEN": _NOT_ALLOWED,
    "E403": _NOT_ALLOWED,
    "http_403": _NOT_ALLOWED,
    "http_404": msgid("There is no Infobip at the channel's base URL."),
    "TOO_MANY_REQUESTS": _TOO_MANY,
    "E429": _TOO_MANY,
    "http_429": _TOO_MANY,
    "REJECTED_NETWORK": msgid("Infobip does not send to the recipient's network."),
    "REJECTED_PREFIX_MISSING": msgid("Infobip knows no network with such numbers."),
    "REJECTED_DND": msgid("The recipient has asked to get no such texts."),
    "REJECTED_SOURCE": msgid("The sender is not registered on the account at Infobip."),
    "REJECTED_SENDER": msgid("The sender is blocked on the account at Infobip."),
    "REJECTED_DESTINATION_BLOCKLISTED": msgid("The recipient is blocked at Infobip or by the operator."),
    "REJECTED_DESTINATION": msgid("The recipient is no number that Infobip can send to."),
    "REJECTED_DESTINATION_NOT_REGISTERED": msgid(
        "The account at Infobip is for tests and sends to its own numbers only."
    ),
    "REJECTED_MESSAGE_TOO_LONG": msgid("The text is longer than Infobip takes."),
    "REJECTED_NOT_ENOUGH_CREDITS": _NO_CREDIT,
    "REJECTED_PREPAID_PACKAGE_EXPIRED": msgid("What the account at Infobip holds is past its date."),
    "REJECTED_ROUTE_NOT_AVAILABLE": msgid("The account at Infobip is not set up for sending."),
    "REJECTED_FLOODING_FILTER": msgid("The recipient has got too many texts within the hour."),
    "REJECTED_SYSTEM_ERROR": msgid("Infobip had a fault of its own."),
    "SIGNALS_BLOCKED": _BLOCKED,
}

_OF_FAILURES: Final[Mapping[str, str]] = {
    "UNDELIVERABLE_REJECTED_OPERATOR": msgid("The operator refused the text."),
    "UNDELIVERABLE_NOT_DELIVERED": msgid("The network could not deliver the text."),
    "UNDELIVERABLE_NOT_SENT": msgid("Infobip did not send the text."),
    "EXPIRED_EXPIRED": msgid("The phone could not be reached in time."),
    "EXPIRED_DLR_UNKNOWN": msgid("The operator never told what became of the text."),
}

_OF_ERRORS: Final[Mapping[str, str]] = {
    "EC_UNKNOWN_SUBSCRIBER": msgid("Nobody has the number."),
    "EC_ILLEGAL_SUBSCRIBER": msgid("The operator does not let the recipient's subscription get texts."),
    "EC_CALL_BARRED": msgid("The recipient's subscription is barred from getting texts."),
    "EC_ABSENT_SUBSCRIBER": msgid("The phone is off or out of reach."),
    "EC_ABSENT_SUBSCRIBER_SM": msgid("The phone is off or out of reach."),
    "EC_SUBSCRIBER_BUSY_FOR_MT_SMS": msgid("The phone is busy with another text."),
    "EC_SM_DF_MEMORYCAPACITYEXCEEDED": msgid("The phone has no room for more texts."),
}

CODES: Final[Mapping[str, str]] = {
    **_OF_REFUSALS,
    **_OF_FAILURES,
    **{
        f"{status} {error}": sentence
        for status in ("PENDING_ENROUTE", "PENDING_WAITING_DELIVERY", *_OF_FAILURES)
        for error, sentence in _OF_ERRORS.items()
    },
}
"""What its codes mean. Where a receipt tells an error besides the status, the error is what there is to tell."""
