"""The parts of a mail: which of them are its text, and how many are left out. Reads offsets into the raw bytes, copies little,
and takes time in proportion to the mail's size."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass, field

from messa_platform.mail.reading.charsets import clean, decode, from_base64, is_junk, looks_like_base64
from messa_platform.mail.reading.headers import Fields, first, parse_fields, parse_parameterised, word
from messa_platform.mail.reading.html import MAX_TEXT
from messa_platform.mail.reading.text import (
    from_uuencode,
    is_pgp_encrypted,
    unflow,
    without_pgp_signature,
    without_picture_marks,
    without_uuencoded,
)
from messa_platform.mail.reading.values import UnreadableReason

MAX_PARTS = 500
MAX_DEPTH = 20

MAX_ENCODED = 8_000_000
"""Bytes of a text part that are decoded: pictures may be written into HTML."""

MAX_PLAIN_ENCODED = 6 * MAX_TEXT
"""Bytes of a plain part that are decoded: six for a character in quoted-printable UTF-8."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A text found in a mail: plain, with its line ends' blanks, or HTML."""

    text: str
    html: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A part's header and the place of its body, `raw[start:end]`."""

    fields: Fields
    start: int
    end: int
    content_type: str
    parameters: dict[str, str]


def read_part(raw: bytes, start: int, end: int, *, default_type: str = "text/plain") -> Part:
    """The part that fills `raw[start:end]`."""
    fields, body = parse_fields(raw, start, end)
    content_type, parameters = parse_parameterised(first(fields, b"content-type"))
    if content_type == "text":
        content_type = "text/plain"
    if content_type.count("/") != 1:  # missing (RFC 2045 5.2), or not to be understood
        content_type = default_type
    return Part(fields, body, end, content_type, parameters)


_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})

# What is text by name but no text for people, or a form of it that needs a program.
_TEXT_FILE_NAMES = """
calendar csv css directory enriched javascript rfc822-headers richtext rtf tab-separated-values vcard x-amp-html x-vcard xml
"""
_TEXT_FILES = frozenset(f"text/{name}" for name in _TEXT_FILE_NAMES.split())

# Part of the mail's envelope, not something that the sender attached.
_SIGNATURES = frozenset(
    {
        "application/pgp-keys",
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
    }
)
_SMIME = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})


@dataclass(slots=True)
class Walk:
    """A walk through a mail's parts, and what it met. `problem` is why there may be no text; it counts if none was found."""

    raw: bytes
    left_out: int = 0
    problem: UnreadableReason | None = None
    stopped: bool = False
    _parts: int = field(default=0, repr=False)
    _has_text: bool = field(default=False, repr=False)
    _plain_left: int = field(default=3 * MAX_TEXT, repr=False)  # characters that are still worth decoding

    def pieces(self, part: Part, *, depth: int = 0, is_alternative: bool = False) -> list[Piece]:
        """The texts of `part`, in order. `is_alternative`: others hold the same, so that leaving it out loses nothing."""
        self._parts += 1
        if self._parts > MAX_PARTS:
            return self._stop(UnreadableReason.TOO_MANY_PARTS)
        if depth > MAX_DEPTH:
            return self._stop(UnreadableReason.TOO_DEEP)
        if part.content_type == "multipart/encrypted":
            return self._stop(UnreadableReason.ENCRYPTED)
        boundary = _boundary(self.raw, part)
        if boundary and (part.content_type.startswith("multipart/") or b"content-type" not in part.fields):
            return self._of_multipart(part, boundary, depth)
        return self._of_leaf(part, is_root=depth == 0, is_alternative=is_alternative)

    def _stop(self, problem: UnreadableReason) -> list[Piece]:
        self.problem = problem
        self.stopped = True
        return []

    def _of_multipart(self, part: Part, boundary: bytes, depth: int) -> list[Piece]:
        default = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
        lost_its_type = not part.content_type.startswith("multipart/")
        alternative = lost_its_type or part.content_type == "multipart/alternative"
        found: list[list[Piece]] = []
        for start, end in _segments(self.raw, part.start, part.end, boundary):
            child = read_part(self.raw, start, end, default_type=default)
            found.append(self.pieces(child, depth=depth + 1, is_alternative=alternative))
            if self.stopped:
                return []
        if alternative:
            return _best(found)
        if part.content_type == "multipart/related":
            return next((pieces for pieces in found if pieces), [])  # the others belong to it, by reference
        return [piece for pieces in found for piece in pieces]

    def _of_leaf(self, part: Part, *, is_root: bool, is_alternative: bool) -> list[Piece]:
        kind = part.content_type
        if kind in _SMIME:
            opaque = part.parameters.get("smime-type", "").lower() == "signed-data"
            self.problem = UnreadableReason.OPAQUE_SIGNED if opaque else UnreadableReason.ENCRYPTED
        is_html = kind in _HTML_TYPES
        is_text = is_html or (kind.startswith(("text/", "multipart/")) and kind not in _TEXT_FILES)
        if not is_text or self._is_attached(part, is_root=is_root):
            if kind not in _SIGNATURES and not (is_alternative and kind.startswith("text/")):
                self.left_out += 1
            return []
        text = self._text(part, is_html=is_html)
        if text is None:
            return []
        self._has_text = self._has_text or bool(text.strip())
        return [Piece(text, is_html)]

    def _is_attached(self, part: Part, *, is_root: bool) -> bool:
        """Whether a text part is a file. Some programs give the mail's own text a file name, so the first text may have one."""
        disposition, parameters = parse_parameterised(first(part.fields, b"content-disposition"))
        named = "filename" in parameters or "name" in part.parameters
        if disposition == "attachment":
            return named or not is_root
        return named and self._has_text

    def _text(self, part: Part, *, is_html: bool) -> str | None:
        """The text of a leaf, clean; None if it is none, which `problem` then tells."""
        limit = MAX_ENCODED if is_html else MAX_PLAIN_ENCODED
        data = self.raw[part.start : min(part.end, part.start + limit)]
        charset = part.parameters.get("charset", "") or (_meta_charset(data) if is_html else "")
        text = _decoded(data, word(part.fields, b"content-transfer-encoding"), charset)
        if is_junk(text):
            self.problem = self.problem or UnreadableReason.NOT_TEXT
            self.left_out += 1
            return None
        if is_html:
            return text
        text, files = without_uuencoded(clean(text[: max(0, self._plain_left)]))
        self._plain_left -= len(text)
        self.left_out += files
        if is_pgp_encrypted(text):
            self.problem = UnreadableReason.ENCRYPTED
            return None
        if part.parameters.get("format", "").lower() == "flowed":
            text = unflow(text, delete_space=part.parameters.get("delsp", "").lower() == "yes")
        return without_picture_marks(without_pgp_signature(text))[:MAX_TEXT]


def _best(alternatives: list[list[Piece]]) -> list[Piece]:
    """Of forms of one text: the first plain one that says something, else the first HTML (spec M4)."""
    for pieces in alternatives:
        if any(not piece.html and piece.text.strip() for piece in pieces):
            return pieces
    return next((pieces for pieces in alternatives if any(piece.html for piece in pieces)), [])


def _decoded(data: bytes, encoding: str, charset: str) -> str:
    if encoding == "quoted-printable":
        data = binascii.a2b_qp(data)
    elif encoding == "base64" and looks_like_base64(data):
        data = from_base64(data)
    elif encoding in ("x-uuencode", "uuencode", "x-uue", "uue"):
        return from_uuencode(data, charset)
    return decode(data, charset)


_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)


def _meta_charset(data: bytes) -> str:
    found = _META_CHARSET.search(data, 0, 4000)
    return found[1].decode("ascii") if found else ""


_LOST_BOUNDARY = re.compile(rb"^--(\S[^\n]{0,100})\n(?=content-[a-z-]{1,40}:)", re.IGNORECASE | re.MULTILINE)


def _boundary(raw: bytes, part: Part) -> bytes:
    """What separates the part's parts, `b""` if nothing does. Where the header does not say, or says wrong, the body shows it."""
    if part.content_type.startswith("multipart/"):
        declared = part.parameters.get("boundary", "").rstrip().encode()
        if declared and raw.find(b"--" + declared, part.start, part.end) >= 0:
            return declared
    elif b"content-type" in part.fields:
        return b""
    found = _LOST_BOUNDARY.search(raw, part.start, min(part.end, part.start + 4000))
    return found[1].rstrip() if found else b""


_MAX_HITS = 20_000
"""How often a boundary may occur, in its own lines and as the beginning of others."""


def _segments(raw: bytes, start: int, end: int, boundary: bytes) -> list[tuple[int, int]]:
    """The places between the boundary lines, as far as `MAX_PARTS` and one. The last one may lack its end (RFC 2046 5.1.1)."""
    mark = b"--" + boundary
    segments: list[tuple[int, int]] = []
    opened = -1
    at = start - 1
    for _ in range(_MAX_HITS):
        at = raw.find(mark, at + 1, end)
        if at < 0 or len(segments) > MAX_PARTS:
            break
        line_start = at == start or raw[at - 1] == 0x0A
        line_end = raw.find(b"\n", at, end) if line_start else -1
        line_end = end if line_end < 0 else line_end
        rest = raw[at + len(mark) : min(line_end, at + len(mark) + 100)].strip()
        if line_start and rest in (b"", b"--"):
            if opened >= 0:
                segments.append((opened, max(opened, at - 1)))
            opened = min(line_end + 1, end)
            if rest:
                return segments
    if opened >= 0 and len(segments) <= MAX_PARTS:
        segments.append((opened, end))
    return segments
