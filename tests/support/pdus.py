"""PDUs of SMPP 3.4 by `struct` alone: for the gateways' other ends, which must not share a slip with the code that they are to try."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

RESPONSE = 0x8000_0000
"""Added to a request's command makes its response's."""

GENERIC_NACK = 0x8000_0000
BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER = 0x01, 0x02, 0x09
SUBMIT_SM, DELIVER_SM, UNBIND, ENQUIRE_LINK = 0x04, 0x05, 0x06, 0x15
BINDS = {BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER}

OK, INVALID_COMMAND_LENGTH, INVALID_COMMAND, NOT_SO_BOUND = 0x00, 0x02, 0x03, 0x04

MESSAGE_PAYLOAD, RECEIPTED_MESSAGE_ID, MESSAGE_STATE, INTERFACE_VERSION = 0x0424, 0x001E, 0x0427, 0x0210

IS_RECEIPT = 0x04
"""The message type of an esm_class that says: a delivery receipt (5.2.12)."""

HEADER = struct.Struct(">IIII")
LONGEST = 70_000
"""Octets that a PDU has at the most: a message_payload of 64 KiB and what stands around it."""

_NUMBERS_BEFORE_TIMES, _NUMBERS_BEFORE_TEXT = struct.Struct(">BBB"), struct.Struct(">BBBBB")


class Malformed(Exception):
    """What came is no SMPP."""


def pdu(command: int, sequence: int, body: bytes = b"", status: int = OK) -> bytes:
    """One whole PDU."""
    return HEADER.pack(16 + len(body), command, status, sequence) + body


def split(buffer: bytearray) -> Iterator[tuple[int, int, int, bytes]]:
    """Take every whole PDU from the front of `buffer`: command, status, sequence number, body. Raises Malformed."""
    begin, end = 0, len(buffer)
    whole = bytes(buffer)
    try:
        while end - begin >= 16:
            length, command, status, sequence = HEADER.unpack_from(whole, begin)
            if not 16 <= length <= LONGEST:
                raise Malformed(f"a PDU of {length} octets")
            if end - begin < length:
                return
            body = whole[begin + 16 : begin + length]
            begin += length
            yield command, status, sequence, body
    finally:
        del buffer[:begin]


def text_at(body: bytes, begin: int) -> tuple[str, int]:
    """The C octet string at `begin`, and where the next field is. Raises Malformed."""
    end = body.find(b"\0", begin)
    if end < 0:
        raise Malformed("a string without an end")
    return body[begin:end].decode("latin-1"), end + 1


def tlvs_at(body: bytes, begin: int) -> dict[int, bytes]:
    """The optional parameters from `begin` on. Raises Malformed."""
    found = {}
    while begin < len(body):
        if begin + 4 > len(body):
            raise Malformed("a TLV that is cut")
        tag, length = struct.unpack_from(">HH", body, begin)
        found[tag] = body[begin + 4 : begin + 4 + length]
        begin += 4 + length
    return found


def tlv(tag: int, value: bytes) -> bytes:
    """One optional parameter."""
    return struct.pack(">HH", tag, len(value)) + value


@dataclass
class ShortMessage:
    """The body of a submit_sm or a deliver_sm, as it stands on the wire (4.4.1, 4.6.1)."""

    source: str
    destination: str
    octets: bytes
    esm_class: int = 0
    data_coding: int = 0
    registered_delivery: int = 0
    source_kind: tuple[int, int] = (1, 1)
    """Type of number and numbering plan."""
    destination_kind: tuple[int, int] = (1, 1)
    tlvs: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """The user data, wherever it stands: in short_message or in message_payload."""
        return self.octets or self.tlvs.get(MESSAGE_PAYLOAD, b"")

    @property
    def is_receipt(self) -> bool:
        """Whether it tells what became of another."""
        return self.esm_class & 0x3C == IS_RECEIPT

    def body(self) -> bytes:
        """As it stands on the wire."""
        return b"".join(
            (
                b"\0",  # service_type
                bytes(self.source_kind),
                self.source.encode("latin-1") + b"\0",
                bytes(self.destination_kind),
                self.destination.encode("latin-1") + b"\0",
                bytes((self.esm_class, 0, 0)),  # protocol_id, priority_flag
                b"\0\0",  # schedule_delivery_time, validity_period
                bytes((self.registered_delivery, 0, self.data_coding, 0, len(self.octets))),
                self.octets,
                *(tlv(tag, value) for tag, value in self.tlvs.items()),
            )
        )


def short_message(body: bytes) -> ShortMessage:
    """Read the body of a submit_sm or a deliver_sm. Raises Malformed."""
    try:
        begin = body.index(b"\0") + 1
        source, after = text_at(body, begin + 2)
        destination, at = text_at(body, after + 2)
        esm_class, _protocol, _priority = _NUMBERS_BEFORE_TIMES.unpack_from(body, at)
        at = body.index(b"\0", body.index(b"\0", at + 3) + 1) + 1
        registered, _replace, coding, _default, length = _NUMBERS_BEFORE_TEXT.unpack_from(body, at)
        text_begin, text_end = at + 5, at + 5 + length
        if text_end > len(body):
            raise Malformed("a short_message that is cut")
        return ShortMessage(
            source,
            destination,
            body[text_begin:text_end],
            esm_class,
            coding,
            registered,
            (body[begin], body[begin + 1]),
            (body[after], body[after + 1]),
            tlvs_at(body, text_end) if text_end < len(body) else {},
        )
    except (ValueError, IndexError, struct.error) as error:
        raise Malformed(str(error)) from error
