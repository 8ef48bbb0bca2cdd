"""Vonage: texts by its SMS API, receipts and incoming texts by callbacks that it signs.

It answers every text with 200, and tells of each part what became of it. For receipts and incoming texts its support has to turn signed
webhooks on for the account; unsigned ones are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from messa_platform.core.gsm import fits_gsm
from messa_platform.core.i18n import msgid
from messa_platform.core.outbound import Answer, NoAnswer
from messa_platform.providers.base import (
    CONTRACT_VERSION,
    About,
    Accepted,
    Callback,
    CallbackResult,
    Capabilities,
    Outcome,
    OutgoingText,
    Rejected,
    State,
    Surroundings,
    Unknown,
    Verdict,
)
from messa_platform.providers.http import (
    EVERYTHING,
    MALFORMED,
    api_address,
    json_object,
    needed,
    refused,
    unanswered,
    verdict,
    whole_number,
)
from messa_platform.providers.vonage import incoming
from messa_platform.providers.vonage.codes import CODES, FOR_GOOD, PARTLY_TAKEN, TAKEN
from messa_platform.providers.vonage.signature import METHODS

_STATUS = re.compile(r"[0-9]{1,4}", re.ASCII)


class VonageProvider:
    """Vonage as a provider."""

    name: ClassVar[str] = "vonage"
    contract: ClassVar[int] = CONTRACT_VERSION
    about: ClassVar[About] = About(
        "Vonage",
        "https://www.vonage.com/communications-apis/sms",
        "messa",
        msgid("A worldwide provider with numbers in many countries and receipts, once called Nexmo."),
    )
    capabilities: ClassVar[Capabilities] = EVERYTHING
    settings_schema: ClassVar[dict[str, Any]] = {
        "api_key": needed(msgid("API key")),
        "api_secret": needed(msgid("API secret"), secret=True),
        "signature_secret": needed(
            msgid("Signature secret"),
            msgid(
                "Ask Vonage's support to turn signed webhooks on for the account: unsigned receipts and incoming texts are refused."
            ),
            secret=True,
        ),
        "signature_method": {
            "type": "string",
            "allowed": list(METHODS),
            "default": "sha256",
            "meta": {"label": msgid("Signature method")},
        },
        # Vonage sends again for 24 hours what was not taken, and does not tell whether it then signs anew. So the default lets in what is a
        # day and an hour old: what somebody else sends again until then is known by its reference, and changes nothing.
        "callback_age": whole_number(
            msgid("Minutes for which a signature counts"),
            5,
            10_080,
            default=1_500,
            help_=msgid(
                "Receipts and incoming texts that were signed earlier are refused. Vonage tries for 24 hours to hand them over."
            ),
        ),
        # No answer names it; accounts are held in euros unless something else was agreed on. Prices are told only in SEK.
        "currency": {
            "type": "string",
            "regex": "[A-Z]{3}",
            "default": "EUR",
            "meta": {"label": msgid("Currency of the account"), "rare": True},
        },
        "url": api_address("https://rest.nexmo.com"),
    }

    codes: ClassVar[Mapping[str, str]] = CODES

    def __init__(self, settings: Mapping[str, Any], surroundings: Surroundings) -> None:
        self._http = surroundings.http
        self._url: str = settings["url"].rstrip("/")
        self._user = (settings["api_key"], settings["api_secret"])
        self._currency: str = settings["currency"]
        self._receipts = f"{surroundings.callbacks}/receipts"

    async def send(self, message: OutgoingText) -> Outcome:
        """Hand one text over."""
        key, secret = self._user
        form = {
            "api_key": key,
            "api_secret": secret,
            "from": message.sender.removeprefix("+"),
            "to": message.recipient.removeprefix("+"),
            "text": message.text,
            "type": "text" if fits_gsm(message.text) else "unicode",
            "client-ref": str(message.message_id),
            "status-report-req": "1",
            "callback": self._receipts,
        }
        answer = await self._http.request("POST", f"{self._url}/sms/json", form=form)
        if isinstance(answer, NoAnswer):
            return unanswered(answer)
        if answer.status != 200:
            return _strange(answer)
        return _outcome(_parts(answer), self._currency)

    async def check(self) -> Verdict:
        """Ask what the account holds."""
        answer = await self._http.request("GET", f"{self._url}/account/get-balance", user=self._user)
        found = verdict(answer)
        if isinstance(answer, NoAnswer) or found.state is not State.WELL:
            return found
        balance = _decimal((json_object(answer) or {}).get("value"))
        if balance is None:
            return Verdict(State.STRANGE, MALFORMED.reason)
        return replace(found, balance=balance, currency=self._currency)

    async def close(self) -> None:
        """Nothing is held."""

    @staticmethod
    def read_callback(settings: Mapping[str, Any], callback: Callback) -> CallbackResult:
        """Read a receipt or an incoming text."""
        return incoming.read(settings, callback)


def _strange(answer: Answer) -> Rejected | Unknown:
    """Vonage itself always answers 200: whatever else there is, such as a wrong address, says nothing of the text, which waits."""
    found = refused(answer)
    return replace(found, permanent=False) if isinstance(found, Rejected) else found


def _parts(answer: Answer) -> Sequence[Mapping[str, Any]]:
    """What it tells of each part; nothing where that is not to be understood."""
    parts = (json_object(answer) or {}).get("messages")
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        return ()
    return parts


def _outcome(parts: Sequence[Mapping[str, Any]], currency: str) -> Outcome:
    statuses = [str(part.get("status")) for part in parts]
    if not statuses or not all(_STATUS.fullmatch(status) for status in statuses):
        return MALFORMED
    if all(status == TAKEN for status in statuses):
        return _accepted(parts, currency)
    if TAKEN in statuses:
        # Sent again, the parts that were taken would be paid for and shown twice; given up, they may still be shown.
        return Unknown(PARTLY_TAKEN)
    # One part that can never go is enough for the text.
    code = next((status for status in statuses if status in FOR_GOOD), statuses[0])
    return Rejected(permanent=code in FOR_GOOD, code=code)


def _accepted(parts: Sequence[Mapping[str, Any]], currency: str) -> Outcome:
    references = [part.get("message-id") for part in parts]
    if not all(isinstance(reference, str) and reference for reference in references):
        return MALFORMED
    prices = [_decimal(part.get("message-price")) for part in parts] if currency == "SEK" else []
    told = [price for price in prices if price is not None]
    price = sum(told, Decimal()) if len(told) == len(parts) else None
    first, *others = map(str, references)
    return Accepted(first, parts=len(parts), price=price, more=tuple(others))


def _decimal(written: Any) -> Decimal | None:
    """A number, which is text in some answers; None if it is none."""
    try:
        found = Decimal(str(written))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None
