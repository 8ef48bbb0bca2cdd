"""The time at which a text is to be sent, as a browser's date field gives it: the clock of where one is, with no word of summer time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from messa_platform.core.clock import STOCKHOLM
from messa_platform.messaging.schedule import check_time

_FORM = re.compile(r"(\d{4}-\d\d-\d\d)[T ]+(\d\d[:.]\d\d)(?::\d\d(?:\.\d+)?)?", re.ASCII)


class MomentFault(StrEnum):
    """Why a text is no time to send at."""

    NO_TIME = "no_time"
    SKIPPED = "skipped"
    PAST = "past"
    TOO_FAR = "too_far"


@dataclass(frozen=True, slots=True)
class Moment:
    """A time to send at, in UTC. `twice`: the clock shows it twice that night; the first is meant."""

    at: datetime
    twice: bool = False


def read_moment(written: str, now: datetime, zone: ZoneInfo = STOCKHOLM) -> Moment | MomentFault:
    """The instant that `2026-11-23T14:30` means in `zone`; it lies after `now`."""
    # a browser without a field for dates sends what was typed, with a space in the middle
    found = _FORM.fullmatch(written.strip())
    try:
        local = datetime.fromisoformat(f"{found[1]}T{found[2].replace('.', ':')}") if found else None
    except ValueError:
        local = None
    if local is None or not 2000 <= local.year <= 9000:
        return MomentFault.NO_TIME
    # In a gap the clock never showed the time: it does not come back from UTC. Where it shows it twice, fold tells the second one (PEP 495).
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first.astimezone(zone).replace(tzinfo=None) != local:
        return MomentFault.SKIPPED
    if second <= now:
        return MomentFault.PAST
    if check_time(now, second) is not None:
        return MomentFault.TOO_FAR
    return Moment(first, twice=first != second) if first > now else Moment(second)
