"""Posts receipts and incoming texts to the platform, as long as it takes (see `events`)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from messa_platform.core.clock import Clock
from messa_platform.providers.simulator import wire
from messa_platform.providers.simulator.events import Event, Events
from messa_platform.providers.simulator.journal import Journal

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 2.0
POST_TIMEOUT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where callbacks go: `url` is the platform's `/providers/<channel>`, `secret` what both know."""

    url: str
    secret: str = field(repr=False)


class Callbacks(Events):
    """Events that are posted."""

    def __init__(
        self, target: Target, journal: Journal, clock: Clock, reference: Callable[[int], str]
    ) -> None:
        super().__init__(journal, clock, reference)
        self._target = target
        self._session: aiohttp.ClientSession | None = None

    async def run(self) -> None:
        """Post what falls due, until cancelled."""
        timeout = aiohttp.ClientTimeout(total=POST_TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as self._session:
            await super().run()

    async def bring(self, batch: list[Event]) -> None:
        assert self._session is not None
        await self._post_until_taken(self._session, batch)

    async def _post_until_taken(self, session: aiohttp.ClientSession, batch: list[Event]) -> None:
        body = body_of(batch)
        pause = FIRST_PAUSE_SECONDS
        while (trouble := await self._post(session, body)) is not None:
            if pause == FIRST_PAUSE_SECONDS:
                log.warning("callback not taken (%s), %d events wait; trying on", trouble, self.waiting)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        if pause != FIRST_PAUSE_SECONDS:
            log.warning("callbacks are taken again")

    async def _post(self, session: aiohttp.ClientSession, body: bytes) -> str | None:
        """Post once; None if it was taken, else what went wrong.

        Signed anew, since an old signature is refused.
        """
        headers = headers_of(body, self._target.secret, self._now())
        url = f"{self._target.url.rstrip('/')}/{wire.EVENTS_PATH}"
        try:
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                await answer.read()
                return None if 200 <= answer.status < 300 else f"HTTP {answer.status}"
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return type(error).__name__


def body_of(events: Iterable[Event]) -> bytes:
    """The body of a post that brings these events."""
    return ('{"events":[' + ",".join(event.body for event in events) + "]}").encode("ascii")


def headers_of(body: bytes, secret: str, now: float) -> dict[str, str]:
    """The headers of a post, signed."""
    timestamp = str(int(now))
    return {
        "content-type": "application/json",
        wire.TIMESTAMP_HEADER: timestamp,
        wire.SIGNATURE_HEADER: wire.sign(secret, timestamp, body),
    }
