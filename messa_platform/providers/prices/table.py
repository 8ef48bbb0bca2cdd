"""What a part costs to a number: the price with the longest prefix that the number begins with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from messa_platform.providers.prices.amounts import kronor


@dataclass(frozen=True, slots=True)
class Price:
    """What a part costs to numbers that begin with `prefix`, digits of E.164; `micros` are millionths of a krona. `name` is the country's or
    network's, "" if none was given."""

    prefix: str
    micros: int
    name: str = ""

    @property
    def amount(self) -> Decimal:
        """Kronor."""
        return kronor(self.micros)


class PriceTable:
    """The prices of a version of a list, for looking up many numbers."""

    __slots__ = ("_lengths", "_prices")

    def __init__(self, prices: Iterable[Price]) -> None:
        self._prices = {price.prefix: price for price in prices}
        self._lengths = sorted({len(prefix) for prefix in self._prices}, reverse=True)

    def find(self, number: str) -> Price | None:
        """The price to a number, E.164 with or without `+`; None if there is none."""
        digits = number.removeprefix("+")
        for length in self._lengths:
            found = self._prices.get(digits[:length])
            if found is not None:
                return found
        return None
