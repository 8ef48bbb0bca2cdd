"""A fake of a short message service centre, as the specification has it, which checks what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from typing import Any, ClassVar, Final

from messa_platform.core import gsm
from messa_platform.core.smpp.centre import DEFAULT, UCS2, Centre, CentreSession, texts_of
from messa_platform.core.smpp.pdus import (
    HEADER,
    IS_RECEIPT,
    RESPONSE,
    Command,
    Message,
    Pdu,
    Status,
    write_message,
)
from messa_platform.providers.base import ReceiptStatus
from messa_platform.providers.kit.fake import Delivery, Fake, Taken, Trouble
from messa_platform.providers.kit.serving import HOST, serving

SYSTEM_ID, PASSWORD = "kommunen", "Kx9qZt7w"
_REFUSALS: Final = {Trouble.THROTTLED: 0x58, Trouble.DOWN: 0x08, Trouble.REFUSED: 0x0B}
_WAIT = 2.0
"""Seconds for which a session is waited for that hears."""
_SEPTETS, _OCTETS = 160, 140


class SmppFake(Fake):
    """A service centre."""

    words: ClassVar[Mapping[str, ReceiptStatus]] = {
        "DELIVRD": ReceiptStatus.DELIVERED,
        "EXPIRED": ReceiptStatus.UNDELIVERED,
        "DELETED": ReceiptStatus.UNDELIVERED,
        "UNDELIV": ReceiptStatus.UNDELIVERED,
        "ACCEPTD": ReceiptStatus.SENT,
        "UNKNOWN": ReceiptStatus.SENT,
        "REJECTD": ReceiptStatus.UNDELIVERED,
        "ENROUTE": ReceiptStatus.BUFFERED,
    }

    def __init__(self) -> None:
        super().__init__()
        self.port = 2775
        self._loop: asyncio.AbstractEventLoop | None = None
        self._centre = _FakeCentre(self)

    def settings(self) -> dict[str, Any]:
        return {
            "host": HOST,
            "port": self.port,
            "system_id": SYSTEM_ID,
            "password": PASSWORD,
            "answer_seconds": 1,
        }

    def refusal_code(self) -> str:
        return "ESME_RINVDSTADR"

    @contextmanager
    def running(self) -> Iterator[None]:
        with serving(self._serve()) as self._loop:
            yield

    @asynccontextmanager
    async def _serve(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: CentreSession(self._centre), HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            self._centre.cut()
            await asyncio.sleep(0.01)

    def receipts(self, taken: Taken, word: str) -> Sequence[Delivery]:
        return [_delivery(_receipt(taken, reference, word)) for reference in taken.references]

    def incoming(self, reference: str, sender: str, recipient: str, text: str) -> Sequence[Delivery]:
        return [_delivery(message) for message in texts_of(sender, recipient, text, 77)]

    def nonsense(self) -> Sequence[Delivery]:
        whole = _delivery(Message("46701740605", "46701740600", b"Hej")).octets
        nameless = Message("46701740605", "46701740600", b"stat:DELIVRD", esm_class=IS_RECEIPT)
        return [Delivery(b""), Delivery(b"\xff" * 40), Delivery(whole[:-2]), _delivery(nameless)]

    def deliver(self, deliveries: Sequence[Delivery]) -> Sequence[bool]:
        assert self._loop is not None
        future: Future[list[bool]] = asyncio.run_coroutine_threadsafe(
            self._centre.bring(deliveries), self._loop
        )
        return future.result(10)

    def cut(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._centre.cut)


def _receipt(taken: Taken, reference: str, word: str) -> Message:
    written = (
        f"id:{reference} sub:001 dlvrd:001 submit date:2611271200 done date:2611271201 stat:{word} err:000"
        f" text:{taken.text[:20]}"
    )
    octets = written.encode("latin-1", "replace")
    return Message(
        taken.recipient.removeprefix("+"), taken.sender.removeprefix("+"), octets, esm_class=IS_RECEIPT
    )


def _delivery(message: Message) -> Delivery:
    return Delivery(write_message(Command.DELIVER_SM, 1, message)[HEADER.size :])


class _FakeCentre(Centre):
    """The centre of a fake. Parts of a text are held until all are there, as a phone does."""

    def __init__(self, fake: SmppFake) -> None:
        self._fake = fake
        self._sessions: list[CentreSession] = []
        self._numbers = count(1)
        self._parts: dict[tuple[str, str, int], dict[int, tuple[str, str]]] = {}

    def bind(self, session: CentreSession, pdu: Pdu, system_id: str, password: str) -> None:
        if self._fake.trouble is Trouble.WRONG_KEY or (system_id, password) != (SYSTEM_ID, PASSWORD):
            session.answer(pdu, Status.WRONG_PASSWORD)
            return
        session.let_in(pdu, system_id)

    def connected(self, session: CentreSession) -> None:
        self._sessions.append(session)

    def closed(self, session: CentreSession) -> None:
        if session in self._sessions:
            self._sessions.remove(session)

    def cut(self) -> None:
        """Hang up on everybody."""
        for session in list(self._sessions):
            session.cut()

    def enquire(self, session: CentreSession, pdu: Pdu) -> None:
        if self._fake.trouble is not Trouble.SILENT:
            session.answer(pdu)

    def submit(self, session: CentreSession, pdu: Pdu, message: Message) -> None:
        trouble = self._fake.trouble
        part = _part_of(message)
        self._fake.asked += part is None or part[2] == 1
        if trouble in _REFUSALS:
            session.answer(pdu, _REFUSALS[trouble])
            return
        message_id = f"{next(self._numbers):08X}"
        self._check(message)
        self._keep(message, message_id, part)
        _answer(session, pdu, message_id, trouble)

    def _keep(self, message: Message, message_id: str, part: tuple[int, int, int] | None) -> None:
        text = self._text(message)
        if part is None:
            self._take(message, (message_id,), text)
            return
        reference, total, number = part
        key = message.source, message.destination, reference
        self._parts.setdefault(key, {})[number] = message_id, text
        if len(self._parts[key]) == total:
            parts = [which for _, which in sorted(self._parts.pop(key).items())]
            self._take(message, tuple(i for i, _ in parts), "".join(t for _, t in parts))

    def _take(self, message: Message, references: tuple[str, ...], text: str) -> None:
        sender = f"+{message.source}" if message.source_ton == 1 else message.source
        self._fake.taken.append(Taken(references, sender, f"+{message.destination}", text))

    def _text(self, message: Message) -> str:
        if message.coding == UCS2:
            return message.octets.decode("utf-16-be")
        if message.coding != DEFAULT:
            self._fake.wrong.append(f"data_coding {message.coding}")
        return gsm.decode(message.octets)

    def _check(self, message: Message) -> None:
        wrong = self._fake.wrong
        name = message.source_ton == 5
        if name is message.source.isdecimal() or message.source_ton not in (1, 5):
            wrong.append(f"source {message.source} of type {message.source_ton}")
        if message.destination_ton != 1 or not message.destination.isdecimal():
            wrong.append(f"destination {message.destination} of type {message.destination_ton}")
        if message.registered != 1:
            wrong.append("no receipt was asked for")
        header = len(message.header) + 1 if message.header else 0
        most = _OCTETS - header if message.coding == UCS2 else _SEPTETS - -(-8 * header // 7)
        if len(message.octets) > most:
            wrong.append(f"a part of {len(message.octets)} octets")

    async def bring(self, deliveries: Sequence[Delivery]) -> list[bool]:
        """Bring these, in their order; what a session that ends leaves without an answer comes again by the next, as a centre does it."""
        statuses: list[int | None] = [None] * len(deliveries)
        while None in statuses:
            left = [place for place, status in enumerate(statuses) if status is None]
            session = await self._hearing()
            answers: list[asyncio.Future[int | None]] = []
            for place in left:
                answered: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
                session.deliver_octets(deliveries[place].octets, answered.set_result)
                answers.append(answered)
            async with asyncio.timeout(5):
                for place, status in zip(left, await asyncio.gather(*answers), strict=True):
                    statuses[place] = status
        return [status == 0 for status in statuses]

    async def _hearing(self) -> CentreSession:
        async with asyncio.timeout(_WAIT):
            while not (found := [session for session in self._sessions if session.hears]):
                await asyncio.sleep(0.005)
        return found[0]


def _part_of(message: Message) -> tuple[int, int, int] | None:
    """Reference, total and number of a part."""
    if message.header[:2] == b"\0\3":
        reference, total, number = message.header[2:5]
        return reference, total, number
    return None


def _answer(session: CentreSession, pdu: Pdu, message_id: str, trouble: Trouble | None) -> None:
    match trouble:
        case None:
            session.take(pdu, message_id)
        case Trouble.MALFORMED:
            session.take(pdu, "")
        case Trouble.CUT:
            answer = HEADER.pack(HEADER.size + 9, Command.SUBMIT_SM | RESPONSE, 0, pdu.sequence)
            session.write(answer + b"00")
            session.close()
        case Trouble.ENDLESS:
            session.write(HEADER.pack(0x7FFF_FFFF, Command.SUBMIT_SM | RESPONSE, 0, pdu.sequence))
            session.write(b" " * 65_536)
        case Trouble.REDIRECT:
            session.write(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /\r\n\r\n")
