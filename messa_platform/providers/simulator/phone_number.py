"""Reading a phone number that a person or a test typed."""

from __future__ import annotations

import re
from typing import Final

_FILLER: Final = re.compile(r"[\s.()/-]")
# Five digits let a short code through, fifteen are the most that E.164 allows.
_E164: Final = re.compile(r"\+[0-9]{5,15}")


def e164(typed: str) -> str | None:
    """`typed` as E.164 with `+`, or None where it is no number. A leading 0 is national, read as Swedish."""
    number = _FILLER.sub("", typed)
    if number.startswith("00"):
        number = "+" + number[2:]
    elif number.startswith("0"):
        number = "+46" + number[1:]
    elif not number.startswith("+"):
        # An unescaped `+` in a query is a space by now, and gone.
        number = "+" + number
    return number if _E164.fullmatch(number) else None


def spaced(number: str) -> str:
    """A number in groups, for people: `+46 70 174 06 05`."""
    if number.startswith("+467") and len(number) == 12:
        return f"{number[:3]} {number[3:5]} {number[5:8]} {number[8:10]} {number[10:]}"
    return number
