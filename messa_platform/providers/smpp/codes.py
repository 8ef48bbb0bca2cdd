"""What the statuses of SMPP mean for a text (SMPP 3.4, 5.1.3 and 5.2.28)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from messa_platform.core.i18n import msgid
from messa_platform.core.smpp.pdus import status_name
from messa_platform.providers.base import ReceiptStatus, Rejected, State

STATUSES: Final[Mapping[str, ReceiptStatus]] = {
    "DELIVRD": ReceiptStatus.DELIVERED,
    "ENROUTE": ReceiptStatus.BUFFERED,
    "ACCEPTD": ReceiptStatus.SENT,
    "UNKNOWN": ReceiptStatus.SENT,
    "UNDELIV": ReceiptStatus.UNDELIVERED,
    "EXPIRED": ReceiptStatus.UNDELIVERED,
    "DELETED": ReceiptStatus.UNDELIVERED,
    "REJECTD": ReceiptStatus.UNDELIVERED,
}
"""By the word that a receipt's text has for it."""

STATES: Final[Mapping[int, str]] = {
    1: "ENROUTE",
    2: "DELIVRD",
    3: "EXPIRED",
    4: "DELETED",
    5: "UNDELIV",
    6: "ACCEPTD",
    7: "UNKNOWN",
    8: "REJECTD",
}
"""The words by the number of the parameter message_state."""

_NEVER: Final = frozenset(
    {
        "ESME_RINVMSGLEN",
        "ESME_RINVDSTADR",
        "ESME_RSUBMITFAIL",
        "ESME_RX_P_APPN",
        "ESME_RX_R_APPN",
        "ESME_RINVSRCADR",
        "ESME_RINVDSTTON",
        "ESME_RINVDSTNPI",
    }
)
"""Statuses that speak of this very text. All others speak of the moment, of the account or of our settings: the text waits."""


def refusal(status: int) -> Rejected:
    """The outcome of a submit_sm that was answered with a status other than 0."""
    name = status_name(status)
    return Rejected(permanent=name in _NEVER, code=name)


_STRANGERS: Final = frozenset({"ESME_RINVPASWD", "ESME_RINVSYSID", "ESME_RBINDFAIL"})


def state_of(status: int) -> State:
    """What the answer to a bind says of a channel."""
    name = status_name(status)
    if name in ("ESME_ROK", "ESME_RALYBND"):  # who is bound already is known
        return State.WELL
    return State.WRONG_KEY if name in _STRANGERS else State.STRANGE


WORDS: Final[Mapping[str, str]] = {
    "ESME_RINVMSGLEN": msgid("The text is too long."),
    "ESME_RINVDSTADR": msgid("The number does not exist."),
    "ESME_RINVSRCADR": msgid("The sender is not allowed."),
    "ESME_RSUBMITFAIL": msgid("The operator does not take the text."),
    "ESME_RX_P_APPN": msgid("The operator does not take the text."),
    "ESME_RX_R_APPN": msgid("The operator does not take the text."),
    "ESME_RTHROTTLED": msgid("The operator takes no more just now."),
    "ESME_RMSGQFUL": msgid("The operator takes no more just now."),
    "ESME_RX_T_APPN": msgid("The operator takes no more just now."),
    "ESME_RSYSERR": msgid("The operator is out of order."),
    "DELIVRD": msgid("The text has reached the phone."),
    "ENROUTE": msgid("The text is on its way to the phone."),
    "ACCEPTD": msgid("The operator has the text."),
    "UNKNOWN": msgid("The operator does not know what became of the text."),
    "UNDELIV": msgid("The text cannot be delivered."),
    "EXPIRED": msgid("The phone could not be reached in time."),
    "DELETED": msgid("The operator has deleted the text."),
    "REJECTD": msgid("The operator has refused the text."),
}
"""What the codes say, for people."""
