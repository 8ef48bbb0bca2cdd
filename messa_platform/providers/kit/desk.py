"""A plugin at its desk: set up as the platform sets it up, with a fake of its provider to talk to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from messa_platform.core.async_outbound import AsyncOutbound
from messa_platform.core.ids import new_id
from messa_platform.core.outbound import Outbound, OutboundSettings
from messa_platform.providers.base import (
    Callback,
    CallbackResult,
    HoldsSessions,
    Inbox,
    IncomingText,
    Outcome,
    OutgoingText,
    Provider,
    Receipt,
    Surroundings,
    TakesCallbacks,
)
from messa_platform.providers.kit.fake import CALLBACKS, TIME_LIMIT, Delivery, Fake
from messa_platform.providers.registry import checked_settings

T = TypeVar("T")

PATIENCE = 15.0
"""Seconds after which a plugin that has not ended by itself has failed."""
SENDER, NAME, RECIPIENT = "+46701740600", "Skolan", "+46701740605"


def a_text(
    text: str = "Hej", sender: str = SENDER, recipient: str = RECIPIENT, parts: int = 1
) -> OutgoingText:
    """A text that is ready to leave."""
    return OutgoingText(new_id(), recipient, sender, text, parts)


@dataclass
class Desk:
    """A plugin and a fake that it can reach. What it says on the way is in `said`."""

    plugin: type[Provider]
    fake: Fake
    inbox: Inbox | None = None
    """Who stores what comes by sessions."""

    def settings(self, **changed: Any) -> dict[str, Any]:
        """A channel's settings, checked and with the schema's defaults."""
        return checked_settings(self.plugin, {**self.fake.settings(), **changed})

    def using(
        self, work: Callable[[Provider], Coroutine[Any, Any, T]], settings: dict[str, Any] | None = None
    ) -> T:
        """Run `work` on a provider of the plugin's, in an event loop of its own, and close it."""

        async def run() -> T:
            http = AsyncOutbound(
                Outbound(OutboundSettings(allow_private=True, timeout=TIME_LIMIT, max_bytes=100_000))
            )
            provider = self.plugin(
                settings or self.settings(), Surroundings("kit", http, CALLBACKS, http.dial)
            )
            try:
                async with asyncio.timeout(PATIENCE):
                    if isinstance(provider, HoldsSessions):
                        await provider.open(self.inbox or _into([]))
                    return await work(provider)
            finally:
                await provider.close()
                await http.close()

        return asyncio.run(run())

    def send(self, *texts: OutgoingText, settings: dict[str, Any] | None = None) -> list[Outcome]:
        """Send texts, all at once; gives their outcomes."""

        async def work(provider: Provider) -> list[Outcome]:
            return list(await asyncio.gather(*(provider.send(text) for text in texts)))

        return self.using(work, settings)

    def send_one(self, text: OutgoingText | None = None, settings: dict[str, Any] | None = None) -> Outcome:
        """Send one text."""
        return self.send(text or a_text(), settings=settings)[0]

    def read(self, callback: Callback) -> CallbackResult:
        """What the plugin reads in a callback. Raises `CallbackRefused`."""
        assert issubclass(self.plugin, TakesCallbacks), (
            f"{self.plugin.__name__} does not implement read_callback"
        )
        result: CallbackResult = self.plugin.read_callback(self.settings(), callback)
        return result

    def read_all(self, brought: Sequence[Callback | Delivery]) -> list[Any]:
        """The events of callbacks, or of what comes by sessions, in order."""
        deliveries = [each for each in brought if isinstance(each, Delivery)]
        if deliveries:
            events, answers = self.hear(deliveries)
            assert all(answers), "not all that came by a session was acknowledged"
            return events
        return [event for each in brought if isinstance(each, Callback) for event in self.read(each).events]

    def hear(self, deliveries: Sequence[Delivery]) -> tuple[list[Any], Sequence[bool]]:
        """The events of what comes by sessions, and whether each was acknowledged."""
        heard: list[Any] = []

        async def work(_provider: Provider) -> Sequence[bool]:
            return await asyncio.to_thread(self.fake.deliver, deliveries)

        kept, self.inbox = self.inbox, self.inbox or _into(heard)
        try:
            return heard, self.using(work)
        finally:
            self.inbox = kept


def _into(heard: list[Any]) -> Inbox:
    async def take(events: Sequence[Receipt | IncomingText]) -> None:
        heard.extend(events)

    return take
