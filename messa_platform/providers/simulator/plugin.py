"""The plugin: hands texts to the simulator's gateway, asks it by our id, and reads its callbacks.

One connection carries everything. It is opened by the first text that needs it and opened again after it
broke.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from messa_platform.core.i18n import msgid
from messa_platform.providers.base import (
    CONTRACT_VERSION,
    About,
    Absent,
    Accepted,
    Callback,
    CallbackRefused,
    CallbackResult,
    Capabilities,
    Found,
    IncomingText,
    Outcome,
    OutgoingText,
    Receipt,
    ReceiptStatus,
    Rejected,
    State,
    Surroundings,
    Unknown,
    Verdict,
)
from messa_platform.providers.simulator import wire
from messa_platform.providers.simulator.codes import CODES
from messa_platform.providers.simulator.link import REFUSED_CONNECTION, Link

DEFAULT_TIMEOUT_SECONDS: Final = 10.0
LONGEST_CONNECT_SECONDS: Final = 3.0
"""A connection that takes longer to open is given up; a text's time limit counts from when it is open."""


class SimulatorProvider:
    """The simulator as a provider.

    `send` and `find` end within `timeout` and `LONGEST_CONNECT_SECONDS` together.
    """

    name: ClassVar[str] = "simulator"
    contract: ClassVar[int] = CONTRACT_VERSION
    about: ClassVar[About] = About(
        "Simulator",
        "https://messa.example",
        "messa",
        msgid("A network on this machine, for trying things out."),
    )
    capabilities: ClassVar[Capabilities] = Capabilities(
        alphanumeric_sender=True,
        own_numbers=True,
        receipts=True,
        incoming=True,
        unicode=True,
        idempotent_submit=False,
        max_rate=None,
    )
    settings_schema: ClassVar[dict[str, Any]] = {
        "host": {
            "type": "string",
            "empty": False,
            "default": wire.DEFAULT_HOST,
            "meta": {"label": msgid("Host")},
        },
        "port": {
            "meta": {"label": msgid("Port")},
            "type": "integer",
            "coerce": int,
            "min": 1,
            "max": 65_535,
            "default": wire.DEFAULT_GATEWAY_PORT,
        },
        "secret": {
            "type": "string",
            "required": True,
            "minlength": 8,
            "meta": {"label": msgid("Secret of callbacks"), "secret": True},
        },
        "timeout": {
            "meta": {"label": msgid("Time limit in seconds")},
            "type": "float",
            "coerce": float,
            "min": 0.1,
            # Less than what a pool of providers lets a send take, opening the connection included.
            "max": 50.0,
            "default": DEFAULT_TIMEOUT_SECONDS,
        },
    }

    codes: ClassVar[Mapping[str, str]] = CODES

    def __init__(self, settings: Mapping[str, Any], _surroundings: Surroundings) -> None:
        self._host: str = settings.get("host", wire.DEFAULT_HOST)
        self._port: int = settings.get("port", wire.DEFAULT_GATEWAY_PORT)
        self._timeout: float = settings.get("timeout", DEFAULT_TIMEOUT_SECONDS)
        self._link: Link | None = None
        self._opening: asyncio.Task[Link | None] | None = None
        self._closed = False

    async def send(self, message: OutgoingText) -> Outcome:
        """Hand one text over."""
        link = self._link if self._link is not None and self._link.is_open else await self._open()
        if link is None:
            return REFUSED_CONNECTION
        request = {
            "op": "submit",
            "id": str(message.message_id),
            "from": message.sender,
            "to": message.recipient,
            "text": message.text,
            "parts": message.parts,
        }
        return await link.ask(request, read_submit_answer)

    async def find(self, message_id: UUID) -> Found:
        """Ask whether the network took a text with our id; the latest one, if it took several."""
        link = self._link if self._link is not None and self._link.is_open else await self._open()
        if link is None:
            return Unknown(REFUSED_CONNECTION.code)
        answer = await link.ask({"op": "find", "id": str(message_id)}, read_find_answer)
        # A question that did not leave says nothing about the text.
        return Unknown(answer.code) if isinstance(answer, Rejected) else answer

    async def check(self) -> Verdict:
        """Ask for a text that nobody sent."""
        match await self.find(UUID(int=0)):
            case Absent():
                return Verdict(State.WELL)
            case Unknown(reason):
                return Verdict(State.UNREACHABLE, reason)
        return Verdict(State.STRANGE)

    async def close(self) -> None:
        """Wait for what is in flight, at most the time limit, and hang up.

        What is sent later is rejected for now.
        """
        self._closed = True
        if self._opening is not None:
            await asyncio.wait([self._opening])
        if self._link is not None:
            await self._link.drain_and_close()

    async def _open(self) -> Link | None:
        """The one connection, opened if need be; None if it cannot be. Many may wait for the same one."""
        if self._closed:
            return None
        if self._opening is None:
            self._opening = asyncio.create_task(self._connect())
        # Shielded: one sender who gives up must not break the connection for the rest.
        return await asyncio.shield(self._opening)

    async def _connect(self) -> Link | None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(min(self._timeout, LONGEST_CONNECT_SECONDS)):
                _, link = await loop.create_connection(lambda: Link(self._timeout), self._host, self._port)
        except (OSError, TimeoutError):
            return None
        finally:
            self._opening = None
        self._link = link
        return link

    @staticmethod
    def read_callback(settings: Mapping[str, Any], callback: Callback) -> CallbackResult:
        """Authenticate and read one callback. Raises `CallbackRefused`."""
        return read_signed(settings["secret"], callback, time.time())


def read_submit_answer(answer: Mapping[str, Any]) -> Outcome:
    """The gateway's answer to a submit, as an outcome."""
    match answer:
        case {"ok": True, "reference": str(reference), "parts": int(parts)} if reference:
            return Accepted(reference, parts)
        case {"ok": False, "code": str(code), "permanent": bool(permanent)}:
            return Rejected(permanent, code)
    return Unknown("malformed_answer")


def read_find_answer(answer: Mapping[str, Any]) -> Found:
    """The gateway's answer to a question."""
    match answer:
        case {"found": True, "reference": str(reference)} if reference:
            return Accepted(reference)
        case {"found": False}:
            return Absent()
    return Unknown("malformed_answer")


def read_signed(secret: str, callback: Callback, now: float) -> CallbackResult:
    """As `SimulatorProvider.read_callback`, at the time `now` (seconds since 1970)."""
    if callback.path.strip("/") != wire.EVENTS_PATH:
        raise CallbackRefused(404, "the simulator posts to events")
    if callback.method != "POST":
        raise CallbackRefused(405, "the simulator posts")
    _authenticate(secret, callback, now)
    body = wire.decode(callback.body)
    events = body.get("events") if body is not None else None
    if not isinstance(events, list) or len(events) > wire.MAX_EVENTS:
        raise CallbackRefused(400, f"not a list of at most {wire.MAX_EVENTS} events")
    return CallbackResult(events=tuple(_event(event) for event in events))


def _authenticate(secret: str, callback: Callback, now: float) -> None:
    timestamp = callback.headers.get(wire.TIMESTAMP_HEADER, "")
    signature = callback.headers.get(wire.SIGNATURE_HEADER, "")
    # Compared as bytes: compare_digest raises on text that is not ASCII.
    if not hmac.compare_digest(wire.sign(secret, timestamp, callback.body).encode(), signature.encode()):
        raise CallbackRefused(401, "wrong signature")
    if not timestamp.isdecimal() or abs(now - int(timestamp)) > wire.TOLERANCE_SECONDS:
        raise CallbackRefused(401, "signed too long ago, or in the future")


def _event(event: Any) -> Receipt | IncomingText:
    match event:
        case {"type": "receipt", "reference": str(reference), "status": str(status), "code": str(code)}:
            return Receipt(reference, _status(status), code, _time(event.get("at")))
        case {
            "type": "incoming",
            "reference": str(reference),
            "from": str(sender),
            "to": str(recipient),
            "text": str(text),
        }:
            return IncomingText(reference, sender, recipient, text, _time(event.get("at")))
    raise CallbackRefused(400, "an event that is neither a receipt nor an incoming text")


def _status(word: str) -> ReceiptStatus | None:
    try:
        return ReceiptStatus(word.upper())
    except ValueError:
        return None


def _time(at: object) -> datetime | None:
    try:
        time_of_event = datetime.fromisoformat(at) if isinstance(at, str) else None
    except ValueError:
        return None
    return time_of_event if time_of_event is not None and time_of_event.tzinfo is not None else None
