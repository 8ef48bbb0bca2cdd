"""The submit_sm requests that carry a text, octet for octet as the specification has them (SMPP 3.4, 4.4.1)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messa_platform.core import gsm
from messa_platform.providers.kit.desk import a_text
from messa_platform.providers.registry import checked_settings
from messa_platform.providers.smpp.plugin import SmppProvider
from messa_platform.providers.smpp.writing import Unwritable, Writer

NUMBER, NAME = "+46701740600", "Skolan"
ZHE, SMILE = "Ж", "😀"


def writer(**changed: Any) -> Writer:
    needed = {"host": "x", "system_id": "a", "password": "b"}
    return Writer.of(checked_settings(SmppProvider, {**needed, **changed}))


def written(text: str, sender: str = NUMBER, reference: int = 0x1234, **changed: Any) -> list[bytes]:
    requests = writer(**changed).requests(a_text(text, sender), reference)
    return [write(number) for number, write in enumerate(requests, 1)]


@dataclass(frozen=True)
class Submit:
    """A submit_sm as it is read by hand."""

    service_type: bytes
    source: tuple[int, int, bytes]
    destination: tuple[int, int, bytes]
    esm_class: int
    validity: bytes
    registered: int
    coding: int
    octets: bytes
    tags: dict[int, bytes]


def read(pdu: bytes) -> Submit:
    body, at = pdu[16:], 0

    def word() -> bytes:
        nonlocal at
        found, at = body[at : body.index(b"\0", at)], body.index(b"\0", at) + 1
        return found

    def octet() -> int:
        nonlocal at
        at += 1
        return body[at - 1]

    service_type, source, destination = word(), (octet(), octet(), word()), (octet(), octet(), word())
    esm_class, protocol, priority, schedule, validity = octet(), octet(), octet(), word(), word()
    registered, replace, coding, default, length = octet(), octet(), octet(), octet(), octet()
    assert (protocol, priority, schedule, replace, default) == (0, 0, b"", 0, 0)
    octets, at = body[at : at + length], at + length
    assert len(octets) == length
    tags = {}
    while at < len(body):
        tag, size = struct.unpack_from("!HH", body, at)
        tags[tag] = body[at + 4 : at + 4 + size]
        assert len(tags[tag]) == size
        at += 4 + size
    return Submit(service_type, source, destination, esm_class, validity, registered, coding, octets, tags)


def submits(text: str, **changed: Any) -> list[Submit]:
    return [read(pdu) for pdu in written(text, **changed)]


def test_a_text_is_one_request_with_the_specification_s_octets() -> None:
    [pdu] = written("Hej @€")
    body = b"".join(
        (
            b"\0",
            b"\1\1" + b"46701740600\0",
            b"\1\1" + b"46701740605\0",
            b"\0\0\0",  # class, protocol, priority
            b"\0\0",  # when it is to leave, and until when
            b"\1\0\0\0",  # receipts, no replacing, coding, no ready-made text
            b"\7Hej \0\x1b\x65",
        )
    )
    assert pdu == struct.pack("!IIII", 16 + len(body), 4, 0, 1) + body


@pytest.mark.parametrize(
    ("sender", "changed", "source"),
    [
        (NUMBER, {}, (1, 1, b"46701740600")),
        (NUMBER, {"plus": True}, (1, 1, b"+46701740600")),
        (NUMBER, {"number_type": "2/1"}, (2, 1, b"46701740600")),
        (NAME, {}, (5, 0, b"Skolan")),
        (NAME, {"plus": True, "name_type": "0/0"}, (0, 0, b"Skolan")),
        ("71234", {}, (3, 0, b"71234")),
        ("71234", {"short_code_type": "6/9"}, (6, 9, b"71234")),
        ("1 Skola 2", {}, (5, 0, b"1 Skola 2")),
    ],
)
def test_senders_travel_as_what_they_are(
    sender: str, changed: dict[str, Any], source: tuple[int, int, bytes]
) -> None:
    [said] = submits("Hej", sender=sender, **changed)
    assert said.source == source


def test_recipients_travel_by_their_setting() -> None:
    [said] = submits("Hej", plus=True, recipient_type="0/1")
    assert said.destination == (0, 1, b"+46701740605")


@pytest.mark.parametrize("sender", ["Skåne", "a" * 21])
def test_a_sender_that_smpp_cannot_write_is_refused(sender: str) -> None:
    with pytest.raises(Unwritable):
        written("Hej", sender=sender)


def test_a_service_type_and_a_validity_travel_where_they_are_set() -> None:
    [said] = submits("Hej", service_type="CMT", validity=60 * 24 + 61)
    assert (said.service_type, said.validity) == (b"CMT", b"000001010100000R")
    [said] = submits("Hej")
    assert (said.service_type, said.validity) == (b"", b"")


@pytest.mark.parametrize(
    ("alphabet", "text", "coding", "octets"),
    [
        ("gsm", "Åk @ §", 0, b"\x0ek \0 \x5f"),
        ("gsm", "{a}", 0, b"\x1b\x28a\x1b\x29"),
        ("gsm", "Ж", 8, b"\x04\x16"),
        ("latin-1", "Åk @ [", 0, b"\xc5k @ ["),
        ("latin-1", "5 €", 8, "5 €".encode("utf-16-be")),
        ("latin-1", "Δ", 8, b"\x03\x94"),
        ("latin-1 (3)", "Åk @ [", 3, b"\xc5k @ ["),
        ("latin-1 (3)", "5 €", 8, "5 €".encode("utf-16-be")),
        ("latin-1 (3)", SMILE, 8, b"\xd8\x3d\xde\x00"),
    ],
)
def test_a_text_travels_in_the_operator_s_alphabet_else_in_ucs2(
    alphabet: str, text: str, coding: int, octets: bytes
) -> None:
    [said] = submits(text, alphabet=alphabet)
    assert (said.coding, said.octets) == (coding, octets)


LONG = "a" * 153 + "b" * 7 + "c"


def test_parts_begin_with_a_header_of_eight_bits() -> None:
    first, second = submits(LONG)
    assert first.octets == b"\5\0\3\x34\2\1" + b"a" * 153
    assert second.octets == b"\5\0\3\x34\2\2" + b"b" * 7 + b"c"
    assert (first.esm_class, second.esm_class, first.tags) == (0x40, 0x40, {})


def test_parts_begin_with_a_header_of_sixteen_bits() -> None:
    first, second = submits(LONG, long_texts="udh16")
    assert first.octets == b"\6\x08\4\x12\x34\2\1" + b"a" * 153
    assert second.octets == b"\6\x08\4\x12\x34\2\2" + b"b" * 7 + b"c"
    assert (first.esm_class, second.esm_class) == (0x40, 0x40)


def test_parts_have_parameters() -> None:
    first, second = submits(LONG, long_texts="sar")
    assert (first.octets, second.octets) == (b"a" * 153, b"b" * 7 + b"c")
    assert first.tags == {0x020C: b"\x12\x34", 0x020E: b"\2", 0x020F: b"\1"}
    assert second.tags == {0x020C: b"\x12\x34", 0x020E: b"\2", 0x020F: b"\2"}
    assert (first.esm_class, second.esm_class) == (0, 0)


def test_the_whole_is_a_payload() -> None:
    [said] = submits(LONG, long_texts="payload")
    assert (said.octets, said.tags, said.esm_class) == (b"", {0x0424: LONG.encode()}, 0)
    [said] = submits(ZHE * 71, long_texts="payload")
    assert (said.octets, said.tags, said.coding) == (b"", {0x0424: b"\x04\x16" * 71}, 8)


@pytest.mark.parametrize("long_texts", ["udh", "udh16", "sar", "payload"])
def test_a_text_that_fits_into_one_has_neither(long_texts: str) -> None:
    [said] = submits("a" * 160, long_texts=long_texts)
    assert (said.octets, said.tags, said.esm_class) == (b"a" * 160, {}, 0)


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("a" * 160, [160]),
        ("a" * 161, [153, 8]),
        ("a" * 306, [153, 153]),
        ("a" * 307, [153, 153, 1]),
        ("a" * 158 + "{", [160]),
        ("a" * 159 + "{", [153, 8]),
        ("a" * 152 + "{" + "a" * 152, [152, 153, 1]),
        ("a" * 152 + "{" + "a" * 151, [152, 153]),
        (ZHE * 70, [70]),
        (ZHE * 71, [67, 4]),
        (ZHE * 134, [67, 67]),
        (ZHE * 135, [67, 67, 1]),
        (SMILE * 35, [70]),
        (SMILE * 36, [66, 6]),
        (SMILE * 67, [66, 66, 2]),
        (ZHE * 66 + SMILE + ZHE * 66, [66, 67, 1]),
    ],
)
@pytest.mark.parametrize(("long_texts", "header"), [("udh", 6), ("udh16", 7), ("sar", 0)])
def test_texts_are_divided_where_their_parts_are_full(
    text: str, units: list[int], long_texts: str, header: int
) -> None:
    parts = submits(text, long_texts=long_texts)
    most = 1 if parts[0].coding == 0 else 2
    taken_off = header if len(parts) > 1 else 0
    assert [(len(part.octets) - taken_off) // most for part in parts] == units


@given(
    st.text(st.sampled_from(["a", "{", "€", "å", "\f"]), min_size=100, max_size=400),
    st.sampled_from(["udh", "udh16", "sar"]),
)
def test_an_escape_pair_is_never_divided(text: str, long_texts: str) -> None:
    parts = [_words(said) for said in submits(text, long_texts=long_texts)]
    assert not any(octets.endswith(b"\x1b") for octets in parts)
    assert gsm.decode(b"".join(parts)) == text


@given(st.text(st.sampled_from([ZHE, SMILE, "a", "é"]), min_size=60, max_size=300).filter(lambda t: ZHE in t))
def test_a_surrogate_pair_is_never_divided(text: str) -> None:
    parts = [_words(said) for said in submits(text)]
    assert "".join(octets.decode("utf-16-be", "strict") for octets in parts) == text
    assert all(len(octets) <= 134 for octets in parts) or len(parts) == 1


def _words(said: Submit) -> bytes:
    return said.octets[1 + said.octets[0] :] if said.esm_class & 0x40 else said.octets


@given(st.text(max_size=200).filter(str.strip), st.sampled_from(["gsm", "latin-1", "latin-1 (3)"]))
def test_any_text_can_be_written_and_no_part_is_too_long(text: str, alphabet: str) -> None:
    try:
        parts = submits(text, alphabet=alphabet)
    except Unwritable:
        assert not "".join(filter(str.isprintable, text)), "only what has nothing to show is refused"
        return
    for said in parts:
        header = 1 + said.octets[0] if said.esm_class & 0x40 else 0
        assert len(said.octets) <= (140 if said.coding == 8 else 160 - -(-8 * header // 7) + header)
        assert said.coding in {"gsm": (0, 8), "latin-1": (0, 8), "latin-1 (3)": (3, 8)}[alphabet]


@pytest.mark.parametrize("long_texts", ["udh", "payload"])
@pytest.mark.parametrize(
    ("text", "octets"), [("e\u0301" * 200, b"\x05" * 200), ("a\r\nb\t" * 60, b"a\nb " * 60)]
)
def test_what_is_not_normalised_yet_is_written_as_it_is_counted(
    text: str, octets: bytes, long_texts: str
) -> None:
    parts = submits(text, long_texts=long_texts)
    assert b"".join(said.tags.get(0x0424, b"") or _words(said) for said in parts) == octets
    [short] = submits(text[: len(text) // 10], long_texts=long_texts)
    assert short.octets == octets[: len(octets) // 10]


def test_a_request_may_be_written_again_with_another_number() -> None:
    for long_texts in ("udh", "payload"):
        request = writer(long_texts=long_texts).requests(a_text(LONG), 1)[0]
        first, second = request(7), request(8)
        assert first[:12] + second[12:16] + first[16:] == second
        assert second[12:16] == b"\0\0\0\x08"
