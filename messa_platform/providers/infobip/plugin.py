"""Infobip: texts by its SMS API, version 3, which takes our ids and can be asked by them; receipts and incoming texts by callbacks whose
address has a key of ours, as it signs nothing unless it is asked to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

from messa_platform.core.i18n import msgid
from messa_platform.core.ids import time_of
from messa_platform.core.outbound import NoAnswer
from messa_platform.providers.base import (
    CONTRACT_VERSION,
    About,
    Callback,
    CallbackResult,
    Capabilities,
    Found,
    Outcome,
    OutgoingText,
    Surroundings,
    Unknown,
    Verdict,
)
from messa_platform.providers.http import (
    CALLBACK_KEY,
    EVERYTHING,
    demand_key,
    json_object,
    keyed,
    needed,
    unanswered,
    verdict,
    whole_number,
)
from messa_platform.providers.infobip import answers, callbacks
from messa_platform.providers.infobip.codes import CODES

KEPT: Final = timedelta(hours=47)
"""How long an id is surely in the log if a text came with it: Infobip keeps the log for 48 hours."""
LONGEST_VALIDITY: Final = 48 * 60
"""Minutes for which Infobip tries to deliver a text at the most."""


class InfobipProvider:
    """Infobip as a provider."""

    name: ClassVar[str] = "infobip"
    contract: ClassVar[int] = CONTRACT_VERSION
    about: ClassVar[About] = About(
        "Infobip",
        "https://www.infobip.com",
        "messa",
        msgid("A provider with networks all over the world, numbers of its own and receipts."),
    )
    capabilities: ClassVar[Capabilities] = EVERYTHING
    settings_schema: ClassVar[dict[str, Any]] = {
        "url": needed(msgid("Base URL"), msgid("The account's own, such as https://xxxxx.api.infobip.com.")),
        "api_key": {
            "type": "string",
            "required": True,
            "regex": "[!-~]+",
            "meta": {"label": msgid("API key"), "secret": True},
        },
        "callback_key": CALLBACK_KEY,
        "validity": whole_number(msgid("Minutes for which delivery of a text is tried"), 1, LONGEST_VALIDITY),
        "scheme": {
            "type": "string",
            "regex": "[A-Za-z]+",
            "default": "App",
            "meta": {"label": msgid("Word before the key in the Authorization header"), "rare": True},
        },
    }

    codes: ClassVar[Mapping[str, str]] = CODES

    def __init__(self, settings: Mapping[str, Any], surroundings: Surroundings) -> None:
        self._http = surroundings.http
        self._url = _address(settings["url"])
        self._headers = {
            "Authorization": f"{settings['scheme']} {settings['api_key']}",
            "Accept": "application/json",
        }
        self._validity: int | None = settings.get("validity")
        self._receipts = keyed(surroundings, settings)

    async def send(self, message: OutgoingText) -> Outcome:
        """Hand one text over."""
        answer = await self._http.request(
            "POST", f"{self._url}/sms/3/messages", headers=self._headers, json=self._request(message)
        )
        return unanswered(answer) if isinstance(answer, NoAnswer) else answers.outcome(answer)

    def _request(self, message: OutgoingText) -> dict[str, Any]:
        """A text as Infobip takes it; numbers go without `+`."""
        text: dict[str, Any] = {
            "sender": message.sender.removeprefix("+"),
            "destinations": [
                {"to": message.recipient.removeprefix("+"), "messageId": str(message.message_id)}
            ],
            "content": {"text": message.text},
            "webhooks": {
                "delivery": {"url": self._receipts, "intermediateReport": True},
                "contentType": "application/json",
            },
        }
        if self._validity is not None:
            text["options"] = {"validityPeriod": {"amount": self._validity, "timeUnit": "MINUTES"}}
        return {"messages": [text], "options": {"includeSmsCountInResponse": True}}

    async def find(self, message_id: UUID) -> Found:
        """Ask the log for our id.

        That a text is in the log as soon as it has been taken is (m): Infobip says nothing of how long that may last.
        """
        ours = str(message_id)
        answer = await self._http.request(
            "GET", f"{self._url}/sms/3/logs", query={"messageId": ours}, headers=self._headers
        )
        if isinstance(answer, NoAnswer):
            return Unknown(answer.fault.value)
        return answers.found(answer, ours, kept=datetime.now(UTC) - time_of(message_id) < KEPT)

    async def check(self) -> Verdict:
        """Ask what the account holds."""
        answer = await self._http.request("GET", f"{self._url}/account/1/balance", headers=self._headers)
        found = verdict(answer)
        told = None if isinstance(answer, NoAnswer) or not answer.ok else json_object(answer)
        balance = None if told is None else answers.amount(told.get("balance"))
        if told is None or balance is None:
            return found
        return Verdict(found.state, found.code, balance, str(told.get("currency", "")))

    async def close(self) -> None:
        """Nothing is held."""

    @staticmethod
    def read_callback(settings: Mapping[str, Any], callback: Callback) -> CallbackResult:
        """Read receipts or incoming texts."""
        demand_key(callback, settings["callback_key"])
        return callbacks.read(callback)


def _address(written: str) -> str:
    """The base URL, which Infobip's portal shows without `https://`."""
    plain = written.strip().rstrip("/")
    return plain if "://" in plain else f"https://{plain}"
