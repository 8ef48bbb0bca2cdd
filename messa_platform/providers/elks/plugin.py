"""46elks: texts by its REST API, receipts and incoming texts by callbacks whose address has a key of ours, as it signs nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

from messa_platform.core.i18n import msgid
from messa_platform.core.outbound import NoAnswer
from messa_platform.providers.base import (
    CONTRACT_VERSION,
    About,
    Accepted,
    Callback,
    CallbackResult,
    Capabilities,
    IncomingText,
    Outcome,
    OutgoingText,
    Receipt,
    ReceiptStatus,
    Rejected,
    Surroundings,
    Verdict,
)
from messa_platform.providers.http import (
    CALLBACK_KEY,
    EVERYTHING,
    MALFORMED,
    api_address,
    by_path,
    demand_key,
    e164,
    field,
    json_object,
    keyed,
    moment,
    needed,
    refused,
    unanswered,
    verdict,
    words,
)

STATUSES: Final[Mapping[str, ReceiptStatus]] = {
    "created": ReceiptStatus.SENT,
    "sent": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "failed": ReceiptStatus.UNDELIVERED,
}
_SENDER = re.compile(r"\+[0-9]{7,15}|[A-Za-z][A-Za-z0-9]{2,10}")
"""What it takes as a sender: a number, or 3 to 11 letters and digits, the first a letter."""


class ElksProvider:
    """46elks as a provider."""

    name: ClassVar[str] = "elks"
    contract: ClassVar[int] = CONTRACT_VERSION
    about: ClassVar[About] = About(
        "46elks",
        "https://46elks.com",
        "messa",
        msgid("A Swedish provider with numbers of its own and receipts."),
    )
    capabilities: ClassVar[Capabilities] = EVERYTHING
    settings_schema: ClassVar[dict[str, Any]] = {
        "username": needed(msgid("API user name")),
        "password": needed(msgid("API password"), secret=True),
        "callback_key": CALLBACK_KEY,
        "url": api_address("https://api.46elks.com"),
    }

    codes: ClassVar[Mapping[str, str]] = {
        "http_401": msgid("46elks does not know the channel's name or password."),
        "http_403": msgid("46elks does not let the channel send; its account may be empty."),
        "invalid_sender": msgid(
            "46elks takes no such sender name: it must be 3 to 11 letters and digits, the first a letter."
        ),
        "failed": msgid("The network could not deliver the text."),
    }

    def __init__(self, settings: Mapping[str, Any], surroundings: Surroundings) -> None:
        self._http = surroundings.http
        self._url: str = settings["url"].rstrip("/")
        self._user = (settings["username"], settings["password"])
        self._receipts = keyed(surroundings, settings)

    async def send(self, message: OutgoingText) -> Outcome:
        """Hand one text over."""
        if not _SENDER.fullmatch(message.sender):
            return Rejected(permanent=True, code="invalid_sender")
        form = {
            "from": message.sender,
            "to": message.recipient,
            "message": message.text,
            "whendelivered": self._receipts,
        }
        answer = await self._http.request("POST", f"{self._url}/a1/sms", form=form, user=self._user)
        if isinstance(answer, NoAnswer):
            return unanswered(answer)
        if answer.status != 200:
            return refused(answer)
        told = json_object(answer)
        if told is None or not isinstance(told.get("id"), str):
            return MALFORMED
        cost = told.get("cost")
        price = Decimal(cost) / 10_000 if isinstance(cost, int) else None
        return Accepted(told["id"], price=price)

    async def check(self) -> Verdict:
        """Ask who we are, and what the account holds."""
        answer = await self._http.request("GET", f"{self._url}/a1/me", user=self._user)
        found = verdict(answer)
        told = None if isinstance(answer, NoAnswer) else json_object(answer)
        if told is None or not isinstance(told.get("balance"), int):
            return found
        balance = Decimal(told["balance"]) / 10_000
        return Verdict(found.state, found.code, balance, str(told.get("currency", "")))

    async def close(self) -> None:
        """Nothing is held."""

    @staticmethod
    def read_callback(settings: Mapping[str, Any], callback: Callback) -> CallbackResult:
        """Read a receipt or an incoming text. The answer has no body: 46elks sends one to the phone as a reply."""
        demand_key(callback, settings["callback_key"])
        fields = dict(callback.form)
        return CallbackResult((by_path(callback, lambda: _receipt(fields), lambda: _incoming(fields)),))


def _receipt(fields: Mapping[str, str]) -> Receipt:
    status = field(fields, "status")
    return Receipt(field(fields, "id"), STATUSES.get(status.lower()), status, moment(fields.get("delivered")))


def _incoming(fields: Mapping[str, str]) -> IncomingText:
    return IncomingText(
        field(fields, "id"),
        e164(field(fields, "from")),
        e164(field(fields, "to")),
        words(fields, "message"),
        moment(fields.get("created")),
    )
