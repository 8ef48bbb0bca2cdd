"""The sessions of a channel: how many, how they are held again, what is stored before it is acknowledged, and the end."""

from __future__ import annotations

import asyncio
import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from messa_platform.providers.base import Accepted, Bound, Rejected, State, Unknown, Verdict
from messa_platform.providers.kit.desk import a_text
from messa_platform.providers.smpp import switchboard
from tests.support.raw_server import certified
from tests.support.smpp_centre import (
    BIND_RECEIVER,
    BIND_TRANSCEIVER,
    BIND_TRANSMITTER,
    DELIVER,
    SUBMIT,
    UNBIND,
    Events,
    Heard,
    Line,
    bound,
    deliver,
    in_loop,
    into,
    keep,
    nobody,
    provider_at,
    small_centre,
    until,
)

pytestmark = pytest.mark.timeout(40)


def test_a_bind_says_who_we_are_as_the_specification_has_it() -> None:
    async def work() -> bytes:
        named: dict[str, Any] = {"system_type": "sms", "address_range": "^46"}
        async with small_centre() as centre, provider_at(centre, **named) as provider:
            await bound(provider)
            [asked] = centre.of(BIND_TRANSCEIVER)
            return asked.body

    assert in_loop(work) == b"kommunen\0Kx9qZt7w\0sms\0" + struct.pack("!BBB", 0x34, 0, 0) + b"^46\0"


def test_texts_leave_by_the_transmitter_and_come_by_the_receiver() -> None:
    async def work() -> None:
        events: Events = []
        two: dict[str, Any] = {"bind": "transmitter and receiver"}
        async with small_centre() as centre, provider_at(centre, into(events), **two) as provider:
            await bound(provider)
            assert provider.bound == Bound(2, 2)
            kinds = {line.heard[0].command: line for line in centre.lines}
            assert set(kinds) == {BIND_TRANSMITTER, BIND_RECEIVER}
            assert await asyncio.gather(*(provider.send(a_text()) for _ in range(4)))
            kinds[BIND_RECEIVER].say(DELIVER, 1, deliver(b"Hej"))
            await until(lambda: events)
            assert len(kinds[BIND_TRANSMITTER].of(SUBMIT)) == 4
            kinds[BIND_TRANSMITTER].cut()
            await until(lambda: len(centre.lines) == 3 and centre.lines[2].heard)
            assert centre.lines[2].heard[0].command == BIND_TRANSMITTER
            assert not kinds[BIND_RECEIVER].is_over

    in_loop(work)


def test_several_sessions_share_the_load_and_one_that_ends_leaves_it_to_the_others() -> None:
    async def work() -> None:
        settings: dict[str, Any] = {"sessions": 3, "window": 2, "answer_seconds": 10}
        async with small_centre() as centre, provider_at(centre, **settings) as provider:
            await bound(provider)
            assert provider.room == 12
            centre.does[SUBMIT] = keep
            tasks = [asyncio.ensure_future(provider.send(a_text(str(n)))) for n in range(8)]
            await until(lambda: [len(line.waiting) for line in centre.lines] == [2, 2, 2])
            centre.does[BIND_TRANSCEIVER] = keep
            centre.lines[1].cut()
            await until(lambda: sum(task.done() for task in tasks) == 2)
            del centre.does[SUBMIT]
            for line in centre.open:
                line.take_all()
            outcomes = await asyncio.gather(*tasks)
            assert outcomes.count(Unknown("connection_lost")) == 2
            assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 6

    in_loop(work)


def test_pauses_between_binds_grow_and_end_after_a_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switchboard, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(switchboard, "STEADY", 0.2)
    times: list[float] = []

    def refuse(line: Line, asked: Heard) -> None:
        times.append(asyncio.get_running_loop().time())
        line.answer(asked, status=0x0D)

    async def work() -> None:
        async with small_centre() as centre, provider_at(centre) as provider:
            centre.does[BIND_TRANSCEIVER] = refuse
            await until(lambda: len(times) == 5)
            assert provider.bound == Bound(0, 1, "ESME_RBINDFAIL")
            pauses = [b - a for a, b in pairwise(times)]
            assert pauses[3] > 2.5 * pauses[0]
            del centre.does[BIND_TRANSCEIVER]
            await bound(provider)
            await asyncio.sleep(0.3)
            cut_at = asyncio.get_running_loop().time()
            centre.open[0].cut()
            await until(lambda: provider.bound.up == 0)
            await bound(provider)
            assert asyncio.get_running_loop().time() - cut_at < 0.4

    in_loop(work)


def test_who_lets_us_in_and_hangs_up_at_once_is_not_called_without_a_pause() -> None:
    def greet_and_cut(line: Line, asked: Heard) -> None:
        line.answer(asked, b"centre\0")
        asyncio.get_running_loop().call_later(0.01, line.cut)

    async def work() -> int:
        async with small_centre() as centre, provider_at(centre):
            centre.does[BIND_TRANSCEIVER] = greet_and_cut
            await asyncio.sleep(2.5)
            return len(centre.lines)

    assert 3 <= in_loop(work) <= 6


def test_texts_that_wait_are_not_given_back_when_a_session_comes_and_goes() -> None:
    async def work() -> None:
        async with small_centre() as centre, provider_at(centre, inbox=None) as provider:
            tasks = [asyncio.ensure_future(provider.send(a_text())) for _ in range(3)]
            await asyncio.sleep(0)

            def answer_and_cut(line: Line, asked: Heard) -> None:
                line.answer(asked, b"centre\0")
                line.writer.close()
                del centre.does[BIND_TRANSCEIVER]

            centre.does[BIND_TRANSCEIVER] = answer_and_cut
            await provider.open(nobody)
            outcomes = await asyncio.gather(*tasks)
            assert not any(isinstance(outcome, Rejected) for outcome in outcomes), outcomes

    in_loop(work)


def test_a_text_of_which_nothing_has_left_when_its_session_is_cut_leaves_by_the_next() -> None:
    async def work() -> None:
        async with small_centre() as centre, provider_at(centre) as provider:
            await bound(provider)
            tasks = [asyncio.ensure_future(provider.send(a_text())) for _ in range(3)]
            await asyncio.sleep(0)
            provider._board._sessions[0].cut()
            outcomes = await asyncio.gather(*tasks)
            assert [type(outcome) for outcome in outcomes] == [Accepted] * 3
            assert len(centre.of(SUBMIT)) == 3

    in_loop(work)


def test_without_a_session_a_text_is_given_back_after_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switchboard, "PATIENCE", 0.3)

    async def work() -> None:
        async with small_centre() as centre, provider_at(centre) as provider:
            centre.does[BIND_TRANSCEIVER] = keep
            assert await provider.send(a_text()) == Rejected(permanent=False, code="not_bound")

    in_loop(work)


@pytest.mark.parametrize("setting", ["system_id", "password", "system_type", "address_range", "service_type"])
def test_what_smpp_cannot_write_is_refused_as_a_setting(setting: str) -> None:
    wrong: dict[str, Any] = {setting: "å"}

    async def work() -> None:
        async with small_centre() as centre, provider_at(centre, **wrong):
            pass

    with pytest.raises(ValueError, match=setting):
        in_loop(work)


def test_a_fault_of_our_own_while_we_bind_is_told_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with small_centre() as centre, provider_at(centre, inbox=None) as provider:
            dial, failures = provider._board._dial, [RuntimeError("one of ours")]

            async def flaky(*asked: Any, **named: Any) -> Any:
                if failures:
                    raise failures.pop()
                assert dial is not None
                return await dial(*asked, **named)

            provider._board._dial = flaky
            await provider.open(nobody)
            await until(lambda: provider.bound.fault)
            assert provider.bound == Bound(0, 1, "RuntimeError")
            await bound(provider)

    in_loop(work)


def test_at_the_end_answers_are_waited_for_and_then_we_say_good_bye() -> None:
    async def work() -> None:
        async with small_centre() as centre, provider_at(centre, window=2) as provider:
            await bound(provider)
            centre.does[SUBMIT] = keep
            tasks = [asyncio.ensure_future(provider.send(a_text())) for _ in range(3)]
            [line] = centre.lines
            await until(lambda: len(line.waiting) == 2)
            closing = asyncio.ensure_future(provider.close())
            await asyncio.sleep(0.1)
            assert not line.of(UNBIND)
            line.take_all()
            await closing
            assert await asyncio.gather(*tasks) == [
                Accepted("1"),
                Accepted("2"),
                Rejected(permanent=False, code="not_bound"),
            ]
            assert [heard.command for heard in line.heard] == [BIND_TRANSCEIVER, SUBMIT, SUBMIT, UNBIND]
            assert line.is_over

    in_loop(work)


def test_at_the_end_who_neither_answers_nor_hangs_up_is_left() -> None:
    async def work() -> float:
        async with small_centre() as centre, provider_at(centre) as provider:
            await bound(provider)
            centre.does |= {SUBMIT: keep, UNBIND: keep}
            task = asyncio.ensure_future(provider.send(a_text()))
            await until(lambda: centre.of(SUBMIT))
            begun = asyncio.get_running_loop().time()
            await provider.close()
            assert await task == Unknown("timeout")
            return asyncio.get_running_loop().time() - begun

    assert in_loop(work) < 4


@pytest.mark.parametrize(("name", "works"), [("127.0.0.1", True), ("other.example", False)])
def test_tls_is_spoken_and_the_name_is_checked(tmp_path: Path, name: str, works: bool) -> None:
    ours = certified(tmp_path, name)

    async def work() -> None:
        async with (
            small_centre(ours.server) as centre,
            provider_at(centre, context=ours.client, tls=True) as provider,
        ):
            if works:
                assert await provider.send(a_text()) == Accepted("1")
            else:
                assert await provider.check() == Verdict(State.UNREACHABLE, "bad_certificate")
                await until(lambda: provider.bound.fault)
                assert provider.bound == Bound(0, 1, "bad_certificate")

    in_loop(work)
