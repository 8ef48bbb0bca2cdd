"""Pigeon: texts as JSON with a key, known by our id, so that one that is repeated is one; receipts and incoming texts as signed JSON."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from messa_platform.core.outbound import Answer, NoAnswer
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
    Surroundings,
    Unknown,
    Verdict,
)
from messa_platform.providers.http import (
    MALFORMED,
    field,
    json_object,
    moment,
    refused,
    unanswered,
    verdict,
    words,
)

STATUSES = {
    "flying": ReceiptStatus.SENT,
    "resting": ReceiptStatus.BUFFERED,
    "landed": ReceiptStatus.DELIVERED,
    "lost": ReceiptStatus.UNDELIVERED,
}


class PigeonProvider:
    """Pigeon as a provider."""

    name: ClassVar[str] = "pigeon"
    contract: ClassVar[int] = CONTRACT_VERSION
    about: ClassVar[About] = About(
        "Pigeon",
        "https://pigeon.example",
        "Duvslaget AB",
        "An example of a plugin that somebody else has made.",
    )
    capabilities: ClassVar[Capabilities] = Capabilities(
        alphanumeric_sender=True,
        own_numbers=True,
        receipts=True,
        incoming=True,
        unicode=True,
        idempotent_submit=True,
        max_rate=100.0,
        countries=frozenset({"SE", "NO", "DK", "FI"}),
    )
    settings_schema: ClassVar[dict[str, Any]] = {
        "key": {
            "type": "string",
            "required": True,
            "minlength": 12,
            "meta": {"label": "API key", "secret": True},
        },
        "secret": {
            "type": "string",
            "required": True,
            "minlength": 12,
            "meta": {"label": "Secret of the signatures", "secret": True},
        },
        "url": {
            "type": "string",
            "default": "https://api.pigeon.example",
            "meta": {"label": "Address of the API", "rare": True},
        },
    }

    def __init__(self, settings: Mapping[str, Any], surroundings: Surroundings) -> None:
        self._http = surroundings.http
        self._url: str = settings["url"].rstrip("/")
        self._headers = {"X-Pigeon-Key": settings["key"]}
        self._callbacks = surroundings.callbacks

    async def send(self, message: OutgoingText) -> Outcome:
        """Hand one text over."""
        body = {
            "id": str(message.message_id),
            "from": message.sender,
            "to": message.recipient,
            "text": message.text,
            "receipts": f"{self._callbacks}/receipts",
        }
        answer = await self._http.request(
            "POST", f"{self._url}/v1/messages", headers=self._headers, json=body
        )
        if isinstance(answer, NoAnswer):
            return unanswered(answer)
        told = json_object(answer)
        if answer.status >= 400:
            return refused(answer, str((told or {}).get("error", "")))
        return _accepted(told)

    async def find(self, message_id: UUID) -> Found:
        """Ask for a text by our id."""
        answer = await self._get(f"/v1/messages/{message_id}")
        if isinstance(answer, NoAnswer):
            return Unknown(answer.fault.value)
        if answer.status == 404:
            return Absent()
        return _accepted(json_object(answer)) if answer.ok else Unknown(f"http_{answer.status}")

    async def check(self) -> Verdict:
        """Ask who we are."""
        return verdict(await self._get("/v1/me"))

    async def close(self) -> None:
        """Nothing is held."""

    async def _get(self, path: str) -> Answer | NoAnswer:
        return await self._http.request("GET", f"{self._url}{path}", headers=self._headers)

    @staticmethod
    def read_callback(settings: Mapping[str, Any], callback: Callback) -> CallbackResult:
        """Read what Pigeon signed."""
        proof = hmac.new(settings["secret"].encode(), callback.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(proof.encode(), callback.headers.get("x-pigeon-signature", "").encode()):
            raise CallbackRefused(401, "the signature is not Pigeon's")
        told = callback.json
        if not isinstance(told, dict):
            raise CallbackRefused(400, "it is no object")
        return CallbackResult((_receipt(told) if callback.path == "receipts" else _incoming(told),), 204)


def _accepted(told: Mapping[str, Any] | None) -> Accepted | Unknown:
    reference = (told or {}).get("flight")
    return Accepted(reference) if isinstance(reference, str) and reference else MALFORMED


def _receipt(told: Mapping[str, Any]) -> Receipt:
    status = field(told, "status")
    return Receipt(field(told, "flight"), STATUSES.get(status.lower()), status, moment(told.get("at")))


def _incoming(told: Mapping[str, Any]) -> IncomingText:
    return IncomingText(
        field(told, "flight"),
        field(told, "from"),
        field(told, "to"),
        words(told, "text"),
        moment(told.get("at")),
    )
