"""A fake's server, at work beside the test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

HOST = "127.0.0.1"
SECONDS = 20.0
"""For which it may take to come up, and to go."""


@contextmanager
def serving(server: AbstractAsyncContextManager[None]) -> Iterator[asyncio.AbstractEventLoop]:
    """Enter and leave `server` in an event loop and a thread of its own, which are gone after the block; gives the loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="fake", daemon=True)
    thread.start()

    def there(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(SECONDS)

    try:
        there(_entered(server))
        try:
            yield loop
        finally:
            there(_left(server))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(SECONDS)
        loop.close()


async def _entered(server: AbstractAsyncContextManager[None]) -> None:
    await server.__aenter__()


async def _left(server: AbstractAsyncContextManager[None]) -> None:
    await server.__aexit__(None, None, None)
