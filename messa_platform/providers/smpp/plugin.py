"""SMPP 3.4 as a provider: sessions to a service centre, by which texts leave and receipts and incoming texts come."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from messa_platform.core.i18n import msgid
from messa_platform.core.smpp.pdus import RESPONSE, Command, Pdu, Status, read_id
from messa_platform.providers.base import (
    CONTRACT_VERSION,
    About,
    Accepted,
    Bound,
    Capabilities,
    Inbox,
    Outcome,
    OutgoingText,
    Rejected,
    Surroundings,
    Unknown,
    Verdict,
)
from messa_platform.providers.http import EVERYTHING, MALFORMED
from messa_platform.providers.smpp.codes import WORDS, refusal
from messa_platform.providers.smpp.inward import Inward
from messa_platform.providers.smpp.schema import SCHEMA, TRANSCEIVER
from messa_platform.providers.smpp.session import Answered, Login, Mode
from messa_platform.providers.smpp.switchboard import Place, Switchboard
from messa_platform.providers.smpp.writing import Unwritable, Write, Writer

REST_PAUSES: Final = (0.2, 0.5, 1.0, 2.0)
"""Seconds between tries of a part that the other side has no room for, when others of its text have left already."""


class SmppProvider:
    """A service centre as a provider."""

    name: ClassVar[str] = "smpp"
    contract: ClassVar[int] = CONTRACT_VERSION
    about: ClassVar[About] = About(
        "SMPP 3.4",
        "https://smpp.org",
        "messa",
        msgid(
            "Sessions to an operator or an aggregator that you have a contract with, for many texts a second."
        ),
    )
    capabilities: ClassVar[Capabilities] = EVERYTHING
    settings_schema: ClassVar[dict[str, Any]] = SCHEMA
    codes: ClassVar[Mapping[str, str]] = WORDS

    def __init__(self, settings: Mapping[str, Any], surroundings: Surroundings) -> None:
        self._writer = Writer.of(settings)
        self._inward = Inward(settings)
        self._board = Switchboard(surroundings.channel, _place(settings), surroundings.dial, self._inward)
        self._reference = secrets.randbelow(0x10000)
        self._window: int = settings["window"]
        self._unfinished: set[asyncio.Future[Outcome]] = set()

    async def open(self, inbox: Inbox) -> None:
        """Begin to hold sessions."""
        self._board.open(inbox)

    @property
    def bound(self) -> Bound:
        """How the sessions stand."""
        return self._board.bound

    @property
    def room(self) -> int:
        """How many texts may be on their way at once: as many again as the windows hold, so that these never run dry."""
        return 2 * self._window * max(1, len(self._board.senders))

    async def send(self, message: OutgoingText) -> Outcome:
        """Hand one text over. Of a long one the first part shows whether it is taken; then the others follow."""
        self._reference = (self._reference + 1) & 0xFFFF
        try:
            first, *rest = self._writer.requests(message, self._reference)
        except Unwritable:
            return Rejected(permanent=True, code="ESME_RINVSRCADR")
        if not rest:
            return self._outcome(await self._board.ask(first))
        whole = asyncio.ensure_future(self._send_parts(first, rest))
        self._unfinished.add(whole)
        whole.add_done_callback(self._unfinished.discard)
        return await whole

    async def _send_parts(self, first: Write, rest: Sequence[Write]) -> Outcome:
        outcome = self._outcome(await self._board.ask(first))
        if not isinstance(outcome, Accepted):
            return outcome
        others = await asyncio.gather(*(self._send_rest(part) for part in rest))
        return _together([outcome, *others])

    async def _send_rest(self, part: Write) -> Outcome:
        """A part that is not the first: where there is no room for it just now it waits, as the text has left in part."""
        for pause in (*REST_PAUSES, None):
            outcome = self._outcome(await self._board.ask(part))
            if pause is None or not isinstance(outcome, Rejected) or outcome.permanent:
                break
            await asyncio.sleep(pause)
        return outcome

    def _outcome(self, answered: Answered) -> Outcome:
        if not isinstance(answered, Pdu):
            return answered
        if answered.status != Status.OK:
            return refusal(answered.status)
        reference = self._inward.of_answer(read_id(answered.body))
        if answered.command != Command.SUBMIT_SM | RESPONSE or not reference:
            return MALFORMED
        return Accepted(reference)

    async def check(self) -> Verdict:
        """Whether we are bound, or can be."""
        return await self._board.check()

    async def close(self) -> None:
        """End the sessions, once what is on its way is answered, and texts have left as a whole that have left in part."""
        if self._unfinished:
            await asyncio.wait(self._unfinished, timeout=self._board.place.patience)
        await self._board.close()


def _together(parts: Sequence[Outcome]) -> Outcome:
    """What became of a text, by its parts of which the first was taken. A refusal for good of one spoils it; where one is in doubt, or was not
    taken in the end, nobody can tell what the phone shows, and it must not be sent again as a whole."""
    if all(isinstance(part, Accepted) for part in parts):
        first, *others = (part.reference for part in parts if isinstance(part, Accepted))
        return Accepted(first, len(parts), more=tuple(others))
    refused = next((part for part in parts if isinstance(part, Rejected) and part.permanent), None)
    return refused or Unknown("sent_in_part")


def _place(settings: Mapping[str, Any]) -> Place:
    each = (Mode.TRANSCEIVER,) if settings["bind"] == TRANSCEIVER else (Mode.TRANSMITTER, Mode.RECEIVER)
    login = Login(
        settings["system_id"], settings["password"], settings["system_type"], settings["address_range"]
    )
    return Place(
        host=settings["host"],
        port=settings["port"],
        secure=settings["tls"],
        login=login,
        modes=each * settings["sessions"],
        window=settings["window"],
        patience=float(settings["answer_seconds"]),
        interval=float(settings["silence_seconds"]),
    )
