"""Settings of the events to the outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from messa_platform.core.settings import key

MOST_AT_ONCE = 4
"""Requests to one endpoint at a time that one process makes."""


@dataclass(frozen=True)
class PushSettings:
    """How webhooks and `api_url`s are told."""

    SECTION: ClassVar[str] = "push"
    threads: int = key(64, "Requests to webhooks and api_urls that a process makes at once.")
    timeout: float = key(10.0, "Seconds that one of them may take; outbound.timeout holds as well.")

    def __post_init__(self) -> None:
        # half of them are kept for those that answer quickly, and one endpoint must not take all of these
        if self.threads < 2 * MOST_AT_ONCE:
            raise ValueError(f"push.threads: {self.threads} is less than {2 * MOST_AT_ONCE}")
        if not 0 < self.timeout <= 10:
            raise ValueError(f"push.timeout: {self.timeout} is not between 0 and 10 seconds")
