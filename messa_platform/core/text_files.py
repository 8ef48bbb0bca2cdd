"""Tables as text files that people open in a spreadsheet: divided by tabs, or as CSV.

Spreadsheets take a cell that begins like a formula for one, and run it, whoever has written it: a name such as `=HYPERLINK(…)` would send what
stands beside it to a stranger. Such a cell gets an apostrophe in front, which spreadsheets take as "this is text" (OWASP, CSV injection).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

TABS = "\t"
SEMICOLONS = ";"
"""What divides the columns of a CSV file where commas stand in numbers, as in Swedish Excel."""

_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula. A phone number, digits behind a plus, stays as it is: that is a number to all of them."""
    begins = cell.lstrip(" \t\r\n")
    is_phone = cell[:1] == "+" and cell[1:].isascii() and cell[1:].isdigit()
    is_formula = cell.startswith(_STARTS) or begins.startswith(_STARTS)
    return f"'{cell}" if is_formula and not is_phone else cell


def line(cells: Iterable[str], divider: str = TABS) -> str:
    """A row of a table, with its end of line. Within a cell white space becomes single blanks: no cell begins another one, or a row.
    A NUL goes: what stands behind it would begin the cell for whoever passes over it.

    A cell with a quotation mark, or with the divider, stands in quotation marks, its own ones doubled (RFC 4180).
    """
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=divider, lineterminator="\n")
    writer.writerow([harmless(" ".join(cell.replace("\0", "").split())) for cell in cells])
    return written.getvalue()


def table(rows: Iterable[Iterable[str]], divider: str = TABS) -> str:
    """All rows of a table."""
    return "".join(line(row, divider) for row in rows)
