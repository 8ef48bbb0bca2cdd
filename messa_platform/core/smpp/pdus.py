"""What SMPP sessions say to each other (SMPP 3.4 chapters 4 and 5).

What leaves is written by aiosmpplib. What comes is read here: that library drops the connection at a status that it does not know, and with it
everything that is on its way; it decodes texts while it reads, and has a header with a reference of sixteen bits wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Final

from aiosmpplib.state import SmppCommandStatus

HEADER: Final = struct.Struct("!IIII")
RESPONSE: Final = 0x8000_0000
MOST_OCTETS: Final = 70_000
"""Of a PDU: a payload has 64 KiB at the most."""
LAST_SEQUENCE: Final = 0x7FFF_FFFF
SHORT: Final = 254
"""Octets that the field short_message holds."""


class Command(IntEnum):
    """What a PDU asks for; with `RESPONSE` it is the answer."""

    BIND_RECEIVER = 0x01
    BIND_TRANSMITTER = 0x02
    SUBMIT_SM = 0x04
    DELIVER_SM = 0x05
    UNBIND = 0x06
    BIND_TRANSCEIVER = 0x09
    ENQUIRE_LINK = 0x15


GENERIC_NACK: Final = RESPONSE


class Status(IntEnum):
    """The statuses that we give."""

    OK = 0x00
    INVALID_LENGTH = 0x01
    INVALID_COMMAND = 0x03
    INVALID_BIND = 0x04
    WRONG_PASSWORD = 0x0E
    QUEUE_FULL = 0x14
    TRY_AGAIN = 0x64
    NEVER = 0x65


class Tag(IntEnum):
    """The optional parameters that we read."""

    RECEIPTED_MESSAGE_ID = 0x001E
    SAR_REFERENCE = 0x020C
    SAR_TOTAL = 0x020E
    SAR_NUMBER = 0x020F
    PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427


class Broken(ValueError):
    """What came is no PDU, or none that makes sense."""


@dataclass(frozen=True, slots=True)
class Pdu:
    """A PDU that came. `command` may be one that nobody knows."""

    command: int
    status: int
    sequence: int
    body: bytes


class Reader:
    """Makes PDUs of the pieces in which a connection brings them. `is_lost`: what follows cannot be told apart any more."""

    def __init__(self) -> None:
        self._rest = b""
        self.is_lost = False

    def feed(self, data: bytes) -> list[Pdu]:
        """The PDUs that are whole by now."""
        data = self._rest + data if self._rest else data
        found: list[Pdu] = []
        at, end = 0, len(data)
        while end - at >= HEADER.size:
            length, command, status, sequence = HEADER.unpack_from(data, at)
            if not HEADER.size <= length <= MOST_OCTETS:
                self.is_lost = True
                break
            if end - at < length:
                break
            found.append(Pdu(command, status, sequence, data[at + HEADER.size : at + length]))
            at += length
        self._rest = data[at:]
        return found


def answer(pdu: Pdu, status: int = Status.OK, body: bytes = b"") -> bytes:
    """The answer to a request, ready to be written."""
    return HEADER.pack(HEADER.size + len(body), pdu.command | RESPONSE, status, pdu.sequence) + body


def nack(pdu: Pdu) -> bytes:
    """The answer to what is no request of ours."""
    return HEADER.pack(HEADER.size, GENERIC_NACK, Status.INVALID_COMMAND, pdu.sequence)


def status_name(status: int) -> str:
    """A status by the name that the specification gives it; one that it does not know, or keeps for whoever likes, as a number."""
    try:
        return str(SmppCommandStatus(status).name)
    except ValueError:
        return f"0x{status:08x}"


class Kind(StrEnum):
    """What a deliver_sm brings."""

    TEXT = "text"
    RECEIPT = "receipt"
    OTHER = "other"
    """What a phone or a network says that is neither, such as that somebody has read a text."""


_KINDS: Final = {0x00: Kind.TEXT, 0x04: Kind.RECEIPT, 0x20: Kind.RECEIPT}
"""By the message type of the esm_class (5.2.12); the last is an intermediate notification."""
HAS_HEADER: Final = 0x40
IS_RECEIPT: Final = 0x04


@dataclass(frozen=True, slots=True)
class Message:
    """A submit_sm or deliver_sm. `octets` are what was written, in the alphabet of `coding`, without `header`, the user data header
    (TS 23.040 9.2.3.24)."""

    source: str
    destination: str
    octets: bytes
    coding: int = 0
    esm_class: int = 0
    registered: int = 0
    header: bytes = b""
    tags: Mapping[int, bytes] = field(default_factory=dict)
    source_ton: int = 1
    destination_ton: int = 1

    @property
    def kind(self) -> Kind:
        """What it brings, if it is a deliver_sm."""
        return _KINDS.get(self.esm_class & 0x3C, Kind.OTHER)


def read_message(body: bytes) -> Message:
    """The body of a submit_sm or deliver_sm, which look alike (4.4.1, 4.6.1). Raises `Broken`."""
    try:
        at = _skip(body, 0)
        source_ton, (source, at) = body[at], _word(body, at + 2)
        destination_ton, (destination, at) = body[at], _word(body, at + 2)
        esm_class = body[at]
        at = _skip(body, _skip(body, at + 3))
        registered, coding, length = body[at], body[at + 2], body[at + 4]
        octets = body[at + 5 : at + 5 + length]
        tags = _tags(body, at + 5 + length)
        if len(octets) != length:
            raise Broken("a message that is cut short")
        octets = octets or tags.pop(Tag.PAYLOAD, b"")
        header = b""
        if esm_class & HAS_HEADER and octets:
            length = octets[0]
            header, octets = octets[1 : 1 + length], octets[1 + length :]
            if len(header) != length:
                raise Broken("a header that is cut short")
    except (IndexError, ValueError, struct.error) as error:
        raise Broken("a message that is cut short") from error
    return Message(
        source, destination, octets, coding, esm_class, registered, header, tags, source_ton, destination_ton
    )


def write_message(command: Command, sequence: int, said: Message) -> bytes:
    """A submit_sm or deliver_sm, ready to be written. Octets that the short field does not hold travel as the payload."""
    octets = bytes((len(said.header),)) + said.header + said.octets if said.header else said.octets
    tags = dict(said.tags)
    if len(octets) > SHORT:
        tags[Tag.PAYLOAD] = octets
        octets = b""
    esm_class = said.esm_class | (HAS_HEADER if said.header else 0)
    body = b"".join(
        (
            b"\0",
            struct.pack("!BB", said.source_ton, 1 if said.source_ton == 1 else 0),
            said.source.encode("latin-1") + b"\0",
            struct.pack("!BB", said.destination_ton, 1 if said.destination_ton == 1 else 0),
            said.destination.encode("latin-1") + b"\0",
            struct.pack("!BBB", esm_class, 0, 0),
            b"\0\0",
            struct.pack("!BBBBB", said.registered, 0, said.coding, 0, len(octets)),
            octets,
            *(struct.pack("!HH", tag, len(value)) + value for tag, value in tags.items()),
        )
    )
    return HEADER.pack(HEADER.size + len(body), command, Status.OK, sequence) + body


def read_id(body: bytes) -> str:
    """The message id of a submit_sm_resp; empty if there is none."""
    return body.partition(b"\0")[0].decode("latin-1").strip()


def _skip(body: bytes, at: int) -> int:
    return body.index(b"\0", at) + 1


def _word(body: bytes, at: int) -> tuple[str, int]:
    end = body.index(b"\0", at)
    return body[at:end].decode("latin-1"), end + 1


def _tags(body: bytes, at: int) -> dict[int, bytes]:
    """The optional parameters (5.3); what is cut short at the end is left out, since the rest of the PDU is whole."""
    found: dict[int, bytes] = {}
    while len(body) - at >= 4:
        tag, length = struct.unpack_from("!HH", body, at)
        value = body[at + 4 : at + 4 + length]
        if len(value) == length:
            found[tag] = value
        at += 4 + length
    return found
