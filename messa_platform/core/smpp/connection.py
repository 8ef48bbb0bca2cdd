"""A connection by which PDUs come and go, as either side holds it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import cast

from messa_platform.core.smpp.pdus import LAST_SEQUENCE, Pdu, Reader


class Connection(ABC, asyncio.Protocol):
    """One connection; to be made in its event loop. What is said in one turn of the loop leaves in one write."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = Reader()
        self._sequence = 0
        self._unsent: list[tuple[bytes, Callable[[], None] | None]] = []

    @abstractmethod
    def _take(self, pdu: Pdu) -> None:
        """A PDU came."""

    @property
    def _connected(self) -> asyncio.Transport | None:
        """By what something can be said still."""
        return None if self._transport is None or self._transport.is_closing() else self._transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        for pdu in self._reader.feed(data):
            self._take(pdu)
        if self._reader.is_lost:
            self.cut()

    def _next_sequence(self) -> int:
        """The number of the next request of ours."""
        self._sequence = self._sequence % LAST_SEQUENCE + 1
        return self._sequence

    def write(self, data: bytes, leaves: Callable[[], None] | None = None) -> None:
        """Say something. `leaves` is called when it is handed to the network, and not at all if the connection ends before."""
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append((data, leaves))

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        transport = self._connected
        if transport is None:
            return
        for _, leaves in unsent:
            if leaves is not None:
                leaves()
        transport.write(b"".join(data for data, _ in unsent))

    def close(self) -> None:
        """Hang up once what was said has left."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """Hang up at once."""
        if self._transport is not None:
            self._transport.abort()
