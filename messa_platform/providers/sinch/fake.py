"""A fake of Sinch, by the documentation of its REST API for SMS: batches sent and listed, signed receipts and incoming texts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import UUID

from aiohttp import web

from messa_platform.core.ids import new_id
from messa_platform.providers.base import Callback, ReceiptStatus
from messa_platform.providers.kit.fake import CALLBACKS, Taken, Trouble, WrongRequest
from messa_platform.providers.kit.http_fake import HttpFake

PLAN, TOKEN, SECRET = (
    "b6a3c1d2e4f54a7b8c9d0e1f2a3b4c5d",
    "5f0c7e9a1b2d4c6e8f0a-sinch",
    "sinch-webhook-secret-31",
)
_FIELDS = {"type", "from", "to", "body", "delivery_report", "callback_url", "client_reference"}
_MSISDN = re.compile(r"(?:\+|00)?[1-9][0-9]{6,14}")
_SENDER_NAME = re.compile(r"(?=.*[A-Za-z])[ -~]{1,11}")
_PLACE = re.compile(r"\$\{([^}]*)\}")
_KEY = re.compile(r"[A-Za-z0-9._-]{1,16}")
_CODES = {"queued": 400, "dispatched": 401, "aborted": 402, "cancelled": 407, "delivered": 0}


class SinchFake(HttpFake):
    """Sinch on this machine."""

    words: ClassVar[Mapping[str, ReceiptStatus]] = {
        "Queued": ReceiptStatus.SENT,
        "Dispatched": ReceiptStatus.SENT,
        "Aborted": ReceiptStatus.UNDELIVERED,
        "Cancelled": ReceiptStatus.UNDELIVERED,
        "Rejected": ReceiptStatus.UNDELIVERED,
        "Deleted": ReceiptStatus.UNDELIVERED,
        "Delivered": ReceiptStatus.DELIVERED,
        "Failed": ReceiptStatus.UNDELIVERED,
        "Expired": ReceiptStatus.UNDELIVERED,
        "Unknown": ReceiptStatus.SENT,
    }

    def settings(self) -> dict[str, Any]:
        """What a customer of Sinch types in."""
        return {"service_plan_id": PLAN, "token": TOKEN, "webhook_secret": SECRET, "url": self.base}

    def routes(self) -> Sequence[web.RouteDef]:
        """What it offers."""
        batches = f"/xms/v1/{PLAN}/batches"
        return [
            web.post(batches, self.submitting(self._take)),
            web.get(batches, self.answering(self._list)),
        ]

    def in_trouble(self, trouble: Trouble) -> web.Response:
        """What is wrong with a request is told as JSON; the rest by the status alone."""
        if trouble is Trouble.REFUSED:
            return web.json_response(
                {"code": self.refusal_code(), "text": "Invalid MSISDN format"}, status=400
            )
        status = {Trouble.THROTTLED: 429, Trouble.DOWN: 503, Trouble.WRONG_KEY: 401}[trouble]
        return web.Response(status=status)

    def refusal_code(self) -> str:
        """That of a number that is none."""
        return "syntax_invalid_parameter_format"

    async def _take(self, request: web.Request) -> web.Response:
        _authenticate(request)
        batch = await _batch(request)
        reference = f"01{new_id().hex[:24].upper()}"
        self.taken.append(
            Taken(
                (reference,),
                batch["from"] if _SENDER_NAME.fullmatch(batch["from"]) else _international(batch["from"]),
                _international(batch["to"][0]),
                _filled_in(batch["body"], batch.get("parameters", {}), _plain(batch["to"][0])),
                UUID(batch["client_reference"]),
                batch["callback_url"],
            )
        )
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        made = {"id": reference, "created_at": now, "modified_at": now, "canceled": False}
        to = [_plain(number) for number in batch["to"]]
        return web.json_response({**batch, "to": to, **made}, status=201)

    async def _list(self, request: web.Request) -> web.Response:
        _authenticate(request)
        if set(request.query) != {"page_size"} or request.query["page_size"] not in map(str, range(1, 101)):
            raise WrongRequest(f"query {request.query_string}")
        return web.json_response({"count": 0, "page": 0, "page_size": 0, "batches": []})

    def receipts(self, taken: Taken, word: str) -> list[Callback]:
        """To the address that came with the text."""
        report = {
            "type": "recipient_delivery_report_sms",
            "batch_id": taken.references[0],
            "recipient": _plain(taken.recipient),
            "code": _CODES.get(word.lower(), 5),
            "status": word,
            "at": "2026-11-27T10:11:12.123Z",
            "operator_status_at": "2026-11-27T10:11:00Z",
            "client_reference": str(taken.message_id),
        }
        return [signed(report, taken.callback_url)]

    def incoming(self, reference: str, sender: str, recipient: str, text: str) -> list[Callback]:
        """To the address that the customer has set for the service plan."""
        told = {
            "type": "mo_text",
            "id": reference,
            "from": _plain(sender),
            "to": _plain(recipient),
            "body": text,
            "operator_id": "24001",
            "received_at": "2026-11-27T10:11:12.123Z",
        }
        return [signed(told, f"{CALLBACKS}/incoming")]

    def forged(self, callback: Callback) -> list[Callback]:
        """Without a signature; with one of another body, another nonce, another secret or another time; and one from long ago."""
        body, nonce, then = callback.body, "01ABC", int(callback.at.timestamp())
        header = "x-sinch-webhook-signature"
        return [
            replace(callback, headers={"content-type": "application/json"}),
            replace(callback, body=body + b" "),
            replace(callback, headers={**callback.headers, f"{header}-nonce": nonce}),
            replace(callback, headers={**callback.headers, f"{header}-timestamp": str(then - 1)}),
            replace(callback, headers=signed_headers(body, then, f"{SECRET}x")),
            replace(callback, at=callback.at + timedelta(days=8)),
        ]


def signed(told: Mapping[str, Any], url: str, secret: str = SECRET) -> Callback:
    """A callback that came just now, as Sinch signs it."""
    body = json.dumps(told, ensure_ascii=False).encode()
    at = datetime.now(UTC)
    headers = signed_headers(body, int(at.timestamp()), secret)
    return Callback("POST", urlsplit(url).path.rpartition("/")[2], {}, headers, body, url, at)


def signed_headers(body: bytes, at: int, secret: str = SECRET) -> dict[str, str]:
    """The headers of a callback that was signed at `at` (seconds since 1970)."""
    nonce = f"01{new_id().hex[:24].upper()}"
    key = hmac.new(secret.encode(), body + f".{nonce}.{at}".encode(), hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "x-sinch-webhook-signature": base64.b64encode(key).decode(),
        "x-sinch-webhook-signature-nonce": nonce,
        "x-sinch-webhook-signature-timestamp": str(at),
        "x-sinch-webhook-signature-algorithm": "HmacSHA256",
    }


def _authenticate(request: web.Request) -> None:
    if request.headers.get("Authorization") != f"Bearer {TOKEN}":
        raise WrongRequest("no Bearer authentication")


async def _batch(request: web.Request) -> dict[str, Any]:
    """A batch of one text, checked."""
    if request.content_type != "application/json":
        raise WrongRequest(f"content type {request.content_type}")
    batch: dict[str, Any] = json.loads(await request.text())
    if set(batch) - {"parameters"} != _FIELDS:
        raise WrongRequest(f"fields {sorted(batch)}")
    if (batch["type"], batch["delivery_report"]) != ("mt_text", "per_recipient"):
        raise WrongRequest(f"type {batch['type']}, delivery_report {batch['delivery_report']}")
    if not isinstance(batch["to"], list) or [bool(_MSISDN.fullmatch(to)) for to in batch["to"]] != [True]:
        raise WrongRequest(f"to {batch['to']}")
    if not _MSISDN.fullmatch(batch["from"]) and not _SENDER_NAME.fullmatch(batch["from"]):
        raise WrongRequest(f"from {batch['from']}")
    if not 1 <= len(batch["body"]) <= 2000:
        raise WrongRequest(f"body of {len(batch['body'])} characters")
    if urlsplit(batch["callback_url"]).scheme != "https" or len(batch["callback_url"]) > 2048:
        raise WrongRequest(f"callback_url {batch['callback_url']}")
    return batch


def _filled_in(body: str, parameters: Mapping[str, Mapping[str, str]], recipient: str) -> str:
    """The body with its `${…}` filled in for a recipient, as the phone shows it."""

    def value(place: re.Match[str]) -> str:
        key = place[1]
        given = parameters.get(key, {})
        found = given.get(recipient, given.get("default"))
        if not _KEY.fullmatch(key) or found is None or len(found) > 160:
            raise WrongRequest(f"unmatched parameter {key}")
        return found

    return _PLACE.sub(value, body)


def _plain(number: str) -> str:
    """A number as Sinch tells it: without `+` or `00`."""
    return number.removeprefix("+").removeprefix("00")


def _international(number: str) -> str:
    return f"+{_plain(number)}"
