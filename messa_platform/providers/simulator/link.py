"""One connection to the gateway with many questions in flight, each answered by its sequence number."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from messa_platform.providers.base import Found, Rejected, Unknown
from messa_platform.providers.simulator import wire

REFUSED_CONNECTION: Final = Rejected(permanent=False, code="refused_connection")
"""Not a byte of the text has left: the gateway does not have it."""
CONNECTION_LOST: Final = Unknown("connection_lost")
TIMEOUT: Final = Unknown("timeout")
MALFORMED_ANSWER: Final = Unknown("malformed_answer")

T = TypeVar("T", bound=Found)


@dataclass(slots=True, eq=False)
class _Question:
    """A question that waits for its answer. `deadline` is in the loop's time."""

    answered: asyncio.Future[Any]
    read: Callable[[Mapping[str, Any]], Found]
    deadline: float

    def settle(self, outcome: Found) -> None:
        # Who asked may have been cancelled meanwhile.
        if not self.answered.done():
            self.answered.set_result(outcome)


class Link(asyncio.Protocol):
    """The connection. `timeout` is in seconds, from the asking to the answer; `greeting` is the first line, to which there is no answer."""

    def __init__(self, timeout: float, greeting: bytes) -> None:
        self._timeout = timeout
        self._greeting = greeting
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._lines = wire.Lines()
        self._seq = 0
        self._unsent: list[bytes] = []
        self._first_unsent = 1
        # In the order of asking, and so of their deadlines.
        self._questions: dict[int, _Question] = {}
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        """Whether something may be asked."""
        return self._transport is not None and not self._transport.is_closing()

    def ask(
        self, request: dict[str, Any], read: Callable[[Mapping[str, Any]], T]
    ) -> asyncio.Future[T | Rejected | Unknown]:
        """Send `request`, read its answer; `Unknown` if none comes, `REFUSED_CONNECTION` if nothing left."""
        self._seq = seq = self._seq + 1
        question = _Question(self._loop.create_future(), read, self._loop.time() + self._timeout)
        if not self.is_open:
            question.settle(REFUSED_CONNECTION)
            return question.answered
        self._questions[seq] = question
        request["seq"] = seq
        # What is asked in one turn of the loop leaves in one write.
        if not self._unsent:
            self._first_unsent = seq
            self._loop.call_soon(self._flush)
        self._unsent.append(wire.encode(request))
        if self._alarm is None:
            self._alarm = self._loop.call_at(question.deadline, self._expire)
        return question.answered

    def _flush(self) -> None:
        if self._transport is not None and self._unsent and not self._transport.is_closing():
            data = b"".join(self._unsent)
            self._unsent.clear()
            self._transport.write(data)

    def _expire(self) -> None:
        now = self._loop.time()
        self._alarm = None
        expired = []
        for seq, question in self._questions.items():
            if question.deadline > now:
                self._alarm = self._loop.call_at(question.deadline, self._expire)
                break
            expired.append(seq)
        for seq in expired:
            self._questions.pop(seq).settle(TIMEOUT)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        # The first text follows at once: its own answer tells whether we are known.
        self._transport.write(self._greeting)

    def data_received(self, data: bytes) -> None:
        try:
            lines = self._lines.feed(data)
        except wire.LineTooLong:
            lines = [b""]
        for line in lines:
            answer = wire.decode(line)
            seq = answer.get("seq") if answer is not None else None
            if answer is None or not isinstance(seq, int):
                # Nobody can tell whose answer this was, nor what else is wrong.
                self._give_up(MALFORMED_ANSWER)
                return
            # An answer that comes after its time limit has nobody waiting.
            question = self._questions.pop(seq, None)
            if question is not None:
                question.settle(question.read(answer))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._give_up(CONNECTION_LOST)
        if not self._lost.done():
            self._lost.set_result(None)

    def _give_up(self, outcome: Unknown) -> None:
        """Settle all that is in flight, and hang up."""
        if self._transport is not None:
            self._transport.abort()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        questions, self._questions = self._questions, {}
        first_unsent = self._first_unsent if self._unsent else self._seq + 1
        self._unsent.clear()
        for seq, question in questions.items():
            question.settle(REFUSED_CONNECTION if seq >= first_unsent else outcome)

    async def drain_and_close(self) -> None:
        """Wait for the answers that are still to come, then hang up."""
        waiting = [question.answered for question in self._questions.values()]
        if waiting:
            await asyncio.wait(waiting, timeout=self._timeout)
        if self._transport is not None:
            self._transport.close()
            await self._lost
