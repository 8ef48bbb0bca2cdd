"""Addresses as people paste them: each line is answered, and none is guessed (spec G11)."""

from __future__ import annotations

import pytest

from messa_platform.tenants.people.lines import kept, read_back
from messa_platform.tenants.people.reading import LONGEST_WRITTEN, MOST_LINES, Fault, Line, read_lines
from messa_platform.tenants.profile import MAX_NAME

OWN = "messa.example"


def read(text: str) -> list[tuple[str | None, str]]:
    """The address, or the fault, and the name of each line."""
    return [(line.address or line.fault, line.name) for line in read_lines(text, OWN)]


@pytest.mark.parametrize(
    "written",
    [
        "anna@x.se",
        "  ANNA@X.SE  ",
        "<anna@x.se>",
        "'anna@x.se'",
        '"anna@x.se"',
        "mailto:anna@x.se",
        "anna@x.se.",
        "- anna@x.se",
        "1. anna@x.se,",
        "anna@x.se; 0701234567",
        "anna@x.se <anna@x.se>",
        "• anna@x.se",
        "\ufeffanna@x.se",
    ],
)
def test_an_address_is_read_whatever_stands_around_it(written: str) -> None:
    assert read(written) == [("anna@x.se", "")]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Anna Ek <anna@x.se>", "Anna Ek"),
        ('"Anna Ek" <anna@x.se>', "Anna Ek"),
        ("Ek, Anna <anna@x.se>", "Ek, Anna"),
        ('"Ek, Anna" <anna@x.se>', "Ek, Anna"),
        ("Anna Ek (Skolan) <anna@x.se>", "Anna Ek (Skolan)"),
        ("Anna Ek anna@x.se", "Anna Ek"),
        ("Anna\tEk\tanna@x.se", "Anna Ek"),
        ("Ek;Anna;anna@x.se;0701234567", "Ek Anna"),
        ('"Ek, Anna","anna@x.se"', "Ek, Anna"),
        ("anna@x.se\tAnna Ek\tLärare", "Anna Ek"),
        ("anna@x.se, Anna Ek", "Anna Ek"),
        ("Åsa-Märta Öst <anna@x.se>", "Åsa-Märta Öst"),
        ("Anna <anna@x.se", "Anna"),
        ("2026 <anna@x.se>", ""),
        ("  Anna \x07  Ek <anna@x.se>", "Anna Ek"),
    ],
)
def test_a_line_with_one_address_has_its_name_around_it(written: str, name: str) -> None:
    assert read(written) == [("anna@x.se", name)]


def test_a_name_is_cut_where_no_account_has_a_longer_one() -> None:
    [line] = read_lines(f"{'Anna ' * 60}<anna@x.se>")
    assert len(line.name) == MAX_NAME


def test_a_mail_programs_list_of_recipients_is_taken_apart() -> None:
    assert read("Ek, Anna <anna@x.se>; Berg, Bo <bo@x.se>, cia@x.se\tDan <dan@x.se>") == [
        ("anna@x.se", "Ek, Anna"),
        ("bo@x.se", "Berg, Bo"),
        ("cia@x.se", ""),
        ("dan@x.se", "Dan"),
    ]
    assert read("anna@x.se bo@x.se,cia@x.se") == [("anna@x.se", ""), ("bo@x.se", ""), ("cia@x.se", "")]


def test_what_stands_before_a_bare_address_in_a_list_is_answered_and_named_after_nobody() -> None:
    assert read("anna@x.se, Bo, cia@x.se, Dan") == [
        ("anna@x.se", ""),
        (Fault.NO_ADDRESS, ""),
        ("cia@x.se", ""),
        (Fault.NO_ADDRESS, ""),
    ]


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("Namn;E-post", Fault.NO_ADDRESS),
        ("Anna Ek", Fault.NO_ADDRESS),
        ("0701234567", Fault.NO_ADDRESS),
        ("@", Fault.NOT_AN_ADDRESS),
        ("anna@", Fault.NOT_AN_ADDRESS),
        ("@x.se", Fault.NOT_AN_ADDRESS),
        ("anna@@x.se", Fault.NOT_AN_ADDRESS),
        ("anna@x", Fault.NOT_AN_ADDRESS),
        ("anna@localhost", Fault.NOT_AN_ADDRESS),
        ("anna@x..se", Fault.NOT_AN_ADDRESS),
        ("anna@-x.se", Fault.NOT_AN_ADDRESS),
        ("anna@192.0.2.7", Fault.NOT_AN_ADDRESS),
        ("anna@[192.0.2.7]", Fault.NOT_AN_ADDRESS),
        ("an..na@x.se", Fault.NOT_AN_ADDRESS),
        ("åsa@x.se", Fault.NOT_AN_ADDRESS),
        (f"anna@{'a.' * 30}se", Fault.NOT_AN_ADDRESS),
        (f"{'a' * 65}@x.se", Fault.TOO_LONG),
        (f"anna@{'a' * 60}.{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 20}.se", Fault.TOO_LONG),
        ("0701234567@messa.example", Fault.OURS),
        ("Anna <0701234567@sms.MESSA.example>", Fault.OURS),
    ],
)
def test_what_is_no_address_is_told_what_is_wrong_with_it(written: str, fault: Fault) -> None:
    assert read_lines(written, OWN) == [Line(1, written[:LONGEST_WRITTEN], None, "", fault)]


def test_a_domain_with_swedish_letters_is_written_as_in_mails() -> None:
    assert read("anna@malmö.se") == [("anna@xn--malm-8qa.se", "")]
    assert read("anna@MALMÖ.se") == [("anna@xn--malm-8qa.se", "")]


def test_blank_lines_are_nobody_and_places_count_what_is_there() -> None:
    lines = read_lines("\n\nanna@x.se\r\n \t\n ,;\nBo\ncia@x.se,dan@x.se\n")
    assert [(line.place, line.address) for line in lines] == [
        (1, "anna@x.se"),
        (2, None),
        (3, "cia@x.se"),
        (4, "dan@x.se"),
    ]
    assert read_lines("") == []


def test_of_too_many_lines_one_more_than_are_taken_is_read() -> None:
    text = "\n".join(f"anna{i}@x.se" for i in range(MOST_LINES + 500))
    assert len(read_lines(text)) == MOST_LINES + 1
    assert len(read_lines(text.replace("\n", ","))) == MOST_LINES + 1


@pytest.mark.parametrize("evil", ['"', "<", ",", "a@", '"<', "a@b ", "<a@b", "å.", "a,", "(", "'@"])
def test_no_line_takes_its_time(evil: str) -> None:
    assert len(read_lines(evil * 200_000)) <= MOST_LINES + 1


@pytest.mark.parametrize(
    "written", ["anna@x.se", "Ek, Anna <anna@x.se>", "no_address@x.se", "Anna Ek", "anna@", "a" * 300]
)
def test_a_line_is_kept_with_all_that_is_needed_of_it(written: str) -> None:
    [line] = read_lines(written)
    back = read_back(line.place, kept(line))
    assert (back.place, back.address, back.name, back.fault) == (1, line.address, line.name, line.fault)
    assert line.fault is None or back.written == line.written
