"""The other side's sessions (core/smpp/centre.py), asked by bare octets on a real socket."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable

import pytest

from messa_platform.core.smpp.centre import Centre, CentreSession
from messa_platform.core.smpp.pdus import Message, Pdu

pytestmark = pytest.mark.timeout(30)


class Open(Centre):
    """Lets everybody in, and takes everything."""

    def __init__(self) -> None:
        self.sessions: list[CentreSession] = []
        self.ended = 0

    def bind(self, session: CentreSession, pdu: Pdu, system_id: str, password: str) -> None:
        self.sessions.append(session)
        session.let_in(pdu, f"{system_id}:{password}")

    def submit(self, session: CentreSession, pdu: Pdu, message: Message) -> None:
        session.take(pdu, message.octets.decode())

    def closed(self, session: CentreSession) -> None:
        self.ended += 1


class Caller:
    """Who calls it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, command: int, sequence: int, body: bytes = b"", status: int = 0) -> None:
        self.writer.write(struct.pack("!IIII", 16 + len(body), command, status, sequence) + body)

    async def hear(self) -> tuple[int, int, int, bytes]:
        async with asyncio.timeout(5):
            length, command, status, sequence = struct.unpack("!IIII", await self.reader.readexactly(16))
            return command, status, sequence, await self.reader.readexactly(length - 16)

    async def bound(self, command: int = 0x09) -> None:
        self.say(command, 1, b"anna\0hemligt\0sms\0\x34\0\0\0")
        assert await self.hear() == (command | 0x8000_0000, 0, 1, b"messa\0")


def run(work: Callable[[Open, Caller], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        centre, loop = Open(), asyncio.get_running_loop()
        server = await loop.create_server(lambda: CentreSession(centre), "127.0.0.1", 0)
        caller = Caller(*await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1]))
        try:
            await work(centre, caller)
        finally:
            caller.writer.close()
            server.close()
            await asyncio.sleep(0.02)

    asyncio.run(all_of_it())


SUBMIT = b"\0\1\1a\0\1\1b\0\0\0\0\0\0\1\0\0\0\3Hej"


def test_who_is_bound_may_submit_and_enquire() -> None:
    async def work(centre: Open, caller: Caller) -> None:
        await caller.bound()
        assert centre.sessions[0].system_id == "anna:hemligt"
        caller.say(0x04, 2, SUBMIT)
        caller.say(0x15, 3)
        assert await caller.hear() == (0x8000_0004, 0, 2, b"Hej\0")
        assert await caller.hear() == (0x8000_0015, 0, 3, b"")

    run(work)


def test_who_is_not_bound_is_told_so() -> None:
    async def work(_centre: Open, caller: Caller) -> None:
        caller.say(0x04, 2, SUBMIT)
        assert await caller.hear() == (0x8000_0004, 0x04, 2, b"")

    run(work)


def test_a_submit_that_makes_no_sense_and_a_command_that_nobody_knows_are_refused() -> None:
    async def work(_centre: Open, caller: Caller) -> None:
        await caller.bound()
        caller.say(0x04, 2, SUBMIT[:-1])
        caller.say(0x0103, 3)
        assert await caller.hear() == (0x8000_0004, 0x01, 2, b"")
        assert await caller.hear() == (0x8000_0000, 0x03, 3, b"")

    run(work)


@pytest.mark.parametrize(("command", "hears"), [(0x09, True), (0x01, True), (0x02, False)])
def test_only_a_receiver_hears(command: int, hears: bool) -> None:
    async def work(centre: Open, caller: Caller) -> None:
        await caller.bound(command)
        assert centre.sessions[0].hears is hears

    run(work)


def test_what_is_brought_ends_with_its_status_or_with_none_when_the_caller_is_gone() -> None:
    async def work(centre: Open, caller: Caller) -> None:
        await caller.bound()
        done: list[int | None] = []
        for _ in range(3):
            centre.sessions[0].deliver(Message("a", "b", b"Hej"), done.append)
        numbers = [(await caller.hear())[2] for _ in range(3)]
        assert numbers == [1, 2, 3]
        caller.say(0x8000_0005, 2, b"\0", status=0x14)
        caller.say(0x8000_0005, 99, b"\0")
        caller.say(0x8000_0005, 1, b"\0")
        caller.writer.write_eof()
        async with asyncio.timeout(5):
            while len(done) < 3:
                await asyncio.sleep(0.01)
        assert done == [0x14, 0, None]
        centre.sessions[0].deliver(Message("a", "b", b"Hej"), done.append)
        assert done[3] is None
        assert centre.ended == 1

    run(work)


def test_after_a_good_bye_it_hangs_up() -> None:
    async def work(centre: Open, caller: Caller) -> None:
        await caller.bound()
        caller.say(0x06, 2)
        assert await caller.hear() == (0x8000_0006, 0, 2, b"")
        async with asyncio.timeout(5):
            assert await caller.reader.read() == b""
        assert centre.ended == 1

    run(work)


def test_octets_that_are_no_pdus_end_the_session() -> None:
    async def work(_centre: Open, caller: Caller) -> None:
        caller.writer.write(b"GET / HTTP/1.1\r\n\r\n")
        async with asyncio.timeout(5):
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await caller.reader.readexactly(1)

    run(work)
