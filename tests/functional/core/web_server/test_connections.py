"""The web server: connections that stay open, answers that are whole, and no work for those that are quiet."""

from __future__ import annotations

import contextlib
import resource
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from messa_platform.core import web_server
from messa_platform.core.web_server import (
    OTHER_FILES,
    WAITING,
    WebServer,
    room_for_connections,
)
from tests.support.processes import HOST, wait_for
from tests.support.served import BIG, App, Connect, busy_within, get, heard, requests, serving


def ended(connection: socket.socket) -> bool:
    """Whether the other side has closed."""
    connection.settimeout(5)
    return connection.recv(1) == b""


@pytest.mark.parametrize(("path", "status"), [("/nothing", 304), ("/gone", 204), ("/page", 200)])
def test_a_connection_stays_open_after_every_kind_of_answer(connect: Connect, path: str, status: int) -> None:
    connection = connect()
    connection.connect()
    first = connection.sock
    for _ in range(5):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert (answer.status, answer.getheader("Connection")) == (status, None)
        assert connection.sock is first  # http.client drops it when the server says that it closes


@pytest.mark.parametrize("path", ["/nothing", "/gone", "/page"])
@pytest.mark.parametrize(
    "asks", ["GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET {} HTTP/1.0\r\n\r\n"]
)
def test_who_asks_to_close_gets_it(server: WebServer, path: str, asks: str) -> None:
    with socket.create_connection((HOST, server.port)) as connection:
        connection.sendall(asks.format(path).encode())
        connection.settimeout(5)
        said = b""
        while more := connection.recv(4096):
            said += more
    assert b"Connection: close" in said


def test_the_loop_is_woken_at_once_by_an_answer_that_needs_it(server: WebServer) -> None:
    begun = time.monotonic()
    for _ in range(40):
        with socket.create_connection((HOST, server.port)) as connection:
            connection.sendall(b"GET /page HTTP/1.0\r\n\r\n")
            assert b"".join(iter(lambda: connection.recv(4096), b"")).endswith(b"page0")
    assert time.monotonic() - begun < 4  # where each would wait for a tenth of a second and more


def test_an_answer_of_unknown_length_arrives_whole(connect: Connect) -> None:
    connection = connect()
    assert get(connection, "/stream") == (200, "".join(f"{n}\n" for n in range(1000)).encode())


def test_big_answers_reach_many_slow_readers_whole(server: WebServer) -> None:
    def read() -> bytes:
        with socket.create_connection((HOST, server.port)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            connection.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            time.sleep(0.2)
            return b"".join(iter(lambda: connection.recv(2**20), b"")).partition(b"\r\n\r\n")[2]

    read_bodies: list[bytes] = []
    threads = [threading.Thread(target=lambda: read_bodies.append(read())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    whole = b"".join(bytes([n % 256]) * 2**16 for n in range(BIG // 2**16))
    assert [body == whole for body in read_bodies] == [True] * 6


def test_a_connection_costs_nothing_while_its_answer_pauses_or_is_over(connect: Connect, app: App) -> None:
    connection = connect()
    connection.request("GET", "/pausing")
    answer = connection.getresponse()
    assert answer.read(BIG) == b"x" * BIG
    assert busy_within(1) < 0.3
    app.gate.set()
    assert answer.read() == b"y" * BIG
    assert busy_within(1) < 0.3
    assert get(connection, "/page") == (200, b"page0")


def test_a_body_is_taken_in_pieces_and_when_it_must_wait_to_be_asked_for(connect: Connect) -> None:
    connection = connect()
    assert get(connection, "/upload", method="POST", body=b"x" * 5_000_000) == (200, b"upload5000000")
    patient = connect()
    patient.connect()
    sock = patient.sock
    sock.sendall(b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
    assert heard(sock, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    sock.sendall(b"fyra")
    assert heard(sock, b"upload4")


def chunked(path: str, size: int) -> bytes:
    """A request whose body has no length; to a limit counts what frames it, too."""
    body = b"x" * size
    head = f"POST {path} HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n{size:x}\r\n"
    return head.encode() + body + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [("/small/x", 980, 200), ("/small/x", 1001, 413), ("//small/x", 1001, 413), ("/other", 9000, 200)],
)
def test_below_some_paths_a_body_may_be_smaller_than_elsewhere(
    app: App, path: str, size: int, status: int
) -> None:
    with serving(app, body_limits={"/small/": 1000}) as server:
        plain = f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * size
        for asked in (plain, chunked(path, size)):
            with socket.create_connection((HOST, server.port), timeout=10) as connection:
                connection.sendall(asked)
                assert int(connection.recv(4096).split()[1]) == status
    assert len(app.asked) == (2 if status == 200 else 0)


def test_a_request_is_told_how_many_others_wait_for_a_thread() -> None:
    waited: list[int] = []
    gate = threading.Event()

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        waited.append(environ[WAITING])
        assert gate.wait(20)
        start("200 OK", [("Content-Length", "0")])
        return []

    with serving(app) as server, contextlib.ExitStack() as stack:
        for _ in range(7):  # four of them find a thread
            connection = stack.enter_context(socket.create_connection((HOST, server.port), timeout=10))
            connection.sendall(requests("/"))
        wait_for(lambda: len(server._dispatcher.queue) == 3)
        gate.set()
        wait_for(lambda: len(waited) == 7)
    assert sorted(waited[4:]) == [0, 1, 2]


def test_requests_that_come_before_the_answer_are_answered_in_order(server: WebServer, app: App) -> None:
    with socket.create_connection((HOST, server.port)) as connection:
        connection.sendall(requests("/slow", "/a"))
        wait_for(lambda: app.asked)
        connection.sendall(requests("/b"))
        idle = busy_within(1)
        connection.sendall(requests("/c"))
        app.gate.set()
        connection.settimeout(10)
        said = heard(connection, b"c0")
    bodies = [part.partition(b"\r\n\r\n")[2] for part in said.split(b"HTTP/1.1 200 OK")[1:]]
    assert [body.split(b"\r\n")[0] for body in bodies] == [b"slow", b"a0", b"b0", b"c0"]
    assert idle < 0.3  # what waits to be read is not looked at again and again


def test_nothing_is_lost_however_answers_and_requests_meet(connect: Connect) -> None:
    def talk() -> None:
        connection = connect()
        connection.connect()
        for n in range(300):
            connection.sock.sendall(requests("/a", "/b") if n % 3 else requests("/nothing", "/a"))
            said = b""
            while said.count(b"HTTP/1.1 ") < 2 or not said.endswith((b"b0", b"a0")):
                said += connection.sock.recv(4096)
        done.append(1)

    done: list[int] = []
    threads = [threading.Thread(target=talk) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(done) == 4


def test_who_hangs_up_harms_nobody(server: WebServer, app: App, connect: Connect) -> None:
    for path in ("/slow", "/big", "/page"):
        hasty = socket.create_connection((HOST, server.port))
        hasty.sendall(requests(path))
        # a reset, where the socket would otherwise linger over what it has not read
        hasty.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        hasty.close()
    wait_for(lambda: "/slow" in app.asked)
    app.gate.set()
    assert get(connect(), "/page") == (200, b"page0")
    # what was begun for them comes to its end, and nothing goes round for ever
    wait_for(lambda: busy_within(1) < 0.3)


def test_an_application_that_fails_is_answered_for(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    connection = connect()
    assert get(connection, "/broken")[0] == 500
    assert get(connection, "/page") == (200, b"page0")


def test_a_connection_that_is_quiet_for_long_is_closed(app: App) -> None:
    with (
        serving(app, channel_timeout=1, cleanup_interval=1) as server,
        socket.create_connection((HOST, server.port)) as quiet,
    ):
        quiet.sendall(requests("/page"))
        assert heard(quiet, b"page0")
        assert ended(quiet)


def test_over_the_limit_who_comes_waits_until_another_leaves(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_server, "room_for_connections", lambda: 5)  # two of them are the server's own
    with serving(app) as server, contextlib.ExitStack() as stack:
        opened = [stack.enter_context(socket.create_connection((HOST, server.port))) for _ in range(3)]
        for connection in opened:
            connection.sendall(requests("/page"))
            assert heard(connection, b"page0")
        late = stack.enter_context(socket.create_connection((HOST, server.port)))
        late.sendall(requests("/page"))
        late.settimeout(0.7)
        with pytest.raises(TimeoutError):
            late.recv(4096)
        opened[0].close()
        late.settimeout(10)
        assert heard(late, b"page0")


def test_many_connections_may_be_open(server: WebServer) -> None:
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(socket.create_connection((HOST, server.port))) for _ in range(400)]
        for connection in opened:
            connection.sendall(requests("/page"))
        for connection in opened:
            assert heard(connection, b"page0")


def test_there_is_room_for_as_many_connections_as_files_may_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    limits = {"now": (1024, 2048)}

    def raise_limit(_what: int, limit: tuple[int, int]) -> None:
        asked.append(limit)
        limits["now"] = limit

    monkeypatch.setattr(resource, "getrlimit", lambda _what: limits["now"])
    monkeypatch.setattr(resource, "setrlimit", raise_limit)
    assert room_for_connections() == 2048 - OTHER_FILES
    assert asked == [(2048, 2048)]
    limits["now"] = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    assert room_for_connections() == web_server.MOST_CONNECTIONS
    assert len(asked) == 1


def test_what_is_being_answered_is_answered_before_the_end(app: App) -> None:
    with serving(app) as server:
        connection = socket.create_connection((HOST, server.port))
        connection.sendall(requests("/slow"))
        wait_for(lambda: app.asked)
        ending = threading.Thread(target=server.close)
        ending.start()
        time.sleep(0.3)
        app.gate.set()
        ending.join(10)
        connection.settimeout(5)
        assert heard(connection, b"slow")
        connection.close()
    with contextlib.closing(socket.socket()) as probe:
        assert probe.connect_ex((HOST, server.port)) != 0


def test_an_address_that_is_taken_is_said_so(server: WebServer, app: App) -> None:
    with pytest.raises(OSError, match="in use"):
        WebServer(app, HOST, server.port, 4)
