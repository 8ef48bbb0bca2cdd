"""What Sinch's statuses and codes mean: to messa, and in words for whoever looks at a message."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from messa_platform.core.i18n import msgid
from messa_platform.providers.base import ReceiptStatus

STATUSES: Final[Mapping[str, ReceiptStatus]] = MappingProxyType(
    {
        "queued": ReceiptStatus.SENT,
        "dispatched": ReceiptStatus.SENT,
        "delivered": ReceiptStatus.DELIVERED,
        "aborted": ReceiptStatus.UNDELIVERED,
        "cancelled": ReceiptStatus.UNDELIVERED,
        "rejected": ReceiptStatus.UNDELIVERED,
        "deleted": ReceiptStatus.UNDELIVERED,
        "failed": ReceiptStatus.UNDELIVERED,
        "expired": ReceiptStatus.UNDELIVERED,
        # the network has the text, but never told what became of it
        "unknown": ReceiptStatus.SENT,
    }
)

CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "http_401": msgid("Sinch does not know the channel's service plan or token."),
        "http_404": msgid("Sinch knows no such address; the channel's region may be another."),
        "missing_callback_url": msgid("Sinch wants an address for receipts."),
        "syntax_invalid_parameter_format": msgid("Sinch takes no such recipient or sender."),
        "syntax_constraint_violation": msgid("Sinch takes no such text; it may be too long."),
        "Aborted 402": msgid("There is no way to the recipient's network."),
        "Aborted 403": msgid("Sinch had a fault of its own."),
        "Aborted 404": msgid("The network could not take the text just then."),
        "Aborted 406": msgid("The time for the text ran out before it reached the network."),
        "Cancelled 407": msgid("The text was cancelled before it reached the network."),
        "Aborted 408": msgid("The network refused the text."),
        "Aborted 412": msgid("The account with Sinch may not send to the recipient's country."),
        "Aborted 413": msgid("The account with Sinch is blocked; it may be empty."),
    }
)
"""Codes of refusals as Sinch writes them, and of receipts as a status and its code."""
