"""The picture of the log: messages a day, a week or a month by what became of them (spec L3), with the same in figures.

`admin/logs_picture.jinja2` shows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from babel.dates import format_date, format_interval
from pyramid.request import Request

from messa_platform.core.i18n import Speech, msgid
from messa_platform.messaging.log import summary
from messa_platform.portal.admin.logs.chart import TALL, Chart, chart
from messa_platform.portal.admin.logs.figures import Bar, Figures, Kind, Step, figures, step_for
from messa_platform.portal.admin.resources import GroupResource

HEADINGS: Mapping[Step, str] = {
    Step.DAY: msgid("Messages a day"),
    Step.WEEK: msgid("Messages a week"),
    Step.MONTH: msgid("Messages a month"),
}
COLUMNS: Mapping[Step, str] = {
    Step.DAY: msgid("Day"),
    Step.WEEK: msgid("Week"),
    Step.MONTH: msgid("Month"),
}
"""What the lines of the table are."""
KIND_WORDS: Mapping[Kind, str] = {
    Kind.ARRIVED: msgid("Arrived"),
    Kind.UNDER_WAY: msgid("On the way"),
    Kind.FAILED: msgid("Did not arrive"),
    Kind.REFUSED: msgid("Refused"),
    Kind.INCOMING: msgid("Incoming"),
}


@dataclass(frozen=True, slots=True)
class KindTotal:
    """All messages of a kind."""

    kind: Kind
    label: str
    messages: int


@dataclass(frozen=True, slots=True)
class Line:
    """What a bar says: `label` in the table, `short` below it."""

    label: str
    short: str
    bar: Bar


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in a language. `says` is what it shows, in a sentence or two; `column` is what its lines are; `parts` is *Antal*."""

    heading: str
    period: str
    says: str
    column: str
    kinds: tuple[KindTotal, ...]
    lines: tuple[Line, ...]
    messages: int
    parts: int
    chart: Chart


def picture(
    request: Request,
    context: GroupResource,
    first_day: date,
    last_day: date,
    group_ids: Sequence[UUID] | None,
) -> Picture:
    """What these groups (None: all of the tenant's) had on Stockholm's days from `first_day` to `last_day`; one statement."""
    by_month = step_for(first_day, last_day) is Step.MONTH
    counts = summary.counts(
        request.db, context.place.tenant_id, group_ids, first_day, last_day, by_month=by_month
    )
    return drawn(request.speech, figures(counts, first_day, last_day))


def drawn(speech: Speech, told: Figures, height: int = TALL) -> Picture:
    """Draw figures, in a language."""
    kinds = tuple(
        KindTotal(kind, speech.gettext(KIND_WORDS[kind]), messages)
        for kind, messages in zip(Kind, told.messages_of, strict=True)
    )
    heading, period = speech.gettext(HEADINGS[told.step]), _period(speech, told)
    lines = tuple(_line(speech, told, bar) for bar in told.bars)
    return Picture(
        heading,
        period,
        _says(speech, f"{heading}, {period}", kinds, lines),
        speech.gettext(COLUMNS[told.step]),
        kinds,
        lines,
        told.messages,
        told.parts,
        chart(told, height),
    )


def _period(speech: Speech, told: Figures) -> str:
    if not told.bars:
        return ""
    said: str = format_interval(told.bars[0].first, told.bars[-1].last, "yMMMd", locale=speech.locale)
    return said


def _says(speech: Speech, heading: str, kinds: Sequence[KindTotal], lines: Sequence[Line]) -> str:
    """The picture for who does not see it."""
    told = ", ".join(f"{kind.label} {speech.number(kind.messages)}" for kind in kinds if kind.messages)
    highest = max(lines, key=lambda line: line.bar.total, default=None)
    if highest is None or not highest.bar.total:
        return speech.gettext("%(heading)s: none.", heading=heading)
    return speech.gettext(
        "%(heading)s: %(messages)s in all. %(kinds)s. The most were %(most)s: %(when)s.",
        heading=heading,
        messages=speech.number(sum(kind.messages for kind in kinds)),
        kinds=told,
        most=speech.number(highest.bar.total),
        when=highest.label,
    )


def _line(speech: Speech, told: Figures, bar: Bar) -> Line:
    one_year = told.bars[0].first.year == told.bars[-1].last.year
    match told.step:
        case Step.DAY:
            short = format_date(bar.first, "d MMM", speech.locale)
            return Line(short if one_year else format_date(bar.first, "d MMM y", speech.locale), short, bar)
        case Step.WEEK:
            week = speech.number(bar.first.isocalendar().week)
            days = format_interval(bar.first, bar.last, "MMMd" if one_year else "yMMMd", locale=speech.locale)
            label = speech.gettext("Week %(week)s, %(days)s", week=week, days=days)
            return Line(label, format_date(bar.first, "d MMM" if one_year else "MMM y", speech.locale), bar)
    month = format_date(bar.first, "MMM y", speech.locale)
    return Line(month, month, bar)
