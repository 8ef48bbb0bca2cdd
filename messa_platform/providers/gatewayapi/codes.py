"""GatewayAPI's statuses and error codes: what they mean to a text, and in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from messa_platform.core.i18n import msgid
from messa_platform.providers.base import ReceiptStatus

STATUSES: Final[Mapping[str, ReceiptStatus]] = {
    "unknown": ReceiptStatus.SENT,
    "scheduled": ReceiptStatus.SENT,
    # its own queue: the network does not have the text yet
    "buffered": ReceiptStatus.SENT,
    "enroute": ReceiptStatus.BUFFERED,
    "delivered": ReceiptStatus.DELIVERED,
    # the network answers for the phone, which will not be heard of: nothing comes after it
    "accepted": ReceiptStatus.DELIVERED,
    "undeliverable": ReceiptStatus.UNDELIVERED,
    "expired": ReceiptStatus.UNDELIVERED,
    "rejected": ReceiptStatus.UNDELIVERED,
    "deleted": ReceiptStatus.UNDELIVERED,
    "skipped": ReceiptStatus.UNDELIVERED,
}

_FOR_GOOD: Final = frozenset({"0x0215", "0x0312"})
"""The number is blocked; the filter refuses what the text says. Whatever the HTTP status, 403 among them, that will not change."""
# unsupported and missing parameters are of what was asked
_OF_THE_ACCOUNT: Final = frozenset(f"0x{code:04x}" for code in range(0x0210, 0x0227)) - {
    *("0x0215", "0x0220", "0x0222")
}
"""Who asks, and from where; what the account holds and may do; what is blocked for a while. Another try may end otherwise."""
_PASSING: Final = frozenset({"01", "03", "04", "05", "06", "07", "09"})
"""How codes end, whatever they begin with, that are of a fault or a want of theirs, or of what the account may do."""


def is_permanent(code: str) -> bool | None:
    """Whether an error code says that a text can never go; None where it does not tell."""
    known = code.lower()
    if known in _FOR_GOOD:
        return True
    return False if known in _OF_THE_ACCOUNT or known[-2:] in _PASSING else None


_OF_NETWORKS: Final[Mapping[str, str]] = {
    "0x1010": msgid("The network knows no such number."),
    "0x1011": msgid("The network lets no texts through to the phone."),
    "0x1012": msgid("The phone's subscription takes no texts."),
    "0x1013": msgid("The phone is switched off or out of reach."),
    "0x1018": msgid("The phone's memory is full."),
    "0x1019": msgid("The phone is switched off or out of reach."),
    "0x1021": msgid("The phone is switched off or out of reach."),
    "0x1022": msgid("The phone is switched off or out of reach."),
    "0x102A": msgid("The phone's memory is full."),
    "0x1030": msgid("The network's filter stopped the text."),
    "0x1033": msgid("The network blocks the sender."),
    "0x1034": msgid("The network blocks the recipient."),
    "0x1035": msgid("The network's filter stopped the text."),
    "0x1060": msgid("The network knows no such number."),
    "0x1065": msgid("The network does not take the sender."),
    "0x1084": msgid("The network knows no such number."),
}
_FINAL: Final = ("UNDELIVERABLE", "EXPIRED", "REJECTED", "DELETED", "SKIPPED")

CODES: Final[Mapping[str, str]] = {
    "http_401": msgid("GatewayAPI does not know the channel's token."),
    "http_403": msgid("GatewayAPI does not let the channel send."),
    "0x0213": msgid("GatewayAPI takes nothing from this server's address."),
    "0x0214": msgid("GatewayAPI holds the text back for a while, as the number has had it before."),
    "0x0215": msgid("GatewayAPI has blocked the number."),
    "0x0216": msgid("The channel's account at GatewayAPI is empty."),
    "0x0217": msgid("The channel's account at GatewayAPI may not send to that country."),
    "0x0308": msgid("GatewayAPI could not make out what was sent."),
    "0x0312": msgid("GatewayAPI's filter stopped the text; a link in it may not be on the account's list."),
    "ACCEPTED": msgid("The network took the text on the phone's behalf."),
    "UNDELIVERABLE": msgid("The network could not deliver the text."),
    "EXPIRED": msgid("The phone could not be reached for as long as the text was kept."),
    "REJECTED": msgid("The network refused the text."),
    "DELETED": msgid("The text was withdrawn before it was delivered."),
    "SKIPPED": msgid("The network took the text, but by its own rules did not deliver it."),
    # a receipt's error code says more than its status, with which it stands
    **{f"{status} {code}": said for status in _FINAL for code, said in _OF_NETWORKS.items()},
}
