"""A steady load of texts through v2: so many a second, each another text to another number, whatever the answers take."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from messa_platform.demo.api_users import V2_KEY
from tests.support.processes import HOST

RECIPIENTS = 20
"""Texts that are handed in with one request."""
WORKERS = 4
"""Requests at once at the most: one slow answer does not slow the load down."""
TEXT = "Larm"


@dataclass(frozen=True, slots=True)
class Load:
    """What was handed in: the numbers of the texts that were taken, from the first request to the last answer, in seconds since 1970.

    `taken_at` is when each request was answered.
    """

    numbers: frozenset[int]
    began: float
    ended: float
    taken_at: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Texts a second."""
        return len(self.numbers) / (self.ended - self.began)

    def rates(self, seconds: float) -> list[float]:
        """Texts a second in each whole stretch of so many seconds."""
        whole = int((self.ended - self.began) / seconds)
        found = Counter(int((at - self.began) / seconds) for at in self.taken_at)
        return [found[stretch] * RECIPIENTS / seconds for stretch in range(whole)]


class SteadyLoad:
    """Hands in `rate` texts a second, at these ports in turn, until it is ended. A request that is not taken fails the load."""

    def __init__(self, ports: Sequence[int], rate: int) -> None:
        self._ports, self._every = ports, RECIPIENTS / rate
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._requests = 0
        self._taken: set[int] = set()
        self._taken_at: list[float] = []
        self._faults: list[str] = []
        self._began = time.time()
        self._threads = [threading.Thread(target=self._run, args=[n]) for n in range(WORKERS)]
        for thread in self._threads:
            thread.start()

    def end(self) -> Load:
        """End it; what was handed in by then. Fails if anything was not taken."""
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
        assert not self._faults, self._faults[:3]
        return Load(frozenset(self._taken), self._began, max(self._taken_at), tuple(self._taken_at))

    def _run(self, worker: int) -> None:
        port = self._ports[worker % len(self._ports)]
        connection = http.client.HTTPConnection(HOST, port, timeout=20)
        try:
            while (number := self._turn()) is not None:
                self._hand_in(connection, number)
        except Exception as error:
            self._faults.append(f"{type(error).__name__}: {error}")
            self._stop.set()
        finally:
            connection.close()

    def _turn(self) -> int | None:
        """The number of the next request, once it is time for it; None at the end."""
        with self._lock:
            number = self._requests
            self._requests += 1
        wait = self._began + number * self._every - time.time()
        return None if self._stop.wait(max(0.0, wait)) else number

    def _hand_in(self, connection: http.client.HTTPConnection, number: int) -> None:
        first = number * RECIPIENTS
        recipients = [
            {"to": f"+467017{n % 100_000:05d}", "values": {"n": str(n)}}
            for n in range(first, first + RECIPIENTS)
        ]
        body = json.dumps({"text": f"{TEXT} {{n}}: pumpen i Björkdalen", "recipients": recipients})
        headers = {"Authorization": f"Bearer {V2_KEY}", "Content-Type": "application/json"}
        connection.request("POST", "/v2/messages", body.encode(), headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 202:
            raise RuntimeError(f"{answer.status}: {content.decode()[:500]}")
        with self._lock:
            self._taken.update(range(first, first + RECIPIENTS))
            self._taken_at.append(time.time())


def number_of(text: str) -> int:
    """Which of the load's texts it is."""
    return int(text.removeprefix(TEXT).split(":")[0])
