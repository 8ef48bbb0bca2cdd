"""A fake of 46elks, by its documentation: POST /a1/sms and GET /a1/me, receipts and incoming texts as forms."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web

from messa_platform.core.ids import new_id
from messa_platform.providers.base import Callback, ReceiptStatus
from messa_platform.providers.kit.fake import CALLBACKS, Taken, Trouble, WrongRequest
from messa_platform.providers.kit.http_fake import HttpFake

USER, PASSWORD, KEY = "u1f7e2c4d5a6b", "9A0F1E2D3C4B5A69-elks", "elks-callback-key-77"
_FIELDS = {"from", "to", "message", "whendelivered"}


class ElksFake(HttpFake):
    """46elks on this machine."""

    words: ClassVar[Mapping[str, ReceiptStatus]] = {
        "sent": ReceiptStatus.SENT,
        "delivered": ReceiptStatus.DELIVERED,
        "failed": ReceiptStatus.UNDELIVERED,
    }

    def settings(self) -> dict[str, Any]:
        """What a customer of 46elks types in."""
        return {"username": USER, "password": PASSWORD, "callback_key": KEY, "url": self.base}

    def routes(self) -> Sequence[web.RouteDef]:
        """What it offers."""
        return [
            web.post("/a1/sms", self.submitting(self._take)),
            web.get("/a1/me", self.answering(self._me)),
        ]

    def in_trouble(self, trouble: Trouble) -> web.Response:
        """Its errors are plain text."""
        status, text = {
            Trouble.THROTTLED: (429, "Too many requests"),
            Trouble.DOWN: (503, "Service unavailable"),
            Trouble.REFUSED: (400, "Invalid to number"),
            Trouble.WRONG_KEY: (401, "API access requires Basic HTTP authentication."),
        }[trouble]
        return web.Response(status=status, text=text)

    def refusal_code(self) -> str:
        """It has no codes of its own."""
        return "http_400"

    async def _take(self, request: web.Request) -> web.Response:
        if not _knows(request):
            return self.in_trouble(Trouble.WRONG_KEY)
        fields = dict(parse_qsl(await request.text(), keep_blank_values=True, strict_parsing=True))
        if set(fields) != _FIELDS:
            raise WrongRequest(f"fields {sorted(fields)}")
        if not fields["to"].startswith("+"):
            raise WrongRequest(f"to {fields['to']}")
        reference = f"s{new_id().hex}"
        self.taken.append(
            Taken(
                (reference,), fields["from"], fields["to"], fields["message"], None, fields["whendelivered"]
            )
        )
        return web.json_response(
            {
                "id": reference,
                "from": fields["from"],
                "to": fields["to"],
                "message": fields["message"],
                "created": datetime.now(UTC).isoformat(),
                "cost": 3500,
                "direction": "outgoing",
                "status": "created",
            }
        )

    async def _me(self, request: web.Request) -> web.Response:
        if not _knows(request):
            return self.in_trouble(Trouble.WRONG_KEY)
        return web.json_response({"id": USER, "balance": 1_234_500, "currency": "SEK"})

    def receipts(self, taken: Taken, word: str) -> list[Callback]:
        """To the address that came with the text."""
        fields = {"id": taken.references[0], "status": word, "delivered": "2026-11-27T10:11:12.000000"}
        return [_callback(taken.callback_url, fields)]

    def incoming(self, reference: str, sender: str, recipient: str, text: str) -> list[Callback]:
        """To the address that the customer has set for the number."""
        fields = {
            "direction": "incoming",
            "id": reference,
            "from": sender,
            "to": recipient,
            "created": "2026-11-27T10:11:12.000000",
            "message": text,
        }
        return [_callback(f"{CALLBACKS}/incoming?{urlencode({'key': KEY})}", fields)]

    def forged(self, callback: Callback) -> list[Callback]:
        """Without the key, and with another."""
        return [replace(callback, query={}), replace(callback, query={"key": KEY[:-1] + "8"})]


def _knows(request: web.Request) -> bool:
    """Whether it is the customer who asks. Raises `WrongRequest` for who does not say."""
    given = request.headers.get("Authorization", "")
    if not given.startswith("Basic "):
        raise WrongRequest("no Basic authentication")
    return given == "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def _callback(url: str, fields: Mapping[str, str]) -> Callback:
    parts = urlsplit(url)
    return Callback(
        "POST",
        parts.path.rpartition("/")[2],
        dict(parse_qsl(parts.query)),
        {"content-type": "application/x-www-form-urlencoded"},
        urlencode(fields).encode(),
        url,
        datetime.now(UTC),
    )
