"""The network's SMPP door: a short message service centre whose texts reach the same phones, with the same faults.

A text of several parts is one when all of them are there, as on a phone: then its last part is answered as the network decides, the others
have been taken before. Receipts and answers of phones come by any session that hears.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import secrets
import socket
from collections.abc import Sequence
from typing import Any, Final

from messa_platform.core import gsm
from messa_platform.core.smpp.centre import Centre, CentreSession, texts_of
from messa_platform.core.smpp.pdus import IS_RECEIPT, Message, Pdu, Status, Tag
from messa_platform.providers.simulator.behaviour import Answer
from messa_platform.providers.simulator.events import Event, Events
from messa_platform.providers.simulator.network import Network, Verdict

log = logging.getLogger(__name__)

_STATUSES: Final = {
    "bad_request": 0x0B,
    "invalid_destination": 0x0B,
    "throttled": 0x58,
    "temporarily_unavailable": 0x64,
}
_WORDS: Final = {"DELIVERED": "DELIVRD", "UNDELIVERED": "UNDELIV", "BUFFERED": "ENROUTE", "SENT": "ACCEPTD"}
PAUSE_SECONDS: Final = 0.2
ANSWER_SECONDS: Final = 10.0
MOST_PARTS_HELD: Final = 10_000

Waiting = tuple[CentreSession, Pdu, str, dict[str, Any]]


class Deliveries(Events):
    """Events that are brought by sessions."""

    sessions: Sequence[CentreSession] = ()

    async def bring(self, batch: list[Event]) -> None:
        left = batch
        while True:
            left = await self._try(left)
            if not left:
                return
            await asyncio.sleep(PAUSE_SECONDS)

    async def _try(self, batch: list[Event]) -> list[Event]:
        """Bring these once; gives those that were not taken."""
        hearing = [session for session in self.sessions if session.hears]
        if not hearing:
            return batch
        loop = asyncio.get_running_loop()
        asked: dict[str, list[asyncio.Future[int | None]]] = {}
        for place, event in enumerate(batch):
            asked[event.key] = []
            for message in _messages(json.loads(event.body)):
                answered: asyncio.Future[int | None] = loop.create_future()
                session = hearing[place % len(hearing)]
                session.deliver(message, lambda status, told=answered: told.done() or told.set_result(status))  # type: ignore[misc]
                asked[event.key].append(answered)
        await asyncio.wait([f for futures in asked.values() for f in futures], timeout=ANSWER_SECONDS)
        return [e for e in batch if not all(f.done() and f.result() == 0 for f in asked[e.key])]


def _messages(event: dict[str, Any]) -> list[Message]:
    """The deliver_sm requests that bring an event."""
    if event["type"] == "receipt":
        word = _WORDS.get(event["status"], event["status"])
        stamp = event["at"][2:16].translate({ord(sign): None for sign in "-T:"})
        error = event["code"] or "000"
        text = (
            f"id:{event['reference']} sub:001 dlvrd:001 submit date:{stamp} done date:{stamp} stat:{word} err:{error}"
            " text:"
        )
        tags: dict[int, bytes] = {Tag.RECEIPTED_MESSAGE_ID: event["reference"].encode() + b"\0"}
        return [Message("", "", text.encode("latin-1", "replace"), esm_class=IS_RECEIPT, tags=tags)]
    return texts_of(event["from"], event["to"], event["text"], secrets.randbelow(256))


class SmppDoor(Centre):
    """The door. `password` is what lets anybody in, under any system id."""

    def __init__(self, network: Network, deliveries: Deliveries, password: str) -> None:
        self._network = network
        self._deliveries = deliveries
        self._password = password
        self._sessions: list[CentreSession] = []
        deliveries.sessions = self._sessions
        self._came: list[tuple[CentreSession, Pdu, Message]] = []
        self._parts: dict[tuple[str, str, bytes], dict[int, tuple[str, str]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def serve(self, listener: socket.socket) -> None:
        """Accept connections on a listening socket."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: CentreSession(self), sock=listener)

    async def close(self) -> None:
        """Stop listening and close every connection."""
        if self._server is not None:
            self._server.close()
        for session in list(self._sessions):
            session.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def connected(self, session: CentreSession) -> None:
        self._sessions.append(session)

    def closed(self, session: CentreSession) -> None:
        self._sessions.remove(session)

    def bind(self, session: CentreSession, pdu: Pdu, system_id: str, password: str) -> None:
        if system_id and hmac.compare_digest(password.encode(), self._password.encode()):
            session.let_in(pdu, system_id)
        else:
            log.warning("somebody has another password; refused")
            session.answer(pdu, Status.WRONG_PASSWORD)

    def submit(self, session: CentreSession, pdu: Pdu, message: Message) -> None:
        # what arrives in one piece is decided and journalled together
        if not self._came:
            asyncio.get_running_loop().call_soon(self._decide)
        self._came.append((session, pdu, message))

    def _decide(self) -> None:
        came, self._came = self._came, []
        whole: list[Waiting] = []
        for session, pdu, message in came:
            reference, text = secrets.token_hex(6), _text(message)
            parts = self._with_others(message, reference, text)
            if parts is None:
                self._later(session.take, pdu, reference)
                continue
            request = {
                "id": "",
                "from": f"+{message.source}" if message.source_ton == 1 else message.source,
                "to": f"+{message.destination}",
                "text": "".join(text for _, text in parts),
                "parts": len(parts),
                "references": [reference for reference, _ in parts],
            }
            whole.append((session, pdu, reference, request))
        verdicts = self._network.take([request for *_, request in whole])
        for (session, pdu, reference, _), verdict in zip(whole, verdicts, strict=True):
            self._answer(session, pdu, reference, verdict)

    def _with_others(self, message: Message, reference: str, text: str) -> list[tuple[str, str]] | None:
        """The ids and texts of a text's parts, once all are there."""
        which = _which(message)
        if which is None:
            return [(reference, text)]
        group, total, number = which
        key = message.source, message.destination, group
        if len(self._parts) > MOST_PARTS_HELD:
            # texts that never become whole are forgotten, the oldest first
            del self._parts[next(iter(self._parts))]
        held = self._parts.setdefault(key, {})
        held[number] = reference, text
        if len(held) < total:
            return None
        del self._parts[key]
        return [part for _, part in sorted(held.items())]

    def _answer(self, session: CentreSession, pdu: Pdu, reference: str, verdict: Verdict) -> None:
        match verdict.kind:
            case Answer.NONE:
                return
            case Answer.CUT:
                self._later(session.close)
            case Answer.MALFORMED:
                self._later(session.take, pdu, "")
            case _ if verdict.code:
                self._later(session.answer, pdu, _STATUSES.get(verdict.code, 0x08))
            case Answer.AFTER_RECEIPT:
                task = asyncio.get_running_loop().create_task(
                    self._take_after(session, pdu, verdict.key, reference)
                )
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case Answer.PROMPT:
                self._later(session.take, pdu, reference)

    async def _take_after(self, session: CentreSession, pdu: Pdu, key: str, reference: str) -> None:
        await self._deliveries.wait_until_told(f"{key}.0", ANSWER_SECONDS / 5)
        session.take(pdu, reference)

    def _later(self, do: Any, *arguments: Any) -> None:
        """After the network's latency."""
        latency_ms = self._network.conditions.latency_ms
        if latency_ms:
            asyncio.get_running_loop().call_later(latency_ms / 1000, do, *arguments)
        else:
            do(*arguments)


def _text(message: Message) -> str:
    match message.coding:
        case 0x08:
            return message.octets.decode("utf-16-be", "replace")
        case 0x03:
            return message.octets.decode("latin-1")
    return gsm.decode(message.octets)


def _which(message: Message) -> tuple[bytes, int, int] | None:
    """Reference, total and number of a part; None of a text that is whole."""
    header, tags = message.header, message.tags
    if header[:2] == b"\0\3" and len(header) >= 5:
        return header[2:3], header[3], header[4]
    if header[:2] == b"\x08\4" and len(header) >= 6:
        return header[2:4], header[4], header[5]
    if Tag.SAR_TOTAL in tags and Tag.SAR_NUMBER in tags:
        total, number = int.from_bytes(tags[Tag.SAR_TOTAL]), int.from_bytes(tags[Tag.SAR_NUMBER])
        return tags.get(Tag.SAR_REFERENCE, b""), total, number
    return None
