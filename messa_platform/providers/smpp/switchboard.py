"""The sessions of a channel: held, again and again where one ends; texts leave by whichever has room, and what comes by them is handed on."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import Final

from messa_platform.core.logs import logger
from messa_platform.core.outbound import Fault
from messa_platform.core.smpp.pdus import status_name
from messa_platform.providers.base import Bound, Dial, Inbox, State, Verdict
from messa_platform.providers.smpp.arrivals import Arrivals, Reader
from messa_platform.providers.smpp.codes import state_of
from messa_platform.providers.smpp.session import NOT_SENT, Answered, Login, Mode, Session
from messa_platform.providers.smpp.writing import Write

log = logger(__name__)

_JITTER = random.SystemRandom()

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 30.0
"""Seconds until the next try to bind, after the first failure in a row and at the most."""
STEADY = 0.5
"""Seconds that a session lasts at least to count as a success: whoever lets us in and hangs up at once is called with growing pauses."""
PATIENCE: Final = 2.5
"""Seconds for which a text waits for a session to be there: one that was cut is back at once, and then no text need go another way."""
MOST_WAIT: Final = 15.0
"""Seconds for which a text waits for room at the most."""
TICK: Final = 0.25


@dataclass(frozen=True, slots=True)
class Place:
    """Where sessions lead, and how they are held: `window` requests on their way at once; seconds for an answer, and of silence."""

    host: str
    port: int
    secure: bool
    login: Login
    modes: tuple[Mode, ...]
    window: int
    patience: float
    interval: float


@dataclass(slots=True, eq=False)
class _Asked:
    """A request that waits for room, in the loop's time until `deadline`."""

    write: Write
    answered: asyncio.Future[Answered]
    deadline: float

    def settle(self, what: Answered) -> None:
        if not self.answered.done():
            self.answered.set_result(what)


class Switchboard:
    """The sessions, one for each of the place's modes. To be made, used and closed in one event loop. `channel` is a name for the log."""

    def __init__(self, channel: str, place: Place, dial: Dial | None, reader: Reader) -> None:
        self._arrivals = Arrivals(channel, reader)
        self._channel = channel
        self.place = place
        self._dial = dial
        self._sessions: list[Session] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._loop = asyncio.get_running_loop()
        self._asked: deque[_Asked] = deque()
        self._alarm: asyncio.TimerHandle | None = None
        self._seen_at = self._loop.time()
        self._fault = ""
        self._is_closing = False

    @property
    def bound(self) -> Bound:
        """How the sessions stand."""
        up = sum(session.is_bound for session in self._sessions)
        wanted = len(self.place.modes)
        return Bound(up, wanted, "" if up == wanted else self._fault)

    @property
    def senders(self) -> list[Session]:
        """The sessions by which texts may leave now."""
        return [session for session in self._sessions if session.may_send]

    def open(self, inbox: Inbox) -> None:
        """Begin to hold sessions."""
        self._tasks = [asyncio.create_task(self._hold(mode)) for mode in self.place.modes]
        self._arrivals.is_open = True
        self._tasks.append(asyncio.create_task(self._arrivals.hand_on(inbox)))

    def ask(self, write: Write) -> asyncio.Future[Answered]:
        """Send a request by a session that has room, in the order of asking; `NOT_SENT` where there is none for a while."""
        asked = _Asked(write, self._loop.create_future(), self._loop.time() + MOST_WAIT)
        self._asked.append(asked)
        self._pump()
        return asked.answered

    def _pump(self) -> None:
        """Let leave what may."""
        while self._asked and (session := self._with_room()) is not None:
            asked = self._asked.popleft()
            if not asked.answered.done():
                session.ask(asked.write).add_done_callback(partial(self._answered, asked))
        if self._asked and self._alarm is None:
            self._alarm = self._loop.call_later(TICK, self._expire)

    def _with_room(self) -> Session | None:
        free = [session for session in self.senders if session.in_flight < self.place.window]
        return min(free, key=lambda session: session.in_flight, default=None)

    def _answered(self, asked: _Asked, answered: asyncio.Future[Answered]) -> None:
        found = answered.result()
        if found is NOT_SENT and not self._is_closing:  # its session has ended before a byte of it left
            self._asked.appendleft(asked)
        else:
            asked.settle(found)
        self._pump()

    def _expire(self) -> None:
        """Give back what has waited for too long: as long as a session is there it is waited for, otherwise for a moment only."""
        now, self._alarm = self._loop.time(), None
        if self.senders:
            self._seen_at = now
        nobody = self._is_closing or now - self._seen_at >= PATIENCE
        while self._asked and (nobody or self._asked[0].deadline <= now):
            self._asked.popleft().settle(NOT_SENT)
        self._pump()

    async def _hold(self, mode: Mode) -> None:
        """Hold one session until the end."""
        failures = 0
        while not self._is_closing:
            try:
                is_steady = await self._hold_once(mode)
            except Exception as error:
                # a fault of ours must not leave the channel without its sessions for good
                self._failed(type(error).__name__)
                is_steady = False
            failures = 0 if is_steady else failures + 1
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures, 10))
            await asyncio.sleep(pause * _JITTER.uniform(0.7, 1.0))

    async def _hold_once(self, mode: Mode) -> bool:
        """Hold a session until it ends; whether it lasted."""
        session = await self.connect(mode)
        if isinstance(session, Verdict):
            self._failed(session.code)
            return False
        since = self._loop.time()
        await self._use(session)
        return self._loop.time() - since >= STEADY

    async def connect(self, mode: Mode) -> Session | Verdict:
        """A session that is bound, or why there is none."""
        place = self.place
        session = Session(mode, self._arrivals.take, place.patience, place.interval)
        if self._dial is None:
            return Verdict(State.UNREACHABLE, Fault.UNREACHABLE.value)
        try:
            failed = await self._dial(lambda: session, place.host, place.port, secure=place.secure)
            if failed is not None:
                return Verdict(State.UNREACHABLE, failed.fault.value)
            status = await session.bind(place.login)
        finally:
            if not session.is_bound:
                session.cut()
        if session.is_bound:
            return session
        if status is None:
            return Verdict(State.UNREACHABLE, "no_answer")
        return Verdict(state_of(status), status_name(status))

    async def check(self) -> Verdict:
        """Whether somebody is there who knows us: by a session that is held, else by one of its own."""
        for held in self._sessions:
            if held.is_bound:
                is_there = await held.is_answered()
                return Verdict(State.WELL) if is_there else Verdict(State.UNREACHABLE, "no_answer")
        found = await self.connect(self.place.modes[0])
        if isinstance(found, Verdict):
            return found
        try:
            is_there = await found.is_answered()
            await found.end()
        finally:
            found.cut()
        return Verdict(State.WELL) if is_there else Verdict(State.UNREACHABLE, "no_answer")

    def _failed(self, why: str) -> None:
        if why != self._fault:
            log.warning("smpp_not_bound", channel=self._channel, why=why)
        self._fault = why

    async def _use(self, session: Session) -> None:
        self._sessions.append(session)
        self._fault = ""
        log.info("smpp_bound", channel=self._channel, mode=session.mode.value, sessions=len(self._sessions))
        self._pump()
        try:
            await session.watch()
        finally:
            self._seen_at = self._loop.time()
            self._sessions.remove(session)
            session.cut()
            self._arrivals.ended(session)
        if not self._is_closing:
            self._failed("unbound" if session.is_ending else "connection_lost")

    async def close(self) -> None:
        """End every session once what is on its way is answered, and what came is stored and acknowledged; nothing new leaves or is taken
        in."""
        self._is_closing = True
        self._arrivals.is_open = False
        for asked in self._asked:
            asked.settle(NOT_SENT)
        self._asked.clear()
        await self._arrivals.stored(self.place.patience)
        await asyncio.gather(*(session.end() for session in list(self._sessions)))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
