"""What the network has to tell the platform, when it falls due, in which order, and until it was taken.

One batch is under way at a time and events leave in the order in which they fall due, so what concerns one phone comes in order too. What was
brought is noted in the journal after the platform has taken it: whoever dies in between, an event may come twice, never not at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from itertools import count
from typing import Final, NamedTuple

from messa_platform.core.clock import Clock
from messa_platform.providers.simulator import wire
from messa_platform.providers.simulator.journal import Journal
from messa_platform.providers.simulator.records import Incoming, Kind, PromisedReceipt, Submit, iso

LINGER_SECONDS: Final = 0.02
"""How long the first event that falls due waits for company: a hundred at once cost a platform as ten."""


class Event(NamedTuple):
    """Something to tell the platform at `due` (seconds since 1970).

    `key` names it in the journal, `body` is its JSON.

    A tuple, since a heap compares often and tuples compare fast; `order` differs always, so no comparison
    goes beyond it.
    """

    due: float
    order: int
    key: str
    body: str


class Events(ABC):
    """The events to come, and one way to bring them. `reference` makes the network's id from a number in the journal."""

    def __init__(self, journal: Journal, clock: Clock, reference: Callable[[int], str]) -> None:
        self._journal = journal
        self._clock = clock
        self._reference = reference
        self._events: list[Event] = []
        self._order = count()
        self._wake = asyncio.Event()
        self._told: dict[str, asyncio.Future[None]] = {}
        self.posted = 0
        self._under_way = 0

    @property
    def waiting(self) -> int:
        """Events that the platform has not taken yet, those not due included."""
        return len(self._events) + self._under_way

    def receipts_of(self, submit: Submit) -> list[Event]:
        """The receipts that a submit causes: where each of its parts has an id of its own, one for each."""
        if not submit.references:
            only = self._reference(submit.n)
            return [
                self._receipt(submit, receipt, only, receipt_key(submit.n, index))
                for index, receipt in enumerate(submit.receipts)
            ]
        return [
            self._receipt(submit, receipt, reference, f"{receipt_key(submit.n, index)}.{part}")
            for index, receipt in enumerate(submit.receipts)
            for part, reference in enumerate(submit.references)
        ]

    def _receipt(self, submit: Submit, receipt: PromisedReceipt, reference: str, key: str) -> Event:
        due = submit.at + receipt.ms / 1000
        # Written out, since there is one for every text and none of its words needs an escape.
        body = (
            f'{{"type":"receipt","reference":"{reference}","status":"{receipt.status}",'
            f'"code":"{receipt.code}","at":"{iso(due)}"}}'
        )
        return Event(due, next(self._order), key, body)

    def incoming_of(self, text: Incoming) -> Event:
        """The event that brings a phone's text to the platform."""
        body = {
            "type": "incoming",
            "reference": self._reference(text.n),
            "from": text.sender,
            "to": text.recipient,
            "text": text.text,
            "at": iso(text.at),
        }
        return Event(text.at, next(self._order), str(text.n), wire.encode_text(body))

    def plan(self, events: Iterable[Event]) -> None:
        """Post these when they fall due. The journal knows what causes them already."""
        first = self._events[0] if self._events else None
        for event in events:
            heapq.heappush(self._events, event)
        if self._events and self._events[0] is not first:
            self._wake.set()

    async def wait_until_told(self, key: str, seconds: float) -> None:
        """Wait until the platform has taken the event `key`, still waiting now, or for `seconds`."""
        told = self._told.setdefault(key, asyncio.get_running_loop().create_future())
        await asyncio.wait([told], timeout=seconds)
        self._told.pop(key, None)

    async def run(self) -> None:
        """Bring what falls due, until cancelled."""
        while True:
            batch = await self._next_batch()
            self._under_way = len(batch)
            await self.bring(batch)
            self._journal.append([wire.encode({"kind": Kind.POSTED, "keys": [event.key for event in batch]})])
            self._under_way = 0
            self.posted += len(batch)
            self._tell(batch)

    @abstractmethod
    async def bring(self, batch: list[Event]) -> None:
        """Bring these to the platform, however long it takes."""

    async def _next_batch(self) -> list[Event]:
        while (wait := self._seconds_to_next()) is None or wait > 0:
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait)
        await asyncio.sleep(LINGER_SECONDS)
        now = self._now()
        batch: list[Event] = []
        while self._events and self._events[0].due <= now and len(batch) < wire.MAX_EVENTS:
            batch.append(heapq.heappop(self._events))
        return batch

    def _seconds_to_next(self) -> float | None:
        return self._events[0].due - self._now() if self._events else None

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _tell(self, batch: list[Event]) -> None:
        for event in batch if self._told else ():
            told = self._told.pop(event.key, None)
            if told is not None:
                told.set_result(None)


def receipt_key(n: int, index: int) -> str:
    """The name in the journal of receipt `index` of submit `n`."""
    return f"{n}.{index}"
