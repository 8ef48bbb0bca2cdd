"""A web server of a small application that answers in all kinds of ways, and what is asked of it."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

from messa_platform.core.web_server import (
    LATER,
    Later,
    PutOff,
    WebServer,
)
from tests.support.processes import HOST

BIG = 30 * 2**20


class App:
    """A WSGI application of all kinds; `gate` holds up /slow, and `put_off` has the requests for /later, each to be answered by a call."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.asked: list[str] = []
        self.put_off: list[Callable[[str], None]] = []

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        self.asked.append(path)
        match path:
            case "/nothing":
                start("304 Not Modified", [("ETag", '"x"')])
                return []
            case "/gone":
                start("204 No Content", [])
                return []
            case "/slow":
                assert self.gate.wait(20)
                start("200 OK", [("Content-Length", "4")])
                return [b"slow"]
            case "/big":
                start("200 OK", [("Content-Length", str(BIG))])
                return (bytes([n % 256]) * 2**16 for n in range(BIG // 2**16))
            case "/pausing":
                start("200 OK", [("Content-Length", str(2 * BIG))])
                return self._halves()
            case "/stream":
                start("200 OK", [])
                return (f"{n}\n".encode() for n in range(1000))
            case "/later" | "/at-once":
                self._put_off(environ[LATER], at_once=path == "/at-once")
            case "/broken":
                raise ValueError("broken")
        body = environ["wsgi.input"].read()
        answer = f"{path[1:]}{len(body)}".encode()
        start("200 OK", [("Content-Length", str(len(answer)))])
        return [answer]

    def _put_off(self, later: Later, at_once: bool) -> NoReturn:
        def answer(words: str) -> None:
            later("200 OK", [("Content-Length", str(len(words)))], words.encode())

        if at_once:
            answer("already")
        else:
            self.put_off.append(answer)
        raise PutOff

    def _halves(self) -> Iterator[bytes]:
        yield b"x" * BIG
        assert self.gate.wait(20)
        yield b"y" * BIG


@contextlib.contextmanager
def serving(app: Any, **adjustments: Any) -> Iterator[WebServer]:
    """A server for the length of the block."""
    server = WebServer(app, HOST, 0, 4, ident="messa", **adjustments)
    server.start()
    try:
        yield server
    finally:
        server.close()


Connect = Callable[[], http.client.HTTPConnection]


def get(connection: http.client.HTTPConnection, path: str, **how: Any) -> tuple[int, bytes]:
    connection.request(how.pop("method", "GET"), path, **how)
    answer = connection.getresponse()
    return answer.status, answer.read()


def heard(connection: socket.socket, end: bytes) -> bytes:
    """What comes until what came ends with `end`."""
    said = b""
    while not said.endswith(end):
        more = connection.recv(4096)
        assert more, said
        said += more
    return said


def requests(*paths: str) -> bytes:
    return "".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n" for path in paths).encode()


def busy_within(seconds: float) -> float:
    """The processor's time that this process takes within some seconds."""
    begun = time.process_time()
    time.sleep(seconds)
    return time.process_time() - begun
