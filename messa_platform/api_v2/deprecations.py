"""How it is told that an operation is to go away: the headers `Deprecation` (RFC 9745) and `Sunset` (RFC 8594)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime

LEAST_NOTICE = timedelta(days=183)
"""Half a year, as the document promises, from when an operation is deprecated until it is gone."""


@dataclass(frozen=True, slots=True)
class Deprecated:
    """An operation is deprecated from `since` on, and gone at `sunset`; both aware, in UTC. `instead` says what to use by then.

    Raises ValueError where there is less time between the two than was promised.
    """

    since: datetime
    sunset: datetime
    instead: str

    def __post_init__(self) -> None:
        if self.sunset - self.since < LEAST_NOTICE:
            raise ValueError(
                f"there are less than {LEAST_NOTICE.days} days from {self.since} to {self.sunset}"
            )

    def headers(self) -> Mapping[str, str]:
        """What each answer of the operation tells, whether it was done or not."""
        return {
            # a date of structured fields (RFC 9745, 2.1; RFC 9651, 3.3.7), and one of HTTP (RFC 8594, 3)
            "Deprecation": f"@{int(self.since.timestamp())}",
            "Sunset": format_datetime(self.sunset, usegmt=True),
        }

    def told(self) -> str:
        """The sentence for whoever reads the document."""
        return f"Deprecated since {self.since:%Y-%m-%d}, gone on {self.sunset:%Y-%m-%d}. {self.instead}"
