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
        fault = (
            None
            if not candidate.startswith("0") and any(r.first <= int(candidate) <= r.last for r in own)
            else _fault(candidate)
        )
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


def _fault(digits: str) -> Fault | None:
    for length in (1, 2, 3):  # no country code is the beginning of another (E.164)
        country_code = int(digits[:length])
        if not digits.startswith("0") and country_code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            national = digits[length:]
            if national.startswith("0"):
                return _fault_by_parser(digits)
            return _fault_of_length(country_code, len(national))
    return Fault.IMPOSSIBLE


@lru_cache(maxsize=4096)
def _fault_of_length(country_code: int, length: int) -> Fault | None:
    """Whether a country has numbers of this many digits, which is all that "possible" means; the parser would take 30 times as long."""
    if length == 0 or length > 17:
        return Fault.TOO_SHORT if length == 0 else Fault.TOO_LONG
    return _verdict(phonenumbers.PhoneNumber(country_code=country_code, national_number=int("2" * length)))


def _fault_by_parser(digits: str) -> Fault | None:
    """A 0 after the country code belongs to the number in Italy and a few places more; elsewhere it is a mistake."""
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return Fault.IMPOSSIBLE
    return _verdict(number) if number.italian_leading_zero else Fault.IMPOSSIBLE


def _verdict(number: phonenumbers.PhoneNumber) -> Fault | None:
    result = phonenumbers.is_possible_number_with_reason(number)
    if result == phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    if result in (
        phonenumbers.ValidationResult.TOO_SHORT,
        phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY,
    ):
        return Fault.TOO_SHORT
    return Fault.TOO_LONG if result == phonenumbers.ValidationResult.TOO_LONG else Fault.IMPOSSIBLE
