"""Providers call again: when they got no answer, when it was not the one they want, or out of habit. Over real HTTP, by a real process that is
killed in the middle of it: the books are the same, and nobody gets a text or a mail twice (spec X5)."""

from __future__ import annotations

import http.client
import random
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from messa_platform.core.crypto import SecuritySettings, open_keys
from messa_platform.providers.base import Callback, ReceiptStatus
from tests.bench.callbacks import Messa, messa
from tests.support.called_books import Books, Line, books, phone
from tests.support.observe import together
from tests.support.processes import HOST, wait_for
from tests.support.world import World

Call = tuple[Line, Callback]


@pytest.fixture
def made(world: World, tmp_path: Path) -> Books:
    return books(world, open_keys(SecuritySettings(key_file=tmp_path / "keys")))


@pytest.fixture
def process(made: Books, database_url: str, tmp_path: Path) -> Iterator[Messa]:
    with messa(database_url, tmp_path) as process:
        yield process


def all_said(made: Books, count: int) -> list[Call]:
    """Of each channel: of as many texts two words each, and as many texts from phones; mixed."""
    calls: list[Call] = []
    for line in made.lines:
        for n, taken in enumerate(made.sent(line, count)):
            first, last = (
                (ReceiptStatus.SENT, ReceiptStatus.DELIVERED)
                if n % 2
                else (ReceiptStatus.UNDELIVERED, ReceiptStatus.SENT)
            )
            calls += [(line, c) for status in (first, last) for c in line.receipts(taken, status)]
            calls += [
                (line, c) for c in line.fake.incoming(f"in-{n}", phone(n), made.number, f"Svar {n}, åäö")
            ]
    random.Random(7).shuffle(calls)
    return calls


class Provider:
    """Calls on a connection that it keeps, one call after the other; knows which were answered as it wants."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answered: list[Call] = []
        self._connection = http.client.HTTPConnection(HOST, port, timeout=30)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def call(self, calls: Sequence[Call]) -> None:
        """Call until nobody answers any more."""
        for line, callback in calls:
            try:
                self._connection.request(
                    callback.method, line.path(callback), callback.body, dict(callback.headers)
                )
                answer = self._connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException):
                return
            assert (answer.status, body) == line.fake.wants(), answer.status
            self.answered.append((line, callback))


def call_all(process: Messa, *of_each: Sequence[Call]) -> None:
    """Providers call, each on a connection of its own, at once; all must be answered well."""
    providers = [Provider(process.port) for _ in of_each]
    together([lambda p=p, calls=c: p.call(calls) for p, c in zip(providers, of_each, strict=True)])  # type: ignore[misc]
    assert [len(p.answered) for p in providers] == [len(calls) for calls in of_each]
    for provider in providers:
        provider.close()


def in_the_books(made: Books, count: int) -> None:
    """All that was said stands there once."""
    value, texts = made.world.value, len(made.lines) * count
    ends = "SELECT count(*) FROM message WHERE direction = 'out' AND status = :status"
    assert value(ends, status="DELIVERED") == texts // 2
    assert value(ends, status="UNDELIVERED") == texts // 2
    changed = "SELECT count(*) FROM message_event WHERE changed AND status IN ('DELIVERED', 'UNDELIVERED')"
    assert value(changed) == texts
    came = "SELECT count(*) AS all, count(DISTINCT (channel_id, remote)) AS different FROM message WHERE direction = 'in'"
    assert tuple(made.world.rows(came)[0]) == (texts, texts)
    assert value("SELECT sum(unread) FROM thread") == texts
    mails = "SELECT count(*) FROM outgoing_mail WHERE key LIKE 'reply:%'"
    assert value(mails) == texts


def test_the_same_calls_twice_at_once_and_in_another_order_are_the_same(made: Books, process: Messa) -> None:
    calls = all_said(made, 10)
    again = list(reversed(calls))
    call_all(process, calls, calls, again)
    in_the_books(made, 10)
    call_all(process, again)
    in_the_books(made, 10)


def test_what_was_answered_before_the_process_was_killed_is_kept_and_the_rest_comes_again(
    made: Books, process: Messa
) -> None:
    calls = all_said(made, 60)
    providers = [Provider(process.port) for _ in range(4)]
    threads = [threading.Thread(target=p.call, args=(calls[n::4],)) for n, p in enumerate(providers)]
    for thread in threads:
        thread.start()
    wait_for(lambda: sum(len(p.answered) for p in providers) > 100)
    process.kill()
    for thread in threads:
        thread.join(30)
    for provider in providers:
        provider.close()
    answered = [call for p in providers for call in p.answered]
    assert 100 < len(answered) < len(calls)
    texts = sum(callback.path == "incoming" for _, callback in answered)
    value = made.world.value
    assert value("SELECT count(*) FROM message WHERE direction = 'in'") >= texts
    words = "SELECT count(*) FROM message_event WHERE status <> 'INCOMING'"
    assert value(words) >= len(answered) - texts
    process.start()
    call_all(process, calls, list(reversed(calls)))
    in_the_books(made, 60)
