"""The plugin: hands texts to the simulator's gateway, asks it by our id, and reads its callbacks.

One connection carries everything. It is opened by the first text that needs it and opened again after it
broke. Its first line proves that we know the secret; the texts follow at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from uuid import UUID

from messa_platform.core.i18n import msgid
from messa_platform.providers.base import (
    CONTRACT_VERSION,
    About,
    Absent,
    Accepted,
    Callback,
    CallbackResult,
    Capabilities,
    Found,
    Outcome,
    OutgoingText,
    Rejected,
    State,
    Surroundings,
    Unknown,
    Verdict,
)
from messa_platform.providers.http import whole_number
from messa_platform.providers.simulator import wire
from messa_platform.providers.simulator.codes import CODES
from messa_platform.providers.simulator.link import (
    CONNECTION_LOST,
    MALFORMED_ANSWER,
    REFUSED_CONNECTION,
    TIMEOUT,
    Link,
)
from messa_platform.providers.simulator.reading import read_signed

DEFAULT_TIMEOUT_SECONDS: Final = 10.0
LONGEST_CONNECT_SECONDS: Final = 3.0
"""A connection that takes longer to open is given up; a text's time limit counts from when it is open."""
_NO_ANSWER: Final = frozenset({REFUSED_CONNECTION.code, CONNECTION_LOST.reason, TIMEOUT.reason})
"""What a question comes to where nobody answers it."""


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
        "port": whole_number(msgid("Port"), 1, 65_535, default=wire.DEFAULT_GATEWAY_PORT, rare=False),
        "secret": {
            "type": "string",
            "required": True,
            "minlength": 8,
            "meta": {"label": msgid("Secret"), "secret": True},
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
        self._secret: str = settings["secret"]
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
        """Ask for a text that nobody sent; only who knows the secret is told that there is none."""
        match await self.find(UUID(int=0)):
            case Absent():
                return Verdict(State.WELL)
            case Unknown(wire.WRONG_KEY):
                return Verdict(State.WRONG_KEY, wire.WRONG_KEY)
            case Unknown(reason) if reason in _NO_ANSWER:
                return Verdict(State.UNREACHABLE, reason)
            case Unknown(reason):
                return Verdict(State.STRANGE, reason)
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
                _, link = await loop.create_connection(self._new_link, self._host, self._port)
        except (OSError, TimeoutError):
            return None
        finally:
            self._opening = None
        self._link = link
        return link

    def _new_link(self) -> Link:
        return Link(self._timeout, wire.greeting(self._secret, time.time()))

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
    return MALFORMED_ANSWER


def read_find_answer(answer: Mapping[str, Any]) -> Found:
    """The gateway's answer to a question."""
    match answer:
        case {"found": True, "reference": str(reference)} if reference:
            return Accepted(reference)
        case {"found": False}:
            return Absent()
        case {"ok": False, "code": str(code)}:
            return Unknown(code)
    return MALFORMED_ANSWER
