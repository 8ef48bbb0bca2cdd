"""For how long the guarded way out waits, and how much it takes (spec V8)."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from messa_platform.core.outbound import (
    SENTENCES,
    Answer,
    Fault,
    NoAnswer,
    Outbound,
    OutboundSettings,
    look_up,
)
from tests.support.raw_server import answer, drips, raw_server, says
from tests.support.ways_out import LOCAL, at, outcome, url_of


def quick(seconds: float) -> OutboundSettings:
    return OutboundSettings(allow_private=True, timeout=seconds, max_bytes=10_000)


def says_nothing(connection: socket.socket, _request: bytes) -> None:
    connection.recv(1)


def takes_nothing(_connection: socket.socket, _request: bytes) -> None:
    threading.Event().wait(1)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"


@pytest.mark.parametrize(
    "behave",
    [
        says_nothing,
        drips(HEAD, 0.1),
        drips(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, 0.01),
        lambda connection, _: (connection.sendall(HEAD), drips(b"x" * 9000, 0.1)(connection, _)),
    ],
    ids=["says-nothing", "drips-its-headers", "lets-us-go-on-for-ever", "drips-its-body"],
)  # fmt: skip
def test_a_slow_server_is_left(behave: Any) -> None:
    with raw_server(behave) as server:
        began = time.monotonic()
        assert Outbound(quick(0.5)).get(url_of(server.port)) == NoAnswer(Fault.TOO_SLOW, sent=True)
        assert 0.4 < time.monotonic() - began < 5


def test_a_request_may_be_given_less_time_than_the_settings_allow_but_not_more() -> None:
    with raw_server(says_nothing) as server:
        began = time.monotonic()
        Outbound(quick(5)).get(url_of(server.port), seconds=0.2)
        Outbound(quick(0.2)).get(url_of(server.port), seconds=5)
        assert time.monotonic() - began < 5


def test_a_slow_handshake_is_left() -> None:
    with raw_server(says_nothing) as server:
        found = Outbound(quick(0.3)).get(f"https://127.0.0.1:{server.port}/")
    assert found == NoAnswer(Fault.TOO_SLOW)


@pytest.fixture
def released() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_slow_name_server_is_left(released: threading.Event) -> None:
    def slow(host: str, port: int) -> list[str]:
        released.wait(20)
        return ["1.1.1.1"]

    began = time.monotonic()
    assert outcome("https://hook.example/", quick(0.2), resolve=slow) is Fault.TOO_SLOW
    assert time.monotonic() - began < 5


def test_who_does_not_take_what_is_sent_is_left() -> None:
    with raw_server(takes_nothing) as server:
        found = Outbound(quick(0.3)).post(url_of(server.port), body=b"x" * 50_000_000)
    assert found == NoAnswer(Fault.TOO_SLOW, sent=True)


def chunks(size: int) -> bytes:
    return (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"a\r\n0123456789\r\n" * (size // 10)
        + b"0\r\n\r\n"
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n" + b"x" * 10_001,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000,
        chunks(10_010),
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"y" * 2000) for i in range(90)),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1;" + b"x" * 60_000 + b"\r\n" + b"x\r\n2;" + b"y" * 60_000,
    ],
    ids=["announced", "endless", "in-chunks", "in-headers", "in-extensions-of-chunks"],
)  # fmt: skip
def test_a_huge_answer_is_cut(local: Outbound, raw: bytes) -> None:
    with raw_server(says(raw)) as server:
        assert local.get(url_of(server.port)) == NoAnswer(Fault.TOO_LARGE, sent=True)


@pytest.mark.parametrize(
    "raw", [b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" + b"x" * 10_000, chunks(10_000)]
)
def test_an_answer_may_be_as_large_as_the_settings_say(local: Outbound, raw: bytes) -> None:
    with raw_server(says(raw)) as server:
        found = local.get(url_of(server.port))
    assert isinstance(found, Answer)
    assert len(found.body) == 10_000


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    ],
    ids=["nothing", "no-http", "no-status", "cut-off", "no-chunk", "cut-off-in-a-chunk", "too-many-headers"],
)
def test_what_is_no_whole_answer_is_none(local: Outbound, raw: bytes) -> None:
    with raw_server(says(raw)) as server:
        assert local.get(url_of(server.port)) == NoAnswer(Fault.BROKEN, sent=True)


def test_a_server_that_is_down_is_told_from_one_that_broke_off(local: Outbound) -> None:
    with raw_server(answer()) as server:
        pass
    assert local.get(url_of(server.port)) == NoAnswer(Fault.UNREACHABLE)


def test_a_name_that_does_not_exist_is_told() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    assert outcome("https://hook.example/", resolve=unknown) is Fault.UNKNOWN_HOST
    assert outcome("https://hook.example/", resolve=at()) is Fault.UNKNOWN_HOST


def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    with raw_server(answer()) as server:
        found = Outbound(LOCAL, resolve=at("127.0.0.2", "::1", "127.0.0.1")).get(
            f"http://a.example:{server.port}/"
        )
    assert isinstance(found, Answer)


def test_addresses_share_the_time_there_is() -> None:
    given_: list[float] = []

    def silent(address: str, port: int, seconds: float) -> socket.socket:
        given_.append(seconds)
        raise TimeoutError

    refused = Outbound(quick(5), resolve=at(*["1.1.1.1"] * 9), connect=silent).get("https://a.example/")
    assert refused == NoAnswer(Fault.UNREACHABLE)
    assert [round(seconds, 1) for seconds in given_] == [1.2, 1.7, 2.5, 5.0]


def test_the_systems_resolver_gives_each_address_once() -> None:
    assert look_up("127.0.0.1", 80) == ["127.0.0.1"]
    assert look_up("127.1", 80) == ["127.0.0.1"]


def test_proxies_of_the_environment_are_not_used(local: Outbound, monkeypatch: pytest.MonkeyPatch) -> None:
    with raw_server(answer()) as server, raw_server(answer()) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        local.get(url_of(server.port))
    assert (server.connections, proxy.connections) == (1, 0)


def test_every_fault_has_its_sentence() -> None:
    assert SENTENCES.keys() == set(Fault)


def test_many_threads_may_ask_at_once(local: Outbound) -> None:
    found: list[Any] = []
    with raw_server(answer()) as server:
        threads = [
            threading.Thread(target=lambda: found.append(local.get(url_of(server.port)))) for _ in range(16)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert found == [Answer(200, {"content-length": "3"}, b"hej")] * 16
