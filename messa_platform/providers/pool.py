"""The providers of a process: one instance a channel, all living in one event loop of their own thread.

Actors are threads; providers are asynchronous, so that hundreds of texts may be in flight on one connection. `send_all` is the bridge.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from messa_platform.core.logs import logger
from messa_platform.providers.base import Found, Outcome, OutgoingText, Provider, Reconciles, Unknown
from messa_platform.providers.registry import Broken, Plugin, checked_settings

log = logger(__name__)

R = TypeVar("R")


class NoProvider(Exception):
    """The channel's plugin is not installed or broken; its texts wait."""


class ProviderPool:
    """Providers by channel, made when first needed.

    `send_limit`: seconds after which a send is given up as `Unknown`, whatever the plugin does; shorter than a dispatch's lease.
    """

    def __init__(self, plugins: Mapping[str, Plugin | Broken], send_limit: float) -> None:
        self._send_limit = send_limit
        self._plugins = plugins
        self._providers: dict[UUID, tuple[Mapping[str, Any], Provider]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="providers", daemon=True)
        self._thread.start()

    def plugin(self, name: str) -> Plugin:
        """The plugin of that name. Raises `NoProvider`."""
        plugin = self._plugins.get(name)
        if plugin is None or isinstance(plugin, Broken):
            raise NoProvider(f"{name}: {plugin.why if isinstance(plugin, Broken) else 'not installed'}")
        return plugin

    def send_all(
        self,
        channel_id: UUID,
        name: str,
        plugin: str,
        settings: Mapping[str, Any],
        texts: Sequence[OutgoingText],
        rate: float | None,
    ) -> list[Outcome]:
        """Send the texts concurrently, no faster than `rate` a second; an outcome for each, in order. Raises `NoProvider`."""

        async def send(provider: Provider, text: OutgoingText, delay: float) -> Outcome:
            if delay:
                await asyncio.sleep(delay)
            return await provider.send(text)

        async def run() -> list[Outcome]:
            provider = await self._provider(channel_id, name, plugin, settings)
            delays = [i / rate if rate else 0.0 for i in range(len(texts))]
            return await asyncio.gather(
                *(
                    _guarded(send(provider, t, d), Unknown, self._send_limit + d)
                    for t, d in zip(texts, delays, strict=True)
                )
            )

        return self._call(run())

    def find_all(
        self,
        channel_id: UUID,
        name: str,
        plugin: str,
        settings: Mapping[str, Any],
        message_ids: Sequence[UUID],
    ) -> list[Found] | None:
        """Ask the provider whether it has these messages; None if it cannot be asked. Raises `NoProvider`."""

        async def run() -> list[Found] | None:
            provider = await self._provider(channel_id, name, plugin, settings)
            if not isinstance(provider, Reconciles):
                return None
            return await asyncio.gather(
                *(_guarded(provider.find(i), Unknown, self._send_limit) for i in message_ids)
            )

        return self._call(run())

    async def _provider(
        self, channel_id: UUID, name: str, plugin: str, settings: Mapping[str, Any]
    ) -> Provider:
        held = self._providers.get(channel_id)
        if held is not None and held[0] == settings:
            return held[1]
        kind = self.plugin(plugin)
        provider = kind(checked_settings(kind, settings), name)
        self._providers[channel_id] = (dict(settings), provider)
        if held is not None:
            await held[1].close()
        return provider

    def _call(self, coroutine: Awaitable[R]) -> R:
        async def run() -> R:
            return await coroutine

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def close(self) -> None:
        """Close every provider and the loop."""

        async def close() -> None:
            for _, provider in self._providers.values():
                await provider.close()

        self._call(close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


async def _guarded(attempt: Awaitable[R], unknown: Callable[[str], R], limit: float) -> R:
    """What escapes a plugin, or takes for ever, leaves the outcome unknown: bytes may have left."""
    try:
        return await asyncio.wait_for(attempt, limit)
    except TimeoutError:
        return unknown("timeout")
    except Exception as error:
        log.error("plugin_failed", error=type(error).__name__)
        return unknown(type(error).__name__)
