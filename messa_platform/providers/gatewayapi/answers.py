"""What GatewayAPI's answers say of a text."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from messa_platform.core.outbound import Answer
from messa_platform.providers.base import Accepted, Outcome, Rejected, Unknown
from messa_platform.providers.gatewayapi.codes import is_permanent
from messa_platform.providers.http import MALFORMED, json_object, refused

_CODE = re.compile(r"0x[0-9A-Fa-f]{4,8}")


def accepted(answer: Answer) -> Outcome:
    """The outcome of a send that was answered with 200."""
    told = json_object(answer) or {}
    ids, usage = told.get("ids"), told.get("usage")
    first = ids[0] if isinstance(ids, list) and ids else None
    reference = str(first) if isinstance(first, int | str) and not isinstance(first, bool) else ""
    if not 0 < len(reference) <= 200:
        return MALFORMED
    if not isinstance(usage, dict):
        return Accepted(reference)
    # an account has one currency, and most have another than ours
    is_ours = str(usage.get("currency")).upper() == "SEK"
    price = amount(usage.get("total_cost")) if is_ours else None
    return Accepted(reference, _parts(usage.get("countries")), price)


def _parts(countries: Any) -> int | None:
    """How many SMS one text to one recipient took: they are counted by country."""
    counts: list[Any] = list(countries.values()) if isinstance(countries, dict) else []
    numbers = [count for count in counts if type(count) is int and count > 0]
    return sum(numbers) if numbers and len(numbers) == len(counts) else None


def not_accepted(answer: Answer) -> Rejected | Unknown:
    """The outcome of a send that was answered otherwise."""
    if answer.status in (502, 504):
        # something that stands before it got no answer from it, which does not say that it has not the text
        return Unknown(f"http_{answer.status}")
    told = json_object(answer)
    code = code_of(told or {})
    if not 400 <= answer.status < 500:
        return refused(answer, code)
    permanent = is_permanent(code)
    if permanent is None:
        # By these two it says that it cannot take what it was given. Other statuses, or an answer that is none of its own, speak of the
        # channel or of its address.
        permanent = told is not None and answer.status in (400, 422)
    return Rejected(permanent, code or f"http_{answer.status}")


def code_of(told: Mapping[str, Any]) -> str:
    """Its own code for an error; "" if it tells none."""
    found = told.get("code")
    return found if isinstance(found, str) and _CODE.fullmatch(found) else ""


def amount(found: Any) -> Decimal | None:
    """An amount of money; None if it is none."""
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    return Decimal(str(found)) if is_number and math.isfinite(found) else None
