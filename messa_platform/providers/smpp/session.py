"""One session: a connection, bound, with many requests on their way, each answered by its sequence number."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import Any, Final

from aiosmpplib.protocol import BindReceiver, BindTransceiver, BindTransmitter, EnquireLink, Unbind
from aiosmpplib.state import NPI, TON

from messa_platform.core.smpp.connection import Connection
from messa_platform.core.smpp.pdus import RESPONSE, Command, Pdu, Status, answer, nack
from messa_platform.providers.base import Rejected, Unknown
from messa_platform.providers.smpp.writing import Write

NOT_SENT: Final = Rejected(permanent=False, code="not_bound")
"""Not a byte of the text has left."""
CUT: Final = Unknown("connection_lost")
SILENT: Final = Unknown("timeout")

GOOD_BYE: Final = 2.0
"""Seconds for which a good-bye waits for what is still to come, and for its answer."""
MOST_UNREAD: Final = 4_194_304
"""Octets that the other side may leave unread: beyond these it is cut, as it could have us answer more and more."""

Answered = Pdu | Rejected | Unknown


class Mode(StrEnum):
    """What a session is for."""

    TRANSCEIVER = "transceiver"
    TRANSMITTER = "transmitter"
    RECEIVER = "receiver"


_BINDS: Final = {
    Mode.TRANSCEIVER: BindTransceiver,
    Mode.TRANSMITTER: BindTransmitter,
    Mode.RECEIVER: BindReceiver,
}


@dataclass(frozen=True, slots=True)
class Login:
    """Who binds."""

    system_id: str
    password: str = field(repr=False)
    system_type: str
    address_range: str

    def request(self, mode: Mode) -> Write:
        """The bind. Raises ValueError if a field is too long for SMPP."""
        bind = _BINDS[mode](
            system_id=self.system_id,
            password=self.password,
            system_type=self.system_type,
            addr_ton=TON.UNKNOWN,
            addr_npi=NPI.UNKNOWN,
            address_range=self.address_range,
        )
        return _numbered(bind)


def _numbered(message: Any) -> Write:
    def write(sequence: int) -> bytes:
        message.sequence_num = sequence
        pdu: bytes = message.pdu()
        return pdu

    return write


@dataclass(slots=True, eq=False)
class _Question:
    """A request that waits for its answer; `deadline` is in the loop's time. `has_left`: it was handed to the network."""

    answered: asyncio.Future[Answered]
    deadline: float
    has_left: bool = False

    def leave(self) -> None:
        self.has_left = True

    def settle(self, what: Answered) -> None:
        if not self.answered.done():  # who asked may have been cancelled meanwhile
            self.answered.set_result(what)


_NUMBERS = count(1)

Came = Callable[["Session", Pdu], None]


class Session(Connection):
    """A session. `came` is told of each deliver_sm, and answers it by `acknowledge` when it can; seconds: `patience` for an answer,
    `interval` of silence until it is asked whether anybody is there."""

    def __init__(self, mode: Mode, came: Came, patience: float, interval: float) -> None:
        super().__init__()
        self.mode = mode
        self.number = next(_NUMBERS)
        self._came = came
        self._patience = patience
        self._interval = interval
        self._questions: dict[int, _Question] = {}  # in the order of asking, and so of their deadlines
        self._alarm: asyncio.TimerHandle | None = None
        self._heard_at = self._loop.time()
        self._is_mute = False
        self._leaving: asyncio.Task[None] | None = None
        self.is_bound = False
        self.is_ending = False
        self.lost: asyncio.Future[None] = self._loop.create_future()

    @property
    def in_flight(self) -> int:
        """How many requests wait for their answers."""
        return len(self._questions)

    @property
    def may_send(self) -> bool:
        """Whether texts may leave by it; not while nothing is heard any more, so that no more of them come into doubt."""
        is_there = self.is_bound and self._connected is not None and not self._is_mute
        return is_there and not self.is_ending and self.mode is not Mode.RECEIVER

    async def bind(self, login: Login) -> int | None:
        """Introduce ourselves; gives the status of the answer, None if there was none."""
        said = await self.ask(login.request(self.mode))
        if not isinstance(said, Pdu) or self.lost.done():  # they may have hung up together with the answer
            return None
        self.is_bound = said.status == Status.OK
        return said.status

    def ask(self, write: Write) -> asyncio.Future[Answered]:
        """Send a request; what it is answered: `CUT` or `SILENT` if it is not, `NOT_SENT` if nothing has left."""
        question = _Question(self._loop.create_future(), self._loop.time() + self._patience)
        if self._connected is None:
            question.settle(NOT_SENT)
            return question.answered
        sequence = self._next_sequence()
        self.write(write(sequence), question.leave)
        self._questions[sequence] = question
        if self._alarm is None:
            self._alarm = self._loop.call_at(question.deadline, self._expire)
        return question.answered

    def acknowledge(self, pdu: Pdu, status: int) -> None:
        """Answer a deliver_sm; its message id is empty (4.6.2)."""
        self.write(answer(pdu, status, b"\0"))

    def _flush(self) -> None:
        super()._flush()
        if self._connected is not None and self._connected.get_write_buffer_size() > MOST_UNREAD:
            self.cut()

    def _expire(self) -> None:
        now = self._loop.time()
        self._alarm = None
        was_mute = self._is_mute
        for sequence, question in list(self._questions.items()):
            if question.deadline > now:
                self._alarm = self._loop.call_at(question.deadline, self._expire)
                break
            del self._questions[sequence]
            question.settle(SILENT)
            self._is_mute |= self._heard_at < question.deadline - self._patience
        if self._is_mute and not was_mute:
            self.ask(_numbered(EnquireLink()))  # whatever is answered, it is mute no more

    async def watch(self) -> None:
        """See to it that somebody is there, until the session ends: after a while of silence it is asked, and without an answer it is cut."""
        while not self.lost.done():
            quiet = self._loop.time() - self._heard_at
            if quiet < self._interval:
                await asyncio.wait([self.lost], timeout=self._interval - quiet)
            elif not await self.is_answered():
                self.cut()
                await asyncio.wait([self.lost])  # what was cut ends in a later turn of the loop

    async def is_answered(self) -> bool:
        """Ask whether anybody is there."""
        return isinstance(await self.ask(_numbered(EnquireLink())), Pdu)

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        self._is_mute = False
        super().data_received(data)

    def _take(self, pdu: Pdu) -> None:
        if pdu.command & RESPONSE:
            # an answer that comes after its time has nobody waiting
            question = self._questions.pop(pdu.sequence, None)
            if question is not None:
                question.settle(pdu)
            return
        match pdu.command:
            case Command.DELIVER_SM:  # which may come together with the answer to the bind
                self._came(self, pdu)
            case Command.ENQUIRE_LINK:
                self.write(answer(pdu))
            case Command.UNBIND:
                self.is_ending = True
                self._leaving = self._loop.create_task(self._leave(pdu))
            case _:
                self.write(nack(pdu))

    async def _leave(self, pdu: Pdu) -> None:
        """The other side says good-bye: what it owes us it may answer still, until we say so, too."""
        await self._settled(min(self._patience, GOOD_BYE))
        self.write(answer(pdu))
        self.close()

    async def _settled(self, seconds: float) -> None:
        """Wait for the answers that are still to come."""
        waiting = [question.answered for question in self._questions.values()]
        if waiting:
            await asyncio.wait(waiting, timeout=seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.is_bound = False
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        questions, self._questions = self._questions, {}
        for question in questions.values():
            question.settle(CUT if question.has_left else NOT_SENT)
        if not self.lost.done():
            self.lost.set_result(None)

    async def end(self) -> None:
        """Wait for the answers that are still to come, say good-bye, and hang up."""
        self.is_ending = True
        await self._settled(self._patience)
        if self.is_bound:
            await asyncio.wait([self.ask(_numbered(Unbind()))], timeout=min(self._patience, GOOD_BYE))
        for hang_up in (self.close, self.cut):  # who reads nothing any more lets nobody go in peace
            hang_up()
            if self._transport is not None:
                await asyncio.wait([self.lost], timeout=GOOD_BYE)
