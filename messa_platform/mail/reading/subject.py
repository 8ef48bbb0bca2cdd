"""The subject's reply and forward prefixes, and what they tell about the mail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a mail is to an earlier one."""

    NEW = "new"
    ANSWER = "answer"
    FORWARD = "forward"


_ANSWERS = ("re", "sv", "aw", "antw", "antwort")
_FORWARDS = ("fwd", "fw", "vb", "wg", "vs", "vl", "doorst")

# These are words that a person may begin a subject with (`Ang: skolstarten`, `I: entrén`), so they count only in a mail that
# names an earlier one in its header. Lotus Notes writes `Ang:` and `Svar:`, French, Italian and Spanish programs the others.
_DOUBTFUL_ANSWERS = ("ang", "angående", "svar", "r", "rif")
_DOUBTFUL_FORWARDS = ("tr", "i", "rv")


def _prefixes(*words: str) -> re.Pattern[str]:
    # A number counts how many times: `RE[2]:`, `Re(3):`, `Re^2:`. French programs put a blank before the colon.
    return re.compile(rf"\s*({'|'.join(words)})\.?\s?(?:[\[(^]\d{{1,3}}[\])]?)?\s?[:：]", re.IGNORECASE)


_SURE = _prefixes(*_ANSWERS, *_FORWARDS)
_THREADED = _prefixes(*_ANSWERS, *_FORWARDS, *_DOUBTFUL_ANSWERS, *_DOUBTFUL_FORWARDS)
_FORWARD_WORDS = frozenset(_FORWARDS + _DOUBTFUL_FORWARDS)


@dataclass(frozen=True, slots=True)
class Subject:
    """`bare` is the subject without its prefixes; `kind` is what the outermost prefix, else the threading, says."""

    bare: str
    kind: Kind


def read_subject(subject: str, *, threaded: bool) -> Subject:
    """Take the prefixes off `subject`. `threaded`: the mail names an earlier one (In-Reply-To, References)."""
    pattern = _THREADED if threaded else _SURE
    kind = Kind.ANSWER if threaded else Kind.NEW
    at = 0
    while found := pattern.match(subject, at):
        if at == 0:
            kind = Kind.FORWARD if found[1].lower() in _FORWARD_WORDS else Kind.ANSWER
        at = found.end()
    return Subject(subject[at:].strip(), kind)
