"""How many messages a search finds, where the summaries know it (spec L1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.orm import Session

from messa_platform.core.clock import start_of_stockholm_day
from messa_platform.messaging.log.asked import Asked
from messa_platform.messaging.log.summary import DAYS_APIECE, Tally, of_kind, tallies

_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Piece:
    """The days from `first` to `last`. `is_months`: they are whole months."""

    first: date
    last: date
    is_months: bool = False


@dataclass(frozen=True, slots=True)
class Total:
    """So many messages, and so many SMS charged for them."""

    messages: int
    parts: int


def told(session: Session, asked: Asked) -> list[Tally]:
    """What the summaries know of the days asked for, and of no others; of what it is narrowed to only the group counts.

    A long time is put together of its whole months and what is left at its ends: three statements at the most.
    """
    found: list[Tally] = []
    for piece in pieces(asked.first_day, asked.last_day):
        since, until = start_of_stockholm_day(piece.first), start_of_stockholm_day(piece.last + _A_DAY)
        found += tallies(session, asked.within(since=since, until=until))
    return found


def total(asked: Asked, known: Iterable[Tally]) -> Total | None:
    """Of what was `told`, as much as is asked for; None where the summaries cannot tell."""
    if not (asked.is_plain and _is_of_whole_days(asked)):
        return None
    found = of_kind(asked, known)
    return Total(sum(t.messages for t in found), sum(t.messages * t.parts for t in found))


def _is_of_whole_days(asked: Asked) -> bool:
    # the summaries' days are Stockholm's; those of an organisation elsewhere begin in the middle of them
    ends = start_of_stockholm_day(asked.first_day), start_of_stockholm_day(asked.last_day + _A_DAY)
    return ends == (asked.since, asked.until)


def pieces(first: date, last: date) -> list[Piece]:
    """The days from `first` to `last` in order; if they are many, their whole months apart from what is before and behind those."""
    if (last - first).days < DAYS_APIECE:
        return [Piece(first, last)]
    begin = first if first.day == 1 else _next_month(first)
    behind = _next_month(last) if (last + _A_DAY).day == 1 else last.replace(day=1)
    found = (Piece(first, begin - _A_DAY), Piece(begin, behind - _A_DAY, True), Piece(behind, last))
    return [piece for piece in found if piece.first <= piece.last]


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
