"""The gateway's connections, handed their bytes by hand."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from messa_platform.core.clock import SystemClock
from messa_platform.providers.simulator import wire
from messa_platform.providers.simulator.callbacks import Callbacks, Target
from messa_platform.providers.simulator.conditions import Conditions
from messa_platform.providers.simulator.gateway import FIND_DELAY_SECONDS, Connection, Gateway
from messa_platform.providers.simulator.journal import Journal
from messa_platform.providers.simulator.network import Network
from messa_platform.providers.simulator.store import Store


class Line(asyncio.Transport):
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False
        self.reading = True

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def answers(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in b"".join(self.writes).splitlines()]


SECRET = "hemligt-i-testet"
WELL = Conditions()
Opener = Callable[..., tuple[Connection, Line]]
"""Opens a connection that has greeted; with `greeting`, another one or none."""


def at_gateway(
    directory: Path, work: Callable[[Opener], Awaitable[None]], conditions: Conditions = WELL
) -> list[dict[str, Any]]:
    """Do the work at a gateway; gives the submits that it has heard."""
    submitted: list[dict[str, Any]] = []

    async def run() -> None:
        journal, clock = Journal.open(directory), SystemClock()
        store = Store(journal)
        callbacks = Callbacks(Target("http://x", "s"), journal, clock, store.reference)
        network = Network(journal, store, callbacks, clock, Random(1), conditions)
        gateway = Gateway(network, callbacks, clock, SECRET)

        def opened(greeting: bytes | None = None) -> tuple[Connection, Line]:
            connection, line = Connection(gateway), Line()
            connection.connection_made(line)
            connection.data_received(wire.greeting(SECRET, time.time()) if greeting is None else greeting)
            assert line.writes == []
            return connection, line

        await work(opened)
        await gateway.close()
        submitted.extend(store.submits_since(0, 100) or ())
        journal.close()

    asyncio.run(run())
    return submitted


def submit(seq: int, message_id: str = "m1", to: str = "+46701740605") -> bytes:
    request = {"op": "submit", "seq": seq, "id": message_id, "from": "+46730000001", "to": to, "text": "Hej"}
    return wire.encode(request | {"parts": 1})


def test_a_question_is_answered_after_what_an_earlier_connection_still_holds(tmp_path: Path) -> None:
    async def work(opened: Opener) -> None:
        earlier, _ = opened()
        later, line = opened()
        later.data_received(wire.encode({"op": "find", "seq": 7, "id": "m1"}))
        for _ in range(3):  # turns of the loop in which the socket of the earlier one has not been read yet
            await asyncio.sleep(0)
        earlier.data_received(submit(1))
        async with asyncio.timeout(5):
            while not line.writes:
                await asyncio.sleep(0.01)
        assert [(answer["seq"], answer["found"]) for answer in line.answers()] == [(7, True)]

    at_gateway(tmp_path, work)


def test_a_question_that_a_fault_strikes_is_not_answered_and_the_connection_stays(tmp_path: Path) -> None:
    async def work(opened: Opener) -> None:
        connection, line = opened()
        connection.data_received(submit(1) + wire.encode({"op": "find", "seq": 7, "id": "m1"}))
        await asyncio.sleep(3 * FIND_DELAY_SECONDS)
        assert [answer["seq"] for answer in line.answers()] == [1]
        assert not line.closed

    at_gateway(tmp_path, work, Conditions(drop_questions=1.0))


def test_all_that_comes_in_one_piece_is_answered_in_one_write(tmp_path: Path) -> None:
    async def work(opened: Opener) -> None:
        connection, line = opened()
        pieces = submit(1) + submit(2) + submit(3)
        connection.data_received(pieces[:-5])
        assert [answer["seq"] for answer in line.answers()] == [1, 2]
        connection.data_received(pieces[-5:])
        assert [answer["seq"] for answer in line.answers()] == [1, 2, 3]
        assert len(line.writes) == 2

    at_gateway(tmp_path, work)


@pytest.mark.parametrize(
    "rubbish",
    [b"GET / HTTP/1.1\r\n", b"[]\n", b'{"op":"find"}\n', b'{"op":"reboot"}\n', b"x" * (wire.MAX_LINE + 1)],
)
def test_rubbish_is_told_so_and_hung_up_on(tmp_path: Path, rubbish: bytes) -> None:
    async def work(opened: Opener) -> None:
        connection, line = opened()
        connection.data_received(rubbish)
        assert line.answers() == [{"error": "malformed_request"}]
        assert line.closed

    at_gateway(tmp_path, work)


def test_a_cut_comes_after_the_answers_to_the_others(tmp_path: Path) -> None:
    async def work(opened: Opener) -> None:
        connection, line = opened()
        connection.data_received(submit(1) + submit(2, to="+46700000009") + submit(3))
        assert [answer["seq"] for answer in line.answers()] == [1, 3]
        assert line.closed

    at_gateway(tmp_path, work)


def test_who_does_not_read_the_answers_is_not_heard(tmp_path: Path) -> None:
    async def work(opened: Opener) -> None:
        connection, line = opened()
        connection.pause_writing()
        assert not line.reading
        connection.resume_writing()
        assert line.reading

    at_gateway(tmp_path, work)


def refused(seq: int) -> dict[str, Any]:
    return {"seq": seq, "ok": False, "code": "wrong_key", "permanent": False}


def hello(**changes: Any) -> bytes:
    return wire.encode({**json.loads(wire.greeting(SECRET, time.time())), **changes})


WRONG_GREETINGS: dict[str, Callable[[], bytes]] = {
    "none": lambda: b"",
    "empty": lambda: b'{"op":"hello"}\n',
    "another secret": lambda: wire.greeting("en-annan-hemlighet", time.time()),
    "too old": lambda: wire.greeting(SECRET, time.time() - wire.TOLERANCE_SECONDS - 2),
    "of the future": lambda: wire.greeting(SECRET, time.time() + wire.TOLERANCE_SECONDS + 5),
    "another time": lambda: hello(at=int(time.time()) - 1),
    "time as text": lambda: hello(at=str(int(time.time()))),
    "no time": lambda: hello(at=10**400),
    "empty proof": lambda: hello(proof=""),
    "not ASCII": lambda: hello(proof="ö"),
    "lone surrogate": lambda: hello(proof="\ud800"),
    "no text": lambda: hello(proof=None),
}


@pytest.mark.parametrize("greeting", WRONG_GREETINGS)
def test_who_has_not_proved_to_know_the_secret_is_refused_and_kept_nowhere(
    tmp_path: Path, greeting: str
) -> None:
    async def work(opened: Opener) -> None:
        connection, line = opened(WRONG_GREETINGS[greeting]())
        connection.data_received(submit(1) + submit(2) + wire.encode({"op": "find", "seq": 3, "id": "m1"}))
        assert line.answers() == [refused(1), refused(2), refused(3)]
        assert len(line.writes) == 1
        assert not line.closed

    assert at_gateway(tmp_path, work) == []


def test_texts_may_come_in_one_piece_with_the_greeting_but_not_before_it(tmp_path: Path) -> None:
    async def work(opened: Opener) -> None:
        connection, line = opened(b"")
        connection.data_received(submit(1) + hello() + submit(2))
        assert line.answers()[0] == refused(1)
        assert [answer["ok"] for answer in line.answers()] == [False, True]

    assert [entry["taken"] for entry in at_gateway(tmp_path, work)] == [True]


def test_a_wrong_greeting_after_a_good_one_counts(tmp_path: Path) -> None:
    async def work(opened: Opener) -> None:
        connection, line = opened()
        connection.data_received(hello(proof="00") + submit(1))
        assert line.answers() == [refused(1)]

    assert at_gateway(tmp_path, work) == []


def test_each_connection_greets_for_itself(tmp_path: Path) -> None:
    async def work(opened: Opener) -> None:
        opened()
        other, line = opened(b"")
        other.data_received(submit(1))
        assert line.answers() == [refused(1)]

    assert at_gateway(tmp_path, work) == []


def test_a_wrong_secret_is_said_and_no_secret_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def work(opened: Opener) -> None:
        opened(wire.greeting("en-annan-hemlighet", time.time()))
        opened()

    at_gateway(tmp_path, work)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "wrong_key" in caplog.text
    assert "hemligt" not in caplog.text and "hemlighet" not in caplog.text
