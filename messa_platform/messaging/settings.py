"""Settings of messages: how they are sent, and for how long they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from messa_platform.core.settings import key


@dataclass(frozen=True)
class DispatchSettings:
    """How texts leave."""

    SECTION: ClassVar[str] = "dispatch"
    lease_seconds: float = key(
        90.0, "Seconds after which a text whose worker died is asked for at its provider."
    )

    def __post_init__(self) -> None:
        if self.lease_seconds < 3:
            raise ValueError(
                f"dispatch.lease_seconds: {self.lease_seconds} is too short; a send takes up to two thirds of it"
            )


@dataclass(frozen=True)
class MessagingSettings:
    """For how long messages are kept."""

    SECTION: ClassVar[str] = "messaging"
    keep_months: int = key(
        0,
        "Whole months of messages that are kept besides the current one, at least 13; older ones are dropped with their logs and sums."
        " 0 keeps all.",
    )

    def __post_init__(self) -> None:
        # a text may be scheduled a year ahead, and is a message as long
        if self.keep_months and self.keep_months < 13:
            raise ValueError(
                f"messaging.keep_months: {self.keep_months} is too few; use 0 (all are kept) or at least 13"
            )
