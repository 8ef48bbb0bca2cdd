"""What stands in a cell of a price list: a prefix, an amount, a name."""

from __future__ import annotations

import re
from enum import StrEnum

from messa_platform.providers.prices.amounts import DECIMALS, MOST

LONGEST_PREFIX = 15
"""Digits of a whole number (E.164)."""
LONGEST_NAME = 100


class Wrong(StrEnum):
    """What is wrong with a row; what to do is said by who shows it."""

    NO_PREFIX = "no_prefix"
    NOT_A_PREFIX = "not_a_prefix"
    NATIONAL = "national"
    PREFIX_TOO_LONG = "prefix_too_long"
    NO_AMOUNT = "no_amount"
    NOT_AN_AMOUNT = "not_an_amount"
    NEGATIVE = "negative"
    TOO_PRECISE = "too_precise"
    TOO_HIGH = "too_high"
    OTHER_CURRENCY = "other_currency"
    NAME_TOO_LONG = "name_too_long"
    NAME_IS_A_NUMBER = "name_is_a_number"
    """As where the decimal comma divides columns: 46,0,35."""
    TWICE = "twice"
    """The same prefix and amount as in an earlier row."""
    CONTRADICTS = "contradicts"
    """The prefix of an earlier row with another amount."""


_PREFIX = re.compile(r"(\+|00)? ?([0-9][0-9 ]*)")


def read_prefix(cell: str) -> str | Wrong:
    """The digits of a prefix that begins with a country's code, written as 46, +46, 0046 or 46 70."""
    if not cell:
        return Wrong.NO_PREFIX
    found = _PREFIX.fullmatch(cell.replace("\N{NO-BREAK SPACE}", " "))
    if found is None:
        return Wrong.NOT_A_PREFIX
    digits = found[2].replace(" ", "")
    if digits.startswith("0"):
        return Wrong.NATIONAL
    return digits if len(digits) <= LONGEST_PREFIX else Wrong.PREFIX_TOO_LONG


_UNIT = r"(?:sek|kr\.?|kronor)"
_OUR_CURRENCY = re.compile(rf"{_UNIT}\s+|\s*{_UNIT}$", re.IGNORECASE)
_OTHER_CURRENCY = re.compile(
    r"[€$£¥¢%]|öre|\b(?:eur|euro|usd|gbp|dkk|nok|chf|pln|isk|jpy|cent)\b", re.IGNORECASE
)
# spreadsheets write what is below a ten-thousandth with an exponent
_AMOUNT = re.compile(r"([+-]?)([0-9]*)(?:[.,]([0-9]+))?(?:e-0([5-9]))?", re.IGNORECASE)


def read_amount(cell: str) -> int | Wrong:
    """An amount in kronor, in whole millionths: 0,35, 0.35, 0,35 kr. No spaces or points between thousands: nothing costs so much."""
    if not cell:
        return Wrong.NO_AMOUNT
    if _OTHER_CURRENCY.search(cell):
        return Wrong.OTHER_CURRENCY
    found = _AMOUNT.fullmatch(_OUR_CURRENCY.sub("", cell, count=1).strip())
    if found is None or not (found[2] or found[3]):
        return Wrong.NOT_AN_AMOUNT
    sign, whole, decimals, exponent = found.groups(default="")
    # in whole numbers all the way: a Decimal's arithmetic rounds what is long
    kept = decimals.rstrip("0")
    digits, places = int(f"{whole}{kept}" or "0"), len(kept) + int(exponent or 0)
    if sign == "-" and digits:
        return Wrong.NEGATIVE
    if places > DECIMALS and digits:
        return Wrong.TOO_PRECISE
    micros = digits * 10 ** max(DECIMALS - places, 0)
    return micros if micros <= MOST else Wrong.TOO_HIGH


_LIKE_FORMULAS = ("=", "+", "-", "@")


def read_name(cell: str) -> str | Wrong:
    """A country's or network's name, in one line."""
    name = " ".join(cell.split())
    if name[:1] == "'" and name[1:2] in _LIKE_FORMULAS:  # put there so that a spreadsheet takes it for a text
        name = name[1:]
    if len(name) > LONGEST_NAME:
        return Wrong.NAME_TOO_LONG
    return Wrong.NAME_IS_A_NUMBER if name and not any(c.isalpha() for c in name) else name


def is_our_currency(cell: str) -> bool:
    """Whether a cell of a column of currencies names kronor."""
    return not cell or re.fullmatch(_UNIT, cell, re.IGNORECASE) is not None
