"""Sheets of recipients as people upload them: CSV of all kinds, XLSX, and what only says that it is one (spec P2)."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time
from time import process_time
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messa_platform.core.sheets import (
    LONGEST_CELL,
    MOST_BYTES,
    MOST_COLUMNS,
    MOST_TAGS,
    MOST_UNPACKED,
    Problem,
    SheetFault,
)
from messa_platform.messaging.recipients import normalise
from messa_platform.messaging.sheets import MOST_ROWS, Sheet, number_column, read_sheet

PEOPLE = "Namn;Mobil;Tid\nAnna Öberg;070-174 06 05;14:00\nBosse Åkesson;+46 70 174 06 06;14:30\n"


def sheet(data: bytes | str, **options: str) -> Sheet:
    """A file that can be read."""
    read = read_sheet("klass.csv", data.encode() if isinstance(data, str) else data, **options)
    assert isinstance(read, Sheet), read
    return read


def fault(data: bytes) -> SheetFault:
    """What is wrong with a file that cannot."""
    read = read_sheet("klass.xlsx", data)
    assert isinstance(read, SheetFault), read
    return read


def cells(read: Sheet) -> list[tuple[str, ...]]:
    return [row.cells for row in read.rows]


def workbook(*rows: Sequence[Any]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    return saved(book)


def saved(book: Any) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def repacked(data: bytes, **changed: bytes) -> bytes:
    """An archive with other contents in some of its parts."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            new.writestr(part, changed.get(part.rpartition("/")[2].partition(".")[0], old.read(part)))
    return file.getvalue()


# CSV


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("divider", [";", ",", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_csv_is_read_whatever_wrote_it(encoding: str, divider: str, newline: str) -> None:
    read = sheet(PEOPLE.replace(";", divider).replace("\n", newline).encode(encoding))
    assert read.columns == ("Namn", "Mobil", "Tid")
    assert cells(read) == [
        ("Anna Öberg", "070-174 06 05", "14:00"),
        ("Bosse Åkesson", "+46 70 174 06 06", "14:30"),
    ]
    assert [row.line for row in read.rows] == [2, 3]
    assert number_column(read) == 1


def test_a_comma_in_a_text_does_not_divide_a_sheet_of_semicolons() -> None:
    read = sheet("Namn;Mobil\nEk, Göran;0701740605\nEk, Åsa;0701740606\nBo;0701740607\n")
    assert cells(read)[0] == ("Ek, Göran", "0701740605")


def test_quoted_cells_may_hold_dividers_quotes_and_line_breaks() -> None:
    read = sheet('Namn;Mobil\n"Ek; ""Göran""\nklass 4";0701740605\nBo;0701740606\n')
    assert cells(read) == [('Ek; "Göran"\nklass 4', "0701740605"), ("Bo", "0701740606")]


def test_a_file_with_one_column_has_numbers_alone() -> None:
    read = sheet("0701740605\n070-174 06 06\n\n0701740607")
    assert (read.columns, number_column(read)) == (("A",), 0)
    assert [(row.line, *row.cells) for row in read.rows] == [
        (1, "0701740605"), (2, "070-174 06 06"), (4, "0701740607"),
    ]  # fmt: skip


def test_the_line_that_tells_excel_the_divider_is_no_row() -> None:
    read = sheet("sep=|\r\nNamn|Mobil\r\nAnna|0701740605\r\n")
    assert (read.columns, read.rows[0].line) == (("Namn", "Mobil"), 3)


def test_a_number_kept_from_excel_by_a_formula_is_a_number() -> None:
    assert cells(sheet('Mobil;Namn\n="0701740605";Anna\n')) == [("0701740605", "Anna")]


def test_rows_are_as_wide_as_the_widest_and_empty_columns_at_the_end_go() -> None:
    read = sheet("Namn;Mobil;;\nAnna;0701740605;;\nBo;0701740606;14:00;\n;;;\n")
    assert read.columns == ("Namn", "Mobil", "C")
    assert cells(read) == [("Anna", "0701740605", ""), ("Bo", "0701740606", "14:00")]


# Headers


def test_a_sheet_without_a_header_row_names_its_columns_by_letters() -> None:
    read = sheet("Anna;0701740605\nBo;0701740606\n")
    assert (read.columns, len(read.rows), number_column(read)) == (("A", "B"), 2, 1)


def test_a_title_above_the_header_is_left_out() -> None:
    read = sheet("Klasslista 4B;;\n;;\nNamn;Mobil;Tid\nAnna;0701740605;14:00\n")
    assert (read.columns, read.rows[0].line) == (("Namn", "Mobil", "Tid"), 4)


def test_two_columns_of_one_name_can_be_told_apart_and_no_name_has_a_brace() -> None:
    read = sheet("Namn;namn;{Tid};  Mobil   hem ;\nAnna;Alva;14;0701740605;x\n")
    assert read.columns == ("Namn", "namn 2", "Tid", "Mobil hem", "E")


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("Nr;Namn;Mobilnummer\n1;Anna;0701740605", 2),
        ("Telefon;Mobil\n08-123 45 67;0701740605", 1),
        ("MOBIL 1;MOBIL 2\n0701740605;0701740606", 0),
        ("Name;Phone\nAnna;+46701740605", 1),
        ("Namn;Tfn\nAnna;0701740605", 1),
        ("Nummer;Namn\n0701740605;Anna", 0),
        ("Mobil;Vem\n;Anna\nsaknas;Bo\n;Cia", None),
        ("Mobil hem;Ring\nnej;0701740605\nja;0701740606", 1),
        ("Personnummer;Elev;Vårdnadshavare\n20140101-1234;Alva;0701740605", 2),
        ("Födelsedag;Organisation;Kontakt\n2014-01-01;556677-8899;070 174 06 05", 2),
        ("Namn;Kontakt\nAnna;0701740605\nBo;ring skolan\nCia;0701740606", 1),
        ("Namn;Adress\nAnna;Storgatan 1\nBo;Lillgatan 2", None),
    ],
)
def test_the_column_of_numbers_is_found_by_its_header_else_by_what_it_holds(
    table: str, column: int | None
) -> None:
    assert number_column(sheet(table)) == column


def test_numbers_are_those_of_the_readers_country() -> None:
    read = sheet("Aino;040 123 4567\nEino;0401234568", country_code="358")
    assert (read.columns, number_column(read, "358")) == (("A", "B"), 1)


# XLSX


def test_an_excel_sheet_shows_its_values_as_excel_does() -> None:
    data = workbook(
        ["Namn", "Mobil", "Dag", "Tid", "När", "Antal", "Pris", None],
        ["Åsa", "070-174 06 05", date(2026, 11, 23), time(14, 5), datetime(2026, 11, 23, 8), 3, 12.5, None],
        [None] * 8,
        ["Bo", 701740606, datetime(2026, 11, 24, 0, 0), None, datetime(2026, 11, 24, 9, 30), 4.0, 0.1 + 0.2],
    )
    read = sheet(data)
    assert read.columns == ("Namn", "Mobil", "Dag", "Tid", "När", "Antal", "Pris")
    assert [(row.line, *row.cells) for row in read.rows] == [
        (2, "Åsa", "070-174 06 05", "2026-11-23", "14:05", "2026-11-23 08:00", "3", "12,5"),
        (4, "Bo", "701740606", "2026-11-24", "", "2026-11-24 09:30", "4", "0,3"),
    ]
    assert sheet(data, decimal_mark=".").rows[0].cells[6] == "12.5"
    assert number_column(read) == 1


@pytest.mark.parametrize("value", [701740605, 701740605.0, 46701740605, 46701740605.0, 4.6701740605e10])
def test_a_number_that_excel_made_a_number_of_is_found_again(value: float) -> None:
    read = sheet(workbook(["Mobil"], [value]))
    assert normalise(read.rows[0].cells[0], "46") == "+46701740605"


def test_the_first_sheet_that_is_shown_and_holds_something_is_read() -> None:
    book = openpyxl.Workbook()
    book.active.title = "Tom"
    hidden = book.create_sheet("Dold")
    hidden.append(["Mobil"])
    hidden.append(["0701740601"])
    hidden.sheet_state = "hidden"
    for name, number in (("Elever", "0701740605"), ("Lärare", "0701740606")):
        page = book.create_sheet(name)
        page.append(["Mobil"])
        page.append([number])
    assert cells(sheet(saved(book))) == [("0701740605",)]


def test_a_formula_counts_by_its_last_result_and_is_never_worked_out() -> None:
    read = sheet(workbook(["Mobil", "Namn"], ["0701740605", "=1+1"]))
    assert cells(read) == [("0701740605", "")]


def test_formatting_far_below_the_last_row_is_no_row() -> None:
    book = openpyxl.Workbook()
    book.active.append(["Mobil"])
    book.active.append(["0701740605"])
    book.active["A900000"].font = openpyxl.styles.Font(bold=True)
    assert cells(sheet(saved(book))) == [("0701740605",)]


# What cannot be used


@pytest.mark.parametrize("data", [b"", b"\n\n ;; \n", "\ufeff".encode(), b"Namn;Mobil\n"])
def test_a_file_with_no_recipients_is_empty(data: bytes) -> None:
    assert fault(data) == SheetFault(Problem.EMPTY)


def test_an_empty_workbook_is_empty() -> None:
    assert fault(workbook()) == SheetFault(Problem.EMPTY)


def test_five_thousand_rows_are_read_and_one_more_is_not() -> None:
    lines = ["Mobil;Namn", *(f"0701{i:06};Anna" for i in range(MOST_ROWS))]
    assert len(sheet("\n".join(lines)).rows) == MOST_ROWS
    assert fault("\n".join([*lines, "0702000000;Bo"]).encode()) == SheetFault(
        Problem.TOO_MANY_ROWS, MOST_ROWS
    )
    assert fault("\n".join([*lines[1:], "0702000000;Bo"]).encode()).problem is Problem.TOO_MANY_ROWS


def test_fifty_columns_are_read_and_one_more_is_not() -> None:
    header = ["Mobil", *(f"Fält {i}" for i in range(MOST_COLUMNS - 1))]
    row = ["0701740605"] + ["x"] * (MOST_COLUMNS - 1)
    assert len(sheet(workbook(header, row)).columns) == MOST_COLUMNS
    for data in (workbook(header, [*row, "x"]), ";".join([*row, "x"]).encode()):
        assert fault(data) == SheetFault(Problem.TOO_MANY_COLUMNS, MOST_COLUMNS)


def test_a_file_over_five_megabytes_is_not_opened() -> None:
    assert fault(b"0" * (MOST_BYTES + 1)) == SheetFault(Problem.TOO_LARGE, MOST_BYTES)


@pytest.mark.parametrize(
    ("part", "filling", "limit"),
    [
        ("sheet1", b" " * MOST_UNPACKED, MOST_UNPACKED),
        ("sheet1", b"<c/>" * (MOST_TAGS + 1), MOST_BYTES),
        ("styles", b"<font/>" * MOST_TAGS, MOST_BYTES),
    ],
)
def test_an_archive_that_unpacks_to_too_much_is_not_read(part: str, filling: bytes, limit: int) -> None:
    bomb = repacked(workbook(["Mobil"], ["0701740605"]), **{part: filling})
    assert len(bomb) < MOST_BYTES / 50
    started = process_time()
    assert fault(bomb) == SheetFault(Problem.TOO_LARGE, limit)
    assert process_time() - started < 1


def test_a_row_that_claims_sixteen_thousand_cells_is_refused() -> None:
    book = openpyxl.Workbook()
    for line in range(1, 2_000):
        book.active.cell(line, 16_384, "0701740605")
    assert fault(saved(book)) == SheetFault(Problem.EMPTY)


SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1">'
CELL = '<c r="A1" t="inlineStr"><is><t>&c;</t></is></c></row></sheetData></worksheet>'


@pytest.mark.parametrize(
    "entities",
    [
        f'<!ENTITY a "{"x" * 1000}"><!ENTITY b "{"&a;" * 1000}"><!ENTITY c "{"&b;" * 1000}">',
        '<!ENTITY c SYSTEM "file:///etc/hostname">',
    ],
)
def test_a_workbook_with_entities_of_its_own_is_damaged(entities: str) -> None:
    data = repacked(workbook(["Mobil"]), sheet1=f"<!DOCTYPE x [{entities}]>{SHEET}{CELL}".encode())
    assert fault(data) == SheetFault(Problem.DAMAGED)
    plain = repacked(workbook(["Mobil"]), sheet1=(SHEET + CELL.replace("&c;", "0701740605")).encode())
    assert cells(sheet(plain)) == [("0701740605",)]


def test_an_old_or_locked_workbook_says_so() -> None:
    assert fault(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)) == SheetFault(Problem.OLD_OR_LOCKED)


def test_another_archive_is_no_workbook() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", "<office/>")
    assert fault(file.getvalue()) == SheetFault(Problem.UNKNOWN_FORMAT)


@pytest.mark.parametrize("data", [b"%PDF-1.7 ...", b"\x89PNG\r\n\x1a\n\0\0", b"a\0b"])
def test_something_else_altogether_is_no_sheet(data: bytes) -> None:
    assert fault(data) == SheetFault(Problem.UNKNOWN_FORMAT)


def test_half_a_workbook_is_damaged() -> None:
    data = workbook(["Mobil"], ["0701740605"])
    assert fault(data[: len(data) // 2]) == SheetFault(Problem.DAMAGED)
    assert fault(repacked(data, sheet1=b"<worksheet><sheetData><row>")) == SheetFault(Problem.DAMAGED)
    assert fault(repacked(data, workbook=b"no xml")) == SheetFault(Problem.DAMAGED)


def test_a_cell_that_never_ends_is_no_endless_cell() -> None:
    assert fault(b'Mobil;Namn\n0701740605;"' + b"x" * 200_000) == SheetFault(Problem.DAMAGED)
    read = sheet("Mobil;Namn\n0701740605;" + "x" * 10_000)
    assert len(read.rows[0].cells[1]) == LONGEST_CELL


@given(st.binary(max_size=300) | st.text("0127;,\t\n\r\" '=åÅ\0", max_size=200).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_whatever_is_uploaded_is_a_sheet_or_a_fault_and_never_an_error(data: bytes) -> None:
    read = read_sheet("fil", data)
    if isinstance(read, Sheet):
        assert read.rows
        assert {len(row.cells) for row in read.rows} == {len(read.columns)}
        assert len({name.casefold() for name in read.columns}) == len(read.columns)
        column = number_column(read)
        assert column is None or column < len(read.columns)


@given(st.lists(st.integers(0, 255), min_size=1, max_size=20), st.integers(0, 10_000))
@settings(max_examples=150, deadline=None)
def test_a_workbook_with_a_few_bytes_changed_is_a_sheet_or_a_fault(noise: list[int], place: int) -> None:
    data = bytearray(_WORKBOOK)
    at = place % len(data)
    data[at : at + len(noise)] = bytes(noise)
    assert isinstance(read_sheet("fil.xlsx", bytes(data)), Sheet | SheetFault)


_WORKBOOK = workbook(["Namn", "Mobil"], ["Anna", "0701740605"])
