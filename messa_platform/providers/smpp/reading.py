"""What a deliver_sm says: a receipt, or a text from a phone."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Callable, Mapping
from typing import Final

from messa_platform.core import gsm
from messa_platform.core.smpp.pdus import Broken, Message, Tag
from messa_platform.providers.base import IncomingText, Piece, Receipt
from messa_platform.providers.http import e164
from messa_platform.providers.smpp.codes import STATES, STATUSES

Octets = Callable[[bytes], str]

ALPHABETS: Final[Mapping[str, Octets]] = {
    "gsm": gsm.decode,
    "latin-1": lambda octets: octets.decode("latin-1"),
    "utf-8": lambda octets: octets.decode("utf-8", "replace"),
}
"""What the coding 0 can be, which every operator decides."""

_ID = re.compile(r"(?:^|[\s,;])id\s*[:=]\s*([^\s,;]+)", re.IGNORECASE)
_STATE = re.compile(r"(?:^|[\s,;])stat(?:us)?\s*[:=]\s*([A-Za-z]+)", re.IGNORECASE)
_TEXT = re.compile(r"(?:^|[\s,;])text\s*[:=]", re.IGNORECASE)
"""Where the beginning of the text is quoted, whose words are none of the receipt's."""
_ERROR = re.compile(r"(?:^|[\s,;])err\s*[:=]\s*([0-9A-Za-z]{1,20})", re.IGNORECASE)


def receipt(said: Message, normal: Callable[[str], str]) -> Receipt:
    """A receipt, from its parameters where there are such, else from its text, which is read leniently: appendix B of the specification
    only shows what many do. `normal` gives an id the form that it had in the answer. When it was is left out: that is told without a zone.
    Raises `Broken` if it names no text.
    """
    written = said.octets.decode("latin-1")
    quoted = _TEXT.search(written)
    text = written[: quoted.start()] if quoted is not None and quoted.start() else written
    number = said.tags.get(Tag.RECEIPTED_MESSAGE_ID, b"").partition(b"\0")[0].decode("latin-1").strip()
    reference = number or _first(_ID, text)
    if not reference:
        raise Broken("a receipt that names no text")
    state = said.tags.get(Tag.MESSAGE_STATE, b"")
    word = STATES.get(state[0], "") if len(state) == 1 else ""
    word = word or _first(_STATE, text).upper() or (str(state[0]) if len(state) == 1 else "")
    error = _first(_ERROR, text)
    code = f"{word or 'nothing'} {error}" if error.strip("0") else word or "nothing"
    return Receipt(normal(reference), STATUSES.get(word), code)


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def incoming(said: Message, alphabet: str, reference: str) -> IncomingText:
    """A text from a phone, or a piece of one; `reference` is what it is known by, as SMPP gives it no id."""
    return IncomingText(
        reference,
        e164(said.source),
        e164(said.destination),
        decoded(said.octets, said.coding, alphabet),
        piece=_piece(said),
    )


def digest(body: bytes) -> str:
    """By what the same deliver_sm is known when it comes again."""
    return hashlib.sha256(body).hexdigest()[:40]


_CODECS: Final = {0x01: "latin-1", 0x03: "latin-1", 0x06: "iso8859-5", 0x07: "iso8859-8", 0x08: "utf-16-be"}


def decoded(octets: bytes, coding: int, alphabet: str) -> str:
    """What octets say in the alphabet of a coding: those of SMPP (5.2.19), and the groups of TS 23.038 that operators let through."""
    if coding >= 0xF0:  # data coding and message class: the third bit says eight bits
        coding = 0x04 if coding & 0x04 else 0x00
    elif coding >= 0xC0:  # something waits; the last of the three groups has its text in UCS-2
        coding = 0x08 if coding >= 0xE0 else 0x00
    elif 0x10 <= coding < 0x80:  # general data coding, uncompressed, and the same with automatic deletion
        coding = {0x00: 0x00, 0x04: 0x04, 0x08: 0x08}.get(coding & 0x0C, 0x00)
    codec = _CODECS.get(coding)
    if codec is not None:
        return octets.decode(codec, "replace")
    if coding in (0x02, 0x04):  # eight bits of nobody knows what
        return octets.decode("utf-8", "replace")
    # septets that stand one in each octet have seven bits: where there are eight it is another alphabet, whatever the setting says
    if alphabet == "gsm" and not octets.isascii():
        return octets.decode("latin-1")
    return ALPHABETS[alphabet](octets)


_CONCATENATED, _CONCATENATED_WIDE = 0x00, 0x08


def _piece(said: Message) -> Piece | None:
    """Which piece of a longer text it is, by its header (TS 23.040 9.2.3.24.1 and .8) or by its parameters."""
    at = 0
    while at + 2 <= len(said.header):
        kind, length = said.header[at], said.header[at + 1]
        value = said.header[at + 2 : at + 2 + length]
        if kind == _CONCATENATED and len(value) == 3:
            return Piece(str(value[0]), value[2], value[1])
        if kind == _CONCATENATED_WIDE and len(value) == 4:
            reference, total, number = struct.unpack("!HBB", value)
            return Piece(str(reference), number, total)
        at += 2 + length
    values = [said.tags.get(tag, b"") for tag in (Tag.SAR_REFERENCE, Tag.SAR_TOTAL, Tag.SAR_NUMBER)]
    if not all(1 <= len(value) <= 2 for value in values):
        return None
    reference, total, number = map(int.from_bytes, values)
    return Piece(str(reference), number, total)
