"""A small service centre of the tests' own, written by the specification with nothing of ours: what it hears and says are bare octets."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import uvloop

from messa_platform.core.async_outbound import AsyncOutbound
from messa_platform.core.outbound import Outbound, OutboundSettings
from messa_platform.providers.base import Inbox, IncomingText, Receipt, Surroundings
from messa_platform.providers.registry import checked_settings
from messa_platform.providers.smpp.plugin import SmppProvider

T = TypeVar("T")

BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER = 0x01, 0x02, 0x09
SUBMIT, DELIVER, UNBIND, ENQUIRE, NACK = 0x04, 0x05, 0x06, 0x15, 0x8000_0000
SUBMIT_ANSWER, DELIVER_ANSWER, UNBIND_ANSWER, ENQUIRE_ANSWER = (
    0x8000_0004,
    0x8000_0005,
    0x8000_0006,
    0x8000_0015,
)


class Heard(NamedTuple):
    """A PDU that came."""

    command: int
    status: int
    sequence: int
    body: bytes


def pdu(command: int, status: int, sequence: int, body: bytes = b"") -> bytes:
    """A PDU as the wire has it (SMPP 3.4, 3.2)."""
    return struct.pack("!IIII", 16 + len(body), command, status, sequence) + body


def deliver(
    octets: bytes, *, esm_class: int = 0, coding: int = 0, tags: bytes = b"", source: bytes = b"46701740605"
) -> bytes:
    """The body of a deliver_sm (4.6.1)."""
    ends = b"\1\1" + source + b"\0" + b"\1\1" + b"46701740600\0"
    fixed = (
        struct.pack("!BBB", esm_class, 0, 0) + b"\0\0" + struct.pack("!BBBBB", 0, 0, coding, 0, len(octets))
    )
    return b"\0" + ends + fixed + octets + tags


class Line:
    """A connection to the centre."""

    def __init__(self, centre: SmallCentre, writer: asyncio.StreamWriter) -> None:
        self.centre = centre
        self.writer = writer
        self.heard: list[Heard] = []
        self.is_over = False
        self.waiting: list[Heard] = []
        """The submit_sm requests that are not answered yet."""

    def say(self, command: int, sequence: int, body: bytes = b"", status: int = 0) -> None:
        self.writer.write(pdu(command, status, sequence, body))

    def answer(self, asked: Heard, body: bytes = b"", status: int = 0) -> None:
        self.say(asked.command | 0x8000_0000, asked.sequence, body, status)

    def take(self, asked: Heard) -> None:
        """Answer a submit_sm well, with a number of its own."""
        self.centre.numbers += 1
        self.waiting.remove(asked)
        self.answer(asked, str(self.centre.numbers).encode() + b"\0")

    def take_all(self) -> None:
        for asked in list(self.waiting):
            self.take(asked)

    def cut(self) -> None:
        self.writer.transport.abort()

    def of(self, command: int) -> list[Heard]:
        """What came of a kind."""
        return [each for each in self.heard if each.command == command]


Does = Callable[[Line, Heard], None]


def keep(_line: Line, _asked: Heard) -> None:
    """Answer nothing."""


@dataclass
class SmallCentre:
    """Answers everything well, unless `does` says otherwise by the command. `most` is how many submit_sm of one line waited at once."""

    does: dict[int, Does] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    numbers: int = 0
    most: int = 0
    port: int = 0
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def open(self) -> list[Line]:
        return [line for line in self.lines if not line.is_over]

    def of(self, command: int) -> list[Heard]:
        return [heard for line in self.lines for heard in line.of(command)]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(self, writer)
        self.lines.append(line)
        try:
            while True:
                length, command, status, sequence = struct.unpack("!IIII", await reader.readexactly(16))
                body = await reader.readexactly(length - 16)
                self._take(line, Heard(command, status, sequence, body))
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            line.is_over = True
            writer.transport.abort()

    def _take(self, line: Line, heard: Heard) -> None:
        line.heard.append(heard)
        if heard.command == SUBMIT:
            line.waiting.append(heard)
            self.most = max(self.most, len(line.waiting))
        if heard.command in self.does:
            self.does[heard.command](line, heard)
        elif heard.command in (BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER):
            line.answer(heard, b"centre\0")
        elif heard.command == SUBMIT:
            line.take(heard)
        elif heard.command in (ENQUIRE, UNBIND):
            line.answer(heard)


@contextlib.asynccontextmanager
async def small_centre(context: ssl.SSLContext | None = None) -> AsyncIterator[SmallCentre]:
    """A centre on this machine."""
    centre = SmallCentre()
    server = await asyncio.start_server(centre.serve, "127.0.0.1", 0, ssl=context)
    centre.port = server.sockets[0].getsockname()[1]
    try:
        yield centre
    finally:
        server.close()
        for line in centre.open:
            line.cut()
        await asyncio.sleep(0.02)


async def nobody(events: Any) -> None:
    """Stores nothing."""


Events = list[Receipt | IncomingText]


def into(events: Events) -> Inbox:
    """An inbox that keeps what comes."""

    async def keep(came: Any) -> None:
        events.extend(came)

    return keep


@contextlib.asynccontextmanager
async def provider_at(
    centre: SmallCentre, inbox: Inbox | None = nobody, context: ssl.SSLContext | None = None, **changed: Any
) -> AsyncIterator[SmppProvider]:
    """A provider whose sessions lead to the centre, opened if there is an inbox. What it waits for is short."""
    usual = {
        "host": "127.0.0.1",
        "port": centre.port,
        "system_id": "kommunen",
        "password": "Kx9qZt7w",
        "answer_seconds": 1,
        **changed,
    }
    http = AsyncOutbound(Outbound(OutboundSettings(allow_private=True, timeout=4), context=context))
    provider = SmppProvider(
        checked_settings(SmppProvider, usual), Surroundings("test", http, "https://x", http.dial)
    )
    try:
        if inbox is not None:
            await provider.open(inbox)
        yield provider
    finally:
        async with asyncio.timeout(10):
            await provider.close()
        await http.close()


async def until(condition: Callable[[], Any], seconds: float = 5) -> None:
    """Wait for something to come about."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


async def bound(provider: SmppProvider) -> None:
    """Wait for all sessions."""
    await until(lambda: provider.bound.up == provider.bound.wanted)


def in_loop(work: Callable[[], Coroutine[Any, Any, T]], seconds: float = 30) -> T:
    """Run in a loop as production has it. One that is blocked ends at the test's time limit."""

    async def run() -> T:
        async with asyncio.timeout(seconds):
            return await work()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())
