"""What a deliver_sm says: receipts in the shapes that service centres have for them, and texts from phones."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messa_platform.core.smpp.pdus import Broken, Pdu
from messa_platform.providers.base import IncomingText, Piece, Receipt, ReceiptStatus
from messa_platform.providers.registry import checked_settings
from messa_platform.providers.smpp.inward import Inward
from messa_platform.providers.smpp.plugin import SmppProvider
from messa_platform.providers.smpp.reading import decoded
from messa_platform.providers.smpp.session import Session
from tests.support.smpp_centre import deliver

DELIVERED, UNDELIVERED = ReceiptStatus.DELIVERED, ReceiptStatus.UNDELIVERED


class Silent:
    """A session, as far as it is asked which it is."""

    number = 1


def read(body: bytes, **changed: Any) -> Receipt | IncomingText | None:
    needed = {"host": "x", "system_id": "a", "password": "b"}
    settings = checked_settings(SmppProvider, {**needed, **changed})
    session: Session = Silent()  # type: ignore[assignment]
    return Inward(settings).read(session, Pdu(5, 0, 1, body), 0.0)


def a_receipt(
    text: str, tags: bytes = b"", *, esm_class: int = 0x04, coding: int = 0, **changed: Any
) -> Receipt:
    found = read(deliver(text.encode("latin-1"), esm_class=esm_class, coding=coding, tags=tags), **changed)
    assert isinstance(found, Receipt)
    return found


def a_text(octets: bytes, **said: Any) -> IncomingText:
    changed = {"incoming_alphabet": said.pop("alphabet", "gsm")}
    found = read(deliver(octets, **said), **changed)
    assert isinstance(found, IncomingText)
    return found


def tag(number: int, value: bytes) -> bytes:
    return struct.pack("!HH", number, len(value)) + value


DATES = "submit date:2611271200 done date:2611271201"
APPENDIX_B = f"id:0123456789 sub:001 dlvrd:001 {DATES} stat:DELIVRD err:000 text:Hej"


@pytest.mark.parametrize(
    ("text", "receipt"),
    [
        (APPENDIX_B, Receipt("0123456789", DELIVERED, "DELIVRD")),
        # Kannel's smsc writes it without sub and dlvrd
        (f"id:c449ab9744f4 {DATES} stat:UNDELIV err:027 text:", Receipt("c449ab9744f4", UNDELIVERED, "UNDELIV 027")),
        # Jasmin's: a uuid, and a text that may be of many words
        (
            f"id:7b7f2c2e-8a0a-4bb0-9d0b-1c8d5a0f3e11 sub:001 dlvrd:001 {DATES} stat:EXPIRED err:001 text:id:5 stat:DELIVRD",
            Receipt("7b7f2c2e-8a0a-4bb0-9d0b-1c8d5a0f3e11", UNDELIVERED, "EXPIRED 001"),
        ),
        # with a number of the aggregator's in front, and hexadecimal errors
        (
            f"id:3440312:46701740605:1 sub:1 dlvrd:1 {DATES} stat:REJECTD err:0B1 Text:",
            Receipt("3440312:46701740605:1", UNDELIVERED, "REJECTD 0B1"),
        ),
        ("stat:DELIVRD err:000 id:77 done date:2611271201", Receipt("77", DELIVERED, "DELIVRD")),
        ("ID:77 STAT:delivrd ERR:000 TEXT:Id:5", Receipt("77", DELIVERED, "DELIVRD")),
        ("id:77 stat:DELIVRD", Receipt("77", DELIVERED, "DELIVRD")),
        ("id: 77, stat: DELIVRD, err: 000", Receipt("77", DELIVERED, "DELIVRD")),
        ("id=77;status=ENROUTE;err=0", Receipt("77", ReceiptStatus.BUFFERED, "ENROUTE")),
        ("id:77\nsub:001\nstat:ACCEPTD\nerr:000", Receipt("77", ReceiptStatus.SENT, "ACCEPTD")),
        ("id:77 sub:001 dlvrd:000 stat:UNKNOWN err:000 text:", Receipt("77", ReceiptStatus.SENT, "UNKNOWN")),
        ("id:77 stat:DELETED err:9", Receipt("77", UNDELIVERED, "DELETED 9")),
        ("id:77 stat:SKIPPED err:000", Receipt("77", None, "SKIPPED")),
        ("id:77 err:000", Receipt("77", None, "nothing")),
        ("text:Hej id:77 stat:DELIVRD", Receipt("77", DELIVERED, "DELIVRD")),
    ],
)  # fmt: skip
def test_receipts_are_read_in_the_shapes_that_there_are(text: str, receipt: Receipt) -> None:
    assert a_receipt(text) == receipt


def test_a_text_s_own_words_are_no_receipt_s() -> None:
    found = a_receipt(f"id:77 {DATES} stat:UNDELIV err:004 text:id:1 stat:DELIVRD err:000")
    assert found == Receipt("77", UNDELIVERED, "UNDELIV 004")


def test_a_receipt_of_parameters_alone_is_whole() -> None:
    tags = tag(0x001E, b"a1\0") + tag(0x0427, b"\5") + tag(0x0423, b"\3\0\x1b")
    assert a_receipt("", tags) == Receipt("a1", UNDELIVERED, "UNDELIV")


@pytest.mark.parametrize(
    ("state", "receipt"),
    [
        (b"\2", Receipt("a1", DELIVERED, "DELIVRD 012")),
        (b"\x63", Receipt("a1", UNDELIVERED, "UNDELIV 012")),  # one that nobody knows says less than the text
        (b"", Receipt("a1", UNDELIVERED, "UNDELIV 012")),
    ],
)
def test_parameters_go_before_a_text_that_says_otherwise(state: bytes, receipt: Receipt) -> None:
    tags = tag(0x001E, b"a1\0") + tag(0x0427, state)
    assert a_receipt("id:b2 stat:UNDELIV err:012", tags) == receipt


def test_a_state_that_nobody_knows_is_kept_as_its_number() -> None:
    assert a_receipt("", tag(0x001E, b"a1") + tag(0x0427, b"\x63")) == Receipt("a1", None, "99")


def test_a_receipt_may_travel_as_a_payload() -> None:
    assert a_receipt("", tag(0x0424, APPENDIX_B.encode())) == Receipt("0123456789", DELIVERED, "DELIVRD")


def test_an_intermediate_notification_is_a_receipt() -> None:
    found = a_receipt("id:77 stat:ENROUTE err:000", esm_class=0x20)
    assert found == Receipt("77", ReceiptStatus.BUFFERED, "ENROUTE")


@pytest.mark.parametrize("text", ["", "stat:DELIVRD err:000", "text:id:", "paid:7 stat:DELIVRD"])
def test_a_receipt_that_names_no_text_is_broken(text: str) -> None:
    with pytest.raises(Broken):
        a_receipt(text)


def test_what_is_neither_a_text_nor_a_receipt_says_nothing() -> None:
    assert read(deliver(b"read", esm_class=0x10)) is None


@pytest.mark.parametrize(
    ("ids", "in_answer", "in_receipt"),
    [
        ("as they are", "0aF", "0aF"),
        ("any case", "0AF", "0af"),
        ("hexadecimal, decimal in receipts", "0000004D2", "1234"),
        ("hexadecimal, decimal in receipts", "4d2", "0001234"),
        ("decimal, hexadecimal in receipts", "1234", "4D2"),
        ("decimal, hexadecimal in receipts", "0001234", "00004d2"),
        ("hexadecimal, decimal in receipts", "no-number", "no-number"),
    ],
)
def test_ids_are_one_though_answer_and_receipt_write_them_differently(
    ids: str, in_answer: str, in_receipt: str
) -> None:
    settings = checked_settings(SmppProvider, {"host": "x", "system_id": "a", "password": "b", "ids": ids})
    of_answer = Inward(settings).of_answer(in_answer)
    assert a_receipt(f"id:{in_receipt} stat:DELIVRD", ids=ids).reference == of_answer
    assert a_receipt("", tag(0x001E, in_receipt.encode() + b"\0"), ids=ids).reference == of_answer


@pytest.mark.parametrize("ids", ["any case", "as they are"])
def test_ids_are_two_where_the_setting_tells_their_cases_apart(ids: str) -> None:
    one, other = (a_receipt(f"id:{each} stat:DELIVRD", ids=ids).reference for each in ("aa", "AA"))
    assert (one == other) is (ids == "any case")


WORDS = "Åk hem"
GSM, UCS2, LATIN_1 = b"\x0ek hem", WORDS.encode("utf-16-be"), WORDS.encode("latin-1")


@pytest.mark.parametrize(
    ("coding", "octets", "alphabet", "text"),
    [
        (0x00, GSM, "gsm", WORDS),
        (0x00, b"\x1b\x65\x00", "gsm", "€@"),
        (0x00, LATIN_1, "latin-1", WORDS),
        (0x00, LATIN_1, "gsm", WORDS),  # eight bits cannot be septets, whatever the setting says
        (0x00, WORDS.encode(), "utf-8", WORDS),
        (0x01, b"Hem @", "gsm", "Hem @"),
        (0x03, LATIN_1, "gsm", WORDS),
        (0x02, WORDS.encode(), "gsm", WORDS),
        (0x04, WORDS.encode(), "gsm", WORDS),
        (0x06, "Домой".encode("iso8859-5"), "gsm", "Домой"),
        (0x07, "הביתה".encode("iso8859-8"), "gsm", "הביתה"),
        (0x08, UCS2, "gsm", WORDS),
        (0x08, "😀".encode("utf-16-be"), "gsm", "😀"),
        (0x08, b"\0H\0", "gsm", "H�"),
        (0x08, b"\xd8\x3d", "gsm", "�"),
        # TS 23.038 section 4: general data coding, with a class or without
        (0x10, GSM, "gsm", WORDS),
        (0x11, GSM, "gsm", WORDS),
        (0x14, WORDS.encode(), "gsm", WORDS),
        (0x18, UCS2, "gsm", WORDS),
        (0x19, UCS2, "gsm", WORDS),
        # the same, to be deleted once it is read
        (0x40, GSM, "gsm", WORDS),
        (0x48, UCS2, "gsm", WORDS),
        # something waits: discard, store, store in UCS-2
        (0xC8, GSM, "gsm", WORDS),
        (0xD0, GSM, "gsm", WORDS),
        (0xE0, UCS2, "gsm", WORDS),
        (0xE8, UCS2, "gsm", WORDS),
        # data coding and class
        (0xF0, GSM, "gsm", WORDS),
        (0xF1, GSM, "gsm", WORDS),
        (0xF5, WORDS.encode(), "gsm", WORDS),
        (0x0E, LATIN_1, "gsm", WORDS),  # what nobody speaks here is taken for the usual
    ],
)
def test_a_text_is_read_in_the_alphabet_that_it_is_written_in(
    coding: int, octets: bytes, alphabet: str, text: str
) -> None:
    assert a_text(octets, coding=coding, alphabet=alphabet).text == text


@pytest.mark.parametrize(
    ("source", "sender"), [(b"46701740605", "+46701740605"), (b"+46701740605", "+46701740605"), (b"71234", "71234")]
)  # fmt: skip
def test_numbers_are_e164_and_short_codes_stay(source: bytes, sender: str) -> None:
    found = a_text(b"Hej", source=source)
    assert (found.sender, found.recipient) == (sender, "+46701740600")


@pytest.mark.parametrize(
    ("header", "piece"),
    [
        (b"\5\0\3\x4d\2\1", Piece("77", 1, 2)),
        (b"\6\x08\4\1\2\3\2", Piece("258", 2, 3)),
        # ports and a language before it (9.2.3.24)
        (b"\x0b\5\4\x0b\x84\x23\xf0\0\3\x4d\2\2", Piece("77", 2, 2)),
        (b"\x0e\x25\1\1\5\4\0\0\0\0\0\3\x4d\2\1", Piece("77", 1, 2)),
        (b"\x09\x25\1\1\x08\4\xff\xff\2\1", Piece("65535", 1, 2)),
        (b"\6\5\4\x0b\x84\x23\xf0", None),
        (b"\5\0\2\x4d\2\1", None),  # a length that is none
        (b"\4\0\3\x4d\2", None),  # cut short
        (b"\1\0", None),
        (b"\0", None),
    ],
)
def test_pieces_are_told_by_their_headers(header: bytes, piece: Piece | None) -> None:
    found = a_text(header + b"Hej", esm_class=0x40)
    assert (found.piece, found.text) == (piece, "Hej")


SAR = (0x020C, b"\1\2"), (0x020E, b"\3"), (0x020F, b"\2")


def test_pieces_are_told_by_parameters_in_any_order() -> None:
    for tags in (SAR, SAR[::-1]):
        assert a_text(b"Hej", tags=b"".join(tag(*each) for each in tags)).piece == Piece("258", 2, 3)


@pytest.mark.parametrize("left_out", range(3))
def test_parameters_of_which_one_is_missing_make_no_piece(left_out: int) -> None:
    tags = b"".join(tag(*each) for number, each in enumerate(SAR) if number != left_out)
    assert a_text(b"Hej", tags=tags).piece is None


@pytest.mark.parametrize("wrong", range(3))
def test_parameters_of_which_one_is_too_long_make_no_piece(wrong: int) -> None:
    tags = b"".join(
        tag(each[0], b"\x7f" * 4000 if number == wrong else each[1]) for number, each in enumerate(SAR)
    )
    assert a_text(b"Hej", tags=tags).piece is None


def test_a_payload_is_read_with_its_header() -> None:
    found = a_text(b"", esm_class=0x40, tags=tag(0x0424, b"\5\0\3\x4d\2\1" + GSM))
    assert (found.piece, found.text) == (Piece("77", 1, 2), WORDS)


TAGS = st.lists(
    st.tuples(
        st.sampled_from([0x001E, 0x020C, 0x020E, 0x020F, 0x0424, 0x0427, 0x1400]), st.binary(max_size=8)
    ),
    max_size=5,
)


@given(st.binary(max_size=254), st.integers(0, 255), st.integers(0, 255), TAGS)
def test_whatever_comes_says_something_or_is_broken(
    octets: bytes, esm_class: int, coding: int, tags: list[tuple[int, bytes]]
) -> None:
    written = deliver(octets, esm_class=esm_class, coding=coding, tags=b"".join(tag(*each) for each in tags))
    for ids in ("as they are", "hexadecimal, decimal in receipts", "decimal, hexadecimal in receipts"):
        try:
            read(written, ids=ids)
        except Broken:
            continue


@given(st.binary(max_size=300))
def test_any_octets_say_something_or_are_broken(octets: bytes) -> None:
    try:
        read(octets)
    except Broken:
        return


@given(st.text("idstaerx:=0aF ,;\n", max_size=80))
def test_any_words_of_a_receipt_name_a_text_or_are_broken(text: str) -> None:
    try:
        found = a_receipt(text)
    except Broken:
        return
    assert found.reference.strip()


@given(st.binary(max_size=160), st.integers(0, 255), st.sampled_from(["gsm", "latin-1", "utf-8"]))
def test_octets_are_words_in_every_coding(octets: bytes, coding: int, alphabet: str) -> None:
    decoded(octets, coding, alphabet).encode()
