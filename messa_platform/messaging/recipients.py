"""Receiving numbers as people write them, made E.164 (spec M1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import phonenumbers

from messa_platform.tenants.numbers import OwnRange

_IGNORED = re.compile(r"[\s.\-()/\u2010-\u2015]+")
# "+46 (0)70-174 06 05", as letterheads have it
_TRUNK_ZERO = re.compile(r"^(\s*(?:\+|00)\s*[1-9][0-9]{0,2}\s*)\(0\)")
_DIGITS = re.compile(r"[0-9]+")


class Fault(StrEnum):
    """Why a text is no receiving number."""

    NOT_A_NUMBER = "not_a_number"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class Impossible:
    """No text can reach this; `fault` says why."""

    fault: Fault


def normalise(written: str, country_code: str, own: Sequence[OwnRange] = ()) -> str | Impossible:
    """The E.164 number, with `+`, that `written` means to a sender in `country_code` (such as `46`).

    `+…` and `00…` are international, a leading 0 is national. Other digits are international if that makes a possible number, else
    national. A number of our own ranges is taken as it is: some have 15 digits, which the numbering plan does not know.
    """
    compact = _IGNORED.sub("", _TRUNK_ZERO.sub(r"\1", written))
    plus = compact.startswith("+")
    digits = compact[1:] if plus else compact
    if not _DIGITS.fullmatch(digits) or not digits.isascii():
        return Impossible(Fault.NOT_A_NUMBER)
    if len(digits) > 20:  # E.164 knows 15, prefixes aside; longer ones only cost time
        return Impossible(Fault.TOO_LONG)
    faults = []
    for candidate in _readings(digits, plus, country_code):
        fault = None if any(r.first <= int(candidate) <= r.last for r in own) else _fault(candidate)
        if fault is None:
            return f"+{candidate}"
        faults.append(fault)
    return Impossible(faults[-1])


def _readings(digits: str, plus: bool, country_code: str) -> list[str]:
    """What the digits may mean, the likelier first; never empty."""
    if plus:
        return [digits]
    if digits.startswith("00"):
        return [digits[2:] or "0"]
    if digits.startswith("0"):
        return [country_code + digits[1:]]
    return [digits, country_code + digits]


@lru_cache(maxsize=65536)
def _fault(digits: str) -> Fault | None:
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return Fault.IMPOSSIBLE
    # only a whole number may be possible: the parser drops a trunk 0 after the country code, and nobody else would
    if f"{number.country_code}{number.national_number}" != digits and not number.italian_leading_zero:
        return Fault.IMPOSSIBLE
    result = phonenumbers.is_possible_number_with_reason(number)
    if result == phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    if (
        result == phonenumbers.ValidationResult.TOO_SHORT
        or result == phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY
    ):
        return Fault.TOO_SHORT
    return Fault.TOO_LONG if result == phonenumbers.ValidationResult.TOO_LONG else Fault.IMPOSSIBLE
