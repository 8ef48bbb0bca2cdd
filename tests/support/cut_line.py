"""A line between two ports of this machine that can be cut: every connection by it breaks off, in the middle of whatever was said."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

from messa_platform.providers.kit.serving import serving
from tests.support.processes import HOST


class CutLine:
    """The line; it listens on `port`. `cuts` counts the connections that were cut."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop: asyncio.AbstractEventLoop
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.cuts = 0

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(HOST, self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back}
        with contextlib.suppress(OSError):
            await asyncio.wait(
                [asyncio.ensure_future(_pass(reader, back)), asyncio.ensure_future(_pass(there, writer))],
                return_when=asyncio.FIRST_COMPLETED,
            )
        for each in (writer, back):
            self._writers.discard(each)
            each.transport.abort()

    def cut(self) -> None:
        """Cut every connection."""

        def cut() -> None:
            self.cuts += len(self._writers) // 2
            for writer in self._writers:
                writer.transport.abort()

        self._loop.call_soon_threadsafe(cut)

    @contextlib.contextmanager
    def up(self) -> Iterator[CutLine]:
        """There within the block."""
        with serving(self._serve()) as self._loop:
            yield self

    @contextlib.asynccontextmanager
    async def _serve(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._connected, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            for writer in self._writers:
                writer.transport.abort()
            await asyncio.sleep(0.05)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
