"""The days of the log that are looked at: from one to another, as people of the organisation count them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from messa_platform.core.i18n import Speech, msgid
from messa_platform.portal.forms import Form

USUAL = 30
"""Days that are shown where none are asked for, with today."""
_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Days:
    """The days from `first` to `last`."""

    first: date
    last: date

    def since(self, zone: ZoneInfo) -> datetime:
        """When they begin."""
        return _start(self.first, zone)

    def until(self, zone: ZoneInfo) -> datetime:
        """When they are over."""
        return _start(self.last + _A_DAY, zone)

    @property
    def query(self) -> dict[str, str]:
        """What stands in an address that asks for them."""
        return {"from": self.first.isoformat(), "to": self.last.isoformat()}


def _start(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def usual(last: date) -> Days:
    """The days up to `last` that are shown where no first one is asked for."""
    return Days(last - timedelta(days=USUAL - 1), last)


def presets(today: date) -> tuple[tuple[str, Days], ...]:
    """Days that are often asked for, with what they are called."""
    this_month = today.replace(day=1)
    last_month = this_month - _A_DAY
    return (
        (msgid("Today"), Days(today, today)),
        (msgid("7 days"), Days(today - timedelta(days=6), today)),
        (msgid("30 days"), usual(today)),
        (msgid("This month"), Days(this_month, today)),
        (msgid("Last month"), Days(last_month.replace(day=1), last_month)),
    )


def read(form: Form, speech: Speech, today: date) -> Days:
    """The days that the form asks for; what is no day, and an end before the beginning, is told."""
    last = _day(form, speech, "to")
    first = _day(form, speech, "from")
    if last is None:
        last = max(today, first) if first else today
    days = Days(first, last) if first else usual(last)
    if days.first > days.last and form.ok:
        form.fail("to", speech.gettext("Choose a day that is not before the first one."))
    return days


def _day(form: Form, speech: Speech, name: str) -> date | None:
    """A day, as browsers send it."""
    if not form.values.get(name):
        return None
    try:
        day = date.fromisoformat(form.values[name])
    except ValueError:
        day = date.min
    if 1999 < day.year < 2200:
        return day
    form.fail(name, speech.gettext("Write the day like this: %(day)s.", day="2026-11-22"))
    return None
