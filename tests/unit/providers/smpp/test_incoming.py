"""What comes by a channel's sessions: stored before it is acknowledged, known when it comes again, and never more than there is room for."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import pytest

from messa_platform.providers.base import IncomingText
from messa_platform.providers.smpp import arrivals
from messa_platform.providers.smpp import session as sessions
from tests.support.smpp_centre import (
    DELIVER,
    DELIVER_ANSWER,
    UNBIND,
    Events,
    Line,
    bound,
    deliver,
    in_loop,
    into,
    provider_at,
    small_centre,
    until,
)

pytestmark = pytest.mark.timeout(40)


def statuses(line: Line) -> list[int]:
    return [each.status for each in line.of(DELIVER_ANSWER)]


def test_at_the_end_what_is_being_stored_is_acknowledged_before_the_good_bye() -> None:
    stored: list[str] = []

    async def slow(events: Any) -> None:
        await asyncio.sleep(0.3)
        stored.extend(event.text for event in events)

    async def work() -> None:
        async with small_centre() as centre, provider_at(centre, slow) as provider:
            await bound(provider)
            [line] = centre.lines
            line.say(DELIVER, 1, deliver(b"a"))
            await asyncio.sleep(0.1)
            line.say(DELIVER, 2, deliver(b"b"))
            await asyncio.sleep(0.05)
            await provider.close()
            assert stored == ["a", "b"]
            kinds = [(heard.command, heard.status) for heard in line.heard[1:]]
            assert kinds == [(DELIVER_ANSWER, 0), (DELIVER_ANSWER, 0), (UNBIND, 0)]

    in_loop(work)


def test_what_is_stored_after_its_session_was_cut_is_known_when_it_comes_again() -> None:
    events: list[IncomingText] = []
    may_store = asyncio.Event()

    async def slow(came: Any) -> None:
        await may_store.wait()
        events.extend(came)

    async def work() -> None:
        async with small_centre() as centre, provider_at(centre, slow) as provider:
            await bound(provider)
            centre.lines[0].say(DELIVER, 1, deliver(b"Ja"))
            await asyncio.sleep(0.1)
            centre.lines[0].cut()
            await until(lambda: len(centre.lines) == 2)
            may_store.set()
            await until(lambda: events)
            await bound(provider)
            centre.lines[1].say(DELIVER, 1, deliver(b"Ja"))
            await until(lambda: len(events) == 2)
            assert events[0].reference == events[1].reference

    in_loop(work)


def test_the_same_words_twice_at_once_are_two_texts() -> None:
    async def work() -> None:
        events: Events = []
        async with small_centre() as centre, provider_at(centre, into(events)) as provider:
            await bound(provider)
            [line] = centre.lines
            line.say(DELIVER, 1, deliver(b"Ja"))
            line.say(DELIVER, 2, deliver(b"Ja"))
            await until(lambda: len(events) == 2)
            assert len({event.reference for event in events}) == 2

    in_loop(work)


def test_what_came_is_acknowledged_only_when_it_is_stored() -> None:
    may_store = asyncio.Event()

    async def slow(_events: Any) -> None:
        await may_store.wait()

    async def work() -> None:
        async with small_centre() as centre, provider_at(centre, slow) as provider:
            await bound(provider)
            [line] = centre.lines
            line.say(DELIVER, 1, deliver(b"Hej"))
            await asyncio.sleep(0.1)
            assert statuses(line) == []
            may_store.set()
            await until(lambda: statuses(line) == [0])

    in_loop(work)


def test_a_parameter_that_is_too_long_stops_nothing_that_comes_after_it() -> None:
    async def work() -> None:
        events: Events = []
        huge = struct.pack("!HH", 0x020C, 4000) + b"\x7f" * 4000
        tags = huge + struct.pack("!HHB", 0x020E, 1, 2) + struct.pack("!HHB", 0x020F, 1, 1)
        async with small_centre() as centre, provider_at(centre, into(events)) as provider:
            await bound(provider)
            [line] = centre.lines
            line.say(DELIVER, 1, deliver(b"a", tags=tags))
            line.say(DELIVER, 2, deliver(b"b"))
            await until(lambda: len(statuses(line)) == 2)
            assert statuses(line)[1] == 0

    in_loop(work)


def test_more_than_can_be_stored_is_put_off_and_what_waits_has_an_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(arrivals, "MOST_WAITING", 3)
    may_store = asyncio.Event()

    async def slow(_events: Any) -> None:
        await may_store.wait()

    async def work() -> None:
        async with small_centre() as centre, provider_at(centre, slow) as provider:
            await bound(provider)
            [line] = centre.lines
            line.say(DELIVER, 1, deliver(b"a"))
            await asyncio.sleep(0.1)
            for number in range(2, 7):
                line.say(DELIVER, number, deliver(b"b"))
            await until(lambda: statuses(line) == [0x14, 0x14])
            may_store.set()
            await until(lambda: statuses(line) == [0x14, 0x14, 0, 0, 0, 0])

    in_loop(work)


def test_who_has_us_answer_and_reads_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_UNREAD", 50_000)

    async def work() -> None:
        async with small_centre() as centre, provider_at(centre) as provider:
            await bound(provider)
            [line] = centre.lines
            line.writer.transport.pause_reading()  # type: ignore[attr-defined]
            ours = provider._board._sessions[0]._transport
            assert ours is not None
            for transport, buffer in ((line.writer, socket.SO_RCVBUF), (ours, socket.SO_SNDBUF)):
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, buffer, 4096)
            for _ in range(60):
                line.writer.write(struct.pack("!IIII", 16, 0x15, 0, 1) * 500)
                await asyncio.sleep(0.01)
                if provider.bound.up == 0:
                    break
            assert provider.bound.up == 0, "what is answered is kept without an end"

    in_loop(work)


def test_many_large_ones_are_put_off_though_they_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "MOST_OCTETS", 1000)
    may_store = asyncio.Event()

    async def slow(_events: Any) -> None:
        await may_store.wait()

    async def work() -> None:
        async with small_centre() as centre, provider_at(centre, slow) as provider:
            await bound(provider)
            [line] = centre.lines
            payload = struct.pack("!HH", 0x0424, 1000) + b"x" * 1000
            line.say(DELIVER, 1, deliver(b"a"))
            await asyncio.sleep(0.1)
            line.say(DELIVER, 2, deliver(b"", tags=payload))
            line.say(DELIVER, 3, deliver(b"", tags=payload))
            await until(lambda: statuses(line) == [0x14])
            may_store.set()
            await until(lambda: statuses(line) == [0x14, 0, 0])

    in_loop(work)


def test_a_check_s_own_session_takes_nothing_in_that_nobody_stores() -> None:
    def deliver_first(line: Line, asked: Any) -> None:
        line.say(DELIVER, 1, deliver(b"Hej"))
        line.answer(asked)

    async def work() -> None:
        async with small_centre() as centre, provider_at(centre, inbox=None) as provider:
            centre.does[0x15] = deliver_first
            await provider.check()
            assert statuses(centre.lines[0]) == [0x14]

    in_loop(work)
