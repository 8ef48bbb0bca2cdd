"""Pigeon on this machine."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from aiohttp import web

from messa_platform.providers.base import Callback, ReceiptStatus
from messa_platform.providers.kit import HttpFake, Taken, Trouble, WrongRequest
from messa_platform.providers.kit.fake import CALLBACKS

KEY, SECRET = "pigeon-key-4711-0815", "pigeon-secret-1234-5678"


class PigeonFake(HttpFake):
    """Pigeon."""

    words: ClassVar[Mapping[str, ReceiptStatus]] = {
        "flying": ReceiptStatus.SENT,
        "resting": ReceiptStatus.BUFFERED,
        "landed": ReceiptStatus.DELIVERED,
        "lost": ReceiptStatus.UNDELIVERED,
    }

    def settings(self) -> dict[str, Any]:
        """A customer's."""
        return {"key": KEY, "secret": SECRET, "url": self.base}

    def routes(self) -> Sequence[web.RouteDef]:
        """What it offers."""
        return [
            web.post("/v1/messages", self.submitting(self._take)),
            web.get("/v1/messages/{id}", self.answering(self._find)),
            web.get("/v1/me", self.answering(self._me)),
        ]

    def in_trouble(self, trouble: Trouble) -> web.Response:
        """Its errors are JSON with a word."""
        status, word = {
            Trouble.THROTTLED: (429, "too_many"),
            Trouble.DOWN: (503, "storm"),
            Trouble.REFUSED: (422, "no_such_roof"),
            Trouble.WRONG_KEY: (401, "who_are_you"),
        }[trouble]
        return web.json_response({"error": word}, status=status)

    def refusal_code(self) -> str:
        """Its word for a number that is none."""
        return "no_such_roof"

    async def _take(self, request: web.Request) -> web.Response:
        _authenticate(request)
        told = await request.json()
        if set(told) != {"id", "from", "to", "text", "receipts"}:
            raise WrongRequest(f"members {sorted(told)}")
        known = next((t for t in self.taken if str(t.message_id) == told["id"]), None)
        if known is None:
            known = Taken(
                (f"flight-{len(self.taken) + 1}",),
                told["from"],
                told["to"],
                told["text"],
                UUID(told["id"]),
                told["receipts"],
            )
            self.taken.append(known)
        return web.json_response({"flight": known.references[0]}, status=202)

    async def _find(self, request: web.Request) -> web.Response:
        _authenticate(request)
        for taken in self.taken:
            if str(taken.message_id) == request.match_info["id"]:
                return web.json_response({"flight": taken.references[0]})
        return web.json_response({"error": "unknown"}, status=404)

    async def _me(self, request: web.Request) -> web.Response:
        _authenticate(request)
        return web.json_response({"name": "Kommunen"})

    def receipts(self, taken: Taken, word: str) -> list[Callback]:
        """A flight came to a status."""
        return [
            _signed("receipts", {"flight": taken.references[0], "status": word, "at": "2026-11-27T10:11:12Z"})
        ]

    def incoming(self, reference: str, sender: str, recipient: str, text: str) -> list[Callback]:
        """A pigeon came in."""
        return [_signed("incoming", {"flight": reference, "from": sender, "to": recipient, "text": text})]

    def forged(self, callback: Callback) -> list[Callback]:
        """Unsigned, and changed."""
        return [
            replace(callback, headers={}),
            replace(callback, body=callback.body.replace(b"flight", b"fright")),
        ]

    def wants(self) -> tuple[int, bytes]:
        """Nothing."""
        return 204, b""


def _authenticate(request: web.Request) -> None:
    if request.headers.get("X-Pigeon-Key") != KEY:
        raise WrongRequest("no key")


def _signed(path: str, told: Mapping[str, str]) -> Callback:
    body = json.dumps(told).encode()
    proof = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-pigeon-signature": proof}
    return Callback("POST", path, {}, headers, body, f"{CALLBACKS}/{path}", datetime.now(UTC))
