"""The teller of events: one thread at a desk that claims, hands out and writes down, and threads that each wait for one endpoint.

Nobody holds up others. The desk waits for no endpoint; an endpoint has few requests on their way at a time, one while it is not known to be
well; and those that fail or are slow share half of the threads, however many they are. A delivery is claimed only when a thread is free for
it, sent with no transaction open, and told again, with the same id, if what came of it was never written down.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from uuid import UUID

from messa_platform.core.clock import Clock
from messa_platform.core.crypto import Keys
from messa_platform.core.db import Database
from messa_platform.core.logs import logger
from messa_platform.core.outbound import Fault, NoAnswer, Outbound
from messa_platform.messaging.outward import queue, record
from messa_platform.messaging.outward.bodies import Parcel, pack
from messa_platform.messaging.outward.record import Result
from messa_platform.messaging.outward.settings import MOST_AT_ONCE, PushSettings
from messa_platform.messaging.outward.told import EndpointPost

log = logger(__name__)

SLOW = 2000
"""Milliseconds after which an answer is slow."""
BATCH = 250
"""Results written at once at the most."""
NEIGHBOURS = 0.003
"""Seconds to wait for another result, to write it with the one that has come."""
SETTLE_PAUSES = (0.2, 1.0, 3.0, 10.0)
"""Seconds between tries to write results while the database refuses. Its leases outlast them."""
AWAY = 1.0
"""Seconds to wait before the next claim after one that failed."""
MOST_LINES = 5000
"""Endpoints that are remembered at the most."""


@dataclass(slots=True)
class Line:
    """What the desk knows of an endpoint: requests on their way, and how the last one that ended went."""

    in_flight: int = 0
    is_well: bool = False
    is_slow: bool = False

    @property
    def room(self) -> int:
        """How many more requests may be made."""
        return (MOST_AT_ONCE if self.is_well else 1) - self.in_flight

    @property
    def is_suspect(self) -> bool:
        """Whether it may hold up a thread for long."""
        return self.is_slow or not self.is_well


class Pusher:
    """Tells endpoints what is due. `wake` may be called by any thread, and returns at once; the first one begins the work."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        keys: Keys,
        outbound: Outbound,
        post: EndpointPost,
        settings: PushSettings,
    ) -> None:
        self._database, self._clock, self._keys = database, clock, keys
        self._outbound, self._post, self._settings = outbound, post, settings
        self._inbox: SimpleQueue[UUID | Result | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._desk: threading.Thread | None = None
        self._hands = ThreadPoolExecutor(settings.threads, thread_name_prefix="push")
        self._closed = False
        self._unheeded = 0
        # the desk's own
        self._lines: dict[UUID, Line] = {}
        self._wanted: dict[UUID, None] = {}  # a set that keeps its order: the one served last is the last
        self._in_flight = 0
        self._is_away = False

    def wake(self, endpoint_id: UUID) -> None:
        """Something may be due of this endpoint."""
        with self._lock:
            if self._closed:
                return
            if self._desk is None:
                self._desk = threading.Thread(target=self._run, name="push-desk", daemon=True)
                self._desk.start()
        self._put(endpoint_id)

    def _put(self, item: UUID | Result | None) -> None:
        with self._lock:
            self._unheeded += 1
        self._inbox.put(item)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is on its way, and nothing is known to wait that could be. For tests."""
        return not (self._unheeded or self._in_flight or self._wanted)

    def close(self) -> None:
        """Claim nothing more, and wait for what is on its way, which takes as long as a request may."""
        with self._lock:
            self._closed = True
            desk = self._desk
        if desk is not None:
            self._put(None)
            desk.join(self._settings.timeout + 10)
        self._hands.shutdown(wait=False)

    def _run(self) -> None:
        stopping = False
        while not (stopping and not self._in_flight):
            results: list[Result] = []
            received = self._received()
            for item in received:
                match item:
                    case None:
                        stopping = True
                    case Result():
                        results.append(item)
                    case _:
                        self._wanted[item] = None
            if results:
                self._settle(results)
            if self._wanted and not stopping:
                self._begin()
            with self._lock:
                self._unheeded -= len(received)

    def _received(self) -> list[UUID | Result | None]:
        """What has come in: waits for the first, then for its neighbours a moment."""
        received: list[UUID | Result | None] = []
        patience = AWAY if self._is_away else None
        while len(received) < BATCH:
            try:
                received.append(self._inbox.get(timeout=patience))
            except Empty:
                break
            patience = NEIGHBOURS
        return received

    def _begin(self) -> None:
        """Claim for endpoints in turn as much as there are threads for, and hand it out."""
        rooms = self._rooms()
        if not rooms:
            return
        try:
            with self._database.unit_of_work() as session:
                now = self._clock.now()
                parcels = pack(session, self._keys, now, queue.claim(session, now, rooms))
        except Exception:  # a database that is away comes back; what was claimed becomes due again
            log.exception("events_not_claimed", endpoints=len(rooms))
            self._is_away = True
            return
        self._is_away = False
        self._note_served(rooms, parcels)
        for parcel in parcels:
            self._in_flight += 1
            self._hands.submit(self._send, parcel)

    def _rooms(self) -> dict[UUID, int]:
        """How much may be claimed of which endpoints."""
        free = self._settings.threads - self._in_flight
        suspects = sum(line.in_flight for line in self._lines.values() if line.is_suspect)
        free_for_suspects = min(free, self._settings.threads // 2 - suspects)
        rooms: dict[UUID, int] = {}
        for endpoint_id in self._wanted:
            line = self._lines.get(endpoint_id) or Line()
            room = min(line.room, free_for_suspects if line.is_suspect else free)
            if room > 0:
                rooms[endpoint_id] = room
                free -= room
                free_for_suspects = min(free, free_for_suspects - room * line.is_suspect)
        return rooms

    def _note_served(self, rooms: dict[UUID, int], parcels: Sequence[Parcel]) -> None:
        """Who got all for which there was room may have more, and comes last; of the others there is nothing, until something comes of
        what is on its way or somebody wakes us."""
        for endpoint_id in rooms:
            del self._wanted[endpoint_id]
        counts = dict.fromkeys(rooms, 0)
        for parcel in parcels:
            counts[parcel.taken.endpoint.id] += 1
            line = self._lines.setdefault(parcel.taken.endpoint.id, Line())
            line.in_flight += 1
            if parcel.taken.is_probe:
                line.is_well = False
        for endpoint_id, count in counts.items():
            if count == rooms[endpoint_id]:
                self._wanted[endpoint_id] = None

    def _send(self, parcel: Parcel) -> None:
        """In a thread of its own: one request, and what came of it to the desk."""
        now, begun = self._clock.now(), time.monotonic()
        try:
            answer = self._outbound.post(
                parcel.taken.endpoint.url,
                body=parcel.body,
                headers=parcel.headers(now),
                seconds=self._settings.timeout,
            )
        except Exception as error:  # a fault of ours, with this one: the others must go on
            log.error("push_failed", delivery=str(parcel.taken.claim.id), error=type(error).__name__)
            answer = NoAnswer(Fault.BROKEN)
        took = round((time.monotonic() - begun) * 1000)
        self._put(Result(parcel.taken, answer, now, took))

    def _settle(self, results: Sequence[Result]) -> None:
        """Note results, and look again at their endpoints: what waits behind them may go now."""
        self._write(results)
        for result in results:
            endpoint_id = result.taken.endpoint.id
            line = self._lines[endpoint_id]
            line.in_flight -= 1
            line.is_well, line.is_slow = result.delivered, result.milliseconds > SLOW
            self._wanted[endpoint_id] = None
        self._in_flight -= len(results)
        if len(self._lines) > MOST_LINES:
            self._lines = {i: line for i, line in self._lines.items() if line.in_flight}

    def _write(self, results: Sequence[Result]) -> None:
        """Write results. They are known nowhere else; but where the database stays away, they are told again, which is allowed."""
        for pause in (*SETTLE_PAUSES, None):
            try:
                with self._database.unit_of_work() as session:
                    record.write(session, self._clock.now(), self._post, results)
                return
            except Exception:
                log.exception("events_not_noted", rows=len(results))
                if pause is None:
                    return
                time.sleep(pause)
