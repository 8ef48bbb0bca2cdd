"""Counting and dividing (spec S1, S2), and the alphabet under it."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import accumulate

import pytest
from gsm0338 import Codec  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from messa_platform.core.gsm import BASIC, ESCAPE, EXTENSION, encode, fits_gsm, gsm_run
from messa_platform.core.segments import Encoding, Segments, is_border, normalise, segment

SMILE = "\U0001f600"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
ZHE = "Ж"
CODEC = Codec()

CLUSTERS = (
    *("a", "å", " ", "\n", "€", "{", ZHE, "…", "中", SMILE),
    FAMILY,
    "\U0001f44d\U0001f3fd",  # thumb up with a skin tone
    "\u2764\ufe0f",  # heart with a variation selector
    "1\ufe0f\u20e3",  # keycap
    "\U0001f1f8\U0001f1ea",  # flag of Sweden
    "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # flag of Scotland
    "q\u0323\u0307",  # two marks that compose with nothing
    "\u0e01\u0e33",  # Thai ko kai and sara am
    "\u0915\u094d\u0937\u093f",  # Devanagari kshi
    "\u1112\ud7b0\u11ab",  # Hangul letters that have no syllable of their own
    "\uac01\u11a8",  # a Hangul syllable and one more final
)

CLUSTER = st.sampled_from(CLUSTERS)
PLAIN = "aå\n{}€\f"
ODD = st.one_of(st.characters(), st.sampled_from("a{€\r\nЖ\u0301\u200d" + SMILE))
# Hypothesis makes texts of about five characters unless it is told a least length: hence the long kinds.


def septets(text: str) -> int:
    return len(CODEC.encode(text)[0])


def code_units(text: str) -> int:
    return sum(2 if character > "\uffff" else 1 for character in text)


def greedy(costs: Iterable[int], room: int) -> int:
    """Parts that somebody needs who puts each thing where the one before went, while there is room."""
    parts, used = 0, room
    for cost in costs:
        if used + cost > room:
            parts, used = parts + 1, 0
        used += cost
    return parts


def borders(pieces: Sequence[str]) -> set[int]:
    return set(accumulate(map(len, pieces)))


def is_in_order(segments: Segments) -> bool:
    """No part is empty or over its length."""
    cost, single, room = (septets, 160, 153) if segments.encoding is Encoding.GSM else (code_units, 70, 67)
    limit = single if segments.count == 1 else room
    whole = sum(cost(part) for part in segments.parts)
    return whole == segments.units and all(0 < cost(part) <= limit for part in segments.parts)


@pytest.mark.parametrize(
    ("text", "encoding", "units", "count"),
    [
        ("", Encoding.GSM, 0, 0),
        ("a" * 160, Encoding.GSM, 160, 1),
        ("a" * 161, Encoding.GSM, 161, 2),
        ("a" * 306, Encoding.GSM, 306, 2),
        ("a" * 307, Encoding.GSM, 307, 3),
        ("a" * 1377, Encoding.GSM, 1377, 9),
        ("a" * 1378, Encoding.GSM, 1378, 10),
        ("€" * 80, Encoding.GSM, 160, 1),
        ("€" * 80 + "a", Encoding.GSM, 161, 2),
        ("€" * 153, Encoding.GSM, 306, 3),
        ("a" * 152 + "{" + "a" * 152, Encoding.GSM, 306, 3),
        ("a" * 152 + "{" + "a" * 151, Encoding.GSM, 305, 2),
        ("ÅÄÖåäöéÉ§Ü" * 16, Encoding.GSM, 160, 1),
        (ZHE * 70, Encoding.UCS2, 70, 1),
        (ZHE * 71, Encoding.UCS2, 71, 2),
        (ZHE * 134, Encoding.UCS2, 134, 2),
        (ZHE * 135, Encoding.UCS2, 135, 3),
        ("ç" + "€" * 69, Encoding.UCS2, 70, 1),
        (SMILE * 35, Encoding.UCS2, 70, 1),
        (SMILE * 36, Encoding.UCS2, 72, 2),
        (SMILE * 67, Encoding.UCS2, 134, 3),
        (ZHE * 66 + SMILE + ZHE * 66, Encoding.UCS2, 134, 3),
        (FAMILY * 6, Encoding.UCS2, 66, 1),
        (FAMILY * 12, Encoding.UCS2, 132, 2),
        (FAMILY * 13, Encoding.UCS2, 143, 3),
    ],
)
def test_a_text_takes_its_units_and_parts(text: str, encoding: Encoding, units: int, count: int) -> None:
    segments = segment(text)
    assert (segments.encoding, segments.units, segments.count) == (encoding, units, count)
    assert is_in_order(segments)


@pytest.mark.parametrize("character", "ÁÍÓÚáíóúç`“”‘’–—…\u00a0°")
def test_a_character_outside_the_alphabet_makes_the_whole_text_ucs2(character: str) -> None:
    assert segment("Hej " + character) == Segments(Encoding.UCS2, 5, ("Hej " + character,))


@pytest.mark.parametrize("character", sorted(EXTENSION))
def test_an_extension_character_is_two_septets_in_gsm_and_one_unit_in_ucs2(character: str) -> None:
    assert segment(character).units == 2
    assert segment(character + ZHE).units == 2


def test_the_alphabet_is_the_one_of_gsm0338_in_every_character_of_the_plane() -> None:
    def by_oracle(character: str) -> bytes | None:
        try:
            return bytes(CODEC.encode(character)[0])
        except UnicodeEncodeError:
            return None

    plane = (chr(code) for code in range(0x10000) if chr(code) != ESCAPE)
    ours = {character: encode(character) if fits_gsm(character) else None for character in plane}
    assert ours == {character: by_oracle(character) for character in ours}
    assert sum(septets is not None for septets in ours.values()) == len(BASIC) - 1 + len(EXTENSION)


def test_the_escape_itself_is_no_character() -> None:
    assert len(BASIC) == 128
    assert BASIC[0x1B] == ESCAPE
    assert not fits_gsm(ESCAPE)


def test_a_backtick_is_not_a_section_sign() -> None:
    assert encode("§") == b"\x5f"
    with pytest.raises(UnicodeEncodeError, match="position 1"):
        encode("§`")


def test_the_start_that_fits_is_measured_up_to_the_first_stranger() -> None:
    assert gsm_run("€ och Ж") == 6
    assert gsm_run("€ och {") == 7


@given(st.text(alphabet=BASIC.replace(ESCAPE, "") + "".join(EXTENSION)))
def test_what_is_encoded_is_read_back_by_gsm0338(text: str) -> None:
    assert CODEC.decode(encode(text))[0] == text


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        ("a\r\r\nb", "a\n\nb"),
        ("o\u0308l", "öl"),
        ("A\u030a \u212b", "Å Å"),
        ("\u2126", "Ω"),
        ("a\x00b\x07c\x1bd\x7fe\x85f\x9f", "abcdef"),
        ("e\x00\u0301", "é"),
        ("Tid:\t10.15", "Tid: 10.15"),
        ("sida\fsida", "sida\fsida"),
        ("a\ud83d", "a\ufffd"),
        ("\ude00\ud83da", "\ufffd\ufffda"),
        ("\ud83d\ude00", SMILE),
    ],
)
def test_a_text_is_normalised_before_it_is_counted(raw: str, normal: str) -> None:
    assert normalise(raw) == normal
    assert "".join(segment(raw).parts) == normal


def test_decomposed_swedish_letters_stay_in_gsm() -> None:
    text = unicodedata.normalize("NFD", "Räksmörgås åt Åsa på Öland. ")
    assert segment(text * 5) == Segments(Encoding.GSM, 140, ("Räksmörgås åt Åsa på Öland. " * 5,))


@pytest.mark.parametrize("length", [255, 256, 257, 300, 1000])
def test_a_long_text_is_composed_as_if_in_one_go(length: int) -> None:
    text = (unicodedata.normalize("NFD", "Ж한국åǖ각") * length)[:length]
    for start in range(8):
        assert normalise(text[start:]) == unicodedata.normalize("NFC", text[start:])


@pytest.mark.parametrize(
    "run", ["\u0300\u0316", "\U0001f1f8", "\u200d", "\u1100", "\u094d\u0915", "{", "\r\x00"]
)
def test_a_hostile_text_takes_no_more_time_than_its_length(run: str) -> None:
    before = time.process_time()
    assert segment("a" + run * 100_000).count > 500
    # In square time the combining marks take half a minute; in linear time it is a fraction of a second.
    assert time.process_time() - before < 5


@pytest.mark.parametrize("cluster", [cluster for cluster in CLUSTERS if len(cluster) > 1])
@pytest.mark.parametrize("filling", range(55, 68))
def test_a_cluster_at_the_end_of_a_part_goes_whole_to_the_next(cluster: str, filling: int) -> None:
    segments = segment(ZHE * filling + cluster + ZHE * 70)
    before = ZHE * filling
    room = 67 - filling
    assert segments.parts[0].rstrip(ZHE) == (
        before + cluster if code_units(cluster) <= room else before
    ).rstrip(ZHE)
    assert is_in_order(segments)


def test_an_emoji_never_straddles_two_parts() -> None:
    parts = segment("a" * 66 + SMILE * 40).parts
    assert parts == ("a" * 66, SMILE * 33, SMILE * 7)


def test_flags_are_divided_between_countries() -> None:
    sweden, norway = "\U0001f1f8\U0001f1ea", "\U0001f1f3\U0001f1f4"
    parts = segment("Ж" + (sweden + norway) * 20).parts
    assert parts == ("Ж" + (sweden + norway) * 8, (sweden + norway) * 8, (sweden + norway) * 4)


def test_an_accent_at_the_start_of_a_line_does_not_hold_on_to_the_line_break() -> None:
    assert is_border("\n\u0301", 1)
    assert not is_border("q\u0301", 1)


def test_a_zero_width_joiner_holds_signs_together_but_no_plain_letters() -> None:
    assert is_border("a\u200db", 2)
    assert is_border("a\u200d\nb", 2)
    assert not is_border("\u2764\u200d\U0001f525", 2)


def test_a_cluster_that_no_part_can_hold_fills_part_after_part() -> None:
    tower = "q" + "\u0323" * 199
    segments = segment("ab" + tower + "cd")
    assert [len(part) for part in segments.parts] == [67, 67, 67, 3]
    assert "".join(segments.parts) == "ab" + tower + "cd"


def test_a_cluster_of_surrogate_pairs_that_no_part_can_hold_is_never_cut_in_a_pair() -> None:
    chain = "\u200d".join([SMILE] * 60)
    segments = segment(ZHE + chain)
    assert segments.count == greedy([code_units(character) for character in ZHE + chain], 67)
    assert is_in_order(segments)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.text(ODD), st.text(ODD, min_size=60, max_size=200), st.text(PLAIN, min_size=140, max_size=330)
    )
)
def test_parts_joined_are_the_normalised_text_and_none_is_too_long(text: str) -> None:
    segments = segment(text)
    assert "".join(segments.parts) == normalise(text)
    assert normalise(normalise(text)) == normalise(text)
    assert (segments.encoding is Encoding.GSM) == fits_gsm(normalise(text))
    assert is_in_order(segments)


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 160), st.one_of(st.text(PLAIN, max_size=40), st.text(PLAIN, min_size=100, max_size=300))
)
def test_gsm_takes_exactly_the_parts_of_a_greedy_packer(lead: int, tail: str) -> None:
    text = "a" * lead + tail
    units = septets(text)
    assert segment(text).count == (
        greedy([septets(character) for character in text], 153) if units > 160 else min(units, 1)
    )


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 70),
    st.one_of(st.lists(CLUSTER, max_size=20), st.lists(CLUSTER, min_size=30, max_size=100)),
)
def test_ucs2_takes_exactly_the_parts_of_a_greedy_packer_and_splits_no_cluster(
    lead: int, tail: list[str]
) -> None:
    clusters = [ZHE] * (lead + 1) + tail
    text = "".join(clusters)
    segments = segment(text)
    assert "".join(segments.parts) == text
    costs = [code_units(cluster) for cluster in clusters]
    assert segments.count == (greedy(costs, 67) if sum(costs) > 70 else 1)
    assert borders(segments.parts) <= borders(clusters)
    assert {at for at in range(1, len(text) + 1) if is_border(text, at)} == borders(clusters)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 90), st.integers(0, 150)), min_size=1, max_size=5),
)
def test_a_cluster_too_long_for_a_part_costs_no_part_more_than_its_characters_do(
    runs: list[tuple[int, int]],
) -> None:
    pieces = []
    for letters, marks in runs:
        tower = "q" + "\u0323" * marks
        pieces += [ZHE] * letters + ([tower] if len(tower) <= 67 else list(tower))
    segments = segment("".join(pieces))
    costs = [len(piece) for piece in pieces]
    assert segments.count == (greedy(costs, 67) if sum(costs) > 70 else 1)
    assert borders(segments.parts) <= borders(pieces)
