"""The rows of a sending: recipients as they were pasted, saved or uploaded, and their texts with what differs filled in (spec P2)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from messa_platform.messaging.lists import Listed, Parsed
from messa_platform.messaging.recipients import Impossible, normalise
from messa_platform.messaging.sheets import Sheet
from messa_platform.messaging.smart import smart
from messa_platform.tenants.numbers import OwnRange


class RowFault(StrEnum):
    """Why a row gets nothing, beside what `recipients.Fault` and `lists.LineFault` know. It is also the word of its outcome."""

    NO_NUMBER = "no_number"
    EMPTY_TEXT = "empty_text"


@dataclass(frozen=True, slots=True)
class Row:
    """A recipient as handed in: its line in what was pasted or uploaded, its number as written, what its placeholders stand for.

    `fault`, a `LineFault` or such, says why it is known to be none.
    """

    line: int
    written: str
    fields: Mapping[str, str] = field(default_factory=dict)
    fault: str | None = None


def rows_of_pasted(parsed: Parsed) -> list[Row]:
    """The rows of a pasted list, those that are bad or repeated too."""
    rows = [Row(line, listed.number) for listed, line in zip(parsed.entries, parsed.lines, strict=True)]
    rows += [Row(line, listed.number) for line, listed in parsed.repeated]
    rows += [Row(bad.line, bad.written, {}, bad.fault) for bad in parsed.bad]
    return sorted(rows, key=lambda row: row.line)


def rows_of_list(entries: Sequence[Listed]) -> list[Row]:
    """The rows of a saved list."""
    return [Row(place, listed.number) for place, listed in enumerate(entries, start=1)]


def rows_of_sheet(sheet: Sheet, column: int) -> list[Row]:
    """The rows of a sheet whose numbers stand in the column at the place `column`."""
    return [
        Row(row.line, row.cells[column], dict(zip(sheet.columns, row.cells, strict=True)))
        for row in sheet.rows
    ]


_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{\s*([^{}\s][^{}\n]{0,99}?)\s*\}")


def placeholders(template: str) -> list[str]:
    """The names in `{…}` in a text, as written. `{{` and `}}` are braces that stay, and so is one without its other half."""
    return [name for name in _PLACEHOLDER.findall(template) if name]


def fill(template: str, fields: Mapping[str, str]) -> str:
    """A text with its placeholders filled in, whatever their case; what `fields` do not name is left empty."""
    values = {name.casefold(): value for name, value in fields.items()}

    def put(match: re.Match[str]) -> str:
        return match[0][0] if match[1] is None else values.get(match[1].casefold(), "")

    return _PLACEHOLDER.sub(put, template)


Stored = dict[str, Any]
"""A row as `sending.rows` has it: `line`, `number`, `fields`, and `fault` where it gets nothing."""


def stored_row(row: Row, country_code: str, own: Sequence[OwnRange]) -> Stored:
    """A row as it is kept: its number E.164, or as written with what is wrong with it."""
    kept: Stored = {"line": row.line, "number": row.written[:100], "fields": dict(row.fields)}
    number = normalise(row.written, country_code, own)
    if row.fault or not row.written.strip():
        kept["fault"] = row.fault or RowFault.NO_NUMBER
    elif isinstance(number, Impossible):
        kept["fault"] = number.fault
    else:
        kept["number"] = number
    return kept


class Reason(StrEnum):
    """Why a sending is not put together."""

    EMPTY_TEXT = "empty_text"
    NO_RECIPIENTS = "no_recipients"
    TOO_MANY = "too_many"
    UNKNOWN_FIELD = "unknown_field"
    NOT_ALLOWED = "not_allowed"
    NOT_ITS_SENDER = "not_its_sender"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class NotPrepared:
    """A sending was not put together. Of an unknown field `name` is as written, and `known` are those that there are; of a sender id `known`
    are those that are open to the account."""

    reason: Reason
    name: str = ""
    known: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Arranged:
    """A sending's text and its rows, of which the first `total` are worked off: behind them stand those that say what an earlier one does."""

    template: str
    rows: list[Stored]
    total: int


def arrange(template: str, rows: Sequence[Stored]) -> Arranged | NotPrepared:
    """Put rows and their text in order; what the text makes of rows is found anew."""
    if not smart(template).strip():
        return NotPrepared(Reason.EMPTY_TEXT)
    known = list(dict.fromkeys(name for row in rows for name in row["fields"]))
    for name in placeholders(template):
        if name.casefold() not in {k.casefold() for k in known}:
            return NotPrepared(Reason.UNKNOWN_FIELD, name, tuple(known))
    first: list[Stored] = []
    again: list[Stored] = []
    seen: set[tuple[str, str]] = set()
    for row in rows:
        fault = None if row.get("fault") == RowFault.EMPTY_TEXT else row.get("fault")
        filled = fill(template, row["fields"])
        if fault is None and not smart(filled).strip():
            fault = RowFault.EMPTY_TEXT
        same = fault is None and (row["number"], filled) in seen
        plain = {key: row[key] for key in ("line", "number", "fields")}
        (again if same else first).append(plain | ({"fault": fault} if fault else {}))
        if fault is None:
            seen.add((row["number"], filled))
    return Arranged(template, [*first, *again], len(first)) if seen else NotPrepared(Reason.NO_RECIPIENTS)
