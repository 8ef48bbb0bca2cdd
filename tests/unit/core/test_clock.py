"""Clocks, and the calendar of Stockholm by which quotas and bills count."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messa_platform.core.clock import (
    STOCKHOLM,
    FixedClock,
    SystemClock,
    start_of_stockholm_day,
    stockholm_day,
)


def test_the_systems_clock_tells_utc_and_goes() -> None:
    first, second = SystemClock().now(), SystemClock().now()
    assert first.tzinfo is UTC
    assert first <= second <= first + timedelta(minutes=1)


def test_a_fixed_clock_stands_still_until_it_is_moved() -> None:
    clock = FixedClock(datetime(2026, 11, 22, 13, 0, tzinfo=STOCKHOLM))
    assert clock.now() == clock.now() == datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    clock.move(timedelta(minutes=5))
    assert clock.now() == datetime(2026, 11, 22, 12, 5, tzinfo=UTC)


def test_a_clock_refuses_a_time_without_a_zone() -> None:
    with pytest.raises(ValueError, match="aware"):
        FixedClock(datetime(2026, 11, 22))


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 11, 21, 22, 59, 59, tzinfo=UTC), date(2026, 11, 21)),
        (datetime(2026, 11, 21, 23, 0, tzinfo=UTC), date(2026, 11, 22)),
        (datetime(2026, 7, 1, 21, 59, 59, tzinfo=UTC), date(2026, 7, 1)),
        (datetime(2026, 7, 1, 22, 0, tzinfo=UTC), date(2026, 7, 2)),
        (datetime(2026, 12, 31, 23, 0, tzinfo=UTC), date(2027, 1, 1)),
    ],
)
def test_a_day_begins_at_midnight_in_stockholm_summer_and_winter(at: datetime, day: date) -> None:
    assert stockholm_day(at) == day


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 11, 22), 24)]
)
def test_the_days_when_the_clocks_change_have_23_and_25_hours(day: date, hours: int) -> None:
    length = start_of_stockholm_day(day + timedelta(days=1)) - start_of_stockholm_day(day)
    assert length == timedelta(hours=hours)


@given(st.dates(date(1980, 1, 1), date(2100, 1, 1)))
def test_a_day_starts_at_the_first_instant_that_belongs_to_it(day: date) -> None:
    start = start_of_stockholm_day(day)
    assert start.tzinfo is UTC
    assert stockholm_day(start) == day
    assert stockholm_day(start - timedelta(microseconds=1)) == day - timedelta(days=1)
