"""Reading what the kernel writes."""

from __future__ import annotations

from messa_platform.core.gsm import BASIC, ESCAPE, EXTENSION, decode, encode


def test_every_character_of_the_alphabet_comes_back() -> None:
    text = BASIC.replace(ESCAPE, "") + "".join(EXTENSION)
    assert decode(encode(text)) == text


def test_septets_are_read_as_the_table_has_them() -> None:
    assert decode(bytes((0x41, 0x0F, 0x7B, 0x7C, 0x00, 0x09, 0x1B, 0x65, 0x1B, 0x28))) == "Aåäö@Ç€{"


def test_an_extension_that_nobody_knows_is_the_plain_character() -> None:
    assert decode(b"\x1bA\x1b") == "A"
    assert decode(b"\x1b\x1bA") == "\N{REPLACEMENT CHARACTER}A"


def test_what_is_no_septet_is_not_taken_for_one() -> None:
    assert decode(b"A\xe5\x80") == "A\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"
