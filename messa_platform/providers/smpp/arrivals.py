"""What comes by a channel's sessions: stored, and only then acknowledged; never more of it waits than there is room for."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from messa_platform.core.logs import logger
from messa_platform.core.smpp.pdus import Broken, Pdu, Status
from messa_platform.providers.base import Inbox, IncomingText, Receipt
from messa_platform.providers.smpp.session import Session

log = logger(__name__)

MOST_WAITING: Final = 2000
"""Deliver_sm requests that wait to be stored; beyond these the other side is asked to try again."""
MOST_OCTETS: Final = 4_194_304
"""Octets of these."""
BATCH: Final = 250


@dataclass(frozen=True, slots=True)
class _Came:
    """A deliver_sm that waits to be stored; `at` is the loop's time at which it came."""

    session: Session
    pdu: Pdu
    at: float


class Reader(Protocol):
    """Who reads what comes by the sessions."""

    def read(self, session: Session, pdu: Pdu, age: float) -> Receipt | IncomingText | None:
        """What a deliver_sm says that came so many seconds ago, None if nothing that matters. Raises `Broken`."""

    def answered(self, pdu: Pdu, *, is_stored: bool) -> None:
        """It was acknowledged, or the other side was asked to bring it again."""

    def ended(self, session: Session) -> None:
        """A session is no more."""


class Arrivals:
    """The deliver_sm requests that wait to be stored. To be made in its event loop; `channel` is a name for the log. Nothing is taken in unless
    it `is_open`."""

    def __init__(self, channel: str, reader: Reader) -> None:
        self._channel = channel
        self._reader = reader
        self._loop = asyncio.get_running_loop()
        self._came: deque[_Came] = deque()
        self._octets = 0
        self._has_come = asyncio.Event()
        self._all_stored = asyncio.Event()
        self._all_stored.set()
        self.is_open = False

    def take(self, session: Session, pdu: Pdu) -> None:
        """A deliver_sm came."""
        is_full = len(self._came) >= MOST_WAITING or self._octets >= MOST_OCTETS
        if is_full or not self.is_open:
            session.acknowledge(pdu, Status.QUEUE_FULL)
            return
        self._came.append(_Came(session, pdu, self._loop.time()))
        self._octets += len(pdu.body)
        self._all_stored.clear()
        self._has_come.set()

    async def hand_on(self, inbox: Inbox) -> None:
        """Hand on what came, in the order in which it came and as much at a time as there is; acknowledge it when it is stored."""
        while True:
            await self._has_come.wait()
            self._has_come.clear()
            while self._came:
                batch = [self._came.popleft() for _ in range(min(BATCH, len(self._came)))]
                self._octets -= sum(len(came.pdu.body) for came in batch)
                await self._store(inbox, batch)
            self._all_stored.set()

    def _read(self, batch: Sequence[_Came]) -> tuple[list[Receipt | IncomingText], list[_Came]]:
        """What the readable ones say, and which they are; the others are refused for good."""
        events: list[Receipt | IncomingText] = []
        good: list[_Came] = []
        faults: Counter[str] = Counter()
        for came in batch:
            try:
                event = self._reader.read(came.session, came.pdu, self._loop.time() - came.at)
            except Exception as error:  # `Broken`; or a fault of ours, which must not hold up all that comes
                faults[str(error) if isinstance(error, Broken) else type(error).__name__] += 1
                came.session.acknowledge(came.pdu, Status.NEVER)
                continue
            good.append(came)
            if event is not None:
                events.append(event)
        if faults:  # once for all of them: who brings nothing else must not fill the log
            log.warning("smpp_unreadable", channel=self._channel, why=dict(faults))
        return events, good

    async def _store(self, inbox: Inbox, batch: Sequence[_Came]) -> None:
        events, good = self._read(batch)
        status = Status.OK
        if events:
            try:
                await inbox(events)
            except Exception as error:  # the database is away: the other side keeps it and comes again
                log.warning("smpp_not_stored", channel=self._channel, error=type(error).__name__)
                status = Status.TRY_AGAIN
        for came in good:
            came.session.acknowledge(came.pdu, status)
            if not came.session.lost.done():
                self._reader.answered(came.pdu, is_stored=status is Status.OK)
        # who is gone by now was not answered, and brings it again
        for session in {came.session for came in good if came.session.lost.done()}:
            self._reader.ended(session)

    async def stored(self, seconds: float) -> None:
        """Wait until all that came is stored and acknowledged, so many seconds at the most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._all_stored.wait()

    def ended(self, session: Session) -> None:
        """A session is no more."""
        self._reader.ended(session)
