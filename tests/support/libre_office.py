"""LibreOffice opens a document, as whoever asked for it will, and tells what it sees in its cells."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from tests.support.processes import program

_OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
_TABLE = "urn:oasis:names:tc:opendocument:xmlns:table:1.0"
_TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
_ON_MACOS = Path("/Applications/LibreOffice.app/Contents/MacOS/soffice")
MOST_REPEATED = 1000
"""Cells or rows alike that are told one by one; a sheet ends with a million empty ones."""


@dataclass(frozen=True)
class Cell:
    """A cell: its type (`string`, `float`, `date`; "" if empty), its value, what is shown of it, and its formula if it has one."""

    kind: str
    value: str
    shown: str
    formula: str = ""


EMPTY = Cell("", "", "")


def opened(document: Path, folder: Path) -> dict[str, list[list[Cell]]]:
    """The sheets of a document by their names, their cells row by row, formulas reckoned. `folder` takes what LibreOffice writes."""
    command = [
        _soffice(),
        f"-env:UserInstallation={(folder / 'profile').as_uri()}",
        "--headless",
        "--norestore",
    ]
    convert = ["--convert-to", "fods", "--outdir", str(folder), str(document)]
    done = subprocess.run([*command, *convert], capture_output=True, text=True, timeout=240)
    made = folder / f"{document.stem}.fods"
    assert made.exists(), f"{done.stdout}\n{done.stderr}"
    tree = etree.parse(made, etree.XMLParser(huge_tree=True))
    return {table.get(f"{{{_TABLE}}}name"): _rows(table) for table in tree.iter(f"{{{_TABLE}}}table")}


def _soffice() -> str:
    return str(_ON_MACOS) if _ON_MACOS.exists() else program("soffice", "libreoffice-calc-nogui")


def _rows(table: etree._Element) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for row in table.iter(f"{{{_TABLE}}}table-row"):
        cells = _cells(row)
        times = int(row.get(f"{{{_TABLE}}}number-rows-repeated", "1"))
        if cells or times < MOST_REPEATED:
            rows += [cells] * times
    while rows and not rows[-1]:
        rows.pop()
    return rows


def _cells(row: etree._Element) -> list[Cell]:
    cells: list[Cell] = []
    for cell in row.iter(f"{{{_TABLE}}}table-cell"):
        times = int(cell.get(f"{{{_TABLE}}}number-columns-repeated", "1"))
        cells += [_cell(cell)] * (times if times < MOST_REPEATED else 0)
    while cells and cells[-1] == EMPTY:
        cells.pop()
    return cells


def _cell(cell: etree._Element) -> Cell:
    kind = cell.get(f"{{{_OFFICE}}}value-type", "")
    shown = "\n".join("".join(p.itertext()) for p in cell.iter(f"{{{_TEXT}}}p"))
    value = cell.get(f"{{{_OFFICE}}}date-value") or cell.get(f"{{{_OFFICE}}}value") or shown
    return Cell(kind, value, shown, cell.get(f"{{{_TABLE}}}formula", ""))
