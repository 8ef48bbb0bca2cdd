"""The channels as callbacks ask for them: known for a second, with their settings opened, so that no callback has to ask the database who
calls.

A key that was changed counts after `FRESH` at the latest, in every process, whether it hears of it or not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from messa_platform.core.clock import Clock, SystemClock
from messa_platform.core.crypto import Keys
from messa_platform.core.db import Database
from messa_platform.core.gather import Gathering
from messa_platform.core.logs import logger
from messa_platform.providers.base import TakesCallbacks
from messa_platform.providers.channels import RECEIPTS_FOR
from messa_platform.providers.registry import NoProvider, WrongChannelSettings, checked_settings
from messa_platform.providers.secrets import Plugins, whole

log = logger(__name__)

FRESH = 1.0
"""Seconds for which a channel is taken to be as it was when it was read."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A channel that takes callbacks: who reads them, and with which settings, secrets among them."""

    channel_id: UUID
    name: str
    plugin: type[TakesCallbacks]
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Deaf:
    """A channel whose plugin takes no callbacks."""


@dataclass(frozen=True, slots=True)
class OutOfOrder:
    """A channel whose plugin is missing, or whose settings cannot be used: what it is called with now is to come again."""


Found = Ready | Deaf | OutOfOrder

_Key = UUID | str


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was found by a row, and when that was read, in monotonic seconds."""

    row: Any
    found: Found
    at: float


_READ = text(
    "SELECT id, tenant_id, name, plugin, settings, sealed, removed_at FROM channel"
    " WHERE id = ANY(CAST(:ids AS uuid[])) AND (removed_at IS NULL OR removed_at > :heard_since)"
    " OR (tenant_id IS NULL AND removed_at IS NULL AND name = ANY(CAST(:names AS text[])))"
)


class CallbackChannels:
    """A process's channels. `seconds` is a monotonic clock; `clock` tells for how long one that was removed is still heard."""

    def __init__(
        self,
        database: Database,
        plugins: Plugins,
        keys: Keys,
        seconds: Callable[[], float] = time.monotonic,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._database = database
        self._plugins = plugins
        self._keys = keys
        self._seconds = seconds
        # what is not there is not kept: there is no end of names that somebody could ask for
        self._kept: dict[_Key, _Kept] = {}
        self._reading: Gathering[_Key, Found | None] = Gathering(self._read)

    def find(self, name: str) -> Found | None:
        """The channel of that id, or the platform's own of that name; None if there is none. Raises what keeps the database from answering."""
        key = _key(name)
        kept = self._kept.get(key)
        if kept is not None and self._seconds() - kept.at < FRESH:
            return kept.found
        return self._reading.ask(key)

    def _read(self, keys: Sequence[_Key]) -> list[Found | None]:
        at = self._seconds()
        ids = [key for key in keys if isinstance(key, UUID)]
        names = [key for key in keys if isinstance(key, str)]
        with self._database.unit_of_work() as session:
            since = self._clock.now() - RECEIPTS_FOR
            rows = session.execute(_READ, {"ids": ids, "names": names, "heard_since": since}).all()
        by_key: dict[_Key, Any] = {row.id: row for row in rows}
        by_key |= {row.name: row for row in rows if row.tenant_id is None and row.removed_at is None}
        return [self._keep(key, by_key.get(key), at) for key in keys]

    def _keep(self, key: _Key, row: Any, at: float) -> Found | None:
        if row is None:
            self._kept.pop(key, None)
            return None
        kept = self._kept.get(key)
        found = kept.found if kept is not None and kept.row == row else self._opened(row)
        self._kept[key] = _Kept(row, found, at)
        return found

    def _opened(self, row: Any) -> Found:
        try:
            plugin = self._plugins.plugin(row.plugin)
            if not issubclass(plugin, TakesCallbacks):
                return Deaf()
            settings = checked_settings(plugin, whole(self._keys, row.settings, row.sealed))
        except (NoProvider, WrongChannelSettings) as error:
            log.error("callbacks_of_no_provider", channel=row.name, why=str(error))
            return OutOfOrder()
        return Ready(row.id, row.name, plugin, settings)


def _key(name: str) -> _Key:
    """Each channel's one key, however its id is written: case and hyphens do not matter."""
    try:
        return UUID(name)
    except ValueError:
        return name
