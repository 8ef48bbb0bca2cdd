"""How many messages there were, as an admin thinks of them: five kinds, told apart by days, weeks or months (spec L3)."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from messa_platform.messaging.log.summary import Count
from messa_platform.messaging.statuses import Direction, Status


class Kind(StrEnum):
    """What became of messages, in the order in which they are told and stand upon each other."""

    ARRIVED = "arrived"
    UNDER_WAY = "under-way"
    FAILED = "failed"
    """Taken in, and not delivered after all."""
    REFUSED = "refused"
    """A rule stopped them at once."""
    INCOMING = "incoming"


_OTHERS = {
    Status.DELIVERED: Kind.ARRIVED,
    Status.QUEUED: Kind.UNDER_WAY,
    Status.SENT: Kind.UNDER_WAY,
    Status.BUFFERED: Kind.UNDER_WAY,
    Status.UNCONFIRMED: Kind.UNDER_WAY,
    Status.SCHEDULED: Kind.UNDER_WAY,
    Status.UNDELIVERED: Kind.FAILED,
    Status.UNSENT: Kind.FAILED,
    Status.CANCELLED: Kind.FAILED,
    Status.INCOMING: Kind.INCOMING,
}
KINDS: Mapping[Status, Kind] = {status: _OTHERS.get(status, Kind.REFUSED) for status in Status}
"""The kind of each status; all others are words of rules (spec S6)."""


def kind_of(count: Count) -> Kind:
    """What kind messages are."""
    return Kind.INCOMING if count.direction is Direction.IN else KINDS[count.status]


class Step(StrEnum):
    """What a bar stands for."""

    DAY = "day"
    WEEK = "week"
    """From Monday to Sunday."""
    MONTH = "month"


MOST_DAYS = 92
"""Up to so many days are told one by one: three months."""
MOST_DAYS_BY_WEEK = 184
"""Up to so many days are told by weeks: half a year. Months have summaries of their own, so that a year costs little whatever was sent."""
MOST_MONTHS = 120
"""Of a longer time the months before the first message and after the last are left out."""


def step_for(first: date, last: date) -> Step:
    """How finely the time from `first` to `last`, both included, is told."""
    days = (last - first).days + 1
    if days <= MOST_DAYS:
        return Step.DAY
    return Step.WEEK if days <= MOST_DAYS_BY_WEEK else Step.MONTH


def start_of(day: date, step: Step) -> date:
    """The first day of the day's own step."""
    if step is Step.MONTH:
        return day.replace(day=1)
    back = day.weekday() if step is Step.WEEK else 0
    return date.fromordinal(max(1, day.toordinal() - back))


def spans(first: date, last: date, step: Step) -> Iterator[tuple[date, date]]:
    """The steps from `first` to `last`, each with its first and its last day; those at the ends may be cut."""
    begin = first.toordinal()
    while begin <= last.toordinal():
        day = date.fromordinal(begin)
        more = {
            Step.DAY: 0,
            Step.WEEK: 6 - day.weekday(),
            Step.MONTH: monthrange(day.year, day.month)[1] - day.day,
        }
        end = min(begin + more[step], last.toordinal())
        yield day, date.fromordinal(end)
        begin = end + 1


@dataclass(frozen=True, slots=True)
class Bar:
    """What a day, week or month had: `messages` by kind, in the order of `Kind`; `parts` is *Antal* of all of them."""

    first: date
    last: date
    messages: tuple[int, ...]
    parts: int

    @property
    def total(self) -> int:
        """Messages of all kinds."""
        return sum(self.messages)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a time had, bar by bar without a gap, and together."""

    step: Step
    bars: tuple[Bar, ...]

    @property
    def messages_of(self) -> tuple[int, ...]:
        """Messages by kind, in the order of `Kind`."""
        return tuple(sum(bar.messages[place] for bar in self.bars) for place in range(len(Kind)))

    @property
    def messages(self) -> int:
        """All messages."""
        return sum(bar.total for bar in self.bars)

    @property
    def parts(self) -> int:
        """*Antal* of all of them."""
        return sum(bar.parts for bar in self.bars)


def figures(counts: Iterable[Count], first: date, last: date) -> Figures:
    """What the days from `first` to `last` had. `counts` are of these days alone; those of a month may be told as of its first day, where
    the step is the month."""
    counts = list(counts)
    step = step_for(first, last)
    if step is Step.MONTH and (last.year - first.year) * 12 + last.month - first.month >= MOST_MONTHS:
        first, last = _with_messages(counts, first, last)
    places = {kind: place for place, kind in enumerate(Kind)}
    edges = list(spans(first, last, step))
    index = {start_of(edge[0], step): number for number, edge in enumerate(edges)}
    messages = [[0] * len(Kind) for _ in edges]
    parts = [0] * len(edges)
    for count in counts:
        number = index[start_of(count.day, step)]
        messages[number][places[kind_of(count)]] += count.messages
        parts[number] += count.parts
    bars = (Bar(*edge, tuple(of_bar), n) for edge, of_bar, n in zip(edges, messages, parts, strict=True))
    return Figures(step, tuple(bars))


def _with_messages(counts: Sequence[Count], first: date, last: date) -> tuple[date, date]:
    """The months between which there is anything at all; the last one alone, if there is nothing."""
    days = [count.day for count in counts] or [last]
    final = max(days)
    end = final.replace(day=monthrange(final.year, final.month)[1])
    return max(first, start_of(min(days), Step.MONTH)), min(end, last)
