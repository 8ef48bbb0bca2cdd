"""Sheets of recipients that people upload (spec P2): which row is the header, and which column holds the numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import phonenumbers

from messa_platform.core.sheets import Problem, SheetFault, SheetRow, read_rows
from messa_platform.messaging.recipients import normalise

MOST_ROWS = 5_000
_SAMPLE = 50
"""Rows from which is told what a column holds."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a sheet holds. Columns are named by its header row; one without a name, or without such a row, by its letter.

    No two names differ by case alone, and none has a brace.
    """

    columns: tuple[str, ...]
    rows: tuple[SheetRow, ...]


def read_sheet(
    name: str, data: bytes, country_code: str = "46", decimal_mark: str = ","
) -> Sheet | SheetFault:
    """Read an uploaded file (see `core.sheets.read_rows`).

    The first row is the header if no cell of it can be a number to somebody in `country_code`.
    """
    rows = read_rows(name, data, MOST_ROWS, decimal_mark)
    if isinstance(rows, SheetFault):
        return rows
    while len(rows) > 1 and _is_title(rows[0], country_code):
        del rows[0]
    header = _is_header(rows[0], country_code)
    if header and len(rows) == 1:
        return SheetFault(Problem.EMPTY)
    columns = _names(rows[0].cells if header else [""] * len(rows[0].cells))
    body = rows[1:] if header else rows
    if len(body) > MOST_ROWS:
        return SheetFault(Problem.TOO_MANY_ROWS, MOST_ROWS)
    return Sheet(columns, tuple(body))


def _is_title(row: SheetRow, country_code: str) -> bool:
    """A title above the header stands alone in its row."""
    alone = len(row.cells) > 1 and row.cells.count("") == len(row.cells) - 1
    return alone and _is_header(row, country_code)


def _is_header(row: SheetRow, country_code: str) -> bool:
    return not any(isinstance(normalise(cell, country_code), str) for cell in row.cells)


def _names(written: Sequence[str]) -> tuple[str, ...]:
    names: list[str] = []
    taken: set[str] = set()
    for place, cell in enumerate(written):
        base = " ".join(re.sub(r"[{}]", "", cell).split()) or _letter(place)
        name, count = base, 1
        while name.casefold() in taken:
            count += 1
            name = f"{base} {count}"
        taken.add(name.casefold())
        names.append(name)
    return tuple(names)


def _letter(place: int) -> str:
    """A column's letter, as spreadsheets show it: A to Z, then AA."""
    high, low = divmod(place, 26)
    return (chr(64 + high) if high else "") + chr(65 + low)


# Which column holds the numbers

_HEADERS = (
    re.compile(r"mobil|mobile|cell|gsm|\bsms\b|msisdn"),
    re.compile(r"telefon|phone|\btel\b|\btfn\b"),
    re.compile(r"^(nummer|number|numbers|nr|no)\.?$"),
)
"""How columns of numbers are headed, the surest first."""

_NO_NUMBER = re.compile(r"(19|20)?[0-9]{6}[-+]?[0-9]{4}|(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}.*")
"""Personal and organisation numbers, and dates: as long as numbers of phones, and in many a sheet."""


def number_column(sheet: Sheet, country_code: str = "46") -> int | None:
    """The place of the column that holds the receiving numbers: by its header, else by what it holds; None if there is none."""
    sample = sheet.rows[:_SAMPLE]
    shares = [_share([row.cells[i] for row in sample], country_code) for i in range(len(sheet.columns))]
    for header in _HEADERS:
        for place, name in enumerate(sheet.columns):
            if header.search(name.casefold()) and shares[place] > 0:
                return place
    best = max(range(len(shares)), key=lambda place: shares[place])
    return best if shares[best] >= 0.25 else None


def _share(cells: Sequence[str], country_code: str) -> float:
    """How surely these are receiving numbers: 1 if all are of mobiles, less for other phones and for what only could be a number."""
    filled = [cell for cell in cells if cell]
    return sum(_sureness(cell, country_code) for cell in filled) / max(1, len(filled))


def _sureness(cell: str, country_code: str) -> float:
    number = normalise(cell, country_code)
    if not isinstance(number, str):
        return 0
    try:
        kind = phonenumbers.number_type(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return 0
    if kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE):
        return 1
    if _NO_NUMBER.fullmatch(cell):
        return 0
    return 0.1 if kind == phonenumbers.PhoneNumberType.UNKNOWN else 0.5
