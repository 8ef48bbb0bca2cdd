"""Numbers as people write them into a search, which may be their beginning only (spec M1, L1)."""

from __future__ import annotations

import re

_IGNORED = re.compile(r"[\s.\-()/\u2010-\u2015]+")
# "+46 (0)70-174 06 05", as letterheads have it
_TRUNK_ZERO = re.compile(r"^(\s*(?:\+|00)\s*[1-9][0-9]{0,2}\s*)\(0\)")
_DIGITS = re.compile(r"\+?[0-9]+")


def beginnings(written: str, country_code: str) -> list[str]:
    """What the number meant may begin with as it is stored, or be, the likelier first, to somebody in the country `country_code`.

    A sender that is no number, and a number that was wrong to begin with, are stored as they were written.
    """
    plain = written.strip()
    compact = _IGNORED.sub("", _TRUNK_ZERO.sub(r"\1", plain))
    if not (_DIGITS.fullmatch(compact) and compact.isascii()):
        return [plain]
    if compact.startswith("+"):
        likely = [compact]
    elif compact.startswith("00"):
        likely = [f"+{compact[2:]}"]
    elif compact.startswith("0"):
        likely = [f"+{country_code}{compact[1:]}"]
    else:
        likely = [f"+{compact}", f"+{country_code}{compact}"]
    return list(dict.fromkeys([*likely, compact, plain]))
