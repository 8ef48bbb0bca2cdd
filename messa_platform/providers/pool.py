"""The providers of a process: one instance a channel, all living in one event loop of their own thread.

Actors are threads; providers are asynchronous, so that hundreds of texts may be in flight on one connection.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import uvloop

from messa_platform.core.async_outbound import AsyncOutbound
from messa_platform.core.crypto import Keys
from messa_platform.core.logs import logger
from messa_platform.core.outbound import Outbound
from messa_platform.providers.base import (
    Bound,
    Found,
    HoldsSessions,
    Inbox,
    Outcome,
    OutgoingText,
    Provider,
    Reconciles,
    State,
    Surroundings,
    Unknown,
    Verdict,
)
from messa_platform.providers.breaker import Breaker
from messa_platform.providers.registry import (
    Broken,
    NoProvider,
    Plugin,
    WrongChannelSettings,
    checked_settings,
    holds_sessions,
)
from messa_platform.providers.secrets import whole

log = logger(__name__)

R = TypeVar("R")

CHECK_LIMIT = 15.0
"""Seconds that a test of a channel may take at the most: somebody waits for it."""
CHECKS_AT_ONCE = 2
"""Tests that people of a process wait for at the same time, of the platform's channels and of tenants' each: a slow provider must not hold
every thread of the web, and tenants must not keep the operator from testing."""
CLOSE_LIMIT = 45.0
"""Seconds that a provider may take to close."""


@dataclass(frozen=True, slots=True)
class Line:
    """A channel as its provider needs it; `rate` is texts a second, None for no limit. `is_own`: it is the platform's, no tenant's.
    `sealed` are the settings that are secrets."""

    channel_id: UUID
    name: str
    plugin: str
    settings: Mapping[str, Any]
    sealed: bytes | None
    rate: float | None
    is_own: bool = True
    breaker: Breaker = Breaker.CLOSED

    @classmethod
    def of(cls, channel: Any) -> Line:
        """By a row of the table."""
        is_own, breaker = channel.tenant_id is None, Breaker(channel.breaker)
        return cls(
            channel.id,
            channel.name,
            channel.plugin,
            channel.settings,
            channel.sealed,
            channel.rate,
            is_own,
            breaker,
        )


class ProviderPool:
    """Providers by channel, made when first needed.

    `send_limit`: seconds after which a send is given up as `Unknown`, whatever the plugin does; shorter than a dispatch's lease. `ways` are
    the ways out for the platform's own channels and for tenants'. `public_url`: our own address, below which providers call us. `keys` open
    the channels' secrets.
    """

    def __init__(
        self,
        plugins: Mapping[str, Plugin | Broken],
        send_limit: float,
        ways: tuple[Outbound, Outbound],
        public_url: str,
        keys: Keys,
    ) -> None:
        self._keys = keys
        self._send_limit = send_limit
        self._plugins = plugins
        self._providers: dict[UUID, tuple[Line, Provider]] = {}
        self._inboxes: dict[UUID, Inbox] = {}
        self._tasks: set[asyncio.Future[None]] = set()
        self._http = {is_own: AsyncOutbound(way) for is_own, way in zip((True, False), ways, strict=True)}
        self.turns = {is_own: threading.BoundedSemaphore(CHECKS_AT_ONCE) for is_own in (True, False)}
        self._callbacks = f"{public_url.rstrip('/')}/providers"
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="providers", daemon=True)
        self._thread.start()

    @property
    def plugins(self) -> Mapping[str, Plugin | Broken]:
        """Every installed plugin by its name."""
        return self._plugins

    def plugin(self, name: str) -> Plugin:
        """The plugin of that name. Raises `NoProvider`."""
        plugin = self._plugins.get(name)
        if plugin is None or isinstance(plugin, Broken):
            raise NoProvider(f"{name}: {plugin.why if isinstance(plugin, Broken) else 'not installed'}")
        return plugin

    def start_sends(
        self, line: Line, texts: Sequence[OutgoingText], answered: Callable[[int, Outcome], None]
    ) -> None:
        """Begin to send the texts concurrently, no faster than the line's rate; `answered` is told each outcome with its text's place.

        It is called in the providers' thread and must not block. Raises `NoProvider`.
        """

        async def send(provider: Provider, place: int, text: OutgoingText) -> None:
            if line.rate:
                await asyncio.sleep(place / line.rate)
            limit = self._send_limit if line.rate else None
            answered(place, await _guarded(_sent(provider, text), limit))

        async def start() -> None:
            provider = await self._provider(line)
            tasks = [asyncio.ensure_future(send(provider, place, text)) for place, text in enumerate(texts)]
            for task in tasks:
                self._hold(task)
            if not line.rate:
                _limit(tasks, self._send_limit)

        self._call(start())

    def start_finds(
        self, line: Line, message_ids: Sequence[UUID], answered: Callable[[int, Found], None]
    ) -> bool:
        """Begin to ask the provider whether it has these messages; `answered` is told each reply with its message's place, as with
        `start_sends`. False if it cannot be asked. Raises `NoProvider`."""

        async def ask(provider: Reconciles, place: int, message_id: UUID) -> None:
            answered(place, await _guarded(provider.find(message_id), self._send_limit))

        async def start() -> bool:
            provider = await self._provider(line)
            if not isinstance(provider, Reconciles):
                return False
            for place, message_id in enumerate(message_ids):
                self._hold(asyncio.ensure_future(ask(provider, place, message_id)))
            return True

        return self._call(start())

    def _hold(self, task: asyncio.Future[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def check(self, line: Line) -> Verdict:
        """Ask the provider whether it can be reached and knows us; nothing is sent. Raises `NoProvider`."""

        async def run() -> Verdict | Unknown:
            provider = await self._provider(line)
            return await _guarded(provider.check(), min(self._send_limit, CHECK_LIMIT))

        found = self._call(run())
        if isinstance(found, Unknown):
            state = State.UNREACHABLE if found.reason == "timeout" else State.STRANGE
            return Verdict(state, found.reason)
        return found

    def check_in_turn(self, line: Line) -> Verdict | None:
        """The same for somebody who waits; None if too many do already. Raises `NoProvider`."""
        if not self.turns[line.is_own].acquire(blocking=False):
            return None
        try:
            return self.check(line)
        finally:
            self.turns[line.is_own].release()

    async def _provider(self, line: Line) -> Provider:
        held = self._providers.get(line.channel_id)
        if held is not None and (held[0].settings, held[0].sealed) == (line.settings, line.sealed):
            return held[1]
        kind = self.plugin(line.plugin)
        try:
            callbacks = f"{self._callbacks}/{line.channel_id}"
            way = self._http[line.is_own]
            around = Surroundings(line.name, way, callbacks, way.dial)
            provider = kind(checked_settings(kind, whole(self._keys, line.settings, line.sealed)), around)
        except WrongChannelSettings as error:
            raise NoProvider(str(error)) from error
        except NoProvider:
            raise
        except Exception as error:  # a stranger's constructor
            raise NoProvider(f"{line.plugin}: {type(error).__name__}") from error
        self._providers[line.channel_id] = (line, provider)
        if held is not None:
            await _closed(*held)
        inbox = self._inboxes.get(line.channel_id)
        if inbox is not None and isinstance(provider, HoldsSessions):
            await self._open(line, provider, inbox)
        return provider

    async def _open(self, line: Line, provider: HoldsSessions, inbox: Inbox) -> None:
        try:
            await provider.open(inbox)
        except Exception as error:  # a stranger's; it is made anew the next time
            self._providers.pop(line.channel_id, None)
            raise NoProvider(f"{line.plugin}: {type(error).__name__}") from error

    @property
    def session_plugins(self) -> list[str]:
        """The plugins that hold sessions, by name."""
        return [name for name, p in self._plugins.items() if not isinstance(p, Broken) and holds_sessions(p)]

    def hold(self, line: Line, inbox: Inbox) -> Bound:
        """Hold a channel's sessions in this process, anew where its settings have changed; gives how they stand. Raises `NoProvider`."""

        async def run() -> Bound:
            self._inboxes[line.channel_id] = inbox
            provider = await self._provider(line)
            return provider.bound if isinstance(provider, HoldsSessions) else Bound(0, 0)

        return self._call(run())

    def release(self, channel_id: UUID) -> None:
        """Hold a channel's sessions no more, once what is on its way by them is answered."""

        async def run() -> None:
            self._inboxes.pop(channel_id, None)
            held = self._providers.pop(channel_id, None)
            if held is not None:
                await _closed(*held)

        self._call(run())

    def room(self, channel_id: UUID) -> int | None:
        """How many texts of a channel may be on their way at once; None where its provider has no limit."""
        held = self._providers.get(channel_id)
        return held[1].room if held is not None and isinstance(held[1], HoldsSessions) else None

    def _call(self, coroutine: Awaitable[R]) -> R:
        async def run() -> R:
            return await coroutine

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def close(self) -> None:
        """Close every provider and the loop."""

        async def close() -> None:
            await asyncio.gather(*(_closed(*held) for held in self._providers.values()))
            for http in self._http.values():
                await http.close()

        self._call(close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


async def _closed(line: Line, provider: Provider) -> None:
    """Close a provider; where a stranger's fails, or takes for ever, the next one and the other channels go on all the same."""
    try:
        async with asyncio.timeout(CLOSE_LIMIT):
            await provider.close()
    except Exception as error:
        log.error("plugin_failed", channel=line.name, at="close", error=type(error).__name__)


async def _sent(provider: Provider, text: OutgoingText) -> Outcome:
    """Called within the guard, since a stranger's `send` may fail before there is anything to wait for."""
    return await provider.send(text)


_TOO_LONG = "too long"


def _limit(tasks: Sequence[asyncio.Future[None]], seconds: float) -> None:
    """Give up what is not done after so many seconds: one timer for all, since one for each cost more than half of what the sending did."""
    left = set(tasks)

    def give_up() -> None:
        for task in list(left):
            task.cancel(_TOO_LONG)

    alarm = asyncio.get_running_loop().call_later(seconds, give_up)

    def done(task: asyncio.Future[None]) -> None:
        left.discard(task)
        if not left:
            alarm.cancel()

    for task in tasks:
        task.add_done_callback(done)


async def _guarded(attempt: Awaitable[R], limit: float | None) -> R | Unknown:
    """What escapes a plugin, or takes for ever, leaves the outcome unknown: bytes may have left. Without a `limit` somebody else sees to
    that (see `_limit`)."""
    try:
        if limit is None:
            return await attempt
        async with asyncio.timeout(limit):
            return await attempt
    except TimeoutError:
        return Unknown("timeout")
    except asyncio.CancelledError as cancelled:
        # or a plugin that cancels what waits when its connection breaks
        return Unknown("timeout" if cancelled.args == (_TOO_LONG,) else "cancelled")
    except Exception as error:
        log.error("plugin_failed", error=type(error).__name__)
        return Unknown(type(error).__name__)
