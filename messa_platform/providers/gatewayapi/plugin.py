"""GatewayAPI: texts by its REST API; receipts and incoming texts as JSON, to addresses that have a key of ours.

It can sign what it calls us with, but only for a webhook that was given a secret, which nothing makes its customers do. So the key is
always demanded, and the signature as well where the channel has the secret: who knows an address cannot do without it then.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from messa_platform.core.gsm import fits_gsm
from messa_platform.core.i18n import msgid
from messa_platform.core.outbound import NoAnswer
from messa_platform.providers.base import (
    CONTRACT_VERSION,
    About,
    Callback,
    CallbackRefused,
    CallbackResult,
    Capabilities,
    IncomingText,
    Outcome,
    OutgoingText,
    Receipt,
    Surroundings,
    Verdict,
)
from messa_platform.providers.gatewayapi.answers import accepted, amount, code_of, not_accepted
from messa_platform.providers.gatewayapi.codes import CODES, STATUSES
from messa_platform.providers.gatewayapi.signature import HEADER, demand_claims
from messa_platform.providers.http import (
    CALLBACK_KEY,
    EVERYTHING,
    api_address,
    by_path,
    demand_key,
    e164,
    field,
    json_object,
    keyed,
    unanswered,
    verdict,
    whole_number,
    words,
)

MOST_PARTS = 255
"""More than these `max_parts` cannot name."""


class GatewayApiProvider:
    """GatewayAPI as a provider."""

    name: ClassVar[str] = "gatewayapi"
    contract: ClassVar[int] = CONTRACT_VERSION
    about: ClassVar[About] = About(
        "GatewayAPI",
        "https://gatewayapi.com",
        "messa",
        msgid("A Danish provider with numbers of its own, receipts and a platform within the EU."),
    )
    capabilities: ClassVar[Capabilities] = EVERYTHING
    settings_schema: ClassVar[dict[str, Any]] = {
        "token": {
            "type": "string",
            "required": True,
            # it goes as a user name, which can have no colon (RFC 7617 2)
            "regex": r"[^:\s]+",
            "meta": {"label": msgid("API token"), "secret": True},
        },
        "callback_key": CALLBACK_KEY,
        "jwt_secret": {
            "type": "string",
            "minlength": 16,
            "meta": {
                "label": msgid("Secret of the webhooks"),
                "help": msgid(
                    "The authentication token of the webhooks at GatewayAPI. Once it is set here, receipts and incoming texts that"
                    " GatewayAPI has not signed with it are refused."
                ),
                "secret": True,
                "rare": True,
            },
        },
        "validity_period": whole_number(msgid("Seconds for which a text is kept for delivery"), 60),
        "url": api_address(
            "https://gatewayapi.com",
            msgid("For an account on GatewayAPI's platform within the EU: https://gatewayapi.eu"),
        ),
    }

    codes: ClassVar[Mapping[str, str]] = CODES

    def __init__(self, settings: Mapping[str, Any], surroundings: Surroundings) -> None:
        self._http = surroundings.http
        self._url: str = settings["url"].rstrip("/")
        self._user = (settings["token"], "")
        self._validity: int | None = settings.get("validity_period")
        self._receipts = keyed(surroundings, settings)

    async def send(self, message: OutgoingText) -> Outcome:
        """Hand one text over."""
        asked = self._asked(message)
        answer = await self._http.request("POST", f"{self._url}/rest/mtsms", json=asked, user=self._user)
        if isinstance(answer, NoAnswer):
            return unanswered(answer)
        return accepted(answer) if answer.status == 200 else not_accepted(answer)

    def _asked(self, message: OutgoingText) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "message": message.text,
            "sender": message.sender.removeprefix("+"),
            "recipients": [{"msisdn": int(message.recipient.removeprefix("+"))}],
            "userref": str(message.message_id),
            "callback_url": self._receipts,
            "max_parts": min(max(message.parts, 1), MOST_PARTS),
            "encoding": "UTF8" if fits_gsm(message.text) else "UCS2",
            "destaddr": "MOBILE",
        }
        if self._validity is not None:
            asked["validity_period"] = self._validity
        return asked

    async def check(self) -> Verdict:
        """Ask whose account it is, and what it holds."""
        answer = await self._http.request("GET", f"{self._url}/rest/me", user=self._user)
        found = verdict(answer)
        told = None if isinstance(answer, NoAnswer) else json_object(answer)
        if told is None:
            return found
        currency = told.get("currency")
        return Verdict(
            found.state,
            code_of(told) or found.code,
            amount(told.get("credit")),
            currency if isinstance(currency, str) else "",
        )

    async def close(self) -> None:
        """Nothing is held."""

    @staticmethod
    def read_callback(settings: Mapping[str, Any], callback: Callback) -> CallbackResult:
        """Read a receipt or an incoming text."""
        demand_key(callback, settings["callback_key"])
        fields = callback.json
        if not isinstance(fields, dict):
            raise CallbackRefused(400, "the body is no JSON object")
        if secret := settings.get("jwt_secret"):
            fields = demand_claims(callback.headers.get(HEADER, ""), secret, fields)
        return CallbackResult((by_path(callback, lambda: _receipt(fields), lambda: _incoming(fields)),))


def _receipt(fields: Mapping[str, Any]) -> Receipt:
    status = field(fields, "status")
    code = f"{status} {field(fields, 'code')}" if fields.get("code") not in (None, "") else status
    return Receipt(field(fields, "id"), STATUSES.get(status.lower()), code, _moment(fields.get("time")))


def _incoming(fields: Mapping[str, Any]) -> IncomingText:
    # a text that was sent by a name has it in `sender`
    sender = "sender" if fields.get("sender") else "msisdn"
    return IncomingText(
        field(fields, "id"),
        e164(field(fields, sender)),
        e164(field(fields, "receiver")),
        words(fields, "message"),
        _moment(fields.get("senttime")),
    )


def _moment(written: Any) -> datetime | None:
    """A time in seconds since 1970, whole or not, as a number or its digits; None if it is none."""
    try:
        seconds = float(written) if isinstance(written, int | float | str) else 0.0
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None
