"""Settings of the log's exports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from messa_platform.core.settings import key


@dataclass(frozen=True)
class ExportSettings:
    """How logs become files."""

    SECTION: ClassVar[str] = "exports"
    at_once_rows: int = key(
        5_000, "Messages up to which a log comes as a file at once; a larger one is made in the background."
    )
    keep_days: int = key(7, "Days for which a file that was made in the background can be fetched.")
    running_per_tenant: int = key(2, "Files that are made at the same time for one tenant at the most.")
    open_per_tenant: int = key(10, "Files that a tenant may have waiting or being made at the most.")
    lease_seconds: float = key(60.0, "Seconds after which a file whose worker died is begun anew.")

    def __post_init__(self) -> None:
        for name in ("keep_days", "running_per_tenant", "open_per_tenant"):
            if getattr(self, name) < 1:
                raise ValueError(f"exports.{name}: {getattr(self, name)} is less than 1")
        if self.at_once_rows < 0:
            raise ValueError(f"exports.at_once_rows: {self.at_once_rows} is less than 0")
        if self.lease_seconds < 1:
            raise ValueError(
                f"exports.lease_seconds: {self.lease_seconds} is too short; it is renewed thrice a lease"
            )
