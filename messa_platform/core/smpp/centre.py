"""The other side of SMPP: a short message service centre's sessions, for the plugin's fake and the simulator."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final

from messa_platform.core import gsm
from messa_platform.core.segments import Encoding, segment
from messa_platform.core.smpp.connection import Connection
from messa_platform.core.smpp.pdus import (
    HEADER,
    RESPONSE,
    Broken,
    Command,
    Message,
    Pdu,
    Status,
    answer,
    nack,
    read_message,
    write_message,
)

UCS2, DEFAULT = 8, 0
"""Data codings of texts (5.2.19)."""
BINDS: Final = (Command.BIND_RECEIVER, Command.BIND_TRANSMITTER, Command.BIND_TRANSCEIVER)


class Centre(ABC):
    """What a service centre does; to be filled in. All of it is called in the loop of its sessions, and must not block."""

    @abstractmethod
    def bind(self, session: CentreSession, pdu: Pdu, system_id: str, password: str) -> None:
        """Somebody introduces themselves: to be answered by `session.let_in` or `session.answer`."""

    @abstractmethod
    def submit(self, session: CentreSession, pdu: Pdu, message: Message) -> None:
        """A text is handed over: to be answered by `session.take` or `session.answer`, or not."""

    def enquire(self, session: CentreSession, pdu: Pdu) -> None:
        """Somebody asks whether anybody is there."""
        session.answer(pdu)

    def connected(self, session: CentreSession) -> None:  # noqa: B027 who need not know leaves it out
        """Somebody has connected, and not said who it is."""

    def closed(self, session: CentreSession) -> None:  # noqa: B027 who need not know leaves it out
        """A connection is no more."""


def texts_of(source: str, destination: str, text: str, reference: int) -> list[Message]:
    """What brings a text of a phone, one, or one a part, which `reference` (one octet) holds together."""
    parts = segment(text)
    is_ucs2 = parts.encoding is Encoding.UCS2
    return [
        Message(
            source.removeprefix("+"),
            destination.removeprefix("+"),
            part.encode("utf-16-be") if is_ucs2 else gsm.encode(part),
            UCS2 if is_ucs2 else DEFAULT,
            header=bytes((0, 3, reference, parts.count, number)) if parts.count > 1 else b"",
        )
        for number, part in enumerate(parts.parts, 1)
    ]


Done = Callable[[int | None], None]
"""Told the status with which a deliver_sm was answered, None if it was not."""


class CentreSession(Connection):
    """One connection. `system_id` is empty until it is bound; `command` is the bind that it asked for."""

    def __init__(self, centre: Centre) -> None:
        super().__init__()
        self._centre = centre
        self._waiting: dict[int, Done] = {}
        self.system_id = ""
        self.command = 0

    @property
    def hears(self) -> bool:
        """Whether receipts and texts may be brought to it."""
        return bool(self.system_id) and self.command != Command.BIND_TRANSMITTER

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._centre.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._centre.closed(self)
        self.system_id = ""
        waiting, self._waiting = self._waiting, {}
        for done in waiting.values():
            done(None)

    def _take(self, pdu: Pdu) -> None:
        if pdu.command & RESPONSE:
            done = self._waiting.pop(pdu.sequence, None)
            if done is not None:
                done(pdu.status)
        elif pdu.command in BINDS and not self.system_id:
            self._bind(pdu)
        elif not self.system_id:
            self.answer(pdu, Status.INVALID_BIND)
        elif pdu.command == Command.SUBMIT_SM:
            self._submit(pdu)
        elif pdu.command == Command.ENQUIRE_LINK:
            self._centre.enquire(self, pdu)
        elif pdu.command == Command.UNBIND:
            self.answer(pdu)
            self._loop.call_soon(self.close)
        else:
            self.write(nack(pdu))

    def _bind(self, pdu: Pdu) -> None:
        system_id, password, *_ = (*pdu.body.split(b"\0"), b"", b"")
        self.command = pdu.command
        self._centre.bind(self, pdu, system_id.decode("latin-1"), password.decode("latin-1"))

    def let_in(self, pdu: Pdu, system_id: str) -> None:
        """Answer a bind well."""
        self.system_id = system_id
        self.answer(pdu, body=b"messa\0")

    def _submit(self, pdu: Pdu) -> None:
        try:
            message = read_message(pdu.body)
        except Broken:
            self.answer(pdu, Status.INVALID_LENGTH)
            return
        self._centre.submit(self, pdu, message)

    def take(self, pdu: Pdu, message_id: str) -> None:
        """Answer a submit_sm: it is taken."""
        self.answer(pdu, body=message_id.encode("latin-1") + b"\0")

    def answer(self, pdu: Pdu, status: int = Status.OK, body: bytes = b"") -> None:
        """Answer a request."""
        self.write(answer(pdu, status, body))

    def deliver(self, message: Message, done: Done) -> None:
        """Bring a receipt or a text."""
        self._ask(lambda sequence: write_message(Command.DELIVER_SM, sequence, message), done)

    def deliver_octets(self, body: bytes, done: Done) -> None:
        """Bring what may be no deliver_sm at all."""
        length = HEADER.size + len(body)
        self._ask(lambda sequence: HEADER.pack(length, Command.DELIVER_SM, 0, sequence) + body, done)

    def _ask(self, request: Callable[[int], bytes], done: Done) -> None:
        if self._connected is None:
            done(None)
            return
        sequence = self._next_sequence()
        self._waiting[sequence] = done
        self.write(request(sequence))
