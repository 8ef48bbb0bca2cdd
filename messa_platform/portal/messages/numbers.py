"""Numbers as people write them."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers


@lru_cache(maxsize=20_000)
def nice(number: str, country_code: str = "") -> str:
    """A number as people write it: national within `country_code`, else international; as it is, where the numbering plan knows it not."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    if not phonenumbers.is_possible_number(parsed):
        return number
    national = str(parsed.country_code) == country_code
    style = (
        phonenumbers.PhoneNumberFormat.NATIONAL if national else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    )
    return str(phonenumbers.format_number(parsed, style))
