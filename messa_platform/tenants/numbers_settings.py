"""Settings of the numbers that the platform lends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from messa_platform.core.settings import key


@dataclass(frozen=True)
class NumberSettings:
    """How long numbers rest, and when the operator is told that they run low (spec R5, R6)."""

    SECTION: ClassVar[str] = "numbers"
    rest_days: int = key(90, "Days that a number rests after it was taken back, before it is lent again.")
    warn_percent: int = key(
        10,
        "The operator is told when less than this share of a range's numbers can be lent, in percent; 0: never.",
    )

    @property
    def rest(self) -> timedelta:
        """How long a number rests."""
        return timedelta(days=self.rest_days)

    def __post_init__(self) -> None:
        if self.rest_days < 1:
            # an SMS to the one who had it must not come to a stranger
            raise ValueError(f"numbers.rest_days: {self.rest_days} is less than one day")
        if not 0 <= self.warn_percent <= 100:
            raise ValueError(f"numbers.warn_percent: {self.warn_percent} is not between 0 and 100")
