"""Times as the clock goes where people are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from messa_platform.core.clock import STOCKHOLM, zone_called
from messa_platform.core.i18n import speech

NIGHT = datetime(2026, 6, 30, 21, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "clock", "day"),
    [
        ("Europe/Stockholm", "23:30", date(2026, 6, 30)),
        ("Europe/Helsinki", "00:30", date(2026, 7, 1)),
        ("Atlantic/Reykjavik", "21:30", date(2026, 6, 30)),
    ],
)
def test_times_and_days_are_those_of_the_zone(zone: str, clock: str, day: date) -> None:
    there = replace(speech("sv"), zone=zone_called(zone))
    assert (there.clock(NIGHT), there.day(NIGHT)) == (clock, day)
    assert there.date(NIGHT) == speech("sv").date(day)


def test_yesterday_is_yesterday_there() -> None:
    there = replace(speech("en"), zone=zone_called("Europe/Helsinki"))
    assert speech("en").moment(NIGHT, NIGHT) == "23:30"
    assert there.moment(NIGHT, NIGHT.replace(day=30, hour=20)) == "tomorrow 00:30"


@pytest.mark.parametrize("name", ["", "Europe/Atlantis", "../etc/passwd", "a\x00b"])
def test_a_zone_that_there_is_not_is_stockholms(name: str) -> None:
    assert zone_called(name) is STOCKHOLM
