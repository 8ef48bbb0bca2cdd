"""Amounts of money by the part: whole millionths of a krona where they are kept and counted, `Decimal` where they are told. Never a float,
which has no 0.1."""

from __future__ import annotations

from decimal import Decimal

DECIMALS = 6
MICROS = 10**DECIMALS
"""Millionths in a krona."""
MOST = 1_000 * MICROS
"""What a part may cost at the most; what is above is öre, or lacks its decimal mark."""


def kronor(micros: int) -> Decimal:
    """Millionths as kronor, with six decimals."""
    return Decimal(micros).scaleb(-DECIMALS)


def plain(amount: Decimal) -> str:
    """Kronor as APIs and files tell them: "0.350000"."""
    return f"{amount:.{DECIMALS}f}"
