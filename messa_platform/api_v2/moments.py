"""Times: this one, and how they are written."""

from __future__ import annotations

from datetime import UTC, datetime

from pyramid.request import Request

from messa_platform.core.clock import Clock


def now(request: Request) -> datetime:
    """What the clock says."""
    clock: Clock = request.registry["messa.runtime"].clock
    return clock.now()


def moment_of(at: datetime | None) -> str | None:
    """A time as RFC 3339 writes it."""
    return (
        None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
