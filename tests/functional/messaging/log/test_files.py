"""The log as a text and as an Excel document, in both languages; what LibreOffice sees in it (spec L2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from openpyxl.worksheet._writer import ALL_TEMP_FILES

from messa_platform.core.i18n import Speech, speech
from messa_platform.messaging.log import files, sheet_file
from messa_platform.messaging.log.asked import Asked, Column
from messa_platform.messaging.log.export_models import Format
from messa_platform.messaging.log.sheet_file import SheetFile
from messa_platform.messaging.log.stream import Line
from messa_platform.messaging.log.told import Asking
from messa_platform.messaging.statuses import Direction, Status
from tests.functional.messaging.log.conftest import MONDAY, Town
from tests.support.libre_office import Cell, opened

SWEDISH, ENGLISH = speech("sv"), speech("en")


def written(
    town: Town,
    folder: Path,
    kind: Format,
    said: Speech = SWEDISH,
    asked: Asked | None = None,
    by: str = "åsa@kommun.example",
) -> bytes:
    out = BytesIO()
    with town.world.database.unit_of_work() as session:
        search = asked or town.asked(descending=False)
        asking = Asking("Kommunen", town.place(town.master), by, datetime(2026, 5, 4, 9, tzinfo=UTC))
        count = files.write(session, search, asking, kind, said, out, folder)
    assert asked or count == 5
    return out.getvalue()


def text_rows(file: bytes) -> list[list[str]]:
    text = file.decode("utf-8")
    assert text.endswith("\n") and "\r" not in text and "\ufeff" not in text
    return [line.split("\t") for line in text[:-1].split("\n")]


# Text


def test_a_text_has_a_line_for_each_message_below_the_names_of_the_columns(
    town: Town, tmp_path: Path
) -> None:
    assert text_rows(written(town, tmp_path, Format.TEXT)) == [
        ["Datum", "Grupp", "E-post", "Mobilnummer", "in/ut", "Status", "Antal"],
        ["2026-03-02 08:30:15", "Skolan", "anna@kommun.example", "+46701740605", "ut", "DELIVERED", "2"],
        ["2026-03-02 09:30:15", "Skolan", "'=1+1", "+46701740612", "ut", "DELIVERED", "3"],
        ["2026-03-02 10:30:15", "Ömsorgen på Ängen", "östen.åberg@kommun.example", "+46701740605", "in", "INCOMING", "0"],
        ["2026-03-03 10:30:15", "Ömsorgen på Ängen", "östen.åberg@kommun.example", "+467301214000001", "ut", "no_sms_left:Group:Skolan", "0"],
        ["2026-03-03 11:30:15", "Skolan", "anna@kommun.example", "+46701740605", "ut", "UNDELIVERED", "1"],
    ]  # fmt: skip


def test_in_english_and_by_another_clock(town: Town, tmp_path: Path) -> None:
    there = replace(ENGLISH, zone=ZoneInfo("America/New_York"))
    rows = text_rows(written(town, tmp_path, Format.TEXT, there))
    assert rows[0] == ["Date", "Group", "E-mail", "Mobile number", "in/out", "Status", "Count"]
    assert rows[1][0] == "2026-03-02 02:30:15"
    assert {row[4] for row in rows[1:]} == {"in", "out"}


def test_a_removed_group_is_marked_in_both(town: Town, tmp_path: Path) -> None:
    town.world.run('UPDATE "group" SET removed_at = now() WHERE id = :id', id=town.care.id)
    assert text_rows(written(town, tmp_path, Format.TEXT))[3][1] == "Ömsorgen på Ängen (borttagen)"
    book = openpyxl.load_workbook(BytesIO(written(town, tmp_path, Format.XLSX)))
    assert book["Logg"]["B4"].value == "Ömsorgen på Ängen (borttagen)"


def test_no_file_has_what_the_messages_say(town: Town, tmp_path: Path) -> None:
    assert b"hemligt" not in written(town, tmp_path, Format.TEXT)
    book = openpyxl.load_workbook(BytesIO(written(town, tmp_path, Format.XLSX)))
    assert not [
        c for sheet in book for row in sheet.iter_rows(values_only=True) for c in row if "hemligt" in str(c)
    ]


def test_of_nothing_there_are_the_columns_alone(town: Town, tmp_path: Path) -> None:
    nothing = town.asked(status=Status.BLOCKED)
    assert len(text_rows(written(town, tmp_path, Format.TEXT, asked=nothing))) == 1
    cells = seen(written(town, tmp_path, Format.XLSX, asked=nothing), tmp_path)["Logg"]
    assert [[cell.shown for cell in row if cell.shown] for row in cells[1:]] == [["Summa", "0"]]


# Excel


def seen(file: bytes, folder: Path) -> Mapping[str, Sequence[Sequence[Cell]]]:
    """The document as LibreOffice has it."""
    (folder / "log.xlsx").write_bytes(file)
    return opened(folder / "log.xlsx", folder)


def test_libreoffice_sees_dates_numbers_and_texts_and_reckons_the_sum(town: Town, tmp_path: Path) -> None:
    sheets = seen(written(town, tmp_path, Format.XLSX), tmp_path)
    assert list(sheets) == ["Logg", "Sökning"]
    head, *rows, total = sheets["Logg"]
    assert [cell.shown for cell in head] == [
        "Datum",
        "Grupp",
        "E-post",
        "Mobilnummer",
        "in/ut",
        "Status",
        "Antal",
    ]
    assert [[cell.kind for cell in row] for row in rows] == 5 * [["date", *5 * ["string"], "float"]]
    assert [row[0].value for row in rows][:2] == ["2026-03-02T08:30:15", "2026-03-02T09:30:15"]
    assert [row[0].shown for row in rows][:1] == ["2026-03-02 08:30:15"]
    assert rows[1][2] == Cell("string", "=1+1", "=1+1")  # a text, and no formula
    assert rows[2][1].value == "Ömsorgen på Ängen"
    assert rows[3][3] == Cell("string", "+467301214000001", "+467301214000001")
    assert [float(row[6].value) for row in rows] == [2, 3, 0, 0, 1]
    assert (total[0].value, total[6].kind, float(total[6].value)) == ("Summa", "float", 6)
    assert total[6].formula == "of:=SUM([.G2:.G6])"


def test_the_last_sheet_says_what_was_asked_for_by_whom_and_when(town: Town, tmp_path: Path) -> None:
    narrowed = town.asked(
        group_id=town.school.id, account_id=town.people["formula"], remote="+46701740612", direction=Direction.OUT,
        status=Status.DELIVERED, sort=Column.EMAIL,
    )  # fmt: skip
    facts = seen(written(town, tmp_path, Format.XLSX, ENGLISH, narrowed), tmp_path)["The search"]
    assert [(row[0].value, row[1].kind, row[1].value) for row in facts] == [
        ("Organisation", "string", "Kommunen"),
        ("Group", "string", "Master (with its subgroups)"),
        ("From the day", "date", "2026-03-01"),
        ("To the day", "date", "2026-04-30"),
        ("Only: Group", "string", "Skolan"),
        ("Only: E-mail", "string", "=1+1"),
        ("Only: Mobile number", "string", "+46701740612"),
        ("Only: in/out", "string", "out"),
        ("Only: Status", "string", "DELIVERED"),
        ("Sorted by", "string", "E-mail, descending"),
        ("Asked for by", "string", "åsa@kommun.example"),
        ("Asked for at", "date", "2026-05-04T11:00:00"),
        ("Time zone", "string", "Europe/Stockholm"),
        ("Messages", "float", "1"),
        ("SMS, in all", "float", "3"),
    ]


def test_the_operator_is_not_named(town: Town, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(BytesIO(written(town, tmp_path, Format.XLSX, ENGLISH, by="")))
    facts = dict(book["The search"].iter_rows(values_only=True))
    assert facts["Asked for by"] == "The platform's operator"


def test_the_header_stays_in_sight_and_can_filter(town: Town, tmp_path: Path) -> None:
    sheet = openpyxl.load_workbook(BytesIO(written(town, tmp_path, Format.XLSX)))["Logg"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref, sheet.print_title_rows) == ("A2", "A1:G6", "$1:$1")
    assert sheet["A1"].font.bold
    assert sheet["A2"].number_format == "yyyy-mm-dd hh:mm:ss"
    assert sheet.column_dimensions["C"].width > 30
    assert sheet["C3"].data_type == "s" and sheet["C3"].quotePrefix


@pytest.mark.parametrize(
    "value", ["=1+1", "=", "+1", "-1", "@SUM(A1)", "#N/A", "#REF!", "1", "TRUE", " x ", "a\x0bb"]
)
def test_whatever_a_text_looks_like_it_is_one(tmp_path: Path, value: str) -> None:
    out = BytesIO()
    file = SheetFile(out, tmp_path, SWEDISH)
    file.add([Line(MONDAY, value, False, value, value, "out", value, 1)])
    file.finish([("=1+1", "=1+1")])
    file.close()
    book = openpyxl.load_workbook(BytesIO(out.getvalue()))
    cells = [book["Logg"].cell(2, column) for column in (2, 3, 4, 6)]
    assert [(cell.data_type, cell.value) for cell in cells] == 4 * [("s", value.replace("\x0b", " "))]
    assert book["Sökning"]["B1"].data_type == "s"


def test_what_does_not_fit_on_a_sheet_goes_on_on_the_next_each_with_its_sum(tmp_path: Path) -> None:
    out = BytesIO()
    file = SheetFile(out, tmp_path, SWEDISH, most_rows=3)
    file.add(
        [
            Line(MONDAY, "Skolan", False, "anna@kommun.example", "+46701740605", "out", "SENT", n)
            for n in range(1, 8)
        ]
    )
    file.finish([])
    sheets = seen(out.getvalue(), tmp_path)
    assert list(sheets) == ["Logg", "Logg 2", "Logg 3", "Sökning"]
    assert [len(rows) for rows in sheets.values()] == [5, 5, 3, 2]
    assert [float(sheets[name][-1][6].value) for name in list(sheets)[:3]] == [6, 15, 7]
    assert [row[1].value for row in sheets["Sökning"]] == ["7", "28"]


def test_a_full_sheet_is_as_long_as_excel_takes_it() -> None:
    assert sheet_file.MOST_ROWS + 2 == 2**20


def test_nothing_is_left_beside_the_file(town: Town, tmp_path: Path) -> None:
    written(town, tmp_path, Format.XLSX)
    assert list(tmp_path.iterdir()) == []


def test_what_is_given_up_keeps_nothing_open(tmp_path: Path) -> None:
    before = [*ALL_TEMP_FILES]
    file = SheetFile(BytesIO(), tmp_path, SWEDISH, most_rows=1)
    file.add(2 * [Line(MONDAY, "Skolan", False, "anna@kommun.example", "+46701740605", "out", "SENT", 1)])
    assert len(ALL_TEMP_FILES) == len(before) + 2
    file.close()
    assert before == ALL_TEMP_FILES
