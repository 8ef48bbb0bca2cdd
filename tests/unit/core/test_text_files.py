"""Cells of text files: what a spreadsheet would reckon with, or take for another cell, it takes for a text."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messa_platform.core.text_files import plain_cell, tab_line


@pytest.mark.parametrize(
    "written",
    [
        "=1+1",
        "+1+1",
        "-1-1",
        "@SUM(A1)",
        " =1+1",
        "\t=1+1",
        "\tx",
        "\rx",
        '=HYPERLINK("http://x")',
        "+46 70",
        "-",
    ],
)
def test_what_begins_like_a_formula_has_an_apostrophe_before_it(written: str) -> None:
    assert plain_cell(written).startswith("'")


@pytest.mark.parametrize(
    "written", ["", "Skolan", "Åsa Öberg", "+46701740605", "-12", "a=b", "anna@kommun.example", "1-2"]
)
def test_anything_else_is_as_it_was(written: str) -> None:
    assert plain_cell(written) == written


def test_what_would_begin_another_cell_or_line_is_a_space() -> None:
    assert plain_cell("a\tb\r\nc\x0bd\u2028e\x85f") == "a b c d e f"


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters='"'), max_size=12), min_size=1, max_size=5
    )
)
def test_a_line_has_as_many_cells_as_it_was_made_of_and_none_is_a_formula(cells: list[str]) -> None:
    line = tab_line(cells)
    assert line.endswith("\n")
    assert len(line.splitlines()) == 1
    read = next(csv.reader(io.StringIO(line), delimiter="\t", quoting=csv.QUOTE_NONE), [""])
    assert len(read) == len(cells) or line == "\n"
    for cell in read:
        assert not cell.lstrip().startswith(("=", "@"))
