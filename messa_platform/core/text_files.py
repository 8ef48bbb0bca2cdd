"""Text files for people: UTF-8 without a mark, a line feed behind each line, cells divided by tabs.

A text editor shows them, a spreadsheet takes them in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_BREAKS = re.compile(r"[\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
"""What would begin another cell or another line, in whatever program reads the file."""
_BEGINS_FORMULA = ("=", "+", "-", "@")
_SIGNED_DIGITS = re.compile(r"[+-][0-9]+")


def plain_cell(value: str) -> str:
    """A cell as it may stand in a file: in one line, and no formula to the spreadsheet that opens it.

    Spreadsheets reckon with what begins with = + - @, also behind a tab or an end of line, and so could be told by anybody's name to fetch
    something from elsewhere (CWE-1236); an apostrophe before it makes it a text. A sign with nothing but digits is a phone's number.
    """
    shown = _BREAKS.sub(" ", value)
    begins = shown.lstrip()
    is_risky = begins.startswith(_BEGINS_FORMULA) or value[:1] in ("\t", "\r")
    return f"'{shown}" if is_risky and not _SIGNED_DIGITS.fullmatch(shown) else shown


def tab_line(cells: Iterable[str]) -> str:
    """A line of cells, with its end."""
    return "\t".join(map(plain_cell, cells)) + "\n"
