"""What is asked of `/providers/…`: who is taken in, who is sent away, and with what; whatever the database does."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from webtest import TestApp, TestRequest, TestResponse

from messa_platform.core.clock import SystemClock
from messa_platform.core.web import WsgiApp
from messa_platform.core.web_server import WAITING, WebServer
from messa_platform.providers.base import Callback
from messa_platform.providers.callback_desk import CallbackDesk
from messa_platform.providers.callbacks import MOST_BYTES, MOST_WAITING, RETRY_AFTER
from tests.support.called_books import Books, Line, books
from tests.support.observe import wait_until_blocked
from tests.support.processes import HOST, wait_for
from tests.support.visitors import a_runtime, nowhere, web
from tests.support.world import World


@dataclass
class Door:
    """The web application, with the books behind it."""

    app: TestApp
    made: Books
    wsgi: WsgiApp
    desk: CallbackDesk

    @property
    def line(self) -> Line:
        """46elks'."""
        return self.made.lines[0]

    def receipt(self) -> Callback:
        """What 46elks says of another text."""
        [taken] = self.made.sent(self.line, 1)
        [callback] = self.line.receipts(taken)
        return callback

    def call(
        self, callback: Callback, path: str = "", environ: Mapping[str, Any] | None = None
    ) -> TestResponse:
        """Call as the provider does; `environ` is what the web server says of it besides."""
        asked = TestRequest.blank(
            path or self.line.path(callback),
            method=callback.method,
            headers=dict(callback.headers),
            body=callback.body,
        )
        asked.environ.update(environ or {})
        return self.app.do_request(asked, expect_errors=True)

    def delivered(self) -> int:
        """How many texts are delivered by the books."""
        count: int = self.made.world.value("SELECT count(*) FROM message WHERE status = 'DELIVERED'")
        return count


@pytest.fixture
def door(world: World, database_url: str, tmp_path: Path) -> Iterator[Door]:
    with a_runtime(database_url, tmp_path / "key", SystemClock()) as runtime:  # type: ignore[arg-type]
        wsgi = web(runtime)
        yield Door(TestApp(wsgi), books(world, runtime.keys), wsgi, runtime.callback_desk)


def test_a_callback_is_taken_and_the_answer_may_be_shown_by_no_page(door: Door) -> None:
    answer = door.call(door.receipt())
    assert (answer.status_int, answer.body) == (200, b"")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers
    assert door.delivered() == 1


@pytest.mark.parametrize("path", ["/providers", "/providers/", "/providers//", "/providers/elks"])
def test_what_names_no_channel_or_nothing_of_it_is_not_found(door: Door, path: str) -> None:
    assert door.call(door.receipt(), path).status_int == 404
    assert door.delivered() == 0


def test_a_slash_too_many_does_no_harm(door: Door) -> None:
    callback = door.receipt()
    path = door.line.path(callback).replace("/receipts", "//receipts/")
    assert door.call(callback, path).status_int == 200


def test_a_path_that_is_no_utf8_is_only_not_found(door: Door) -> None:
    callback = door.receipt()
    assert door.app.get("/providers/%E5%E4%F6/receipts", expect_errors=True).status_int == 404
    assert door.call(callback, f"/providers/{door.line.channel_id}/%E5").status_int in (403, 404)


def test_a_body_that_is_too_large_is_not_read(door: Door) -> None:
    callback = door.receipt()
    large = Callback(
        "POST",
        callback.path,
        callback.query,
        callback.headers,
        callback.body + b"&x=" + b"y" * MOST_BYTES,
        callback.url,
        callback.at,
    )
    assert door.call(large).status_int == 413
    assert door.delivered() == 0


def test_a_body_that_comes_in_chunks_is_read_to_its_end(door: Door) -> None:
    callback = door.receipt()
    environ = {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    assert door.call(callback, environ=environ).status_int == 200
    assert door.delivered() == 1


def test_while_many_wait_for_a_thread_callbacks_are_put_off_and_pages_are_not(door: Door) -> None:
    callback = door.receipt()
    answer = door.call(callback, environ={WAITING: MOST_WAITING + 1})
    assert (answer.status_int, answer.headers["Retry-After"]) == (503, str(RETRY_AFTER))
    assert door.delivered() == 0
    assert door.app.get("/healthz", extra_environ={WAITING: MOST_WAITING + 1}).status_int == 200
    assert door.call(callback, environ={WAITING: MOST_WAITING}).status_int == 200
    assert door.delivered() == 1


def test_without_a_database_the_provider_is_told_to_come_again(tmp_path: Path) -> None:
    with a_runtime(nowhere(), tmp_path / "key") as runtime:
        answer = TestApp(web(runtime)).post("/providers/elks/receipts", b"x", expect_errors=True)
    assert (answer.status_int, answer.headers["Retry-After"]) == (503, str(RETRY_AFTER))


def test_a_channel_whose_plugin_is_gone_loses_nothing(door: Door) -> None:
    callback = door.receipt()
    door.made.world.run("UPDATE channel SET plugin = 'gone'")
    assert door.call(callback).status_int == 503


class Callers:
    """Providers at a web server with two threads, each on a connection of its own."""

    def __init__(self, door: Door, port: int) -> None:
        self._door = door
        self._port = port
        self.answers: list[tuple[int, bytes]] = []
        self.threads: list[threading.Thread] = []

    def call(self, callback: Callback) -> None:
        """Call, and wait for the answer elsewhere."""
        self.threads.append(threading.Thread(target=self._call, args=(callback,)))
        self.threads[-1].start()

    def _call(self, callback: Callback) -> None:
        self.answers.append(
            self.ask(callback.method, self._door.line.path(callback), callback.body, **dict(callback.headers))
        )

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """Ask, and wait for the answer."""
        with contextlib.closing(http.client.HTTPConnection(HOST, self._port, timeout=20)) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def home(self) -> None:
        """Wait until all were answered."""
        for thread in self.threads:
            thread.join(20)
            assert not thread.is_alive()


@pytest.fixture
def callers(door: Door) -> Iterator[Callers]:
    server = WebServer(door.wsgi, HOST, 0, 2)
    server.start()
    yield Callers(door, server.port)
    server.close()


@contextmanager
def held_up(door: Door) -> Iterator[None]:
    """Nothing can be stored of the texts that there are, within the block."""
    with door.made.world.database.unit_of_work() as session:
        session.execute(text("SELECT id FROM message FOR UPDATE"))
        yield


def test_callbacks_that_wait_to_be_stored_take_no_thread_and_are_stored_together(
    door: Door, callers: Callers
) -> None:
    receipts = [door.receipt() for _ in range(20)]
    with held_up(door):
        callers.call(receipts[0])
        wait_until_blocked(door.made.world.database)
        for receipt in receipts[1:]:
            callers.call(receipt)
        # one of the two threads stores; the other has taken in the nineteen, and answers a page
        [queue] = door.desk._channels.values()
        wait_for(lambda: len(queue._waiting) == 19)
        assert callers.ask("GET", "/healthz")[0] == 200
        assert callers.answers == []
    callers.home()
    assert callers.answers == [(200, b"")] * 20
    assert door.delivered() == 20


def test_a_callback_that_cannot_be_stored_in_time_is_to_come_again(
    door: Door, callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door.desk, "_patience", 0.5)
    first, second = door.receipt(), door.receipt()
    with held_up(door):
        callers.call(first)
        wait_until_blocked(door.made.world.database)
        callers.call(second)
        callers.home()
    assert [status for status, _ in callers.answers] == [503, 503]
    assert door.delivered() == 0
    for receipt in (first, second):
        assert callers.ask(receipt.method, door.line.path(receipt), receipt.body, **receipt.headers)[0] == 200
    assert door.delivered() == 2
