"""The submit_sm requests that carry a text: one, or one a part (SMPP 3.4, 4.4.1)."""

from __future__ import annotations

import struct
from codecs import CodecInfo, lookup
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from aiosmpplib.protocol import SubmitSm
from aiosmpplib.state import (
    NPI,
    SAR_MSG_REF_NUM,
    SAR_SEGMENT_SEQNUM,
    SAR_TOTAL_SEGMENTS,
    TON,
    OptionalParam,
    PhoneNumber,
)

from messa_platform.core import gsm
from messa_platform.core.segments import Encoding, Segments, normalise, segment
from messa_platform.core.smpp.pdus import HAS_HEADER, SHORT
from messa_platform.providers.base import OutgoingText

Write = Callable[[int], bytes]
"""Gives a request as it is to be written, with its sequence number."""


class Long(StrEnum):
    """How a text of several parts travels."""

    UDH = "udh"
    """Each part begins with a header, which has a reference of eight bits (TS 23.040 9.2.3.24.1)."""
    UDH_WIDE = "udh16"
    """The same with a reference of sixteen bits."""
    SAR = "sar"
    """Each part has parameters that say which it is."""
    PAYLOAD = "payload"
    """The whole in one parameter, and the service centre divides it."""


class Alphabet(StrEnum):
    """What the coding 0 is at an operator, which is what texts travel in that fit into GSM 03.38. In Latin-1 some of its characters are
    missing: a text with one of these travels as UCS-2."""

    GSM = "gsm"
    LATIN_1 = "latin-1"
    DECLARED = "latin-1 (3)"
    """It is something else, and such texts travel in Latin-1 under its own coding."""


@dataclass(frozen=True, slots=True)
class Address:
    """Type of number and numbering plan of an address."""

    ton: TON
    npi: NPI

    @classmethod
    def of(cls, written: str) -> Address:
        """By a setting such as `5/0`."""
        ton, _, npi = written.partition("/")
        return cls(TON(int(ton)), NPI(int(npi)))


def _as_they_are(name: str) -> CodecInfo:
    """The library is handed the octets, as text of as many characters: which they are has been decided before."""
    latin_1 = lookup("latin-1")
    return CodecInfo(name=name, encode=latin_1.encode, decode=latin_1.decode)


_CODECS: Final = {name: _as_they_are(name) for name in ("gsm0338", "latin_1", "ucs2")}
_UCS2, _LATIN_1, _DEFAULT = "ucs2", "latin_1", None


class Unwritable(ValueError):
    """The text's addresses cannot be written in a submit_sm."""


@dataclass(frozen=True)
class Writer:
    """Writes submit_sm requests as a channel's settings have it."""

    name: Address
    number: Address
    short_code: Address
    recipient: Address
    alphabet: Alphabet
    long: Long
    plus: bool
    service_type: str
    validity: timedelta | None

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Writer:
        """By a channel's settings."""
        minutes = settings.get("validity")
        return cls(
            name=Address.of(settings["name_type"]),
            number=Address.of(settings["number_type"]),
            short_code=Address.of(settings["short_code_type"]),
            recipient=Address.of(settings["recipient_type"]),
            alphabet=Alphabet(settings["alphabet"]),
            long=Long(settings["long_texts"]),
            plus=settings["plus"],
            service_type=settings["service_type"],
            validity=timedelta(minutes=minutes) if minutes else None,
        )

    def requests(self, message: OutgoingText, reference: int) -> list[Write]:
        """What carries a text, in order; `reference` holds its parts together. Raises `Unwritable`."""
        parts = self._divided(message.text)
        is_one = len(parts.parts) <= 1
        if is_one or self.long is Long.PAYLOAD:
            octets = self._octets("".join(parts.parts), parts.encoding)
            return [self._request(message, octets, parts.encoding, payload=not is_one)]
        octets_of = [self._octets(part, parts.encoding) for part in parts.parts]
        total = len(octets_of)
        return [
            self._part(message, octets, parts.encoding, (reference, total, number))
            for number, octets in enumerate(octets_of, 1)
        ]

    def _divided(self, text: str) -> Segments:
        text = normalise(text)  # which it is already, as a rule: what is counted is what is written
        if self.alphabet is not Alphabet.GSM and not _is_latin_1(text):
            return segment(text, Encoding.UCS2)
        return segment(text)

    def _octets(self, text: str, encoding: Encoding) -> bytes:
        if encoding is Encoding.UCS2:
            return text.encode("utf-16-be")
        return gsm.encode(text) if self.alphabet is Alphabet.GSM else text.encode("latin-1")

    def _coding(self, encoding: Encoding) -> str | None:
        if encoding is Encoding.UCS2:
            return _UCS2
        return _LATIN_1 if self.alphabet is Alphabet.DECLARED else _DEFAULT

    def _part(
        self, message: OutgoingText, octets: bytes, encoding: Encoding, which: tuple[int, int, int]
    ) -> Write:
        reference, total, number = which
        if self.long is Long.SAR:
            tags = [
                OptionalParam(SAR_MSG_REF_NUM, reference),
                OptionalParam(SAR_TOTAL_SEGMENTS, total),
                OptionalParam(SAR_SEGMENT_SEQNUM, number),
            ]
            return self._request(message, octets, encoding, tags=tags)
        if self.long is Long.UDH_WIDE:
            header = struct.pack("!BBBHBB", 6, 8, 4, reference, total, number)
        else:
            header = bytes((5, 0, 3, reference & 0xFF, total, number))
        return self._request(message, header + octets, encoding, esm_class=HAS_HEADER)

    def _request(
        self,
        message: OutgoingText,
        octets: bytes,
        encoding: Encoding,
        *,
        esm_class: int = 0,
        tags: Sequence[OptionalParam] = (),
        payload: bool = False,
    ) -> Write:
        written = octets.decode("latin-1")
        payload = payload or len(octets) > SHORT
        try:
            request = SubmitSm(
                short_message="" if payload else written,
                message_payload=written if payload else "",
                source=self._source(message.sender),
                destination=self._address(message.recipient, self.recipient),
                service_type=self.service_type,
                esm_class=esm_class,
                validity_period=self.validity,
                registered_delivery=1,
                encoding=self._coding(encoding),
                optional_params=list(tags),
            )
        except ValueError as error:
            raise Unwritable(str(error)) from error
        request.set_encoding_info("gsm0338", _CODECS)

        def write(sequence: int) -> bytes:
            request.sequence_num = sequence
            pdu: bytes = request.pdu()
            return pdu

        return write

    def _source(self, sender: str) -> PhoneNumber:
        if sender.startswith("+"):
            return self._address(sender, self.number)
        is_short = sender.isdecimal()
        return self._address(sender, self.short_code if is_short else self.name)

    def _address(self, written: str, kind: Address) -> PhoneNumber:
        if not written.isascii():
            raise Unwritable("an address has letters that SMPP does not know")
        return PhoneNumber(written if self.plus else written.removeprefix("+"), kind.ton, kind.npi)


def _is_latin_1(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True
