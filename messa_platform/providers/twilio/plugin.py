"""Twilio: texts by its REST API, receipts and incoming texts by callbacks that it signs with the account's auth token."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Final

from messa_platform.core.i18n import msgid
from messa_platform.core.outbound import Answer, NoAnswer
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
    State,
    Surroundings,
    Verdict,
)
from messa_platform.providers.http import (
    EVERYTHING,
    MALFORMED,
    api_address,
    by_path,
    e164,
    field,
    json_object,
    needed,
    unanswered,
    verdict,
    whole_number,
    words,
)
from messa_platform.providers.twilio.codes import CODES, refusal
from messa_platform.providers.twilio.signature import signed_fields

STATUSES: Final[Mapping[str, ReceiptStatus]] = {
    "accepted": ReceiptStatus.SENT,
    "scheduled": ReceiptStatus.SENT,
    "queued": ReceiptStatus.SENT,
    "sending": ReceiptStatus.SENT,
    "sent": ReceiptStatus.SENT,
    "delivered": ReceiptStatus.DELIVERED,
    "read": ReceiptStatus.DELIVERED,
    "undelivered": ReceiptStatus.UNDELIVERED,
    "failed": ReceiptStatus.UNDELIVERED,
    "canceled": ReceiptStatus.UNDELIVERED,
}
LONGEST: Final = 1600
"""Characters of a text at the most. Twilio may count an emoji as several, and then says so itself."""
TOO_LONG: Final = "21617"
"""Its code for a longer one."""


class TwilioProvider:
    """Twilio as a provider."""

    name: ClassVar[str] = "twilio"
    contract: ClassVar[int] = CONTRACT_VERSION
    about: ClassVar[About] = About(
        "Twilio",
        "https://www.twilio.com",
        "messa",
        msgid(
            "An American provider that sends to nearly every country, with numbers of its own and receipts."
        ),
    )
    capabilities: ClassVar[Capabilities] = EVERYTHING
    settings_schema: ClassVar[dict[str, Any]] = {
        "account_sid": {
            "type": "string",
            "required": True,
            "regex": r"AC[0-9a-fA-F]{32}\Z",
            "meta": {"label": msgid("Account SID")},
        },
        "auth_token": needed(msgid("Auth token"), secret=True),
        "messaging_service_sid": {
            "type": "string",
            "regex": r"(MG[0-9a-fA-F]{32})?\Z",
            "default": "",
            "meta": {
                "label": msgid("Messaging Service SID"),
                "help": msgid("If there is one, the Messaging Service chooses the sender of each text."),
            },
        },
        "validity_period": whole_number(
            msgid("Validity in seconds"),
            1,
            36_000,
            help_=msgid("How long a text may wait at Twilio before it is given up; at the most 36000."),
            rare=False,
        )
        | {"nullable": True},
        "url": api_address("https://api.twilio.com"),
    }

    codes: ClassVar[Mapping[str, str]] = CODES

    def __init__(self, settings: Mapping[str, Any], surroundings: Surroundings) -> None:
        self._http = surroundings.http
        self._account = f"{settings['url'].rstrip('/')}/2010-04-01/Accounts/{settings['account_sid']}"
        self._user = (settings["account_sid"], settings["auth_token"])
        self._service: str = settings["messaging_service_sid"]
        # our text is final: without a word on it, a Messaging Service may change characters as it is set up to
        self._usual = {"StatusCallback": f"{surroundings.callbacks}/receipts", "SmartEncoded": "false"}
        if settings.get("validity_period") is not None:
            self._usual["ValidityPeriod"] = str(settings["validity_period"])

    async def send(self, message: OutgoingText) -> Outcome:
        """Hand one text over."""
        if len(message.text) > LONGEST:
            return Rejected(permanent=True, code=TOO_LONG)
        sender = {"MessagingServiceSid": self._service} if self._service else {"From": message.sender}
        form = {"To": message.recipient, **sender, "Body": message.text, **self._usual}
        answer = await self._http.request(
            "POST", f"{self._account}/Messages.json", form=form, user=self._user
        )
        if isinstance(answer, NoAnswer):
            return unanswered(answer)
        return _taken(answer) if answer.ok else refusal(answer)

    async def check(self) -> Verdict:
        """Ask how the account is, and what it holds."""
        answer = await self._http.request("GET", f"{self._account}.json", user=self._user)
        found = verdict(answer)
        if isinstance(answer, NoAnswer) or found.state is not State.WELL:
            return found
        status = (json_object(answer) or {}).get("status")
        if status != "active":
            return Verdict(State.STRANGE, status if isinstance(status, str) else MALFORMED.reason)
        return await self._with_balance(found)

    async def _with_balance(self, found: Verdict) -> Verdict:
        """A verdict with the balance, which subaccounts have none of: that speaks against nobody."""
        answer = await self._http.request("GET", f"{self._account}/Balance.json", user=self._user)
        told = json_object(answer) if isinstance(answer, Answer) and answer.ok else None
        balance = _amount(told.get("balance")) if told else None
        if told is None or balance is None:
            return found
        return Verdict(found.state, found.code, balance, str(told.get("currency") or ""))

    async def close(self) -> None:
        """Nothing is held."""

    @staticmethod
    def read_callback(settings: Mapping[str, Any], callback: Callback) -> CallbackResult:
        """Read a receipt or an incoming text. The answer is TwiML in which nothing stands to be done, such as to reply."""
        fields = signed_fields(callback, settings["auth_token"])
        event = by_path(callback, lambda: _receipt(fields), lambda: _incoming(fields))
        return CallbackResult((event,), content_type="text/xml", body=b"<Response/>")


def _taken(answer: Answer) -> Outcome:
    told = json_object(answer)
    if told is None or not isinstance(told.get("sid"), str) or not told["sid"]:
        return MALFORMED
    return Accepted(told["sid"], _parts(told.get("num_segments")), _price(told))


def _parts(written: Any) -> int | None:
    """The number of parts, which is a text; a Messaging Service that has not chosen a sender yet says 0."""
    counted = isinstance(written, str) and written.isascii() and written.isdecimal() and len(written) < 4
    return int(written) or None if counted else None


def _price(told: Mapping[str, Any]) -> Decimal | None:
    """The price, if it is known by then and in our currency; what a text costs is less than 0 to Twilio."""
    price = _amount(told.get("price"))
    return abs(price) if price is not None and told.get("price_unit") == "SEK" else None


def _amount(written: Any) -> Decimal | None:
    """An amount of money, which is a text; None if it is none."""
    try:
        found = Decimal(written) if isinstance(written, str) else None
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() else None


def _receipt(fields: Mapping[str, Any]) -> Receipt:
    """A receipt. `RawDlrDoneDate` is left out: it is by the clock of a network whose zone nobody tells, and callbacks come at once."""
    status = field(fields, "MessageStatus")
    error = field(fields, "ErrorCode") if fields.get("ErrorCode") else ""
    return Receipt(field(fields, "MessageSid"), STATUSES.get(status.lower()), f"{status} {error}".strip())


def _incoming(fields: Mapping[str, Any]) -> IncomingText:
    return IncomingText(
        field(fields, "MessageSid"),
        e164(field(fields, "From")),
        e164(field(fields, "To")),
        words(fields, "Body"),
    )
