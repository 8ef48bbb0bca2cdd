"""Messages in the order of time, wherever in two years the next ones are.

The summaries tell in which days or months the next hits lie (a *window*), and how many other messages lie between them. Where a hit comes
often enough an index that hands messages out in the order of time is walked; else the groups and days that have any are taken from the
summaries, and only they are looked into.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from messa_platform.core.clock import start_of_stockholm_day, stockholm_day
from messa_platform.core.ids import id_at, time_of
from messa_platform.messaging.log import fetch
from messa_platform.messaging.log.asked import Asked
from messa_platform.messaging.log.fetch import Cell, Hit
from messa_platform.messaging.log.summary import Told, ask, of_kind

FEW = 20_000
"""Messages that may be looked at for one page."""
CELLS = 2_000
"""Groups and days that are looked into at a time."""


@dataclass(frozen=True, slots=True)
class _Span:
    """Some days: `hits` of what is asked for, among `all` messages that the index which would be walked has there."""

    first: date
    after: date
    hits: int
    all: int


def by_date(
    session: Session, asked: Asked, after: UUID | None, most: int, told: Told | None = None
) -> list[Hit]:
    """The first `most` messages in the order of time, behind the id `after` if given; `told` is what the summaries say of the place."""
    low, high = asked.low, asked.high
    if after is not None:
        low, high = (low, after) if asked.descending else (UUID(int=after.int + 1), high)
    if not asked.is_plain or _is_one_group_whole(asked):
        return fetch.walk(session, asked, low, high, most)
    hits: list[Hit] = []
    spans = _spans(asked, told or ask(session, asked), after)
    while spans and len(hits) < most:
        window, spans = _window(spans, most - len(hits))
        hits += _look(session, asked, window, low, high, most - len(hits))
    return hits


def _is_one_group_whole(asked: Asked) -> bool:
    return asked.group_ids is not None and len(asked.group_ids) == 1 and not asked.has_kind


def _spans(asked: Asked, told: Told, after: UUID | None) -> list[_Span]:
    """What the summaries know, in the order asked for, from the day of `after` on; only where there are hits."""
    hits, every = Counter[tuple[date, date]](), Counter[tuple[date, date]]()
    for tally in of_kind(asked, told.here):
        hits[tally.first, tally.after] += tally.messages
    for tally in told.walked:
        every[tally.first, tally.after] += tally.messages
    spans = [_Span(*days, count, every[days]) for days, count in hits.items()]
    spans.sort(key=lambda span: span.first, reverse=asked.descending)
    if after is None:
        return spans
    day = stockholm_day(time_of(after))
    return [s for s in spans if (s.first <= day if asked.descending else s.after > day)]


def _window(spans: Sequence[_Span], most: int) -> tuple[list[_Span], list[_Span]]:
    """As many spans as surely hold `most` hits, and the rest. Of the first one some may have been shown before."""
    found = 0
    for place, span in enumerate(spans):
        found += span.hits if place else 0
        if found >= most:
            return list(spans[: place + 1]), list(spans[place + 1 :])
    return list(spans), []


def _runs(window: Sequence[_Span]) -> list[_Span]:
    """Spans that follow each other without a gap made one: a walk never crosses days that are known to hold nothing."""
    runs: list[_Span] = []
    for span in window:
        before = runs[-1] if runs else None
        if before is not None and (before.after == span.first or span.after == before.first):
            first, after = min(before.first, span.first), max(before.after, span.after)
            runs[-1] = _Span(first, after, before.hits + span.hits, before.all + span.all)
        else:
            runs.append(span)
    return runs


def _whole(window: Sequence[_Span]) -> _Span:
    first, after = min(span.first for span in window), max(span.after for span in window)
    return _Span(first, after, sum(span.hits for span in window), sum(span.all for span in window))


def _look(
    session: Session, asked: Asked, window: Sequence[_Span], low: UUID, high: UUID, most: int
) -> list[Hit]:
    hits: list[Hit] = []
    # a group's own index has nothing in a gap: all of it is one walk
    has_own_index = asked.group_ids is not None and len(asked.group_ids) == 1
    runs = [_whole(window)] if has_own_index else _runs(window)
    every, found = sum(run.all for run in runs), sum(run.hits for run in runs)
    if every > FEW and most * every > FEW * found:
        first, last = min(run.first for run in runs), max(run.after for run in runs) - timedelta(days=1)
        return _in_cells(session, asked, first, last, low, high, most)
    for run in runs:
        left = most - len(hits)
        bounds = max(low, _id_of(run.first)), min(high, _id_of(run.after))
        # between two hits `all / hits` messages are passed
        if run.all <= FEW or left * run.all <= FEW * run.hits:
            hits += fetch.walk(session, asked, *bounds, left)
        else:
            hits += _in_cells(session, asked, run.first, run.after - timedelta(days=1), *bounds, left)
        if len(hits) >= most:
            break
    return hits


def _in_cells(
    session: Session, asked: Asked, first: date, last: date, low: UUID, high: UUID, most: int
) -> list[Hit]:
    first, last = max(first, stockholm_day(time_of(low))), min(last, stockholm_day(time_of(high)))
    hits: list[Hit] = []
    while len(hits) < most and first <= last:
        cells = fetch.cells(session, asked, first, last, CELLS)
        end = cells[-1].day if len(cells) == CELLS else None
        if end is not None and cells[0].day != end:
            cells = [cell for cell in cells if cell.day != end]  # the last day may lack some
        elif end is not None:
            # so many groups have any on this one day that walking it meets them soon
            bounds = max(low, _id_of(end)), min(high, _id_of(end + timedelta(days=1)))
            hits += fetch.walk(session, asked, *bounds, most - len(hits))
            cells = []
        enough = _enough(cells, most - len(hits), low, high)
        if enough:
            hits += fetch.in_cells(session, asked, enough, low, high, most - len(hits))
        if end is None and len(enough) == len(cells):
            break
        through = enough[-1].day if enough else end
        assert through is not None, "there were cells, or the day that is walked"
        if asked.descending:
            last = through - timedelta(days=1)
        else:
            first = through + timedelta(days=1)
    return hits


def _enough(cells: Sequence[Cell], most: int, low: UUID, high: UUID) -> Sequence[Cell]:
    """Those of the first days that surely have `most` hits; of the days at the ends some may lie outside."""
    ends = {stockholm_day(time_of(low)), stockholm_day(time_of(high))}
    found = 0
    for place, cell in enumerate(cells):
        if found >= most and cell.day != cells[place - 1].day:
            return cells[:place]
        found += 0 if cell.day in ends else cell.hits
    return cells


def days_with(session: Session, asked: Asked) -> list[Cell]:
    """All the groups and days that have any of a kind of which there are few."""
    return fetch.cells(session, asked, asked.first_day, asked.last_day, FEW)


def _id_of(day: date) -> UUID:
    return id_at(start_of_stockholm_day(day))
