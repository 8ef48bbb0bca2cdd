"""Price lists as people upload them: what is read, and what is told to be wrong, all at once and each with its row (spec X4)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messa_platform.core.i18n import speech
from messa_platform.core.sheets import Problem, SheetFault
from messa_platform.providers.prices.cells import LONGEST_NAME, Wrong
from messa_platform.providers.prices.reading import (
    MOST_PRICES,
    Fault,
    NoColumns,
    Refused,
    RowFault,
    read_prices,
)
from messa_platform.providers.prices.table import Price
from messa_platform.providers.prices.writing import as_csv, as_xlsx

SWEDEN, TELIA, NORWAY = (
    Price("46", 350_000, "Sverige"),
    Price("4670", 300_000, "Telia"),
    Price("47", 512_345, "Norge"),
)


def book(*rows: Sequence[object]) -> bytes:
    """An Excel document with these rows."""
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def prices(data: bytes | str) -> list[Price]:
    """A file that can be read."""
    read = read_prices("priser.csv", data.encode() if isinstance(data, str) else data)
    assert isinstance(read, list), read
    return read


def fault(data: bytes | str) -> Fault:
    """What is wrong with one that cannot."""
    read = read_prices("priser.csv", data.encode() if isinstance(data, str) else data)
    assert not isinstance(read, list), read
    return read


@pytest.mark.parametrize(
    "data",
    [
        "Prefix;Pris;Land\n46;0,35;Sverige\n4670;0,30;Telia\n47;0,512345;Norge\n",
        "\N{BYTE ORDER MARK}Prefix;Pris per del (SEK);Land eller nät\r\n+46;0,350000;Sverige\r\n0046 70;0,3;Telia\r\n47;,512345;Norge",
        "Country\tPrefix\tPrice per part\nSverige\t46\t0.35\nTelia\t4670\t.3 SEK\nNorge\t47\t0.512345 kr\n",
        "prefix,price,country\n46,0.35,Sverige\n4670,0.30,Telia\n47,0.512345,Norge\n",
        'prefix,pris,land\n46,"0,35",Sverige\n4670,"0,30 kr",Telia\n47,"SEK 0,512345",Norge\n',
        "46;0,35;Sverige\n4670;0,30;Telia\n47;0,512345;Norge\n",
        "Sverige;46;0,35\nTelia;4670;0,30\nNorge;47;0,512345\n",
        "Prislista 2026\n\nLandsnummer;Land;Kostnad (kr);Valuta;Anmärkning\n46;Sverige;0,35;SEK;x\n4670;Telia;0,30;;\n47;Norge;0,512345;kr;",
        "Prefix;Pris;Land\n46;0,35;Sverige\n\n4670;0,3000000000;  Telia \n47;0,512345;Norge\n".encode("utf-16"),
        book(["Prefix", "Pris", "Land"], [46, 0.35, "Sverige"], ["+4670", 0.3, "Telia"], ["0047", 0.512345, "Norge"]),
        book([46, 0.35, "Sverige"], [4670, 0.1 + 0.2, "Telia"], [47, "0,512345", "Norge"]),
    ],
)  # fmt: skip
def test_a_list_is_read_however_it_was_written(data: bytes | str) -> None:
    assert prices(data) == [SWEDEN, TELIA, NORWAY]


@pytest.mark.parametrize(
    ("cell", "micros"),
    [("0", 0), ("0,000001", 1), ("1000", 10**9), ("0.10", 100_000), ("+0,2", 200_000), ("1E-05", 10), ("-0", 0)],
)  # fmt: skip
def test_amounts_are_exact_to_the_millionth(cell: str, micros: int) -> None:
    assert prices(f"prefix;pris\n46;{cell}\n") == [Price("46", micros)]
    assert type(prices(f"prefix;pris\n46;{cell}\n")[0].micros) is int


@pytest.mark.parametrize("micros", [1, 9, 10, 99, 123, 100_000, 300_000, 700_000, 1_100_000, 999_999_999])
def test_what_excel_keeps_as_a_float_comes_out_exact(micros: int) -> None:
    assert prices(book(["prefix", "pris"], [46, micros / 10**6])) == [Price("46", micros)]


WRONG: list[tuple[str, Wrong, str]] = [
    (";0,35;Sverige", Wrong.NO_PREFIX, ""),
    ("Sverige 46;0,35;", Wrong.NOT_A_PREFIX, "Sverige 46"),
    ("46-70;0,35;", Wrong.NOT_A_PREFIX, "46-70"),
    ("4670-4673;0,35;", Wrong.NOT_A_PREFIX, "4670-4673"),
    ("4670/4672;0,35;", Wrong.NOT_A_PREFIX, "4670/4672"),
    ("46*;0,35;", Wrong.NOT_A_PREFIX, "46*"),
    ("4,67E+10;0,35;", Wrong.NOT_A_PREFIX, "4,67E+10"),
    ("++46;0,35;", Wrong.NOT_A_PREFIX, "++46"),
    ("+;0,35;", Wrong.NOT_A_PREFIX, "+"),
    ("４６;0,35;", Wrong.NOT_A_PREFIX, "４６"),
    ("070;0,35;", Wrong.NATIONAL, "070"),
    ("00;0,35;", Wrong.NATIONAL, "00"),
    ("+046;0,35;", Wrong.NATIONAL, "+046"),
    ("4670174060501234;0,35;", Wrong.PREFIX_TOO_LONG, "4670174060501234"),
    ("46;;Sverige", Wrong.NO_AMOUNT, ""),
    ("46;gratis;", Wrong.NOT_AN_AMOUNT, "gratis"),
    ("46;-;", Wrong.NOT_AN_AMOUNT, "-"),
    ("46;0,35,0;", Wrong.NOT_AN_AMOUNT, "0,35,0"),
    ("46;1.234,50;", Wrong.NOT_AN_AMOUNT, "1.234,50"),
    ("46;1 234;", Wrong.NOT_AN_AMOUNT, "1 234"),
    ("46;0,35 per del;", Wrong.NOT_AN_AMOUNT, "0,35 per del"),
    ("46;0x35;", Wrong.NOT_AN_AMOUNT, "0x35"),
    ("46;NaN;", Wrong.NOT_AN_AMOUNT, "NaN"),
    ("46;Infinity;", Wrong.NOT_AN_AMOUNT, "Infinity"),
    ("46;kr;", Wrong.NOT_AN_AMOUNT, "kr"),
    ("46;-0,35;", Wrong.NEGATIVE, "-0,35"),
    ("46;0,1234567;", Wrong.TOO_PRECISE, "0,1234567"),
    (f"46;0,35{'0' * 40}1;", Wrong.TOO_PRECISE, f"0,35{'0' * 36}…"),
    ("46;1000,000001;", Wrong.TOO_HIGH, "1000,000001"),
    ("46;35000;", Wrong.TOO_HIGH, "35000"),
    (f"46;{'9' * 500};", Wrong.TOO_HIGH, "9" * 40 + "…"),
    ("46;€0,03;", Wrong.OTHER_CURRENCY, "€0,03"),
    ("46;0,03 EUR;", Wrong.OTHER_CURRENCY, "0,03 EUR"),
    ("46;35 öre;", Wrong.OTHER_CURRENCY, "35 öre"),
    ("46;0,35;" + "n" * (LONGEST_NAME + 1), Wrong.NAME_TOO_LONG, "n" * 40 + "…"),
    ("46;0,35;35", Wrong.NAME_IS_A_NUMBER, "35"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "wrong", "cell"), WRONG)
def test_a_broken_row_is_told_with_its_line_and_what_stands_there(row: str, wrong: Wrong, cell: str) -> None:
    assert fault(f"Prefix;Pris;Land\n1;1;USA\n{row}\n") == Refused((RowFault(3, wrong, cell),))


def test_a_currency_of_its_own_column_is_looked_at() -> None:
    data = "Prefix;Pris;Valuta\n46;0,35;SEK\n47;0,05;EUR\n"
    assert fault(data) == Refused((RowFault(3, Wrong.OTHER_CURRENCY, "EUR"),))


def test_commas_that_are_decimal_marks_and_divide_columns_as_well_are_noticed() -> None:
    assert fault("46,0,35\n47,0,51\n") == Refused(
        (RowFault(1, Wrong.NAME_IS_A_NUMBER, "35"), RowFault(2, Wrong.NAME_IS_A_NUMBER, "51"))
    )


def test_a_prefix_that_comes_again_is_a_fault_however_it_is_written() -> None:
    data = "Prefix;Pris\n46;0,35\n+46;0,350\n0046;0,36\n4670;0,30\n46 70;0,30\n"
    assert fault(data) == Refused(
        (
            RowFault(3, Wrong.TWICE, "46", 2),
            RowFault(4, Wrong.CONTRADICTS, "46", 2),
            RowFault(6, Wrong.TWICE, "4670", 5),
        )
    )


def test_a_longer_prefix_within_a_shorter_one_is_none() -> None:
    assert [p.prefix for p in prices("Prefix;Pris\n46;0,35\n4670;0,30\n467012;0,20\n")] == [
        "46",
        "4670",
        "467012",
    ]


def test_all_that_is_wrong_is_told_at_once() -> None:
    data = "Prefix;Pris;Land\n070;gratis;46\n\n46;0,35;Sverige\n46;0,35;Sverige\n;;\n47;;Norge\n"
    assert fault(data) == Refused(
        (
            RowFault(2, Wrong.NATIONAL, "070"),
            RowFault(2, Wrong.NOT_AN_AMOUNT, "gratis"),
            RowFault(2, Wrong.NAME_IS_A_NUMBER, "46"),
            RowFault(5, Wrong.TWICE, "46", 4),
            RowFault(7, Wrong.NO_AMOUNT, ""),
        )
    )


def test_the_faults_of_an_excel_file_are_told_by_its_rows() -> None:
    data = book(["Priser"], [], ["Prefix", "Pris"], [46, 0.35], [47, 0.1234567], [48, True], [4.5, 1])
    assert fault(data) == Refused(
        (
            RowFault(5, Wrong.TOO_PRECISE, "0.1234567"),
            RowFault(6, Wrong.NOT_AN_AMOUNT, "True"),
            RowFault(7, Wrong.NOT_A_PREFIX, "4.5"),
        )
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("", SheetFault(Problem.EMPTY)),
        ("\n \n;;\n", SheetFault(Problem.EMPTY)),
        ("Prefix;Pris;Land\n", SheetFault(Problem.EMPTY)),
        ("46\n47\n", NoColumns(("46",))),
        ("Hit;Dit\n46;0,35\n", NoColumns(("Hit", "Dit"))),
        ("Prefix;Pris;Pris\n46;0,35;0,36\n", NoColumns(("Prefix", "Pris", "Pris"))),
        ("Prefix;Riktnummer;Pris\n46;46;0,36\n", NoColumns(("Prefix", "Riktnummer", "Pris"))),
        ("Prefix;Land\n46;Sverige\n", NoColumns(("Prefix", "Land"))),
        ("Sverige;Norge\nDanmark;Finland\n", NoColumns(("Sverige", "Norge"))),
        (b"%PDF-1.7 \xff\xfe", SheetFault(Problem.UNKNOWN_FORMAT)),
        (b"\x89PNG\0\0", SheetFault(Problem.UNKNOWN_FORMAT)),
        (b"PK\x03\x04 no archive", SheetFault(Problem.DAMAGED)),
        (b"\xd0\xcf\x11\xe0 an old book", SheetFault(Problem.OLD_OR_LOCKED)),
        ("x;" * 60 + "\n", SheetFault(Problem.TOO_MANY_COLUMNS, 50)),
        (b"4" * (5 * 2**20 + 1), SheetFault(Problem.TOO_LARGE, 5 * 2**20)),
    ],
)
def test_a_file_that_is_no_price_list_is_refused_whole(data: bytes | str, expected: Fault) -> None:
    assert fault(data) == expected


def test_a_list_holds_so_many_prices_and_no_more() -> None:
    most = "".join(f"{46_000_000 + n};0,35\n" for n in range(MOST_PRICES))
    assert len(prices(most)) == MOST_PRICES
    assert fault(f"{most}47;1\n") == SheetFault(Problem.TOO_MANY_ROWS, MOST_PRICES)


NAMES = st.one_of(
    st.sampled_from(["", "Åland", "=1+1x", "-a", "+a", "@a", "'quoted'", 'a "b"; c', "#N/A", "Côte d’Ivoire", "a,b;c\td"]),
    st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), max_size=30).map(lambda n: f"x{n}y"),
)  # fmt: skip
LISTS = st.lists(
    st.tuples(st.from_regex(r"[1-9][0-9]{0,14}", fullmatch=True), st.integers(0, 10**9), NAMES),
    min_size=1,
    max_size=30,
    unique_by=lambda row: row[0],
)


@given(LISTS, st.sampled_from(["sv", "en"]), st.booleans())
def test_what_is_downloaded_is_what_was_uploaded(
    rows: list[tuple[str, int, str]], language: str, is_csv: bool
) -> None:
    first = prices(as_xlsx(speech("en"), [Price(*row) for row in rows]))
    written: Any = as_csv if is_csv else as_xlsx
    assert prices(written(speech(language), first)) == first
    assert [(p.prefix, p.micros) for p in first] == [row[:2] for row in rows]
