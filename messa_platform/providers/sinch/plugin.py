"""Sinch: texts by its REST API (XMS), one a batch; receipts and incoming texts by signed callbacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import quote

from messa_platform.core.i18n import msgid
from messa_platform.core.outbound import Answer, NoAnswer
from messa_platform.providers.base import (
    CONTRACT_VERSION,
    About,
    Accepted,
    Callback,
    CallbackRefused,
    CallbackResult,
    Capabilities,
    Outcome,
    OutgoingText,
    Rejected,
    Surroundings,
    Unknown,
    Verdict,
)
from messa_platform.providers.http import (
    EVERYTHING,
    MALFORMED,
    json_object,
    needed,
    refused,
    unanswered,
    verdict,
    whole_number,
)
from messa_platform.providers.sinch.callbacks import events
from messa_platform.providers.sinch.codes import CODES
from messa_platform.providers.sinch.signature import demand_signature

REGIONS: Final = ("eu", "us", "au", "br", "ca")
TOLERANCE: Final = 172_800
"""Seconds: two days. Sinch tries a callback again for as long as that, and does not say whether it signs it anew each time. What is refused
as too old is lost, while one that somebody repeats does no harm: a receipt says the same again, and a text is known by its id."""

_NOT_THE_TEXT: Final = frozenset({404, 405, 415})
"""Statuses that say that the channel's address of the API is wrong, which a person can set right: the text waits."""
_NOT_PROCESSED: Final = frozenset({500, 503})
"""The faults of its own of which Sinch says that the request was not processed. A proxy's 502 or 504 says no such thing."""


class SinchProvider:
    """Sinch as a provider."""

    name: ClassVar[str] = "sinch"
    contract: ClassVar[int] = CONTRACT_VERSION
    about: ClassVar[About] = About(
        "Sinch",
        "https://sinch.com",
        "messa",
        msgid("A Swedish provider with networks all over the world, numbers of its own and receipts."),
    )
    capabilities: ClassVar[Capabilities] = EVERYTHING
    settings_schema: ClassVar[dict[str, Any]] = {
        "region": {
            "type": "string",
            "allowed": list(REGIONS),
            "default": REGIONS[0],
            "meta": {"label": msgid("Region")},
        },
        "service_plan_id": needed(msgid("Service plan id")),
        "token": needed(msgid("API token"), secret=True),
        "webhook_secret": needed(
            msgid("Secret that signs callbacks"),
            msgid("Sinch sets it for the service plan, on request."),
            secret=True,
        ),
        "tolerance": whole_number(
            msgid("Seconds for which a signed callback is taken"), 60, 604_800, default=TOLERANCE
        ),
        "prefix": {
            "type": "string",
            "default": "/xms/v1",
            "meta": {"label": msgid("Beginning of the API's paths"), "rare": True},
        },
        "url": {
            "type": "string",
            "default": "",
            "meta": {
                "label": msgid("Address of the API"),
                "help": msgid("Empty: that of the region."),
                "rare": True,
            },
        },
    }

    codes: ClassVar[Mapping[str, str]] = CODES

    def __init__(self, settings: Mapping[str, Any], surroundings: Surroundings) -> None:
        self._http = surroundings.http
        self._batches = _batches(settings)
        self._headers = {"Authorization": f"Bearer {settings['token']}"}
        self._receipts = f"{surroundings.callbacks}/receipts"

    async def send(self, message: OutgoingText) -> Outcome:
        """Hand one text over, as a batch of one."""
        batch = {
            "type": "mt_text",
            "from": message.sender,
            "to": [message.recipient],
            "delivery_report": "per_recipient",
            "callback_url": self._receipts,
            "client_reference": str(message.message_id),
            **_body(message.text),
        }
        answer = await self._http.request("POST", self._batches, headers=self._headers, json=batch)
        if isinstance(answer, NoAnswer):
            return unanswered(answer)
        if not answer.ok:
            return _refused(answer)
        told = json_object(answer)
        reference = told.get("id") if told is not None else None
        return Accepted(reference) if isinstance(reference, str) and reference else MALFORMED

    async def check(self) -> Verdict:
        """Ask for the latest batch, of which nothing is kept; Sinch does not tell what an account holds."""
        query = {"page_size": "1"}
        return verdict(await self._http.request("GET", self._batches, headers=self._headers, query=query))

    async def close(self) -> None:
        """Nothing is held."""

    @staticmethod
    def read_callback(settings: Mapping[str, Any], callback: Callback) -> CallbackResult:
        """Read a receipt or an incoming text. A service plan has one address of its own for both, so that either may come to each path."""
        demand_signature(callback, settings["webhook_secret"], settings["tolerance"])
        if callback.path not in ("receipts", "incoming"):
            raise CallbackRefused(404, "it is neither receipts nor incoming")
        return CallbackResult(events(callback.json))


def _batches(settings: Mapping[str, Any]) -> str:
    """The address of a service plan's batches."""
    host = settings["url"] or f"https://{settings['region']}.sms.api.sinch.com"
    prefix = settings["prefix"].strip("/")
    plan = quote(settings["service_plan_id"], safe="")
    return "/".join(filter(None, (host.rstrip("/"), prefix, plan, "batches")))


def _body(text: str) -> dict[str, Any]:
    """A text as Sinch is to be told it. It takes `${name}` for a place to fill in, and lets a text fail for which nothing is given; so every
    dollar sign of such a text becomes a place to be filled in with one."""
    if "${" not in text:
        return {"body": text}
    return {"body": text.replace("$", "${d}"), "parameters": {"d": {"default": "$"}}}


def _refused(answer: Answer) -> Rejected | Unknown:
    """The outcome of a batch that was not taken."""
    told = json_object(answer)
    code = told.get("code") if told is not None else None
    outcome = refused(answer, code[:200] if isinstance(code, str) else "")
    if answer.status >= 500 and answer.status not in _NOT_PROCESSED:
        return Unknown(f"http_{answer.status}")
    if isinstance(outcome, Rejected) and answer.status in _NOT_THE_TEXT:
        return Rejected(permanent=False, code=outcome.code)
    return outcome
