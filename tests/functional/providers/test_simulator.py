"""The simulator as a process of its own, the plugin in front of it, and a small platform behind its callbacks."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from messa_platform.providers.base import (
    Absent,
    Accepted,
    Found,
    IncomingText,
    Outcome,
    OutgoingText,
    Receipt,
    ReceiptStatus,
    Rejected,
    State,
    Unknown,
    Verdict,
)
from messa_platform.providers.simulator.behaviour import DOCUMENTED
from messa_platform.providers.simulator.launch import Running, running
from messa_platform.providers.simulator.plugin import SimulatorProvider
from tests.support.providers import around, called

SECRET = "hemligt-i-testet"
OURS = "+46730000001"
ANNA = "+46701740605"
QUICK = ("--delivery-ms", "40", "--buffered-ms", "100", "--late-ms", "400", "--secret", SECRET)
DELIVERED = ReceiptStatus.DELIVERED


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A simulator that is killed leaves its connection broken; anything else is a fault of the test."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            raise


class Platform:
    """Takes callbacks as the platform would; `up` False answers 503."""

    def __init__(self, port: int = 0) -> None:
        self.events: list[Receipt | IncomingText] = []
        self.refused = 0
        self.up = True
        platform = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self.send_response(platform.take(self.path, dict(self.headers), body))
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/providers/simulator"

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        if not self.up:
            self.refused += 1
            return 503
        named = {name.lower(): value for name, value in headers.items()}
        callback = called(path.removeprefix("/providers/simulator/"), named, body)
        result = SimulatorProvider.read_callback({"secret": SECRET}, callback)
        self.events.extend(result.events)
        return result.status

    def receipts(self, reference: str) -> list[ReceiptStatus | None]:
        return [
            event.status
            for event in self.events
            if isinstance(event, Receipt) and event.reference == reference
        ]

    def incoming(self) -> list[IncomingText]:
        return [event for event in self.events if isinstance(event, IncomingText)]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def platform_up(port: int = 0) -> Iterator[Platform]:
    platform = Platform(port)
    try:
        yield platform
    finally:
        platform.close()


@dataclass(frozen=True)
class Net:
    """A running simulator and the platform to which it posts."""

    simulator: Running
    platform: Platform

    def phone(self, number: str) -> list[str]:
        return [text["text"] for text in self.simulator.ask("GET", f"/simulator/phones/{number}")]

    def settle(self) -> None:
        """Wait until the platform has taken everything."""
        until(lambda: self.simulator.ask("GET", "/simulator/health")["callbacks_waiting"] == 0)

    def send(self, *texts: OutgoingText, timeout: float = 5.0, secret: str = SECRET) -> list[Outcome]:
        outcomes: list[Outcome] = self.with_provider(
            lambda provider: asyncio.gather(*map(provider.send, texts)), timeout, secret
        )
        return outcomes

    def check(self, secret: str = SECRET) -> Verdict:
        verdict: Verdict = self.with_provider(lambda provider: provider.check(), secret=secret)
        return verdict

    def find(self, message_id: UUID) -> Found:
        found: Found = self.with_provider(lambda provider: provider.find(message_id))
        return found

    def with_provider(
        self, work: Callable[[SimulatorProvider], Any], timeout: float = 5.0, secret: str = SECRET
    ) -> Any:
        port = self.simulator.addresses.gateway_port

        async def run() -> Any:
            provider = SimulatorProvider(
                {"port": port, "secret": secret, "timeout": timeout}, around("simulator")
            )
            try:
                return await work(provider)
            finally:
                await provider.close()

        return asyncio.run(run())


def until(done: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def text(to: str, content: str = "Hej", sender: str = OURS, message_id: UUID | None = None) -> OutgoingText:
    return OutgoingText(message_id or uuid4(), to, sender, content, 1)


@contextmanager
def net_in(directory: Path) -> Iterator[Net]:
    with (
        platform_up() as platform,
        running(directory, *QUICK, "--callback-url", platform.url) as simulator,
    ):
        yield Net(simulator, platform)


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    with net_in(tmp_path_factory.mktemp("journal")) as made:
        yield made


def test_a_text_reaches_the_phone_whole_and_is_delivered(net: Net) -> None:
    content = "Föräldramöte på måndag kl. 18 😀\nHälsningar från Ö-vik" + " å" * 200
    (outcome,) = net.send(text(ANNA, content, "Demo kommun"))
    assert isinstance(outcome, Accepted)
    assert content in net.phone(ANNA)
    net.settle()
    assert net.platform.receipts(outcome.reference) == [DELIVERED]


@dataclass(frozen=True)
class Expected:
    """What a documented number should do to one text, and what `find` should say afterwards."""

    outcome: Outcome | type[Accepted]
    receipts: tuple[ReceiptStatus | None, ...] = ()
    on_phone: int = 1
    found: type[Found] = Accepted
    replies: list[str] = field(default_factory=list)


ACCEPTED = Accepted
REFUSED_FOR_NOW = Rejected(False, "temporarily_unavailable")
EXPECTED = {
    "undelivered": Expected(ACCEPTED, (ReceiptStatus.UNDELIVERED,)),
    "buffered-then-delivered": Expected(ACCEPTED, (ReceiptStatus.BUFFERED, DELIVERED)),
    "buffered-for-ever": Expected(ACCEPTED, (ReceiptStatus.BUFFERED,)),
    "refused": Expected(Rejected(True, "invalid_destination"), on_phone=0, found=Absent),
    "refused-twice": Expected(REFUSED_FOR_NOW, on_phone=0, found=Absent),
    "throttled": Expected(ACCEPTED, (DELIVERED,)),
    "timeout-sent": Expected(Unknown("timeout"), (DELIVERED,)),
    "timeout-not-sent": Expected(Unknown("timeout"), on_phone=0, found=Absent),
    "cut-after-taking": Expected(Unknown("connection_lost"), (DELIVERED,)),
    "malformed-answer": Expected(Unknown("malformed_answer"), (DELIVERED,)),
    "receipts-lost": Expected(ACCEPTED),
    "receipts-repeated": Expected(ACCEPTED, (DELIVERED, DELIVERED, DELIVERED)),
    "receipts-reordered": Expected(ACCEPTED, (DELIVERED, ReceiptStatus.BUFFERED)),
    "receipt-before-answer": Expected(ACCEPTED, (DELIVERED,)),
    "receipt-late": Expected(ACCEPTED, (DELIVERED,)),
    "unknown-status": Expected(ACCEPTED, (None,)),
    "answers-ok": Expected(ACCEPTED, (DELIVERED,), replies=["OK"]),
    "answers-stop": Expected(ACCEPTED, (DELIVERED,), replies=["STOP"]),
}


def test_every_documented_number_is_tried_here() -> None:
    assert EXPECTED.keys() == {entry.name for entry in DOCUMENTED.values()}


@pytest.mark.parametrize("number", DOCUMENTED, ids=lambda number: DOCUMENTED[number].name)
def test_a_documented_number_does_what_it_says(net: Net, number: str) -> None:
    expected = EXPECTED[DOCUMENTED[number].name]
    message_id = uuid4()
    # Only where no answer comes is it worth not waiting for it.
    timeout = 0.3 if expected.outcome == Unknown("timeout") else 5.0
    (outcome,) = net.send(text(number, str(message_id), message_id=message_id), timeout=timeout)
    assert isinstance(outcome, Accepted) if expected.outcome is Accepted else outcome == expected.outcome
    assert net.phone(number).count(str(message_id)) == expected.on_phone
    found = net.find(message_id)
    assert isinstance(found, expected.found)
    if isinstance(outcome, Accepted):
        assert found == Accepted(outcome.reference)
    net.settle()
    if isinstance(found, Accepted):
        assert tuple(net.platform.receipts(found.reference)) == expected.receipts
    replies = [reply for reply in net.platform.incoming() if reply.sender == number]
    assert [(reply.text, reply.recipient) for reply in replies] == [(said, OURS) for said in expected.replies]


def test_a_message_refused_twice_is_taken_the_third_time(net: Net) -> None:
    again = text("+46700000005", "en gång till")
    outcomes = [net.send(again)[0] for _ in range(3)]
    assert outcomes[:2] == [REFUSED_FOR_NOW, REFUSED_FOR_NOW]
    assert isinstance(outcomes[2], Accepted)
    assert net.phone("+46700000005") == ["en gång till"]


def test_a_receipt_can_be_at_the_platform_before_the_submit_is_answered(net: Net) -> None:
    (outcome,) = net.send(text("+46700000014"))
    assert isinstance(outcome, Accepted)
    assert net.platform.receipts(outcome.reference) == [DELIVERED]


def test_a_receipt_before_the_answer_waits_no_longer_than_two_seconds_for_a_platform_that_is_down(
    net: Net,
) -> None:
    net.platform.up = False
    try:
        (outcome,) = net.send(text("+46700000014"))
    finally:
        net.platform.up = True
    assert isinstance(outcome, Accepted)
    net.settle()
    assert net.platform.receipts(outcome.reference) == [DELIVERED]


def test_the_same_message_twice_is_two_texts_and_the_submits_tell(net: Net) -> None:
    since = net.simulator.ask("GET", "/simulator/submits")["next"]
    double = text("+46701740002", "två gånger")
    first, second = net.send(double, double)
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert first.reference != second.reference
    assert net.phone("+46701740002") == ["två gånger"] * 2
    submits = net.simulator.ask("GET", f"/simulator/submits?since={since}")["submits"]
    assert [(entry["id"], entry["taken"]) for entry in submits] == [(str(double.message_id), True)] * 2
    assert net.find(double.message_id) == Accepted(second.reference)


def test_a_reply_from_a_phone_is_posted_once_with_its_own_reference(net: Net) -> None:
    phone = "+46701740003"
    for said in ("Jag kommer på mötet", "Nej, förresten"):
        net.simulator.ask("POST", f"/simulator/phones/{phone}/replies", {"to": OURS, "text": said})
    net.settle()
    replies = [reply for reply in net.platform.incoming() if reply.sender == phone]
    assert [(reply.recipient, reply.text) for reply in replies] == [
        (OURS, "Jag kommer på mötet"),
        (OURS, "Nej, förresten"),
    ]
    assert len({reply.reference for reply in replies}) == 2


def test_faults_on_demand_strike_a_running_network(net: Net) -> None:
    net.simulator.ask("POST", "/simulator/faults", {"drop_answers": 1, "latency_ms": 1})
    lost = text("+46701740004")
    assert net.send(lost, timeout=0.2) == [Unknown("timeout")]
    net.simulator.ask("DELETE", "/simulator/faults")
    assert isinstance(net.find(lost.message_id), Accepted)
    assert isinstance(net.send(text("+46701740004"))[0], Accepted)


def test_latency_delays_the_answer_and_not_the_text(net: Net) -> None:
    net.simulator.ask("POST", "/simulator/faults", {"latency_ms": 300})
    begun = time.monotonic()
    (outcome,) = net.send(text("+46701740005"))
    net.simulator.ask("DELETE", "/simulator/faults")
    assert isinstance(outcome, Accepted)
    assert time.monotonic() - begun >= 0.3


def test_who_does_not_know_the_secret_sends_nothing_and_a_check_says_so(net: Net) -> None:
    since = net.simulator.ask("GET", "/simulator/submits")["next"]
    texts = [text("+46701740006", str(n)) for n in range(3)]
    assert net.send(*texts, secret="en-annan-hemlighet") == [Rejected(False, "wrong_key")] * 3
    assert net.check("en-annan-hemlighet") == Verdict(State.WRONG_KEY, "wrong_key")
    assert net.phone("+46701740006") == []
    assert net.simulator.ask("GET", f"/simulator/submits?since={since}")["submits"] == []
    assert net.check() == Verdict(State.WELL)
    assert isinstance(net.send(texts[0])[0], Accepted)


def test_a_check_of_a_network_that_has_ended_finds_nobody(tmp_path: Path) -> None:
    with net_in(tmp_path) as ended:
        ended.simulator.kill()
        assert ended.check() == Verdict(State.UNREACHABLE, "refused_connection")


def test_callbacks_go_on_when_the_platform_is_back_even_after_a_restart_of_the_network(
    tmp_path: Path,
) -> None:
    with platform_up() as platform:
        port = platform.port
        platform.up = False
        with running(tmp_path, *QUICK, "--callback-url", platform.url) as simulator:
            outcomes = Net(simulator, platform).send(*(text(ANNA, str(i)) for i in range(600)))
            until(lambda: platform.refused >= 2)
            simulator.kill()
    url = f"http://127.0.0.1:{port}/providers/simulator"
    with running(tmp_path, *QUICK, "--callback-url", url) as simulator:
        time.sleep(0.3)  # nobody listens there now
        with platform_up(port) as platform:
            Net(simulator, platform).settle()
            references = [outcome.reference for outcome in outcomes if isinstance(outcome, Accepted)]
            assert len(references) == 600
            assert [event.reference for event in platform.events] == references
            simulator.kill()
            with running(tmp_path, *QUICK, "--callback-url", url) as simulator:
                Net(simulator, platform).settle()
            assert len(platform.events) == 600
