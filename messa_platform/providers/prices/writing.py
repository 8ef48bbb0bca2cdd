"""A version of a price list as a file, which gives the same prices when it is uploaded again."""

from __future__ import annotations

import io
from collections.abc import Sequence

from openpyxl import Workbook  # type: ignore[import-untyped]
from openpyxl.cell import WriteOnlyCell  # type: ignore[import-untyped]
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE  # type: ignore[import-untyped]
from openpyxl.styles import Font  # type: ignore[import-untyped]

from messa_platform.core.i18n import Speech
from messa_platform.core.text_files import SEMICOLONS
from messa_platform.core.text_files import table as as_table
from messa_platform.providers.prices.amounts import plain
from messa_platform.providers.prices.table import Price


def _headings(speech: Speech) -> tuple[str, str, str]:
    return (
        speech.gettext("Prefix"),
        speech.gettext("Price per part (SEK)"),
        speech.gettext("Country or network"),
    )


def as_csv(speech: Speech, prices: Sequence[Price]) -> bytes:
    """As Swedish spreadsheets open it: divided by semicolons, with decimal commas and a byte order mark."""
    rows = ((p.prefix, plain(p.amount).replace(".", ","), p.name) for p in prices)
    return as_table([_headings(speech), *rows], SEMICOLONS).encode("utf-8-sig")


def as_xlsx(speech: Speech, prices: Sequence[Price]) -> bytes:
    """With prefixes as texts, amounts as numbers, and a heading."""
    book = Workbook(write_only=True)
    book.properties.creator = "messa"
    sheet = book.create_sheet(speech.gettext("Prices"))
    sheet.freeze_panes = "A2"
    for column, width in (("A", 16), ("B", 20), ("C", 40)):
        sheet.column_dimensions[column].width = width
    sheet.append([_cell(sheet, heading, is_bold=True) for heading in _headings(speech)])
    for price in prices:
        amount = WriteOnlyCell(sheet, price.amount)  # openpyxl writes the decimal's own digits
        amount.number_format = "0.00####"
        sheet.append([_cell(sheet, price.prefix), amount, _cell(sheet, price.name)])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(sheet: object, words: str, *, is_bold: bool = False) -> object:
    """A text, whatever it begins with."""
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub(" ", words))
    cell.data_type = "s"
    cell.number_format = "@"
    if is_bold:
        cell.font = Font(bold=True)
    return cell
