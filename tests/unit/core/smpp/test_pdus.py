"""The words of SMPP on the wire (core/smpp/pdus.py), against octets written by hand from the specification."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messa_platform.core.smpp.pdus import (
    Broken,
    Command,
    Kind,
    Message,
    Pdu,
    Reader,
    answer,
    nack,
    read_id,
    read_message,
    status_name,
    write_message,
)


def written(command: int, status: int, sequence: int, body: bytes) -> bytes:
    return struct.pack("!IIII", 16 + len(body), command, status, sequence) + body


def in_pieces(data: bytes, borders: list[int]) -> list[bytes]:
    at = sorted({0, len(data), *(border % (len(data) + 1) for border in borders)})
    return [data[a:b] for a, b in pairwise(at)]


PDUS = st.lists(
    st.tuples(
        st.integers(0, 0xFFFF_FFFF),
        st.integers(0, 0xFFFF_FFFF),
        st.integers(0, 0xFFFF_FFFF),
        st.binary(max_size=60),
    ),
    max_size=8,
)


@given(PDUS, st.lists(st.integers(0, 2000), max_size=20))
def test_pdus_come_out_as_they_went_in_however_they_are_cut(
    pdus: list[tuple[int, int, int, bytes]], borders: list[int]
) -> None:
    reader = Reader()
    data = b"".join(written(*pdu) for pdu in pdus)
    found = [pdu for piece in in_pieces(data, borders) for pdu in reader.feed(piece)]
    assert found == [Pdu(*pdu) for pdu in pdus]
    assert not reader.is_lost


@pytest.mark.parametrize("length", [0, 1, 15, 70_001, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x4854_5450])
def test_a_length_that_cannot_be_loses_what_follows_and_not_what_came_before(length: int) -> None:
    reader = Reader()
    good = written(0x15, 0, 7, b"")
    assert reader.feed(good + struct.pack("!IIII", length, 4, 0, 8)) == [Pdu(0x15, 0, 7, b"")]
    assert reader.is_lost


def test_the_largest_pdu_is_read() -> None:
    reader = Reader()
    assert reader.feed(written(5, 0, 1, b"x" * (70_000 - 16))) == [Pdu(5, 0, 1, b"x" * (70_000 - 16))]
    assert not reader.is_lost


@given(st.binary(max_size=400))
def test_a_reader_takes_any_octets(data: bytes) -> None:
    Reader().feed(data)


def test_answers_carry_the_request_s_number() -> None:
    asked = Pdu(0x05, 0, 0x01020304, b"")
    assert answer(asked, 0x14, b"\0") == bytes.fromhex("00000011 80000005 00000014 01020304 00")
    assert nack(asked) == bytes.fromhex("00000010 80000000 00000003 01020304")


@pytest.mark.parametrize(
    ("status", "name"), [(0x58, "ESME_RTHROTTLED"), (0x0E, "ESME_RINVPASWD"), (0x401, "0x00000401")]
)
def test_statuses_have_the_specification_s_names_else_a_number(status: int, name: str) -> None:
    assert status_name(status) == name


def test_ids_end_at_the_null() -> None:
    assert [read_id(body) for body in (b"a1\0", b"a1", b" a1 \0b", b"\0", b"")] == ["a1", "a1", "a1", "", ""]


def body(octets: bytes, *, esm_class: int = 0, length: int | None = None, tags: bytes = b"") -> bytes:
    """A deliver_sm's (4.6.1), with a service type, a protocol and times that most leave empty."""
    return b"".join(
        (
            b"WAP\0",
            bytes((5, 0)) + b"Skolan\0",
            bytes((3, 9)) + b"71234\0",
            bytes((esm_class, 0x7F, 1)),
            b"261127120000000+\0" + b"000001000000000R\0",
            bytes((0x11, 1, 8, 200, len(octets) if length is None else length)),
            octets,
            tags,
        )
    )


def test_each_field_of_a_message_is_found_in_its_place() -> None:
    tags = struct.pack("!HH", 0x001E, 3) + b"a1\0" + struct.pack("!HHB", 0x0427, 1, 2)
    assert read_message(body(b"\0H", tags=tags)) == Message(
        "Skolan",
        "71234",
        b"\0H",
        coding=8,
        registered=0x11,
        tags={0x001E: b"a1\0", 0x0427: b"\2"},
        source_ton=5,
        destination_ton=3,
    )


@pytest.mark.parametrize("header", [b"\0\3\x4d\2\1", b"\5\4\x0b\x84\x23\xf0\0\3\x4d\2\1", b"\x08\4\1\2\2\1"])
def test_a_header_is_parted_from_what_it_stands_before(header: bytes) -> None:
    said = read_message(body(bytes((len(header),)) + header + b"Hej", esm_class=0x40))
    assert (said.header, said.octets) == (header, b"Hej")


def test_a_payload_stands_for_the_short_message_and_may_have_a_header_too() -> None:
    payload = b"\5\0\3\x4d\2\1" + b"x" * 1000
    tags = struct.pack("!HH", 0x0424, len(payload)) + payload
    said = read_message(body(b"", esm_class=0x40, tags=tags))
    assert (said.header, said.octets, said.tags) == (b"\0\3\x4d\2\1", b"x" * 1000, {})


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"\0" * 10,
        body(b"Hej")[:-1],
        body(b"Hej", length=200),
        body(b"\x0a\0\3\x4d\2\1Hej", esm_class=0x40),  # a header that is longer than all there is
    ],
)
def test_what_is_cut_short_is_broken(wrong: bytes) -> None:
    with pytest.raises(Broken):
        read_message(wrong)


def test_a_parameter_that_is_cut_short_at_the_end_is_left_out() -> None:
    tags = struct.pack("!HHB", 0x0427, 1, 2) + struct.pack("!HH", 0x001E, 9) + b"a1"
    assert read_message(body(b"Hej", tags=tags)).tags == {0x0427: b"\2"}
    assert read_message(body(b"Hej", tags=b"\0\x1e\0")).tags == {}


@given(st.binary(max_size=300))
def test_any_octets_are_a_message_or_broken(octets: bytes) -> None:
    try:
        read_message(octets)
    except Broken:
        return


@given(st.data())
def test_a_message_with_one_octet_changed_is_a_message_or_broken(data: st.DataObject) -> None:
    tags = struct.pack("!HH", 0x0424, 4) + b"text" + struct.pack("!HHB", 0x020E, 1, 2)
    octets = bytearray(body(b"\5\0\3\x4d\2\1Hej", esm_class=0x40, tags=tags))
    octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_message(bytes(octets))
    except Broken:
        return


@pytest.mark.parametrize(
    ("esm_class", "kind"),
    [
        (0x00, Kind.TEXT),
        (0x40, Kind.TEXT),
        (0x80, Kind.TEXT),
        (0x03, Kind.TEXT),
        (0x04, Kind.RECEIPT),
        (0x44, Kind.RECEIPT),
        (0x20, Kind.RECEIPT),
        (0x08, Kind.OTHER),
        (0x10, Kind.OTHER),
        (0x18, Kind.OTHER),
    ],
)
def test_what_a_deliver_sm_brings_is_told_by_its_class(esm_class: int, kind: Kind) -> None:
    assert Message("a", "b", b"", esm_class=esm_class).kind is kind


@given(
    st.text("0123456789", max_size=20),
    st.binary(max_size=600),
    st.sampled_from([b"", b"\0\3\x4d\2\1"]),
    st.integers(0, 255),
)
def test_what_a_service_centre_writes_is_read_as_it_was_meant(
    number: str, octets: bytes, header: bytes, coding: int
) -> None:
    said = Message(number, "46701740600", octets, coding, 0x40 if header else 0, 1, header)
    pdu = write_message(Command.DELIVER_SM, 7, said)
    assert pdu[:16] == struct.pack("!IIII", len(pdu), 5, 0, 7)
    assert read_message(pdu[16:]) == said


def test_a_service_centre_s_deliver_sm_has_the_specification_s_octets() -> None:
    pdu = write_message(
        Command.DELIVER_SM, 1, Message("46701740605", "Skolan", b"Hej", 8, 4, 1, b"\0\3\1\2\1")
    )
    expected = b"\0\1\1" + b"46701740605\0\1\1Skolan\0" + b"\x44\0\0\0\0\1\0\x08\0\x09" + b"\5\0\3\1\2\1Hej"
    assert pdu[16:] == expected
