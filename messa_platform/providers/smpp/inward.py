"""What comes by a channel's sessions, read as its settings have it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final

from messa_platform.core.smpp.pdus import Kind, Pdu, read_message
from messa_platform.providers.base import IncomingText, Receipt
from messa_platform.providers.smpp.reading import digest, incoming, receipt
from messa_platform.providers.smpp.repeats import Repeats
from messa_platform.providers.smpp.session import Session


class Ids(StrEnum):
    """How a text's id is written in the answer to it, and how in its receipts."""

    AS_THEY_ARE = "as they are"
    ANY_CASE = "any case"
    HEX_THEN_DECIMAL = "hexadecimal, decimal in receipts"
    DECIMAL_THEN_HEX = "decimal, hexadecimal in receipts"


def _number(written: str, base: int) -> str:
    """A number in decimal; what is none as it is."""
    try:
        return str(int(written, base))
    except ValueError:
        return written


_OF_ANSWERS: Final[Mapping[Ids, Callable[[str], str]]] = {
    Ids.AS_THEY_ARE: str,
    Ids.ANY_CASE: str.lower,
    Ids.HEX_THEN_DECIMAL: lambda written: _number(written, 16),
    Ids.DECIMAL_THEN_HEX: lambda written: _number(written, 10),
}
_OF_RECEIPTS: Final[Mapping[Ids, Callable[[str], str]]] = {
    **_OF_ANSWERS,
    Ids.HEX_THEN_DECIMAL: lambda written: _number(written, 10),
    Ids.DECIMAL_THEN_HEX: lambda written: _number(written, 16),
}


class Inward:
    """Reads a channel's receipts and texts."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        ids = Ids(settings["ids"])
        self.of_answer = _OF_ANSWERS[ids]
        """An id as it stands in an answer, in the form that it is kept in."""
        self._of_receipt = _OF_RECEIPTS[ids]
        self._alphabet: str = settings["incoming_alphabet"]
        self._repeats = Repeats()

    def read(self, session: Session, pdu: Pdu, age: float) -> Receipt | IncomingText | None:
        """What a deliver_sm says that came so many seconds ago; None if nothing that matters. Raises `Broken`."""
        said = read_message(pdu.body)
        match said.kind:
            case Kind.RECEIPT:
                return receipt(said, self._of_receipt)
            case Kind.TEXT:
                reference = self._repeats.reference(digest(pdu.body), session.number, age)
                return incoming(said, self._alphabet, reference)
            case Kind.OTHER:
                return None

    def answered(self, pdu: Pdu, *, is_stored: bool) -> None:
        """It was acknowledged, or the other side was asked to bring it again."""
        self._repeats.answered(digest(pdu.body), is_stored=is_stored)

    def ended(self, session: Session) -> None:
        """A session is no more."""
        self._repeats.ended(session.number)
