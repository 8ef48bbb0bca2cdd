"""A fake of Infobip, by its documentation: POST /sms/3/messages, GET /sms/3/logs and GET /account/1/balance, receipts and incoming texts as
JSON with several results in one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

from aiohttp import web

from messa_platform.core.ids import new_id
from messa_platform.core.segments import segment
from messa_platform.providers.base import Callback, ReceiptStatus
from messa_platform.providers.kit.fake import CALLBACKS, Taken, Trouble, WrongRequest
from messa_platform.providers.kit.http_fake import HttpFake

API_KEY, KEY = "3f9c0d5b7a1e4c62-infobip-8d21b7a9", "infobip-callback-key-77"
PENDING = ("PENDING", 26, "PENDING_ACCEPTED")
"""A status: its group, number and name. This one is what a text usually gets in the reply."""
_DUPLICATE = ("REJECTED", 23, "REJECTED_DUPLICATE_MESSAGE_ID")
_NO_NUMBER = ("REJECTED", 52, "REJECTED_DESTINATION")

_GROUPS = {"ACCEPTED": 0, "PENDING": 1, "UNDELIVERABLE": 2, "DELIVERED": 3, "EXPIRED": 4, "REJECTED": 5}
_REPORTED = {
    "PENDING": (7, "PENDING_ENROUTE"),
    "UNDELIVERABLE": (9, "UNDELIVERABLE_NOT_DELIVERED"),
    "DELIVERED": (5, "DELIVERED_TO_HANDSET"),
    "EXPIRED": (15, "EXPIRED_EXPIRED"),
    "REJECTED": (6, "REJECTED_NETWORK"),
}
_ABSENT = {"groupId": 1, "groupName": "HANDSET_ERRORS", "id": 27, "name": "EC_ABSENT_SUBSCRIBER"}
_NO_ERROR = {"groupId": 0, "groupName": "OK", "id": 0, "name": "NO_ERROR"}

_NUMBER = re.compile(r"[1-9][0-9]{6,14}")
_SENDER_NAME = re.compile(r"(?=.*[A-Za-z]).{3,11}")


class InfobipFake(HttpFake):
    """Infobip on this machine. `says` is the status that it gives to a text; only one that is PENDING is sent on. `scheme` is what it wants
    before the key."""

    words: ClassVar[Mapping[str, ReceiptStatus]] = {
        "ACCEPTED": ReceiptStatus.SENT,
        "PENDING": ReceiptStatus.BUFFERED,
        "DELIVERED": ReceiptStatus.DELIVERED,
        "UNDELIVERABLE": ReceiptStatus.UNDELIVERED,
        "EXPIRED": ReceiptStatus.UNDELIVERED,
        "REJECTED": ReceiptStatus.UNDELIVERED,
    }

    def __init__(self) -> None:
        super().__init__()
        self.says = PENDING
        self.scheme = "App"
        self.log: list[dict[str, Any]] = []
        self.validity: list[Any] = []

    def settings(self) -> dict[str, Any]:
        """What a customer of Infobip types in."""
        return {"url": self.base, "api_key": API_KEY, "callback_key": KEY}

    def routes(self) -> Sequence[web.RouteDef]:
        """What it offers."""
        return [
            web.post("/sms/3/messages", self.submitting(self._take)),
            web.get("/sms/3/logs", self.answering(self._logs)),
            web.get("/account/1/balance", self.answering(self._balance)),
        ]

    def in_trouble(self, trouble: Trouble) -> web.Response:
        """Its errors name themselves; a text that it does not take is refused in a reply that is well."""
        if trouble is Trouble.REFUSED:
            return web.json_response(_reply(str(new_id()), "46701740605", _NO_NUMBER, 1))
        status, word, text = {
            Trouble.THROTTLED: (429, "TOO_MANY_REQUESTS", "Too many requests"),
            Trouble.DOWN: (503, "SERVICE_UNAVAILABLE", "Service unavailable"),
            Trouble.WRONG_KEY: (401, "UNAUTHORIZED", "Invalid login details"),
        }[trouble]
        exception = {"messageId": word, "text": text}
        return web.json_response({"requestError": {"serviceException": exception}}, status=status)

    def refusal_code(self) -> str:
        """The name of the status."""
        return "REJECTED_DESTINATION"

    async def _take(self, request: web.Request) -> web.Response:
        self._authenticate(request)
        if request.content_type != "application/json":
            raise WrongRequest(f"content type {request.content_type}")
        asked = _exactly(await request.json(), {"messages", "options"})
        if asked["options"] != {"includeSmsCountInResponse": True}:
            raise WrongRequest(f"options {asked['options']}")
        [message] = asked["messages"]
        ours, to = self._read(message)
        text, parts = message["content"]["text"], segment(message["content"]["text"]).count
        says = _DUPLICATE if any(entry["messageId"] == ours for entry in self.log) else self.says
        self.log.append(_logged(ours, message["sender"], to, text, says, parts))
        if says[0] == "PENDING":
            sender = message["sender"]
            shown = f"+{sender}" if sender.isdecimal() else sender
            url = message["webhooks"]["delivery"]["url"]
            self.taken.append(Taken((ours,), shown, f"+{to}", text, UUID(ours), url))
        return web.json_response(_reply(ours, to, says, parts))

    def _read(self, message: Any) -> tuple[str, str]:
        """Check a message; gives our id and the recipient."""
        options = {"options"} & set(message)
        _exactly(message, {"sender", "destinations", "content", "webhooks"} | options)
        [destination] = message["destinations"]
        _exactly(destination, {"to", "messageId"})
        _exactly(message["content"], {"text"})
        hooks = _exactly(message["webhooks"], {"delivery", "contentType"})
        delivery = _exactly(hooks["delivery"], {"url", "intermediateReport"})
        if hooks["contentType"] != "application/json" or delivery["intermediateReport"] is not True:
            raise WrongRequest(f"webhooks {hooks}")
        if not _NUMBER.fullmatch(destination["to"]):
            raise WrongRequest(f"to {destination['to']}")
        if not (_NUMBER.fullmatch(message["sender"]) or _SENDER_NAME.fullmatch(message["sender"])):
            raise WrongRequest(f"sender {message['sender']}")
        if "options" in message:
            validity = _exactly(message["options"], {"validityPeriod"})["validityPeriod"]
            _exactly(validity, {"amount", "timeUnit"})
            self.validity.append((validity["amount"], validity["timeUnit"]))
        return destination["messageId"], destination["to"]

    async def _logs(self, request: web.Request) -> web.Response:
        self._authenticate(request)
        asked = _exactly(dict(request.query), {"messageId"})
        return web.json_response(
            {"results": [entry for entry in self.log if entry["messageId"] == asked["messageId"]]}
        )

    async def _balance(self, request: web.Request) -> web.Response:
        self._authenticate(request)
        return web.json_response({"balance": 12.3, "currency": "SEK"})

    def _authenticate(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"{self.scheme} {API_KEY}":
            raise WrongRequest("no key")
        if request.headers.get("Accept") != "application/json":
            raise WrongRequest("does not ask for JSON")

    def receipts(self, taken: Taken, word: str) -> list[Callback]:
        """To the address that came with the text."""
        number, name = _REPORTED.get(word.upper(), (0, "OF_SOME_KIND"))
        failed = word.upper() in ("UNDELIVERABLE", "EXPIRED")
        status = {"groupId": _GROUPS.get(word.upper(), 9), "groupName": word, "id": number, "name": name}
        return [callback(taken.callback_url, [a_receipt(taken.references[0], status, failed)])]

    def incoming(self, reference: str, sender: str, recipient: str, text: str) -> list[Callback]:
        """To the address that the customer has set for the number; the first word may be a keyword."""
        keyword, _, rest = text.partition(" ")
        result = {
            "messageId": reference,
            "from": sender.removeprefix("+"),
            "to": recipient.removeprefix("+"),
            "text": text,
            "cleanText": rest,
            "keyword": keyword.upper(),
            "receivedAt": "2026-11-27T10:11:12.000+0000",
            "smsCount": segment(text).count,
            "price": {"pricePerMessage": 0, "currency": "SEK"},
            "callbackData": None,
        }
        address = f"{CALLBACKS}/incoming?{urlencode({'key': KEY})}"
        return [callback(address, [result], messageCount=1, pendingMessageCount=0)]

    def forged(self, callback: Callback) -> list[Callback]:
        """Without the key, and with another."""
        return [replace(callback, query={}), replace(callback, query={"key": KEY[:-1] + "8"})]


def a_receipt(reference: str, status: Mapping[str, Any], failed: bool = False) -> dict[str, Any]:
    """A result in a callback with receipts."""
    return {
        "bulkId": "2034072219640523072",
        "price": {"pricePerMessage": 0.35, "currency": "SEK"},
        "status": {**status, "description": "As documented"},
        "error": {**(_ABSENT if failed else _NO_ERROR), "description": "As documented", "permanent": False},
        "messageId": reference,
        "to": "46701740605",
        "sender": "Skolan",
        "sentAt": "2026-11-27T10:11:10.000+0000",
        "doneAt": "2026-11-27T10:11:12.000+0000",
        "messageCount": 1,
    }


def callback(url: str, results: Sequence[Any], **more: Any) -> Callback:
    """A callback with these results."""
    parts = urlsplit(url)
    body = web.json_response({"results": list(results), **more}).body
    assert isinstance(body, bytes)
    return Callback(
        "POST",
        parts.path.rpartition("/")[2],
        dict(parse_qsl(parts.query)),
        {"content-type": "application/json"},
        body,
        url,
        datetime.now(UTC),
    )


def _status(says: tuple[str, int, str]) -> dict[str, Any]:
    group, number, name = says
    return {
        "groupId": _GROUPS[group],
        "groupName": group,
        "id": number,
        "name": name,
        "description": "As documented",
    }


def _reply(reference: str, to: str, says: tuple[str, int, str], parts: int) -> dict[str, Any]:
    return {
        "bulkId": "2034072219640523072",
        "messages": [
            {
                "messageId": reference,
                "status": _status(says),
                "destination": to,
                "details": {"messageCount": parts},
            }
        ],
    }


def _logged(
    reference: str, sender: str, to: str, text: str, says: tuple[str, int, str], parts: int
) -> dict[str, Any]:
    return {
        "sender": sender,
        "destination": to,
        "bulkId": "2034072219640523072",
        "messageId": reference,
        "sentAt": "2026-11-27T10:11:10.000+0000",
        "doneAt": "2026-11-27T10:11:12.000+0000",
        "messageCount": parts,
        "price": {"pricePerMessage": 0.35, "currency": "SEK"},
        "status": _status(says),
        "error": {**_NO_ERROR, "description": "No Error", "permanent": False},
        "content": {"text": text},
    }


def _exactly(fields: Any, names: set[str]) -> Mapping[str, Any]:
    """An object with these fields and no other."""
    if not isinstance(fields, dict) or set(fields) != names:
        raise WrongRequest(f"{fields!r} has not just {sorted(names)}")
    return fields
