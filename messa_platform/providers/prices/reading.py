"""A price list that is uploaded, as CSV or Excel, in Swedish or English: read whole, or told all that is wrong with it (spec X4)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from messa_platform.core.sheets import Problem, SheetFault, SheetRow, read_rows
from messa_platform.providers.prices.cells import Wrong, is_our_currency, read_amount, read_name, read_prefix
from messa_platform.providers.prices.table import Price

T = TypeVar("T")

MOST_PRICES = 20_000
_TITLES = 10
"""Rows above the heading that may say what the file is."""


@dataclass(frozen=True, slots=True)
class RowFault:
    """What is wrong in a row, by its line in the file. `cell` is what stands there, shortened; `other` the line that it repeats."""

    line: int
    wrong: Wrong
    cell: str = ""
    other: int = 0


@dataclass(frozen=True, slots=True)
class NoColumns:
    """It does not show which columns hold prefixes and amounts. `heading` is the first row, as it stands."""

    heading: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Rows that are wrong, in their order: all of them."""

    faults: tuple[RowFault, ...]


Fault = SheetFault | NoColumns | Refused


class _Column(StrEnum):
    PREFIX = "prefix"
    AMOUNT = "amount"
    NAME = "name"
    CURRENCY = "currency"


_UNIT = r"(?: ?[(\[]?(?:sek|kr|kronor|exkl\.? moms|excl\.? vat)[)\]]?)*"
_PER = r"(?: ?(?:/|per) ?(?:del|sms|sms-del|part|segment|meddelande|message))?"
_HEADINGS: Mapping[_Column, re.Pattern[str]] = {
    _Column.PREFIX: re.compile(
        r"(?:destination |country |nummer|number )?prefix(?:es)?|rikt- ?eller landsnummer|riktnummer|landsnummer|nummerserie"
        r"|landskod|(?:country|dial(?:l?ing)?|destination|area) ?code|e\.?164"
    ),
    _Column.AMOUNT: re.compile(
        rf"(?:inköps|försäljnings|unit |à-|a-|styck)?(?:pris|price|kostnad|cost|belopp|amount|avgift|rate|taxa){_PER}{_UNIT}"
        rf"|(?:sek|kr)(?: ?(?:/|per) ?(?:del|sms|part))?"
    ),
    _Column.NAME: re.compile(
        r"(?:land|country|nät|network|operatör|operator|namn|name|destination|beskrivning|description)"
        r"(?:(?: ?/ ?| eller | or | och | and )(?:land|country|nät|network|operatör|operator))?(?: name|namn)?"
    ),
    _Column.CURRENCY: re.compile(r"valuta|currency"),
}
"""How columns are headed; what fits none is left alone."""

_Places = dict[_Column, list[int]]


def read_prices(name: str, data: bytes) -> list[Price] | Fault:
    """The prices of an uploaded file, in its order. `name` is for the log.

    Without a heading the columns are prefix, amount and, if there is one, name; or name, prefix and amount.
    """
    rows = read_rows(name, data, MOST_PRICES + _TITLES, ".")
    if isinstance(rows, SheetFault):
        return rows
    found = _headed(rows)
    body, places = found if found is not None else (rows, _unheaded(rows))
    if places is None:
        return NoColumns(rows[0].cells)
    if len(body) > MOST_PRICES:
        return SheetFault(Problem.TOO_MANY_ROWS, MOST_PRICES)
    if not body:
        return SheetFault(Problem.EMPTY)
    reading = _Reading(places)
    for row in body:
        reading.read(row)
    return Refused(tuple(reading.faults)) if reading.faults else reading.prices


def _headed(rows: Sequence[SheetRow]) -> tuple[Sequence[SheetRow], _Places] | None:
    """What stands below the heading, and its columns; None without one. Of two columns of amounts or prefixes nobody knows which is meant."""
    for place, row in enumerate(rows[: _TITLES + 1]):
        columns = [_column(cell) for cell in row.cells]
        places = {column: [i for i, c in enumerate(columns) if c is column] for column in _Column}
        if len(places[_Column.PREFIX]) == len(places[_Column.AMOUNT]) == 1:
            return rows[place + 1 :], places
    return None


def _column(cell: str) -> _Column | None:
    heading = " ".join(cell.casefold().strip(" .:*").split())
    return next((column for column, names in _HEADINGS.items() if names.fullmatch(heading)), None)


def _unheaded(rows: Sequence[SheetRow]) -> _Places | None:
    width = len(rows[0].cells)
    has_digits = [
        any(any("0" <= c <= "9" for c in row.cells[i]) for row in rows) for i in range(min(width, 3))
    ]
    order: tuple[_Column, ...] = (_Column.PREFIX, _Column.AMOUNT, _Column.NAME)
    if has_digits == [False, True, True]:
        order = (_Column.NAME, _Column.PREFIX, _Column.AMOUNT)
    elif has_digits[:2] != [True, True]:
        return None
    first = rows[0].cells[order.index(_Column.PREFIX)], rows[0].cells[order.index(_Column.AMOUNT)]
    if not any(c.isdigit() for cell in first for c in cell):  # a heading that nobody knows
        return None
    columns: _Places = {column: [] for column in _Column}
    for place, column in enumerate(order[:width]):
        columns[column].append(place)
    return columns


@dataclass(slots=True)
class _Reading:
    """Reads row after row, and keeps what it has read and what was wrong."""

    places: _Places
    prices: list[Price] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)
    seen: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    """Line and amount of each prefix."""

    def read(self, row: SheetRow) -> None:
        """Read a row; of one with a fault nothing is kept that another row could be measured by, but its prefix."""
        prefix_cell, amount_cell = (row.cells[self.places[c][0]] for c in (_Column.PREFIX, _Column.AMOUNT))
        name_cell = ", ".join(filter(None, (row.cells[place] for place in self.places[_Column.NAME])))
        prefix = self._checked(row, read_prefix(prefix_cell), prefix_cell)
        amount = self._checked(row, read_amount(amount_cell), amount_cell)
        name = self._checked(row, read_name(name_cell), name_cell)
        for place in self.places[_Column.CURRENCY]:
            if not is_our_currency(row.cells[place]):
                self._fail(row, Wrong.OTHER_CURRENCY, row.cells[place])
        if isinstance(prefix, str) and self._is_first(row, prefix, amount):
            self.prices.append(Price(prefix, amount or 0, name or ""))

    def _checked(self, row: SheetRow, read: T | Wrong, cell: str) -> T | None:
        if isinstance(read, Wrong):
            self._fail(row, read, cell)
            return None
        return read

    def _is_first(self, row: SheetRow, prefix: str, amount: int | None) -> bool:
        if prefix not in self.seen:
            self.seen[prefix] = row.line, amount
            return True
        line, former = self.seen[prefix]
        self._fail(row, Wrong.TWICE if amount == former else Wrong.CONTRADICTS, prefix, line)
        return False

    def _fail(self, row: SheetRow, wrong: Wrong, cell: str, other: int = 0) -> None:
        self.faults.append(RowFault(row.line, wrong, cell if len(cell) <= 40 else f"{cell[:40]}…", other))
