"""The longest prefix wins, and amounts are whole millionths (spec X4)."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from messa_platform.providers.prices.amounts import kronor, plain
from messa_platform.providers.prices.table import Price, PriceTable

# few digits, so that prefixes of prefixes are common
DIGITS = st.text("467", min_size=1, max_size=6)
TABLES = st.dictionaries(DIGITS, st.integers(0, 10**9), max_size=40)


@given(TABLES, st.text("4678", max_size=9))
def test_looking_up_finds_what_a_plain_search_through_all_prices_finds(
    amounts: dict[str, int], number: str
) -> None:
    fitting = [prefix for prefix in amounts if number.startswith(prefix)]
    wanted = max(fitting, key=len, default=None)
    table = PriceTable(Price(prefix, micros) for prefix, micros in amounts.items())
    for written in (number, f"+{number}"):
        found = table.find(written)
        assert (found.prefix if found else None) == wanted
        assert (found.micros if found else None) == (None if wanted is None else amounts[wanted])


@given(st.integers(0, 10**12))
def test_what_is_told_is_what_is_kept(micros: int) -> None:
    told = plain(kronor(micros))
    assert Decimal(told) * 10**6 == micros
    assert len(told.partition(".")[2]) == 6


def test_a_price_tells_kronor_as_a_decimal() -> None:
    amount = Price("46", 350_000).amount
    assert type(amount) is Decimal
    assert str(amount) == "0.350000"
