"""What changed for whom: told by NOTIFY with the commit that changes it, and remembered in memory, so that a page whose account is quiet
costs the database nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.clock import Clock
from messa_platform.core.logs import logger
from messa_platform.core.pipeline import at_commit

log = logger(__name__)

CHANNEL = "messa_account"

MARGIN = timedelta(seconds=2)
"""By how much the clocks of two machines may differ. A page rendered once too often is harmless, one that misses a change is not."""

MEMORY = timedelta(hours=1)
"""For how long a change is remembered. It is also how old a page can get: *today* must become *yesterday* at some time."""

MOST_ACCOUNTS = 200_000
"""How many accounts are remembered at the most (some 30 MB)."""

_TELL = text("SELECT pg_notify(:channel, told.id) FROM unnest(CAST(:ids AS text[])) AS told (id)")


def tell(session: Session, account_ids: Iterable[UUID]) -> None:
    """Tell every process, once the session's transaction is committed, that these accounts now see something else."""
    ids = sorted({str(account_id) for account_id in account_ids})
    if ids:
        at_commit(session).ask(_TELL, {"channel": CHANNEL, "ids": ids})


class Hearing(Protocol):
    """What hears notifications: `core.listen.Listener`."""

    @property
    def listening_since(self) -> datetime | None:
        """Since when nothing was missed; None while that cannot be said."""

    def subscribe(self, channel: str, callback: Callable[[str], None]) -> None:
        """Hear what is said on a channel."""


class Changes:
    """When something last changed for each account, as far as this process has heard."""

    def __init__(self, hearing: Hearing, clock: Clock) -> None:
        self._hearing = hearing
        self._clock = clock
        self._told: dict[UUID, datetime] = {}  # the one told last is the last
        self._forgotten: datetime | None = None
        self._lock = threading.Lock()
        hearing.subscribe(CHANNEL, self._hear)

    def quiet_since(self, account_id: UUID, at: datetime) -> bool:
        """Whether surely nothing that the account sees has changed since `at`. False where that is not known."""
        now, sure = self._clock.now(), at - MARGIN
        since = self._hearing.listening_since
        if since is None or sure < since or sure < now - MEMORY or at > now + MARGIN:
            return False
        with self._lock:
            told = self._told.get(account_id, self._forgotten)
        return told is None or told < sure

    def _hear(self, payload: str) -> None:
        try:
            account_id = UUID(payload)
        except ValueError:
            log.warning("feed_names_no_account", length=len(payload))
            return
        now = self._clock.now()
        with self._lock:
            self._told.pop(account_id, None)
            self._told[account_id] = now
            self._forget(now - MEMORY)

    def _forget(self, before: datetime) -> None:
        while self._told:
            oldest = next(iter(self._told))
            if self._told[oldest] >= before and len(self._told) <= MOST_ACCOUNTS:
                return
            self._forgotten = self._told.pop(oldest)
