"""What is done to a text before it is counted: smart characters (spec S3), cutting (S4), signature (S5)."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

from messa_platform.core.gsm import fits_gsm, gsm_run
from messa_platform.core.segments import GSM_SINGLE, UCS2_PART, is_border, normalise, segment

# "…" is not in GSM 03.38: one would turn the text into UCS-2, in which less than half as much fits.
_GSM_ELLIPSIS = "..."
_UCS2_ELLIPSIS = "…"

# Only what a typesetter or a word processor puts in place of a plain character. Letters keep their accents,
# signs with a meaning of their own (°, ©, ½) stay, and so does the backtick, typed in a password maybe.
_REPLACEMENTS = {
    "'": "‘’‚‛‹›′‵ʹʻʼ´",
    '"': "“”„‟«»″‶ʺ〝〞〟",
    "'''": "‴",
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63",
    ".": "\u2024",
    "..": "\u2025",
    "...": "…",
    "/": "\u2044\u2215",
    " ": "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    "\n": "\u2028\u2029",
    # The last three are how Word's Symbol and Wingdings bullets arrive in a mail from Outlook.
    "*": "•‣◦∙●○■□▪▫⁌⁍·\uf0b7\uf0a7",
    "->": "→",
    "<-": "←",
    "ff": "\ufb00",
    "fi": "\ufb01",
    "fl": "\ufb02",
    "ffi": "\ufb03",
    "ffl": "\ufb04",
    # Nothing to see: soft hyphen, zero width characters, directions, variation selectors, byte order mark,
    # and what stands for an attachment in a mail from an iPhone.
    "": "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufe0e\ufe0f\ufeff\ufffc",
}
_PLAIN = {ord(fancy): plain for plain, fancies in _REPLACEMENTS.items() for fancy in fancies}

# No-break spaces hold a word together: "1 000 kr" is one.
_SPACE = re.compile(r"[^\S\u00a0\u2007\u202f]")


def smart(text: str) -> str:
    """`text` with typographic characters made plain and normalised, if all of it then fits in GSM 03.38.

    Otherwise, and where it fits already, `text` itself.
    """
    if fits_gsm(text):
        return text
    # Normalised after it, since a letter and its accent compose once no zero width character is between them.
    plain = normalise(text.translate(_PLAIN))
    return plain if fits_gsm(plain) else text


def sign(text: str, signature: str) -> str:
    """`text` with `signature` on a line of its own (spec S5). Without either, the other one alone."""
    signature = signature.strip()
    if not signature:
        return text
    text = text.rstrip()
    return f"{text}\n{signature}" if text else signature


def cut(text: str, max_parts: int, signature: str = "") -> str:
    """`text` with `signature`, cut after the last word that fits in `max_parts` SMS, an ellipsis put there.

    A text that fits is only signed. The ellipsis is "..." in GSM 03.38 and "…" in UCS-2. Where the
    characters that call for UCS-2 are in what is cut off, the rest is GSM, if more can stay that way. A word
    that is too long for any message of that size is cut between grapheme clusters. The signature stays whole,
    except where it leaves the text no room: then both are cut as one. Raises ValueError if `max_parts` is
    less than 1.
    """
    if max_parts < 1:
        raise ValueError("a message has at least one part")
    signed = sign(text, signature)
    if segment(signed).count <= max_parts:
        return signed
    body = normalise(text)
    closing = sign("", normalise(signature))
    closing = closing and f"\n{closing}"
    results = [
        (kept, ellipsis)
        for run, ellipsis in _ways(body, closing)
        if (kept := _keep(body, run, ellipsis + closing, max_parts))
    ]
    if not results:
        return cut(signed, max_parts) if closing else _GSM_ELLIPSIS
    kept, ellipsis = max(results, key=lambda result: len(result[0]))
    return kept + ellipsis + closing


def _ways(body: str, closing: str) -> Iterator[tuple[int, str]]:
    """How much of the start of `body` each encoding can carry, and its ellipsis; the cheaper one first."""
    run = gsm_run(body) if fits_gsm(closing) else 0
    if run:
        yield run, _GSM_ELLIPSIS
    if run < len(body):
        yield len(body), _UCS2_ELLIPSIS


def _keep(body: str, run: int, ending: str, max_parts: int) -> str:
    """The longest start of `body` that ends with a word, and with `ending` fits; `run` characters at most."""

    def is_too_long(length: int) -> bool:
        return segment(body[:length] + ending).count > max_parts

    lengths = range(1, min(run, max_parts * GSM_SINGLE) + 1)
    end = _last_border(body, bisect_left(lengths, True, key=is_too_long))
    start = max((space.end() for space in _SPACE.finditer(body, 0, end)), default=0)
    if start == end or _SPACE.match(body, end) or not body[:start].strip():
        return body[:end].rstrip()
    rest = _SPACE.search(body, end)
    word = body[start : rest.start() if rest else len(body)]
    if segment(word + ending).count > max_parts:
        return body[:end]  # no message of this size could hold the word
    return body[:start].rstrip()


def _last_border(body: str, end: int) -> int:
    """The last cluster border up to `end`, or `end` itself in a cluster at the start that no part holds."""
    border = next((at for at in range(end, 0, -1) if is_border(body, at)), 0)
    if border:
        return border
    following = next((at for at in range(1, UCS2_PART + 1) if is_border(body, at)), 0)
    can_be_whole = following and segment(body[:following]).units <= UCS2_PART
    return 0 if can_be_whole else end
