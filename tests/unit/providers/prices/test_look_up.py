"""The longest prefix wins, and amounts are whole millionths (spec X4)."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from messa_platform.providers.prices.amounts import kronor, plain
from messa_platform.providers.prices.table import Price, PriceTable

DIGITS = st.text("467", min_size=1, max_size=6)
AMOUNTS = st.integers(0, 10**9)


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, int], str]:
    """Prices, among them some of a number's own beginnings, and that number."""
    number = draw(st.text("4678", max_size=9))
    beginnings = draw(st.sets(st.integers(1, 9), max_size=5))
    prefixes = draw(st.sets(DIGITS, max_size=20)) | {number[:n] for n in beginnings if number[:n]}
    return {prefix: draw(AMOUNTS) for prefix in sorted(prefixes)}, number


@given(cases())
def test_looking_up_finds_what_a_plain_search_through_all_prices_finds(
    case: tuple[dict[str, int], str],
) -> None:
    amounts, number = case
    fitting = [prefix for prefix in amounts if number.startswith(prefix)]
    wanted = max(fitting, key=len, default=None)
    table = PriceTable(Price(prefix, micros) for prefix, micros in amounts.items())
    for written in (number, f"+{number}"):
        found = table.find(written)
        assert (found.prefix if found else None) == wanted
        assert (found.micros if found else None) == (None if wanted is None else amounts[wanted])


def test_the_longest_prefix_wins_in_whatever_order_they_come() -> None:
    prices = [Price("46701", 3), Price("4", 1), Price("467", 2), Price("4670174060512", 4)]
    for order in (prices, prices[::-1]):
        table = PriceTable(order)
        found = [table.find(number) for number in ("+4670174060", "+4671", "+4512", "+1", "46701740605")]
        assert [price and price.micros for price in found] == [3, 2, 1, None, 3]


@given(st.integers(0, 10**12))
def test_what_is_told_is_what_is_kept(micros: int) -> None:
    told = plain(kronor(micros))
    assert Decimal(told) * 10**6 == micros
    assert len(told.partition(".")[2]) == 6


def test_a_price_tells_kronor_as_a_decimal() -> None:
    amount = Price("46", 350_000).amount
    assert type(amount) is Decimal
    assert str(amount) == "0.350000"
