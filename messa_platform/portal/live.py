"""Pages that ask for news: answered from memory while there is none, before Pyramid and the database are troubled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from messa_platform.core.clock import Clock


def stamp(now: datetime) -> str:
    """An ETag for what is read from the database from `now` on."""
    return f'"{now.isoformat()}"'


def read_stamp(etag: str) -> datetime | None:
    """When what bears this ETag was read; None if it is none of ours."""
    try:
        at = datetime.fromisoformat(etag.strip().removeprefix("W/").strip('"'))
    except ValueError:
        return None
    return at if at.tzinfo else None


class LiveGate:
    def __init__(self, app: Any, sessions: Any, changes: Any, clock: Clock) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return self._app(environ, start_response)
