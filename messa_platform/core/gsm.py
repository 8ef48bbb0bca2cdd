"""The GSM 7-bit default alphabet and its extension table (GSM 03.38, now 3GPP TS 23.038 6.2.1 and 6.2.1.1).

National language tables (TS 23.038 A.3) are left out: an operator or a phone that lacks one shows
letters other than those sent.
"""

from __future__ import annotations

import re

ESCAPE = "\x1b"
"""Stands in the table at 0x1B; it announces a character of the extension table and is no character itself."""

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
"""A character's place is its septet. 0x09 is the capital Ç; tables that have the lowercase one are wrong."""

EXTENSION = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
"""The septet that follows the escape; such a character costs two."""

_SINGLE = BASIC.replace(ESCAPE, "")
_OUTSIDE = re.compile(f"[^{re.escape(_SINGLE + ''.join(EXTENSION))}]")

# CR is left out: to segmentation it is a line break that still has to become LF.
_PLAIN = re.compile(f"[{re.escape(_SINGLE.replace(chr(13), ''))}]*")

_EXTENDED = re.compile(f"([{re.escape(''.join(EXTENSION))}])")
_SEPTETS = {ord(character): chr(septet) for septet, character in enumerate(BASIC) if character != ESCAPE} | {
    ord(character): ESCAPE + chr(septet) for character, septet in EXTENSION.items()
}


def fits_gsm(text: str) -> bool:
    """Whether every character of `text`, as it stands, is in the alphabet or its extension table."""
    return _OUTSIDE.search(text) is None


def gsm_run(text: str) -> int:
    """How many characters at the start of `text` are in the alphabet or its extension table."""
    stranger = _OUTSIDE.search(text)
    return stranger.start() if stranger else len(text)


def is_plain(text: str) -> bool:
    """Whether `text` is of the basic table only, with no CR: normalised, and each character is one septet."""
    return _PLAIN.fullmatch(text) is not None


def escaped(text: str) -> str:
    """`text` with ESC put before each character of the extension table: one character is then one septet."""
    return _EXTENDED.sub(ESCAPE + r"\1", text)


def encode(text: str) -> bytes:
    """`text` in septets, one in each octet (unpacked, as SMPP wants them), escapes included.

    Raises UnicodeEncodeError at the first character that is not in the alphabet; ask `fits_gsm` first.
    """
    stranger = _OUTSIDE.search(text)
    if stranger:
        raise UnicodeEncodeError("gsm03.38", text, stranger.start(), stranger.end(), "not in GSM 03.38")
    return text.translate(_SEPTETS).encode("latin-1")


_EXTENDED_BY = {septet: character for character, septet in EXTENSION.items()}


def decode(octets: bytes) -> str:
    """What septets say that stand one in each octet; what is none becomes U+FFFD."""
    found: list[str] = []
    is_escaped = False
    for octet in octets:
        if octet == ord(ESCAPE) and not is_escaped:
            is_escaped = True
            continue
        plain = BASIC[octet] if octet < len(BASIC) and octet != ord(ESCAPE) else "\N{REPLACEMENT CHARACTER}"
        # what knows no such extension shows the plain character (TS 23.038 6.2.1.1)
        found.append(_EXTENDED_BY.get(octet, plain) if is_escaped else plain)
        is_escaped = False
    return "".join(found)
