"""Receiving numbers as people write them (spec M1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messa_platform.messaging.recipients import Fault, Impossible, normalise
from messa_platform.tenants.numbers import OwnRange

ANNA = "+46701740605"


@pytest.mark.parametrize(
    "written",
    [
        "0701740605",
        "070-174 06 05",
        "070.174.06.05",
        "070–174 06 05",
        " 0701740605 ",
        "(070) 174 06 05",
        "070/174 06 05",
        "+46701740605",
        "+46 70 174 06 05",
        "+46 (0)70-174 06 05",
        "0046701740605",
        "0046 (0)70 174 06 05",
        "46701740605",
        "701740605",
    ],
)
def test_the_ways_to_write_a_number_all_mean_the_same(written: str) -> None:
    assert normalise(written, "46") == ANNA


def test_a_national_number_gets_the_senders_country_code() -> None:
    assert normalise("040123456", "47") == "+4740123456"
    assert normalise("+46701740605", "47") == ANNA


def test_digits_without_plus_or_zero_are_international_if_that_is_possible_else_national() -> None:
    assert normalise("4748123456", "46") == "+4748123456"
    assert normalise("701740605", "46") == ANNA


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("", Fault.NOT_A_NUMBER),
        ("anna", Fault.NOT_A_NUMBER),
        ("+", Fault.NOT_A_NUMBER),
        ("0701740605x", Fault.NOT_A_NUMBER),
        ("+46+701740605", Fault.NOT_A_NUMBER),
        ("٠٧٠١٧٤٠٦٠٥", Fault.NOT_A_NUMBER),
        ("070²", Fault.NOT_A_NUMBER),
        ("07017", Fault.TOO_SHORT),
        ("+4670", Fault.TOO_SHORT),
        ("0701740605070174", Fault.TOO_LONG),
        ("1" * 21, Fault.TOO_LONG),
        ("1" * 5000, Fault.TOO_LONG),
        ("+999701740605", Fault.IMPOSSIBLE),
        ("+0701740605", Fault.IMPOSSIBLE),
        ("00", Fault.IMPOSSIBLE),
    ],
)
def test_what_is_no_number_says_why(written: str, fault: Fault) -> None:
    assert normalise(written, "46") == Impossible(fault)


def test_a_trunk_zero_after_the_country_code_is_no_part_of_a_number() -> None:
    assert isinstance(normalise("+460701740605", "46"), Impossible)


def test_a_number_of_our_own_with_15_digits_is_taken_as_it_is() -> None:
    own = [OwnRange(467301214000000, 467301214999999)]
    assert normalise("467301214000017", "46", own) == "+467301214000017"
    assert normalise("+467301214000017", "46", own) == "+467301214000017"
    assert normalise("07301214000017", "46", own) == "+467301214000017"
    assert isinstance(normalise("+467301214000017", "46"), Impossible)
    assert isinstance(normalise("+467301215000000", "46", own), Impossible)


@given(st.text())
def test_whatever_is_written_is_a_number_or_impossible_and_never_an_error(written: str) -> None:
    number = normalise(written, "46")
    if not isinstance(number, Impossible):
        assert number.startswith("+")
        assert number[1:].isdecimal() and number.isascii()


@given(st.from_regex(r"\+?[0-9 \-]{5,18}", fullmatch=True), st.sampled_from(["46", "47", "1"]))
def test_a_number_made_plain_is_itself(written: str, country: str) -> None:
    number = normalise(written, country)
    if not isinstance(number, Impossible):
        assert normalise(number, country) == number
        assert normalise(number, "49") == number
