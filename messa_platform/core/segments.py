"""How many SMS a text takes, and where it is divided (spec S1; 3GPP TS 23.038, TS 23.040 9.2.3.24.1)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from messa_platform.core import gsm

GSM_SINGLE = 160
GSM_PART = 153
"""Septets in an SMS of its own, and in one of several: the concatenation header takes 6 octets of 140."""

UCS2_SINGLE = 70
UCS2_PART = 67
"""The same in UTF-16 code units."""


class Encoding(StrEnum):
    """The alphabet a text travels in: UCS-2 as soon as one character is not in GSM 03.38."""

    GSM = "GSM"
    UCS2 = "UCS2"


@dataclass(frozen=True, slots=True)
class Segments:
    """A text divided into SMS.

    `units` is the length of the whole, headers not counted: septets in GSM, UTF-16 code units in UCS-2.
    `parts` joined are the normalised text. An empty text has no parts.
    """

    encoding: Encoding
    units: int
    parts: tuple[str, ...]

    @property
    def count(self) -> int:
        """Number of SMS."""
        return len(self.parts)


def segment(text: str, encoding: Encoding | None = None) -> Segments:
    """Normalise `text` and divide it into as few SMS as can be, in UCS-2 if that is the `encoding`.

    An extension character stays with its escape, and a surrogate pair and a grapheme cluster stay whole. A
    cluster that is longer than a part is divided between code points.
    """
    if encoding is not Encoding.UCS2:
        if gsm.is_plain(text):
            return _plain(text)
        if gsm.fits_gsm(normalise(text)):
            return _gsm(normalise(text))
    text = normalise(text)
    units = _code_units(text)
    return Segments(Encoding.UCS2, units, (text,) if units <= UCS2_SINGLE else _ucs2_parts(text))


def _plain(text: str) -> Segments:
    units = len(text)
    if units > GSM_SINGLE:
        return Segments(
            Encoding.GSM, units, tuple([text[at : at + GSM_PART] for at in range(0, units, GSM_PART)])
        )
    return Segments(Encoding.GSM, units, (text,) if text else ())


def _gsm(text: str) -> Segments:
    escaped = gsm.escaped(text)
    units = len(escaped)
    if units <= GSM_SINGLE:
        return Segments(Encoding.GSM, units, (text,) if text else ())
    parts = []
    start = 0
    while start < units:
        end = start + GSM_PART
        if escaped[end - 1 : end] == gsm.ESCAPE:
            end -= 1  # an escape pair never straddles two parts (3GPP TS 23.040 9.2.3.24.1)
        parts.append(escaped[start:end].replace(gsm.ESCAPE, ""))
        start = end
    return Segments(Encoding.GSM, units, tuple(parts))


def _code_units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _ucs2_parts(text: str) -> tuple[str, ...]:
    parts = []
    start = 0
    while start < len(text):
        end = _end_of_part(text, start)
        parts.append(text[start:end])
        start = end
    return tuple(parts)


def _end_of_part(text: str, start: int) -> int:
    """Where the part that begins at `start` ends; looks two parts ahead at most, however long the text is."""
    octets = text[start : start + UCS2_PART].encode("utf-16-le")[: 2 * UCS2_PART]
    end = start + len(octets.decode("utf-16-le", "ignore"))  # half a surrogate pair at the end is not counted
    if is_border(text, end, start):
        return end
    border = next((at for at in range(end - 1, start, -1) if is_border(text, at, start)), start)
    latest = min(border + UCS2_PART, len(text))
    following = next((at for at in range(end + 1, latest + 1) if is_border(text, at, start)), None)
    if following is not None and _code_units(text[border:following]) <= UCS2_PART:
        return border
    return end  # the cluster has no room in any part: so fill this one


_CR = re.compile("\r\n?")
_CONTROL = re.compile("[\0-\x09\x0b\x0d-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0))) | {
    ord("\n"): "\n",
    ord("\f"): "\f",
    ord("\t"): " ",
}
_PIECE = 256


def normalise(text: str) -> str:
    """`text` as it is counted, compared and sent.

    NFC. CRLF and CR become LF, though GSM 03.38 has CR. A tab becomes a space, so that it still divides
    words; the other control characters go (C0, DEL, C1), except LF and FF. Two halves of a surrogate pair
    are joined, and a half alone becomes U+FFFD.
    """
    if gsm.is_plain(text):
        return text
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if _CONTROL.search(text):
        text = _CR.sub("\n", text).translate(_CONTROLS)
    return _compose(text)


def _compose(text: str) -> str:
    """NFC piece by piece: CPython sorts a run of combining marks in square time, hours for a mail of them.

    A piece ends where nothing composes across; only a run of marks longer than a piece has no such place.
    """
    pieces = []
    start = 0
    while len(text) - start > _PIECE:
        limit = start + _PIECE
        end = next((at for at in range(limit, start, -1) if _is_starter(text[at])), limit)
        pieces.append(unicodedata.normalize("NFC", text[start:end]))
        start = end
    pieces.append(unicodedata.normalize("NFC", text[start:]))
    return "".join(pieces)


def _is_starter(character: str) -> bool:
    return character.isascii() or not (
        unicodedata.category(character) in _MARKS or _hangul(character) in ("V", "T")
    )


_MARKS = frozenset({"Mn", "Me", "Mc"})
_LINE_ENDS = frozenset("\n\f\u2028\u2029")
_JOINER = "\u200d"
# Zero width (non-)joiner, Thai and Lao am, halfwidth katakana voicing marks: Extend and SpacingMark in UAX 29
_EXTENDING = frozenset("\u200c\u200d\u0e33\u0eb3\uff9e\uff9f")
# Viramas that join two consonants to one shape (Indic_Conjunct_Break=Linker, UAX 29 GB9c)
_LINKERS = frozenset("\u094d\u09cd\u0acd\u0b4d\u0c4d\u0d4d")
_HANGUL_JOINS = frozenset(
    {
        *(("L", "L"), ("L", "V"), ("L", "LV"), ("L", "LVT")),
        *(("LV", "V"), ("V", "V"), ("LV", "T"), ("V", "T")),
        *(("LVT", "T"), ("T", "T")),
    }
)


def is_border(text: str, at: int, since: int = 0) -> bool:
    """Whether a grapheme cluster begins at index `at` of normalised `text`, or the text ends there.

    A modest reading of UAX 29: it holds together more than the standard does (what follows a zero width
    joiner), and less only for prepended marks (GB9b). Flags are counted from `since`, an earlier border.
    """
    if not 0 < at < len(text):
        return True
    before, after = text[at - 1], text[at]
    if after.isascii():
        return True
    if before in _LINE_ENDS:
        return True
    if before == _JOINER or _extends(after):
        return False
    if _is_regional(before) and _is_regional(after):
        return _regionals_before(text, at, since) % 2 == 0
    if before in _LINKERS:
        return unicodedata.category(after) != "Lo"
    return (_hangul(before), _hangul(after)) not in _HANGUL_JOINS


def _extends(character: str) -> bool:
    return (
        unicodedata.category(character) in _MARKS
        or character in _EXTENDING
        or "\U0001f3fb" <= character <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= character <= "\U000e007f"  # tags: the flag of Scotland
    )


def _is_regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _regionals_before(text: str, at: int, since: int) -> int:
    start = at
    while start > since and _is_regional(text[start - 1]):
        start -= 1
    return at - start


def _hangul(character: str) -> str:
    """The kind of Hangul letter or syllable (L, V, T, LV, LVT of UAX 29), or nothing."""
    if "\uac00" <= character <= "\ud7a3":
        return "LVT" if (ord(character) - 0xAC00) % 28 else "LV"
    if "\u1100" <= character <= "\u115f" or "\ua960" <= character <= "\ua97c":
        return "L"
    if "\u1160" <= character <= "\u11a7" or "\ud7b0" <= character <= "\ud7c6":
        return "V"
    if "\u11a8" <= character <= "\u11ff" or "\ud7cb" <= character <= "\ud7fb":
        return "T"
    return ""
