"""What comes in that no browser of ours would send, and sheets that are made to hurt."""

from __future__ import annotations

import io
import zipfile

import pytest

from messa_platform.core import sheets
from messa_platform.core.sheets import SheetFault
from messa_platform.messaging.sheets import read_sheet
from messa_platform.runtime import Runtime
from tests.support.portal import KARIN, School
from tests.support.visitors import Visitor, token_of


@pytest.mark.parametrize(
    "path", ["/sign-in?next=%ff", "/language?to=%ff", "/forgot?email=%ff", "/sign-in-code?stamp=%ff"]
)
def test_a_query_that_is_no_utf_8_asks_for_nothing(runtime: Runtime, path: str) -> None:
    assert Visitor(runtime).get(path).status_int < 400


@pytest.mark.parametrize(
    ("path", "field"),
    [("/account/sessions", "end"), ("/language", "to"), ("cancel", "message"), ("/messages/new", "text")],
)
def test_a_file_in_the_place_of_a_word_is_no_error_of_ours(school: School, path: str, field: str) -> None:
    if path == "cancel":
        school.text(KARIN, "Hej")
        path = f"{school.thread(KARIN)}/cancel"
    token = token_of(school.get("/account/password"))
    answer = school.visitor.post(path, {"csrf_token": token}, upload_files=[(field, "a.txt", b"x")])
    assert answer.status_int < 500


def test_a_stranger_can_send_no_form_that_takes_seconds_to_read(runtime: Runtime) -> None:
    visitor = Visitor(runtime)
    answer = visitor.app.post("/sign-in", b"a=" + b"x" * 3_000_000, status="*")
    assert answer.status_int == 413


# Sheets that are made to hurt


def a_book(sheet: str, place: str = "xl/worksheets/sheet1.xml") -> bytes:
    """An XLSX with one sheet, which is kept at `place` in the archive."""
    package, office = (
        "http://schemas.openxmlformats.org/package/2006",
        "http://schemas.openxmlformats.org/officeDocument/2006",
    )
    main = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType="application/'
        'vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{main}.sheet.main+xml"/>'
        f'<Override PartName="/{place}" ContentType="{main}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}/relationships/officeDocument"'
        ' Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
        f' xmlns:r="{office}/relationships"><sheets><sheet name="A" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1"'
        f' Type="{office}/relationships/worksheet" Target="/{place}"/></Relationships>',
        place: sheet,
    }  # fmt: skip
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, f'<?xml version="1.0"?>{content}' if "<!" not in content else content)
    return packed.getvalue()


def a_sheet(cell: str, before: str = "") -> str:
    return (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        f'{before}<row r="2"><c r="A2" t="inlineStr"><is><t>{cell}</t></is></c></row></sheetData></worksheet>'
    )


@pytest.mark.parametrize("place", ["xl/worksheets/sheet1.xml", "xl/media/sheet1.xml", "anywhere/else.xml"])
def test_a_sheet_of_too_many_cells_is_refused_wherever_in_the_archive_it_hides(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(sheets, "MOST_TAGS", 5_000)
    monkeypatch.setattr(sheets, "_MOST_OTHER_TAGS", 5_000)
    assert not isinstance(read_sheet("a.xlsx", a_book(a_sheet(KARIN), place)), SheetFault)
    bomb = a_book(a_sheet(KARIN, f'<row r="1">{"<c/>" * 6_000}</row>'), place)
    assert isinstance(read_sheet("a.xlsx", bomb), SheetFault)


def test_a_sheet_that_declares_entities_is_refused() -> None:
    number = f'<row r="1"><c r="A1" t="inlineStr"><is><t>{KARIN}</t></is></c></row>'
    assert not isinstance(read_sheet("a.xlsx", a_book(a_sheet("Hej", number))), SheetFault)
    entities = f'<!DOCTYPE worksheet [<!ENTITY e "{"x" * 1000}">]>'
    bomb = a_book(entities + a_sheet("&e;" * 1000, number))
    assert isinstance(read_sheet("a.xlsx", bomb), SheetFault)
