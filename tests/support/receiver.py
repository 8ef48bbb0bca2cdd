"""A receiver of events: a real HTTP server on loopback that verifies what is signed, and answers as a test wants."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from standardwebhooks import Webhook

Reply = tuple[int, Mapping[str, str]]
"""A status and headers."""
OK: Reply = (204, {})


@dataclass(frozen=True)
class Received:
    """A request that came. `at` is the monotonic time at which it did."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        """Its `webhook-id`."""
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        """Its JSON."""
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        """Its form."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=True))

    def verified_by(self, secret: str) -> bool:
        """Whether a receiver that holds `secret` takes it for ours."""
        try:
            Webhook(secret).verify(self.body, dict(self.headers))
        except Exception:
            return False
        return True


@dataclass
class Receiver:
    """What came, in order, and how each request is answered; `hanging` keeps all waiting until it is set."""

    port: int
    answer: Callable[[Received], Reply] = lambda _: OK
    received: list[Received] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/hook") -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}{path}"

    def answers(self, *replies: int | Reply) -> None:
        """Answer the next requests so, and those after them that all is well."""
        left = [(r, {}) if isinstance(r, int) else r for r in replies]
        self.answer = lambda _: left.pop(0) if left else OK

    def always(self, status: int, **headers: str) -> None:
        """Answer every request so."""
        self.answer = lambda _: (status, {k.replace("_", "-"): v for k, v in headers.items()})

    def hang(self) -> None:
        """Answer nothing until the test is over."""

        def wait(_: Received) -> Reply:
            self.released.wait(60)
            return OK

        self.answer = wait

    def wait_for(self, count: int, seconds: float = 10.0) -> None:
        """Wait until so many requests have come."""
        deadline = time.monotonic() + seconds
        while len(self.received) < count:
            assert time.monotonic() < deadline, f"only {len(self.received)} of {count} have come"
            time.sleep(0.01)

    @property
    def types(self) -> list[str]:
        """The events that came."""
        return [r.event["type"] for r in self.received]


class _Handler(BaseHTTPRequestHandler):
    receiver: ClassVar[Receiver]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.path, headers, body, time.monotonic())
        self.receiver.received.append(received)
        status, more = self.receiver.answer(received)
        try:
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()
        except OSError:  # whoever asked has left
            pass

    do_GET = do_POST

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


@contextmanager
def a_receiver() -> Iterator[Receiver]:
    """A receiver that runs as long as the block."""
    handler = type("Handler", (_Handler,), {})
    server = _Server(("127.0.0.1", 0), handler)
    receiver = Receiver(server.server_address[1])
    handler.receiver = receiver  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
