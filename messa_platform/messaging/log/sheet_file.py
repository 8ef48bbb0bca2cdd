"""The log as an Excel document, written by openpyxl as it comes: rows go to files on the disk, not into memory (spec L2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO

from openpyxl import Workbook  # type: ignore[import-untyped]
from openpyxl.cell import WriteOnlyCell  # type: ignore[import-untyped]
from openpyxl.cell.cell import ERROR_CODES, ILLEGAL_CHARACTERS_RE  # type: ignore[import-untyped]
from openpyxl.styles import Alignment, Font, PatternFill  # type: ignore[import-untyped]
from openpyxl.worksheet._writer import ALL_TEMP_FILES, WorksheetWriter  # type: ignore[import-untyped]

from messa_platform.core.i18n import Speech
from messa_platform.messaging.log import told
from messa_platform.messaging.log.stream import Line
from messa_platform.messaging.log.told import Fact

MOST_ROWS = 1_048_574
"""Messages on a sheet: Excel has 1,048,576 rows, of which one is the header and one the sum."""

_MOMENT, _DAY = "yyyy-mm-dd hh:mm:ss", "yyyy-mm-dd"
_WIDTHS = {"A": 20, "B": 28, "C": 36, "D": 18, "E": 8, "F": 30, "G": 9}
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  Excel's days are counted from it, and know of no zone
_HEAD_FILL = PatternFill("solid", fgColor="DDE3EA")


class SheetFile:
    """Writes row after row into sheets whose files lie in `folder`, and in the end the document to `out`.

    Dates are dates by the asker's clock, counts are numbers, all else is text, whatever it begins with. Each sheet ends with the sum of its
    counts, and the last sheet says what was asked for.
    """

    def __init__(self, out: BinaryIO, folder: Path, speech: Speech, most_rows: int = MOST_ROWS) -> None:
        self._out, self._folder, self._speech, self._most = out, folder, speech, most_rows
        self._directions = told.directions(speech)
        self._removed = told.removed_mark(speech)
        self._book = Workbook(write_only=True)
        self._book.properties.creator = "messa"
        self._messages = self._parts = 0
        self._begin_sheet()

    def add(self, lines: Sequence[Line]) -> None:
        """Write some more."""
        for line in lines:
            if self._rows == self._most:
                self._end_sheet()
                self._begin_sheet()
            self._rows += 1
            self._parts += line.parts
            self._sheet.append(self._cells(line))
        self._messages += len(lines)

    def _cells(self, line: Line) -> tuple[object, ...]:
        at = line.at.astimezone(self._speech.zone).replace(microsecond=0, tzinfo=None) - _EPOCH
        # one cell for all rows: giving it a format costs more than writing it
        self._moment._value = at.days + at.seconds / 86_400
        return (
            self._moment,
            _text(self._sheet, line.group + self._removed if line.group_removed else line.group),
            _text(self._sheet, line.address),
            _text(self._sheet, line.remote),
            self._directions[line.direction],
            _text(self._sheet, line.status),
            line.parts,
        )

    def _begin_sheet(self) -> None:
        number = len(self._book.worksheets) + 1
        name = self._speech.gettext("Log")
        sheet = self._sheet = self._book.create_sheet(name if number == 1 else f"{name} {number}")
        sheet.freeze_panes = "A2"
        sheet.print_title_rows = "1:1"
        sheet.page_setup.orientation = "landscape"
        self._keep_on_disk(sheet, _WIDTHS)
        self._moment = WriteOnlyCell(sheet, 0.0)
        self._moment.number_format = _MOMENT
        self._rows = 0
        sheet.append([_head(sheet, heading) for heading in told.headings(self._speech)])

    def _end_sheet(self) -> None:
        sheet, last = self._sheet, self._rows + 1
        sheet.auto_filter.ref = f"A1:G{last}"
        total = _bold(sheet, f"=SUM(G2:G{last})" if self._rows else 0)
        sheet.append([_bold(sheet, self._speech.gettext("Total")), None, None, None, None, None, total])
        sheet.close()

    def _keep_on_disk(self, sheet: Any, widths: Mapping[str, float]) -> None:
        """Let a sheet lie in the folder, with which it goes whatever happens; by itself openpyxl leaves what was given up on the machine."""
        for column, width in widths.items():
            sheet.column_dimensions[column].width = width
        path = str(self._folder / f"{len(self._book.worksheets)}.xml")
        ALL_TEMP_FILES.append(path)  # openpyxl's list, of which `close` and it itself take it out
        sheet._writer = WorksheetWriter(sheet, path)
        sheet._writer.write_top()

    def finish(self, facts: Sequence[Fact]) -> None:
        """All lines are written: end the sheets, and put the document together."""
        _ = self._speech.gettext
        self._end_sheet()
        sheet = self._book.create_sheet(_("The search"))
        self._keep_on_disk(sheet, {"A": 28, "B": 48})
        for name, value in (*facts, (_("Messages"), self._messages), (_("SMS, in all"), self._parts)):
            sheet.append([_bold(sheet, name), _fact(sheet, value)])
        sheet.close()
        self._book.save(self._out)

    def close(self) -> None:
        """Let go of everything, whether it is finished or given up."""
        for sheet in self._book.worksheets:
            if not sheet.closed:
                sheet.close()
            if sheet._writer.out in ALL_TEMP_FILES:
                ALL_TEMP_FILES.remove(sheet._writer.out)


def _text(sheet: Any, value: str) -> object:
    """A text as a value of a row: itself, or, where openpyxl would take it for something else, a cell that says what it is."""
    shown = ILLEGAL_CHARACTERS_RE.sub(" ", value)
    if not shown.startswith("=") and shown not in ERROR_CODES:
        return shown
    cell = WriteOnlyCell(sheet, shown)
    cell.data_type = "s"
    cell.quotePrefix = True  # so that it stays a text when somebody edits it
    return cell


def _bold(sheet: Any, value: str | int) -> Any:
    cell = WriteOnlyCell(sheet, value)
    cell.font = Font(bold=True)
    return cell


def _head(sheet: Any, heading: str) -> Any:
    cell = _bold(sheet, heading)
    cell.fill = _HEAD_FILL
    return cell


def _fact(sheet: Any, value: str | int | date | datetime) -> Any:
    if isinstance(value, str):
        return _text(sheet, value)
    cell = WriteOnlyCell(sheet, value)
    cell.alignment = Alignment(horizontal="left")
    if not isinstance(value, int):
        cell.number_format = _MOMENT if isinstance(value, datetime) else _DAY
    return cell
