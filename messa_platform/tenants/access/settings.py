"""Settings of signing in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from messa_platform.core.settings import key


@dataclass(frozen=True)
class AccessSettings:
    """How people get in. How long sessions and links live is no setting: spec I1 and I2 say it."""

    SECTION: ClassVar[str] = "access"
    hashes_at_once: int = key(
        2, "Passwords that a process checks at the same time; each takes a core and 64 MB meanwhile."
    )

    def __post_init__(self) -> None:
        if self.hashes_at_once < 1:
            raise ValueError(f"access.hashes_at_once: {self.hashes_at_once} is less than one")
