"""Settings of the sending of texts."""

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
