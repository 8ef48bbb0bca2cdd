"""An SMSC at which all texts end: `python -m tests.support.smsc_sink --port 2775 --journal FILE`.

It takes whatever is submitted, repeated or not, writes it down and answers; receipts go to any session of the same system_id that can
receive, wait for one where there is none, and are repeated until they are acknowledged. It is a process of its own and knows nothing of our
own SMPP. Its control port takes a line (`statistics`, or `cut`, which drops every connection) and answers with one of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import cast

import uvloop

from tests.support import pdus, sink_journal
from tests.support.pdus import Malformed, ShortMessage
from tests.support.sink_receipts import Options, ReceiptForm, receipt

HOST = "127.0.0.1"
IN_FLIGHT = 200
"""Receipts that wait for their acknowledgement in one session."""
REPEAT = 1.0
"""Seconds after which a receipt that was refused for now comes again."""
NEVER = {0x65, 0x66}
"""What refuses a receipt for good: ESME_RX_P_APPN, ESME_RX_R_APPN (5.1.3)."""


@dataclass
class Statistics:
    """What has happened since it started."""

    taken: int = 0
    receipts_made: int = 0
    receipts_sent: int = 0
    """Repeated ones are counted again."""
    receipts_acknowledged: int = 0
    receipts_refused: int = 0
    """For good."""
    sessions: int = 0
    """That are bound at the moment."""
    binds: int = 0
    malformed: int = 0


@dataclass
class Subscriber:
    """A system_id: its sessions that can receive, and what waits for them."""

    sessions: list[Session] = field(default_factory=list)
    waiting: deque[bytes] = field(default_factory=deque)
    turn: int = 0

    def push(self) -> None:
        """Give what waits to the sessions, in turns, as far as they take it."""
        free = [session for session in self.sessions if session.room > 0]
        while self.waiting and free:
            self.turn = (self.turn + 1) % len(free)
            session = free[self.turn]
            take = min(len(self.waiting), session.room, -(-len(self.waiting) // len(free)))
            session.deliver([self.waiting.popleft() for _ in range(take)])
            free = [session for session in free if session.room > 0]


class Centre:
    """All of the sink but its connections."""

    def __init__(self, options: Options, journal: Path) -> None:
        self.options, self.statistics = options, Statistics()
        self._journal = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        # above every number of an earlier run, as long as that took fewer than a million a second
        self._next = time.time_ns() // 1000
        self._subscribers: dict[str, Subscriber] = {}
        self._due: deque[tuple[float, str, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self.connections: set[Session] = set()

    def subscriber(self, system_id: str) -> Subscriber:
        """Whom a system_id stands for."""
        return self._subscribers.setdefault(system_id, Subscriber())

    def take(self, system_id: str, messages: list[ShortMessage]) -> list[str]:
        """Write messages down and see to their receipts; their names."""
        at, names, lines = time.time(), [], []
        due = asyncio.get_running_loop().time() + self.options.latency + self.options.receipt_after
        for message in messages:
            number, self._next = self._next, self._next + 1
            names.append(self.options.ids.of(number))
            lines.append(sink_journal.line(at, names[-1], system_id, message))
            if self.options.receipts is not ReceiptForm.NONE and self._wants_receipt(message):
                self._due.append((due, system_id, receipt(self.options, message, number, at)))
        os.write(self._journal, "".join(lines).encode())
        self.statistics.taken += len(messages)
        self._wait_for_due()
        return names

    def _wants_receipt(self, message: ShortMessage) -> bool:
        """By the lowest bits of registered_delivery (5.2.17): always, or if it fails."""
        return message.registered_delivery & 3 in ((1,) if self.options.state == "DELIVRD" else (1, 2))

    def _wait_for_due(self) -> None:
        if self._timer is None and self._due:
            self._timer = asyncio.get_running_loop().call_at(self._due[0][0], self._receipts_are_due)

    def _receipts_are_due(self) -> None:
        self._timer = None
        now, touched = asyncio.get_running_loop().time(), {}
        while self._due and self._due[0][0] <= now + 0.005:  # few timers rather than exact ones
            _, system_id, body = self._due.popleft()
            touched[system_id] = self.subscriber(system_id)
            touched[system_id].waiting.append(body)
            self.statistics.receipts_made += 1
        for subscriber in touched.values():
            subscriber.push()
        self._wait_for_due()

    def control(self, command: str) -> dict[str, object]:
        """What the control port answers to a line."""
        if command == "cut":
            for session in list(self.connections):
                session.abort()
        waiting = sum(len(each.waiting) for each in self._subscribers.values()) + len(self._due)
        return {**asdict(self.statistics), "receipts_waiting": waiting}


class Session(asyncio.Protocol):
    """One connection of an ESME."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        self._buffer = bytearray()
        self._system_id: str | None = None
        self._can_submit = False
        self._sequence = 0
        self._in_flight: dict[int, bytes] = {}
        self._is_asked = False
        """By an enquire_link since which nothing has come."""
        self._transport: asyncio.Transport | None = None
        self._enquiry: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._centre.connections.add(self)
        self._enquiry = asyncio.get_running_loop().call_later(self._centre.options.enquire, self._enquire)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._centre.connections.discard(self)
        if self._enquiry:
            self._enquiry.cancel()
        self._leave()

    def data_received(self, data: bytes) -> None:
        self._is_asked = False
        self._buffer += data
        try:
            self._read()
        except Malformed:
            self._centre.statistics.malformed += 1
            self._send([pdus.pdu(pdus.GENERIC_NACK, 0, status=pdus.INVALID_COMMAND_LENGTH)])
            if self._transport:
                self._transport.close()

    def _read(self) -> None:
        """Every whole PDU that has come: the submit_sm together, the others one by one."""
        answers: list[bytes] = []
        submitted: list[tuple[int, ShortMessage]] = []
        owner = ""
        try:
            for command, status, sequence, body in pdus.split(self._buffer):
                if command == pdus.SUBMIT_SM and self._system_id is not None and self._can_submit:
                    owner = self._system_id
                    submitted.append((sequence, pdus.short_message(body)))
                elif command == pdus.DELIVER_SM | pdus.RESPONSE:
                    self._told(sequence, status)
                else:
                    answers.extend(self._answer(command, sequence, body))
        finally:
            self._send(answers)
            if submitted:
                self._take(owner, submitted)

    def _take(self, owner: str, submitted: list[tuple[int, ShortMessage]]) -> None:
        names = self._centre.take(owner, [message for _, message in submitted])
        answers = [
            pdus.pdu(pdus.SUBMIT_SM | pdus.RESPONSE, sequence, name.encode() + b"\0")
            for (sequence, _), name in zip(submitted, names, strict=True)
        ]
        if self._centre.options.latency:
            asyncio.get_running_loop().call_later(self._centre.options.latency, self._send, answers)
        else:
            self._send(answers)

    def _answer(self, command: int, sequence: int, body: bytes) -> Iterator[bytes]:
        """To all else that may come."""
        if command in pdus.BINDS and self._system_id is None:
            yield self._bind(command, sequence, body)
        elif command in (pdus.UNBIND, pdus.ENQUIRE_LINK):
            yield pdus.pdu(command | pdus.RESPONSE, sequence)
            if command == pdus.UNBIND:
                self._leave()
        elif command == pdus.SUBMIT_SM or command in pdus.BINDS:
            yield pdus.pdu(command | pdus.RESPONSE, sequence, status=pdus.NOT_SO_BOUND)
        elif not command & pdus.RESPONSE:
            yield pdus.pdu(pdus.GENERIC_NACK, sequence, status=pdus.INVALID_COMMAND)

    def _bind(self, command: int, sequence: int, body: bytes) -> bytes:
        self._system_id, _ = pdus.text_at(body, 0)
        self._can_submit = command != pdus.BIND_RECEIVER
        self._centre.statistics.sessions += 1
        self._centre.statistics.binds += 1
        if command != pdus.BIND_TRANSMITTER:
            subscriber = self._centre.subscriber(self._system_id)
            subscriber.sessions.append(self)
            # not before the answer to this has left
            asyncio.get_running_loop().call_soon(subscriber.push)
        body = b"sink\0" + pdus.tlv(pdus.INTERFACE_VERSION, b"\x34")
        return pdus.pdu(command | pdus.RESPONSE, sequence, body)

    def _leave(self) -> None:
        """No more bound; what was not acknowledged waits for another session."""
        if self._system_id is None:
            return
        subscriber = self._centre.subscriber(self._system_id)
        if self in subscriber.sessions:
            subscriber.sessions.remove(self)
        subscriber.waiting.extendleft(reversed(self._in_flight.values()))
        self._in_flight.clear()
        self._system_id, self._can_submit = None, False
        self._centre.statistics.sessions -= 1
        subscriber.push()

    @property
    def room(self) -> int:
        """How many receipts it takes now."""
        return IN_FLIGHT - len(self._in_flight)

    def deliver(self, bodies: list[bytes]) -> None:
        """Send receipts, which are in flight from now on."""
        sent = []
        for body in bodies:
            self._sequence += 1
            self._in_flight[self._sequence] = body
            sent.append(pdus.pdu(pdus.DELIVER_SM, self._sequence, body))
        self._centre.statistics.receipts_sent += len(sent)
        self._send(sent)

    def _told(self, sequence: int, status: int) -> None:
        """What a receipt met with: it is acknowledged, repeated, or given up where it never will be taken."""
        body = self._in_flight.pop(sequence, None)
        if body is None or self._system_id is None:
            return
        subscriber = self._centre.subscriber(self._system_id)
        if status == pdus.OK:
            self._centre.statistics.receipts_acknowledged += 1
        elif status in NEVER:
            self._centre.statistics.receipts_refused += 1
        else:
            subscriber.waiting.append(body)
            asyncio.get_running_loop().call_later(REPEAT, subscriber.push)
            return
        # Where some wait every session is full, so each comes by here on its way to empty.
        if self.room == IN_FLIGHT // 2:
            subscriber.push()

    def _enquire(self) -> None:
        if self._is_asked:
            self.abort()
            return
        self._is_asked = True
        self._sequence += 1
        self._send([pdus.pdu(pdus.ENQUIRE_LINK, self._sequence)])
        self._enquiry = asyncio.get_running_loop().call_later(self._centre.options.enquire, self._enquire)

    def _send(self, answers: list[bytes]) -> None:
        if self._transport and answers:
            self._transport.write(b"".join(answers))

    def abort(self) -> None:
        """Cut the connection; what was not sent yet is lost."""
        if self._transport:
            self._transport.abort()


async def _control(
    answer: Callable[[str], dict[str, object]], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(json.dumps(answer((await reader.readline()).decode().strip())).encode() + b"\n")
    await writer.drain()
    writer.close()


async def serve(options: Options, journal: Path, port: int, control: int) -> None:
    """Serve until a signal ends it."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    centre = Centre(options, journal)
    await loop.create_server(lambda: Session(centre), HOST, port, backlog=1024)
    await asyncio.start_server(lambda r, w: _control(centre.control, r, w), HOST, control)
    await ended.wait()
    for session in list(centre.connections):
        session.abort()


def main(arguments: list[str]) -> None:
    """Read the arguments, and serve."""
    parser = argparse.ArgumentParser(description="An SMSC at which all texts end.")
    parser.add_argument("--port", type=int, required=True, help="of SMPP, on loopback")
    parser.add_argument("--control", type=int, required=True, help="port that takes `statistics` and `cut`")
    parser.add_argument("--journal", type=Path, required=True, help="a line is added for each submit_sm")
    for each in fields(Options):
        kind = type(each.default)
        parser.add_argument(f"--{each.name.replace('_', '-')}", type=kind, default=each.default)
    chosen = vars(parser.parse_args(arguments))
    port, control, journal = (chosen.pop(name) for name in ("port", "control", "journal"))
    uvloop.run(serve(Options(**chosen), journal, port, control))


if __name__ == "__main__":
    main(sys.argv[1:])
