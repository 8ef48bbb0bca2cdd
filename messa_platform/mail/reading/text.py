"""A text/plain part as its sender saw it: paragraphs whole again, and what is no text taken out."""

from __future__ import annotations

import binascii
import re
from itertools import islice

from messa_platform.mail.reading.charsets import decode


def unflow(text: str, *, delete_space: bool) -> str:
    """`format=flowed` undone (RFC 3676): a line that ends with a blank goes on in the next one of the same quote depth.

    `delete_space` is DelSp: that blank is none of the text's. Quoted lines come out with their `>` marks.
    """
    paragraphs: list[str] = []
    open_depth = -1  # quote depth of the paragraph that still goes on
    pieces: list[str] = []

    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        said = line[depth:].removeprefix(" ")  # space-stuffing (4.4)
        if said == "-- ":  # a signature separator neither flows nor is flowed into (4.3)
            _end_paragraph(paragraphs, pieces, open_depth)
            paragraphs.append(_quoted(depth, said))
            open_depth = -1
            continue
        if depth != open_depth:
            _end_paragraph(paragraphs, pieces, open_depth)
        flows = said.endswith(" ")
        pieces.append(said[:-1] if flows and delete_space else said)
        open_depth = depth
        if not flows:
            _end_paragraph(paragraphs, pieces, open_depth)
            open_depth = -1
    _end_paragraph(paragraphs, pieces, open_depth)
    return "\n".join(paragraphs)


def _end_paragraph(paragraphs: list[str], pieces: list[str], depth: int) -> None:
    if pieces:
        paragraphs.append(_quoted(depth, "".join(pieces)))
        pieces.clear()


def _quoted(depth: int, text: str) -> str:
    if depth:
        return f"{'>' * depth} {text}"
    # A line that was stuffed because it begins with `>` is no quote: its blank keeps telling so.
    return f" {text}" if text.startswith(">") else text


_UU_BEGIN = re.compile(r"^begin [0-7]{3,4} \S[^\n]{0,200}\n(?=[ -`]{1,90}\n)", re.MULTILINE)
_UU_END = re.compile(r"^end$\n?", re.MULTILINE)


def without_uuencoded(text: str) -> tuple[str, int]:
    """`text` without the files that old programs put in it by uuencode, and how many there were."""
    kept: list[str] = []
    at = count = 0
    while found := _UU_BEGIN.search(text, at):
        end = _UU_END.search(text, found.end())
        kept.append(text[at : found.start()])
        at = end.end() if end else len(text)
        count += 1
    return "".join([*kept, text[at:]]), count


def from_uuencode(data: bytes, charset: str) -> str:
    """The text of a part whose transfer encoding is uuencode; a line that is broken is left out."""
    out: list[bytes] = []
    lines = iter(data.split(b"\n"))
    for line in lines:
        if line.startswith(b"begin "):
            break
    for line in islice(lines, 50_000):
        if line.strip() == b"end":
            break
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            continue
    return decode(b"".join(out), charset)


_PICTURE = r"\[(?:cid:[^\]\s]{1,200}|image: [^\]\n]{1,200})\]"
_PICTURES = re.compile(rf"^ *(?:{_PICTURE} *)++\n|{_PICTURE}", re.MULTILINE)


def without_picture_marks(text: str) -> str:
    """`text` without what Outlook (`[cid:image001.png@…]`) and Gmail (`[image: logo.png]`) write in place of inline images."""
    return _PICTURES.sub("", text) if "[cid:" in text or "[image: " in text else text


_PGP_MESSAGE = "-----BEGIN PGP MESSAGE-----"
_PGP_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_PGP_SIGNATURE = "\n-----BEGIN PGP SIGNATURE-----"


def is_pgp_encrypted(text: str) -> bool:
    """Whether the whole text is an encrypted PGP block (RFC 4880 6.2)."""
    return text.lstrip().startswith(_PGP_MESSAGE)


def without_pgp_signature(text: str) -> str:
    """A clear-signed text without its armour and dash-escapes (RFC 4880 7)."""
    start = text.find(_PGP_SIGNED)
    if start < 0 or text[:start].strip():
        return text
    armour_headers, _, signed = text[start:].partition("\n\n")
    if len(armour_headers) > 500:
        return text
    signed = signed.partition(_PGP_SIGNATURE)[0]
    return re.sub(r"^- ", "", signed, flags=re.MULTILINE)
