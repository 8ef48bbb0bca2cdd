"""What time it is. Handed in everywhere, so that a test can move it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

STOCKHOLM = ZoneInfo("Europe/Stockholm")


class Clock(Protocol):
    """Something that tells the time."""

    def now(self) -> datetime:
        """The time now, aware, in UTC."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class FixedClock:
    """A clock that a test sets and moves."""

    def __init__(self, at: datetime) -> None:
        if at.tzinfo is None:
            raise ValueError("a clock needs an aware datetime")
        self.at = at.astimezone(UTC)

    def now(self) -> datetime:
        return self.at

    def move(self, step: timedelta) -> None:
        self.at += step


def zone_called(name: str) -> ZoneInfo:
    """The time zone of this name in the IANA database; Stockholm's if there is none, or none any more."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return STOCKHOLM


def stockholm_day(at: datetime) -> date:
    """The calendar day in Stockholm at the instant `at`; quota windows and bills count by it (spec G6, B2)."""
    return at.astimezone(STOCKHOLM).date()


def start_of_stockholm_day(day: date) -> datetime:
    """The instant, in UTC, at which `day` begins in Stockholm."""
    return datetime(day.year, day.month, day.day, tzinfo=STOCKHOLM).astimezone(UTC)
