"""What is asked of `/providers/…`: who is taken in, who is sent away, and with what; whatever the database does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp, TestRequest, TestResponse

from messa_platform.application import make_wsgi
from messa_platform.core.clock import SystemClock
from messa_platform.core.web_server import WAITING
from messa_platform.providers.base import Callback
from messa_platform.providers.callbacks import MOST_BYTES, MOST_WAITING, RETRY_AFTER
from tests.support.called_books import Books, Line, books
from tests.support.visitors import a_runtime, nowhere
from tests.support.world import World


@dataclass
class Door:
    """The web application, with the books behind it."""

    app: TestApp
    made: Books

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
        yield Door(TestApp(make_wsgi(runtime)), books(world, runtime.keys))


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
        answer = TestApp(make_wsgi(runtime)).post("/providers/elks/receipts", b"x", expect_errors=True)
    assert (answer.status_int, answer.headers["Retry-After"]) == (503, str(RETRY_AFTER))


def test_a_channel_whose_plugin_is_gone_loses_nothing(door: Door) -> None:
    callback = door.receipt()
    door.made.world.run("UPDATE channel SET plugin = 'gone'")
    assert door.call(callback).status_int == 503
