"""Settings of how people are added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from messa_platform.core.settings import key


@dataclass(frozen=True)
class PeopleSettings:
    """How many people that are not an organisation's own it may write to (spec G11)."""

    SECTION: ClassVar[str] = "people"
    consent_mails_a_day: int = key(
        500,
        "Addresses that one organisation may ask by mail, in a day, whether they want to move to it; 0: none.",
    )

    def __post_init__(self) -> None:
        if self.consent_mails_a_day < 0:
            raise ValueError(f"people.consent_mails_a_day: {self.consent_mails_a_day} is less than none")
