"""A bare SMPP client, which waits in plain sight: for tests of gateways, and as a load for benches."""

from __future__ import annotations

import contextlib
import itertools
import select
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Self

from tests.support import pdus
from tests.support.pdus import ShortMessage
from tests.support.processes import HOST


class Refused(Exception):
    """A request was answered with an error; its command_status."""


class SmppClient:
    """A session over one connection. Whatever comes on it is looked at only while something is waited for."""

    def __init__(self, port: int, seconds: float = 20.0) -> None:
        self._socket = socket.create_connection((HOST, port), timeout=seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()
        self._arrived: deque[tuple[int, int, int, bytes]] = deque()
        self._sequences = itertools.count(1)
        self.delivered: deque[ShortMessage] = deque()
        """Every deliver_sm that came, answered already."""
        self.deliver_status = pdus.OK
        """The command_status with which it answers a deliver_sm."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def bind(self, user: str, password: str, command: int = pdus.BIND_TRANSCEIVER) -> None:
        """Raises Refused."""
        said = b"\0".join(part.encode() for part in (user, password, "")) + b"\0\x34\x01\x01\0"
        self.ask(command, said)

    def unbind(self) -> None:
        """Raises Refused."""
        self.ask(pdus.UNBIND)

    def ask(self, command: int, body: bytes = b"") -> bytes:
        """Send a request and wait for its response; that one's body. Raises Refused, OSError, ConnectionError."""
        sequence = next(self._sequences)
        self._socket.sendall(pdus.pdu(command, sequence, body))
        while True:
            came, status, number, answer = self._next()
            if number == sequence and came in (command | pdus.RESPONSE, pdus.GENERIC_NACK):
                if status:
                    raise Refused(f"0x{status:02x}")
                return answer

    def send_raw(self, octets: bytes) -> None:
        """Send what need not be SMPP."""
        self._socket.sendall(octets)

    def submit(self, message: ShortMessage) -> str:
        """Submit a text; the name that the other end gave it. Raises Refused."""
        return pdus.text_at(self.ask(pdus.SUBMIT_SM, message.body()), 0)[0]

    def submit_all(
        self, messages: Iterable[ShortMessage], window: int, answered: Callable[[int], None] | None = None
    ) -> int:
        """Submit many, `window` of them on their way at once; how many were taken. `answered` hears each command_status."""
        taken, on_way = 0, set[int]()
        waiting = iter(messages)
        while True:
            sent = []
            for message in itertools.islice(waiting, window - len(on_way)):
                sequence = next(self._sequences)
                on_way.add(sequence)
                sent.append(pdus.pdu(pdus.SUBMIT_SM, sequence, message.body()))
            self._socket.sendall(b"".join(sent))
            if not on_way:
                return taken
            for came, status, number, _ in self._several():
                if came == pdus.SUBMIT_SM | pdus.RESPONSE and number in on_way:
                    on_way.remove(number)
                    taken += status == pdus.OK
                    if answered:
                        answered(status)

    def until_delivered(self, count: int = 1) -> list[ShortMessage]:
        """Wait until so many deliver_sm have come in all; every one. Raises TimeoutError after the connection's seconds of silence."""
        while len(self.delivered) < count:
            self._arrived.extend(self._several())
        return list(self.delivered)

    def peek(self, seconds: float = 0.05) -> int:
        """How many deliver_sm have come in all, after looking for more for a while."""
        if select.select([self._socket], [], [], seconds)[0]:
            self._arrived.extend(self._several())
        return len(self.delivered)

    def _next(self) -> tuple[int, int, int, bytes]:
        while not self._arrived:
            self._arrived.extend(self._several())
        return self._arrived.popleft()

    def _several(self) -> Iterator[tuple[int, int, int, bytes]]:
        """What comes next, but for what is answered here: enquire_link and deliver_sm."""
        data = self._socket.recv(1 << 16)
        if not data:
            raise ConnectionError("the other end has closed the connection")
        self._buffer += data
        others, answers = [], []
        for command, status, sequence, body in pdus.split(self._buffer):
            if command == pdus.DELIVER_SM:
                self.delivered.append(pdus.short_message(body))
                answers.append(pdus.pdu(command | pdus.RESPONSE, sequence, b"\0", self.deliver_status))
            elif command == pdus.ENQUIRE_LINK:
                answers.append(pdus.pdu(command | pdus.RESPONSE, sequence))
            else:
                others.append((command, status, sequence, body))
        if answers:
            self._socket.sendall(b"".join(answers))
        return iter(others)


@contextlib.contextmanager
def bound(port: int, user: str, password: str, command: int = pdus.BIND_TRANSCEIVER) -> Iterator[SmppClient]:
    """A client that is bound, and unbinds in the end."""
    with SmppClient(port) as client:
        client.bind(user, password, command)
        yield client
        client.unbind()
