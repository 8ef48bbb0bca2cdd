"""The header fields of a mail or of one part of it, from their raw bytes.

Not the standard library's parser: that one takes time in proportion to lines times depth (10 MB of empty lines in twenty nested
multiparts keep it busy for minutes), and its modern policy needs 570 µs for a small mail where this needs about 30.
"""

from __future__ import annotations

import binascii
import re
from urllib.parse import unquote_to_bytes

from messa_platform.mail.reading.charsets import clean, decode, from_base64, guess

MAX_FIELDS = 1000
"""Fields of a header that are looked at; real mail has less than 200."""

MAX_HEADER = 500_000
"""Bytes of a header that are looked at."""

MAX_VALUE = 16_000
"""Bytes of a field's value that are looked at."""

_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)\n?")

Fields = dict[bytes, list[bytes]]
"""Values by lower-case name, in order; folded as they came."""


def parse_fields(raw: bytes, start: int, end: int) -> tuple[Fields, int]:
    """The fields from `start` on, and where the body begins: behind the empty line, or at the first line that is no field.

    Newlines are `\\n`.
    """
    fields: Fields = {}
    at = start
    limit = min(end, start + MAX_HEADER)
    for _ in range(MAX_FIELDS):
        found = _FIELD.match(raw, at, limit)
        if found is None:
            break
        fields.setdefault(found[1].lower(), []).append(found[2][:MAX_VALUE])
        at = found.end()
    else:
        limit = at
    if at >= limit and limit < end:  # there is more of it than we look at
        gap = raw.find(b"\n\n", at - 1, end)
        return fields, end if gap < 0 else gap + 2
    return fields, at + 1 if raw.startswith(b"\n", at, end) else at


def first(fields: Fields, name: bytes) -> bytes:
    """The first value of a field that says something, on one line; `b""` if none does."""
    for value in fields.get(name, ()):
        if unfolded := value.replace(b"\n", b"").strip():
            return unfolded
    return b""


def word(fields: Fields, name: bytes) -> str:
    """The first word of a field's value, in lower case: `auto-replied` of `Auto-Replied; owner=x`."""
    value = first(fields, name).lower()
    return guess(re.split(rb"[\s;,(]", value, maxsplit=1)[0]) if value else ""


def text_of(value: bytes) -> str:
    """A value for people: encoded words decoded (RFC 2047), on one line, clean."""
    text = guess(value.replace(b"\n", b""))
    if "=?" in text:
        text = _decode_words(text)
    return " ".join(clean(text).split())


# The text may have blanks, which RFC 2047 forbids and Outlook writes; a word that was cut off may lack its end.
_ENCODED = re.compile(r"=\?([^?\s*]{1,60})(?:\*[^?\s]{0,20})?\?([bBqQ])\?(.*?)(?:\?=|\Z)", re.DOTALL)


def _decode_words(text: str) -> str:
    """`text` with its encoded words decoded. Neighbours of one charset are joined as bytes: many split in mid-character."""
    out: list[str] = []
    run: list[tuple[str, str]] = []
    run_charset = ""
    end = 0
    for found in _ENCODED.finditer(text):
        charset = found[1].lower()
        between = text[end : found.start()]
        if run and (between.strip() or charset != run_charset):
            out.append(decode(_run_bytes(run), run_charset))
            run = []
            between = (
                between if between.strip() else ""
            )  # blanks between two encoded words are no part of the text
        elif run:
            between = ""
        out.append(between)
        run.append((found[2].lower(), found[3]))
        run_charset = charset
        end = found.end()
    if run:
        out.append(decode(_run_bytes(run), run_charset))
    return "".join(out) + text[end:]


def _run_bytes(run: list[tuple[str, str]]) -> bytes:
    """The bytes of neighbouring encoded words. Base64 that was split off its four-character grid goes on in the next word."""
    out = b""
    pending = ""
    for encoding, text in run:
        if encoding == "b":
            pending += "".join(text.split())
            if len(pending) % 4 == 0 or pending.endswith("="):
                out += from_base64(pending.encode("ascii", "ignore"))
                pending = ""
        else:
            out += from_base64(pending.encode("ascii", "ignore"))
            pending = ""
            out += binascii.a2b_qp(text.encode("utf-8", "replace"), header=True)
    return out + from_base64(pending.encode("ascii", "ignore"))


_PARAMETER = re.compile(
    rb"""(?<![; ])[; ]++([\w-]{1,40})(?:\*(\d{1,3}))?(\*)? ?= ?(?:"((?:[^"\\]|\\.)*+)"?|([^; ]*))"""
)


def parse_parameterised(value: bytes) -> tuple[str, dict[str, str]]:
    """The value before the first `;` in lower case, and the parameters; those that RFC 2231 split or encoded are whole again."""
    value = b" ".join(value[:4000].split())
    head = re.split(rb"[; ]", value, maxsplit=1)[0].lower()
    pieces: dict[str, list[bytes]] = {}
    for found in _PARAMETER.finditer(value):
        name = found[1].decode("ascii", "replace").lower()
        quoted = found[4]
        said = found[5] if quoted is None else re.sub(rb"\\(.)", rb"\1", quoted)
        if found[3]:
            # charset'language'text; only the first piece has the charset, and none of our parameters needs it
            said = unquote_to_bytes(said.split(b"'", 2)[-1] if found[2] in (None, b"0") else said)
        if found[2] not in (None, b"0"):
            pieces.setdefault(name, []).append(said)
        else:
            pieces.setdefault(name, [said])
    return guess(head), {name: guess(b"".join(said)) for name, said in pieces.items()}
