"""How the SMSC sink behaves, and the receipts that it writes."""

from __future__ import annotations

import enum
import time
from dataclasses import dataclass

from tests.support import pdus
from tests.support.pdus import ShortMessage


class IdForm(enum.StrEnum):
    """How a message's number is told: SMSCs do it in one way in the submit_sm_resp, and in another in the receipt."""

    DECIMAL = "decimal"
    HEX = "hex"
    UPPER_HEX = "upper-hex"

    def of(self, number: int) -> str:
        """The number in this form."""
        return {IdForm.DECIMAL: f"{number}", IdForm.HEX: f"{number:x}", IdForm.UPPER_HEX: f"{number:X}"}[self]


class ReceiptForm(enum.StrEnum):
    """How a receipt says what it is about."""

    TEXT = "text"
    TLV = "tlv"
    BOTH = "both"
    NONE = "none"
    """No receipts."""


@dataclass(frozen=True)
class Options:
    """How it behaves. Times are in seconds."""

    latency: float = 0.0
    """From a submit_sm to its answer."""
    receipt_after: float = 0.05
    """From that answer to the receipt."""
    receipts: ReceiptForm = ReceiptForm.TEXT
    ids: IdForm = IdForm.DECIMAL
    receipt_ids: IdForm = IdForm.DECIMAL
    state: str = "DELIVRD"
    """What receipts tell, by the names of SMPP 3.4's appendix B."""
    enquire: float = 30.0
    """From one enquire_link to the next; who has not answered by then is let go."""


STATES = {"DELIVRD": 2, "EXPIRED": 3, "DELETED": 4, "UNDELIV": 5, "ACCEPTD": 6, "UNKNOWN": 7, "REJECTD": 8}
"""The names in a receipt's text, and message_state (5.2.28)."""


def receipt(options: Options, message: ShortMessage, number: int, at: float) -> bytes:
    """The body of the deliver_sm that tells what became of `message`, taken at `at`."""
    name = options.receipt_ids.of(number)
    told, tlvs = b"", {}
    if options.receipts in (ReceiptForm.TEXT, ReceiptForm.BOTH):
        submitted = time.strftime("%y%m%d%H%M", time.gmtime(at))
        is_done = options.state == "DELIVRD"
        told = (
            f"id:{name} sub:001 dlvrd:{is_done:03d} submit date:{submitted}"
            f" done date:{time.strftime('%y%m%d%H%M', time.gmtime())} stat:{options.state} err:{not is_done:03d} text:"
        ).encode()
    if options.receipts in (ReceiptForm.TLV, ReceiptForm.BOTH):
        tlvs = {
            pdus.RECEIPTED_MESSAGE_ID: name.encode() + b"\0",
            pdus.MESSAGE_STATE: bytes([STATES[options.state]]),
        }
    return ShortMessage(
        message.destination,
        message.source,
        told,
        esm_class=pdus.IS_RECEIPT,
        source_kind=message.destination_kind,
        destination_kind=message.source_kind,
        tlvs=tlvs,
    ).body()
