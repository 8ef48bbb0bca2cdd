"""Sheets that people upload, row by row: CSV as spreadsheets write it, and XLSX. What a row means is for who reads it.

What comes from outside may be made to hurt: sizes are looked at before anything is unpacked, and rows and columns are counted as they come.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from pathlib import PurePath

import openpyxl  # type: ignore[import-untyped]

from messa_platform.core.logs import logger
from messa_platform.core.segments import normalise as clean

log = logger(__name__)

MOST_BYTES = 5 * 2**20
MOST_UNPACKED = 30 * 2**20
"""Bytes of an XLSX, which is an archive, once it is unpacked."""
MOST_TAGS = 1_000_000
"""XML tags in the sheets of an XLSX; five thousand rows of fifty numbers have as many. Reading one takes up to 3 µs and some 400 bytes."""
_MOST_OTHER_TAGS = 200_000
"""The same in all else that is read of it, above all its styles; reading one takes up to 7 µs."""
MOST_COLUMNS = 50
LONGEST_CELL = 2_000
"""Characters of a cell that are read; nine SMS hold 1,377."""

_MOST_LINES = 100_000
"""Lines that are looked at, empty ones too: what follows so many is not looked for."""
_FIRST_ROWS = 50
"""Rows from which is told what divides the columns."""


class Problem(StrEnum):
    """What is wrong with a sheet, and what to do about it."""

    EMPTY = "empty"
    """Nothing is in it: choose another file."""
    TOO_LARGE = "too_large"
    """More than `limit` bytes: leave out pictures and columns, or divide it."""
    TOO_MANY_ROWS = "too_many_rows"
    """More than `limit` rows: divide it."""
    TOO_MANY_COLUMNS = "too_many_columns"
    """More than `limit` columns: leave out those that are not needed."""
    OLD_OR_LOCKED = "old_or_locked"
    """The format of Excel before 2007, or with a password: save it as .xlsx, without a password."""
    UNKNOWN_FORMAT = "unknown_format"
    """Neither CSV nor XLSX: save it as one of them."""
    DAMAGED = "damaged"
    """It cannot be read: open it in a spreadsheet, and save it anew."""


@dataclass(frozen=True, slots=True)
class SheetFault:
    """Why a sheet cannot be used; `limit` is what was overstepped."""

    problem: Problem
    limit: int = 0


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row: its line in the file, from 1, and a cell for each column."""

    line: int
    cells: tuple[str, ...]


class _Stop(Exception):
    """Never leaves this module."""

    def __init__(self, problem: Problem, limit: int = 0) -> None:
        self.fault = SheetFault(problem, limit)


def read_rows(name: str, data: bytes, most_rows: int, decimal_mark: str = ",") -> list[SheetRow] | SheetFault:
    """The rows of an uploaded file that hold something, all equally wide; there is one at least, and one more than `most_rows` at the most,
    since the first may be a header.

    What the file is shows in its bytes; `name` is for the log, where only its ending goes. `decimal_mark` is how the reader writes the
    numbers of an XLSX.
    """
    try:
        return _read(data, most_rows, decimal_mark)
    except _Stop as stop:
        log.info(
            "sheet_refused", ending=PurePath(name).suffix[:8], bytes=len(data), problem=stop.fault.problem
        )
        return stop.fault


def _read(data: bytes, most_rows: int, decimal_mark: str) -> list[SheetRow]:
    if len(data) > MOST_BYTES:
        raise _Stop(Problem.TOO_LARGE, MOST_BYTES)
    if data.startswith(b"\xd0\xcf\x11\xe0"):  # an OLE file: .xls, or an .xlsx that is encrypted
        raise _Stop(Problem.OLD_OR_LOCKED)
    lines = _xlsx(data, decimal_mark) if data.startswith(b"PK\x03\x04") else _csv(data)
    rows = list(_rows(lines, most_rows))
    if not rows:
        raise _Stop(Problem.EMPTY)
    width = max(len(row.cells) for row in rows)
    return [SheetRow(row.line, row.cells + ("",) * (width - len(row.cells))) for row in rows]


def _rows(lines: Iterable[Sequence[str]], most_rows: int) -> Iterator[SheetRow]:
    """The rows that hold something, their cells made plain, without the empty ones at the end."""
    found = 0
    for line, written in enumerate(lines, start=1):
        if line > _MOST_LINES:
            return
        cells = [_plain(cell) for cell in written[: MOST_COLUMNS + 1]]
        while cells and not cells[-1]:
            cells.pop()
        if len(cells) > MOST_COLUMNS or any(cell.strip() for cell in written[MOST_COLUMNS:]):
            raise _Stop(Problem.TOO_MANY_COLUMNS, MOST_COLUMNS)
        if cells:
            found += 1
            yield SheetRow(line, tuple(cells))
        if found > most_rows + 1:
            raise _Stop(Problem.TOO_MANY_ROWS, most_rows)


def _plain(cell: str) -> str:
    cell = clean(cell[:LONGEST_CELL]).strip()
    # ="0701740605" is how programs keep a spreadsheet from making a number of it
    return cell[2:-1] if cell.startswith('="') and cell.endswith('"') else cell


# CSV


def _csv(data: bytes) -> Iterator[list[str]]:
    text = _decoded(data)
    divider = None
    if named := re.match(r"sep=([;,\t|])\r?\n", text):  # a line for Excel alone
        divider, text = named[1], text[named.end() :]
        yield []
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=divider or _divider(text))
    except csv.Error:  # a cell without end
        raise _Stop(Problem.DAMAGED) from None


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):  # "Unicode text" of Excel
        encodings: tuple[str, ...] = ("utf-16",)
    elif b"\0" in data or data.startswith(b"%PDF-"):
        raise _Stop(Problem.UNKNOWN_FORMAT)
    else:
        encodings = ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _Stop(Problem.UNKNOWN_FORMAT)


_DIVIDERS = "\t;,"
"""The likelier first: where commas are decimal marks, as here, spreadsheets divide by semicolons."""


def _divider(text: str) -> str:
    """What divides the cells: the character that makes most of the first rows equally wide."""
    start = text[:20_000]
    return max(_DIVIDERS, key=lambda divider: _evenness(start, divider))


def _evenness(text: str, divider: str) -> float:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=divider)
    widths = Counter(len(row) for row, _ in zip(reader, range(_FIRST_ROWS), strict=False) if row)
    even = max((count for width, count in widths.items() if width > 1), default=0)
    return even / max(1, widths.total())


# XLSX


def _xlsx(data: bytes, decimal_mark: str) -> Iterator[list[str]]:
    """The rows of the first sheet that is shown and holds anything."""
    try:
        _look_inside(data)
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        try:
            for sheet in book.worksheets:
                # a row may claim to reach to column 16,384, so that five thousand of them fill the memory
                rows = sheet.iter_rows(max_col=MOST_COLUMNS + 1, values_only=True)
                found = False
                for row in rows if sheet.sheet_state == "visible" else ():
                    cells = [_shown(v, decimal_mark) for v in row] if any(v is not None for v in row) else []
                    found = found or any(cells)
                    yield cells
                if found:
                    return
        finally:
            book.close()
    except _Stop:
        raise
    except Exception as error:  # whatever its parsers stumble over
        log.info("sheet_damaged", error=type(error).__name__)
        raise _Stop(Problem.DAMAGED) from None


def _look_inside(data: bytes) -> None:
    """Refuse an archive that is no workbook, unpacks to too much, or would be long in the reading.

    What an archive says of its sizes is the most that is unpacked; but a row of a million cells packs into a few kilobytes.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        # every part: the archive itself says which of them are sheets, whatever they are called
        parts = archive.infolist()
        if "xl/workbook.xml" not in {part.filename for part in parts}:
            raise _Stop(Problem.UNKNOWN_FORMAT)
        if sum(part.file_size for part in parts) > MOST_UNPACKED:
            raise _Stop(Problem.TOO_LARGE, MOST_UNPACKED)
        of_cells = [p for p in parts if p.filename.startswith(("xl/worksheets/", "xl/sharedStrings"))]
        others = [p for p in parts if p not in of_cells]
        if _tags(archive, of_cells) > MOST_TAGS or _tags(archive, others) > _MOST_OTHER_TAGS:
            raise _Stop(Problem.TOO_LARGE, MOST_BYTES)


def _tags(archive: zipfile.ZipFile, parts: Iterable[zipfile.ZipInfo]) -> int:
    count = 0
    for part in parts:
        with archive.open(part) as file:
            before = b""
            while piece := file.read(2**16):
                count += piece.count(b"<")
                # no program writes a sheet that declares words of its own, which unfold to any size; NUL: UTF-16
                seen = (before + piece).replace(b"\0", b"")
                if b"<!DOCTYPE" in seen or b"<!ENTITY" in seen:
                    raise _Stop(Problem.DAMAGED)
                before = piece[-32:]
    return count


def _shown(value: object, decimal_mark: str) -> str:
    """A cell as its reader sees it. A number of a phone that Excel made a number is whole again, but for its leading zero."""
    if value is None:
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.10g}".replace(".", decimal_mark)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M" if value.time() != time() else "%Y-%m-%d")
    if isinstance(value, date):
        return value.isoformat()
    return value.strftime("%H:%M") if isinstance(value, time) else str(value)
