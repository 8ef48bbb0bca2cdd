"""Smart characters (spec S3), cutting (S4) and the signature (S5)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messa_platform.core.gsm import BASIC, EXTENSION, fits_gsm
from messa_platform.core.segments import Encoding, is_border, normalise, segment
from messa_platform.messaging.smart import cut, sign, smart

SMILE = "\U0001f600"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
TYPOGRAPHIC = "‘’‚‹›′´“”„«»″–—−‐…\u00a0\u2009\u202f\u200b\u200d\u00ad\ufeff\ufffc•·→ﬁ"


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("”Välkommen” – vi ses…", '"Välkommen" - vi ses...'),
        ("»Hej« «hej» „hej“ ‹hej›", '"Hej" "hej" "hej" \'hej\''),
        ("Ni’s ‚hus‘ och Lars´ båt", "Ni's 'hus' och Lars' båt"),
        ("6′ 2″", "6' 2\""),
        ("1\u00a0000\u202fkr\u2009netto", "1 000 kr netto"),
        ("kl 10–12 — eller −5‐3‑1", "kl 10-12 - eller -5-3-1"),
        ("• mjölk\n·\u00a0bröd\n\uf0b7 smör", "* mjölk\n* bröd\n* smör"),
        ("van\u00adlig\u200bt\ufeff \u200eord\u2060", "vanligt ord"),
        ("rad\u2028rad\u2029rad", "rad\nrad\nrad"),
        ("bild: \ufffc", "bild: "),
        ("Stockholm → Malmö", "Stockholm -> Malmö"),
        ("ﬁnans, aﬀär", "finans, affär"),
        ("”o\u0308l”", '"öl"'),
        ("e\u200d\u0301”", 'é"'),
        ("”a\r\nb”", '"a\nb"'),
    ],
)
def test_typographic_characters_become_plain_ones(typed: str, plain: str) -> None:
    assert smart(typed) == plain
    assert segment(plain).encoding is Encoding.GSM


@pytest.mark.parametrize(
    "text",
    [
        "“Hej” " + SMILE,
        "– 20 °C",
        "Señor Ramírez…",
        "“Привет”",
        "…`ls`",
        "½ – ¼",
        FAMILY + "…",
    ],
)
def test_a_text_that_stays_outside_gsm_keeps_its_typography(text: str) -> None:
    assert smart(text) == text


def test_a_text_in_gsm_is_left_alone() -> None:
    every = "".join(sorted(set(BASIC) - {"\x1b"})) + "".join(EXTENSION)
    assert smart(every) == every


def test_one_dash_no_longer_makes_two_sms_of_one() -> None:
    text = "Mötet är flyttat till tisdag – kom till reception B på Storgatan 4, en trappa upp. Hälsningar Åsa"
    assert segment(text).count == 2
    assert segment(smart(text)).count == 1


@settings(max_examples=200, deadline=None)
@given(
    st.text(alphabet=st.one_of(st.sampled_from(TYPOGRAPHIC + "aå é\r\n\u0301"), st.characters()), max_size=60)
)
def test_smart_gives_the_same_text_or_one_that_fits_in_gsm(text: str) -> None:
    result = smart(text)
    assert result == text or fits_gsm(result)
    assert smart(result) == result


@given(st.text(alphabet=TYPOGRAPHIC + "".join(EXTENSION) + "aåäöÅÄÖé1 \n"))
def test_a_text_of_letters_and_typography_always_fits_in_gsm(text: str) -> None:
    assert fits_gsm(smart(text))


def test_the_signature_stands_on_a_line_of_its_own() -> None:
    assert sign("Hej!", "/Vårdcentralen") == "Hej!\n/Vårdcentralen"
    assert sign("Hej!\n\n", " /Vårdcentralen\n") == "Hej!\n/Vårdcentralen"


def test_a_missing_text_or_signature_leaves_no_stray_newline() -> None:
    assert sign("Hej! ", " ") == "Hej! "
    assert sign("\n", "/Åsa") == "/Åsa"


def test_the_signature_counts() -> None:
    assert segment(sign("a" * 155, "Åsa")).count == 1
    assert segment(sign("a" * 156, "Åsa")).units == 160
    assert segment(sign("a" * 157, "Åsa")).count == 2


def test_a_text_that_fits_is_not_cut() -> None:
    for text in ("", "Hej\r\n", "a" * 160, "Ж" * 70):
        assert cut(text, 1) == text


def test_a_gsm_text_is_cut_after_the_last_word_that_fits() -> None:
    # 31 words of five characters are 155 with the space after the last: 154 and three dots are 157.
    assert cut("fyra " * 40, 1) == ("fyra " * 31).rstrip() + "..."
    assert cut("a" * 100 + " " + "b" * 56 + " c" * 10, 1) == "a" * 100 + " " + "b" * 56 + "..."
    assert cut("a" * 100 + " " + "b" * 57 + " c" * 10, 1) == "a" * 100 + "..."


def test_a_ucs2_text_is_cut_with_one_character() -> None:
    assert cut("Привет " * 20, 1) == ("Привет " * 10).rstrip() + "…"


def test_nine_parts_hold_1374_septets_and_the_ellipsis() -> None:
    assert cut("a" * 1378, 9) == "a" * 1374 + "..."
    assert cut("Ж" * 604, 9) == "Ж" * 602 + "…"


def test_a_price_is_not_cut_at_its_no_break_space() -> None:
    assert cut("Ж" * 60 + " 1\u00a0000\u00a0000\u00a0kr", 1) == "Ж" * 60 + "…"


def test_a_word_that_no_message_could_hold_is_cut_inside() -> None:
    assert cut("Hej " + "a" * 200, 1) == "Hej " + "a" * 153 + "..."
    assert cut("a" * 156 + " " + "b" * 200, 1) == "a" * 156 + "..."
    assert cut("Hej " + "a" * 157 + " och hej", 1) == "Hej..."


def test_a_first_word_that_blanks_push_over_the_edge_is_cut_inside() -> None:
    assert cut("  " + "a" * 156 + " hej", 1) == "  " + "a" * 155 + "..."


def test_a_cut_inside_a_word_leaves_clusters_whole() -> None:
    assert cut(FAMILY * 20, 1) == FAMILY * 6 + "…"
    assert cut("{" * 200, 1) == "{" * 78 + "..."


def test_a_cluster_that_no_part_can_hold_is_cut_inside() -> None:
    assert cut("q" + "\u0323" * 100, 1) == "q" + "\u0323" * 68 + "…"


def test_where_the_emoji_is_cut_off_the_rest_fills_a_gsm_message() -> None:
    assert cut("fyra " * 40 + SMILE, 1) == ("fyra " * 31).rstrip() + "..."
    assert cut("fyra " * 30 + SMILE * 20, 1) == ("fyra " * 30).rstrip() + "..."
    assert cut(SMILE + " fyra" * 40, 1) == SMILE + " fyra" * 13 + "…"


def test_the_signature_outlives_the_cut() -> None:
    assert cut("fyra " * 40, 1, "/Åsa") == ("fyra " * 30).rstrip() + "...\n/Åsa"
    assert cut("fyra " * 40, 1, "/Åsa Ж") == ("fyra " * 12).rstrip() + "…\n/Åsa Ж"
    assert cut("Hej", 1, "/Åsa") == "Hej\n/Åsa"


def test_a_signature_that_leaves_no_room_is_cut_with_the_text() -> None:
    assert cut("Hej på dig", 1, "x" * 157) == "Hej på dig..."
    assert cut("Hej", 1, "fyra " * 40) == "Hej\n" + ("fyra " * 30).rstrip() + "..."
    assert cut(FAMILY * 10, 1, "x" * 64) == FAMILY * 6 + "…"


def test_blanks_alone_leave_only_the_ellipsis() -> None:
    assert cut(" " * 200, 1) == "..."
    assert cut(" " * 200 + "hej", 1) == "..."


def test_a_message_has_at_least_one_part() -> None:
    with pytest.raises(ValueError, match="at least one part"):
        cut("Hej", 0)


GSM_WORD = st.sampled_from(["hej", "på", "dig", "{}", "€", "vårdcentralen", "\n"])
ANY_WORD = GSM_WORD | st.sampled_from(["Ж" * 9, SMILE, FAMILY, "q\u0323", "å" * 180, "Ж" * 80, "a\u00a0b"])
# Hypothesis makes lists of about five unless it is told a least length, and five words are seldom cut.
WORDS = st.one_of(
    st.lists(ANY_WORD, max_size=20),
    st.lists(ANY_WORD, min_size=15, max_size=60),
    st.lists(GSM_WORD, min_size=40, max_size=120),
    st.builds(list.__add__, st.lists(GSM_WORD, min_size=20, max_size=50), st.lists(ANY_WORD, max_size=9)),
)


@settings(max_examples=200, deadline=None)
@given(WORDS, st.integers(1, 4), st.sampled_from(["", "/Åsa", "/Оля", "x" * 170]))
def test_what_is_cut_never_exceeds_its_parts(words: list[str], max_parts: int, signature: str) -> None:
    assert segment(cut(" ".join(words), max_parts, signature)).count <= max_parts


@settings(max_examples=200, deadline=None)
@given(WORDS.map(" ".join), st.integers(1, 4))
def test_what_is_cut_is_a_start_of_the_text_and_an_ellipsis(text: str, max_parts: int) -> None:
    result = cut(text, max_parts)
    if segment(text).count <= max_parts:
        assert result == text
        return
    kept = result.removesuffix("..." if segment(result).encoding is Encoding.GSM else "…")
    assert kept != result
    assert text.startswith(kept)
    assert is_border(text, len(kept))


@settings(max_examples=100, deadline=None)
@given(WORDS.map(" ".join), st.integers(1, 3))
def test_no_longer_start_that_ends_with_a_word_would_have_fitted(text: str, max_parts: int) -> None:
    if segment(text).count <= max_parts:
        return
    kept = len(cut(text, max_parts).removesuffix("...").removesuffix("…"))
    for end in range(kept + 1, min(len(text), kept + 400)):
        if text[end].isspace() and text[end] != "\u00a0" and not text[end - 1].isspace():
            assert segment(text[:end] + "...").count > max_parts
            assert segment(text[:end] + "…").count > max_parts


@settings(max_examples=100, deadline=None)
@given(
    st.text(st.one_of(st.characters(), st.sampled_from(" a\u0323\u200d")), min_size=60, max_size=200),
    st.integers(1, 2),
)
def test_any_text_at_all_can_be_cut(text: str, max_parts: int) -> None:
    result = cut(text, max_parts)
    assert segment(result).count <= max_parts
    assert result == text or normalise(text).startswith(result.removesuffix("...").removesuffix("…"))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 150)), min_size=1, max_size=4), st.integers(1, 3)
)
def test_a_text_of_towering_accents_can_be_cut(runs: list[tuple[int, int]], max_parts: int) -> None:
    text = "".join("Ж" * letters + " q" + "\u0323" * marks for letters, marks in runs)
    assert segment(cut(text, max_parts)).count <= max_parts
