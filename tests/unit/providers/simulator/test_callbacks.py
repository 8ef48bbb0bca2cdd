"""Posting to the platform: in order, in batches, signed anew at each try, and noted once it was taken."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from messa_platform.core.clock import FixedClock
from messa_platform.providers.simulator import wire
from messa_platform.providers.simulator.callbacks import Callbacks, Target
from messa_platform.providers.simulator.events import receipt_key
from messa_platform.providers.simulator.journal import Journal
from messa_platform.providers.simulator.reading import read_signed
from messa_platform.providers.simulator.records import Kind, PromisedReceipt, Submit
from tests.support.providers import called

SECRET = "hemligt-i-testet"


class Poster:
    """Callbacks with a platform to post to, which answers with the statuses given, then with 200."""

    def __init__(self, directory: Path, *statuses: int) -> None:
        self.clock = FixedClock(datetime(2026, 3, 2, 9, 15, tzinfo=UTC))
        self.journal = Journal.open(directory)
        self.statuses = list(statuses)
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.callbacks: Callbacks

    async def take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((headers, await request.read()))
        self.clock.move(timedelta(minutes=10))
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    def run(self, *submits: Submit, until: Callable[[], bool]) -> None:
        async def go() -> None:
            application = web.Application()
            application.router.add_post("/providers/simulator/events", self.take)
            async with TestServer(application) as server:
                url = str(server.make_url("/providers/simulator"))
                self.callbacks = Callbacks(
                    Target(url, SECRET), self.journal, self.clock, lambda n: f"sim-{n}"
                )
                for submit in submits:
                    self.callbacks.plan(self.callbacks.receipts_of(submit))
                posting = asyncio.ensure_future(self.callbacks.run())
                async with asyncio.timeout(10):
                    while not until():
                        await asyncio.sleep(0.01)
                posting.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await posting

        asyncio.run(go())

    def references(self) -> list[list[str]]:
        return [[event["reference"] for event in json.loads(body)["events"]] for _, body in self.requests]

    def posted_keys(self) -> list[str]:
        return [key for entry in self.journal.read_kind(Kind.POSTED) for key in entry["keys"]]


def submit(poster: Poster, n: int, *waits_ms: int) -> Submit:
    receipts = tuple(PromisedReceipt(ms, "DELIVERED", "000") for ms in waits_ms)
    return Submit(
        n, poster.clock.now().timestamp(), str(n), "+46730000001", "+46701740605", "Hej", 1, "", receipts
    )


@pytest.fixture
def poster_of(tmp_path: Path) -> Any:
    made: list[Poster] = []

    def make(*statuses: int) -> Poster:
        made.append(Poster(tmp_path, *statuses))
        return made[-1]

    yield make
    for poster in made:
        poster.journal.close()


def test_what_is_due_leaves_in_order_of_its_time_500_at_most_in_one(poster_of: Callable[..., Poster]) -> None:
    poster = poster_of()
    submits = [submit(poster, n, -n) for n in range(1_100)]
    poster.run(*submits, until=lambda: poster.callbacks.posted == 1_100)
    assert [len(batch) for batch in poster.references()] == [500, 500, 100]
    assert list(chain(*poster.references())) == [f"sim-{n}" for n in reversed(range(1_100))]


def test_what_is_not_due_waits(poster_of: Callable[..., Poster]) -> None:
    poster = poster_of()
    poster.run(submit(poster, 1, 0, 3_600_000), until=lambda: poster.callbacks.posted == 1)
    assert poster.callbacks.waiting == 1
    assert poster.posted_keys() == [receipt_key(1, 0)]


@pytest.mark.parametrize("status", [302, 400, 401, 404, 500, 503])
def test_anything_but_a_2xx_is_tried_again_and_noted_only_when_taken(
    poster_of: Callable[..., Poster], status: int
) -> None:
    poster = poster_of(status, status)
    poster.run(submit(poster, 1, 0), until=lambda: poster.callbacks.posted == 1)
    assert poster.references() == [["sim-1"]] * 3
    assert poster.posted_keys() == [receipt_key(1, 0)]


def test_what_was_never_taken_is_not_noted(poster_of: Callable[..., Poster]) -> None:
    poster = poster_of(*[503] * 100)
    poster.run(submit(poster, 1, 0), until=lambda: len(poster.requests) == 2)
    assert poster.posted_keys() == []
    assert poster.callbacks.waiting == 1


def test_each_try_is_signed_anew(poster_of: Callable[..., Poster]) -> None:
    poster = poster_of(503)
    begun = poster.clock.now()
    poster.run(submit(poster, 1, 0), until=lambda: poster.callbacks.posted == 1)
    timestamps = [int(headers[wire.TIMESTAMP_HEADER]) for headers, _ in poster.requests]
    assert timestamps == [int((begun + timedelta(minutes=10 * i)).timestamp()) for i in range(2)]
    for (headers, body), at in zip(poster.requests, timestamps, strict=True):
        assert read_signed(SECRET, called("events", headers, body), at).events
