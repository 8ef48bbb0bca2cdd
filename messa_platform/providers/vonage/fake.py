"""A fake of Vonage, by its documentation: POST /sms/json and GET /account/get-balance; signed receipts and incoming texts, as a query, a
form or JSON."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

from aiohttp import web

from messa_platform.core.ids import new_id
from messa_platform.providers.base import Callback, ReceiptStatus
from messa_platform.providers.kit.fake import CALLBACKS, Taken, Trouble, WrongRequest
from messa_platform.providers.kit.http_fake import HttpFake

KEY, SECRET, SIGNATURE_SECRET = "a1b2c3d4", "Zx9Api8Secret7Vonage", "qW3rTy5UiOp7SignatureVonage"

_REQUIRED = {"api_key", "api_secret", "from", "to", "text"}
_OPTIONAL = {"type", "client-ref", "ttl", "status-report-req", "callback"}
_FROM = re.compile(r"[0-9]{1,15}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}", re.ASCII)
_NUMBER = re.compile(r"[1-9][0-9]{6,14}", re.ASCII)

_TWO_SEPTETS = set("\f^{}\\[~]|€")
# GSM 03.38 by its code points: what ASCII it has, its Latin letters and signs, its capitals of Greek.
_ONE_SEPTET = {
    *map(chr, (0x0A, 0x0D, *range(0x20, 0x5B), *range(0x61, 0x7B), 0x5F)),
    *map(
        chr, (0xA1, 0xA3, 0xA4, 0xA5, 0xA7, 0xBF, 0xC4, 0xC5, 0xC6, 0xC7, 0xC9, 0xD1, 0xD6, 0xD8, 0xDC, 0xDF)
    ),
    *map(chr, (0xE0, 0xE4, 0xE5, 0xE6, 0xE8, 0xE9, 0xEC, 0xF1, 0xF2, 0xF6, 0xF8, 0xF9, 0xFC)),
    *map(chr, (0x393, 0x394, 0x398, 0x39B, 0x39E, 0x3A0, 0x3A3, 0x3A6, 0x3A8, 0x3A9)),
} - {"`"}


class Way(StrEnum):
    """How an account can have its callbacks."""

    GET = "GET"
    FORM = "POST"
    JSON = "POST-JSON"


class VonageFake(HttpFake):
    """Vonage on this machine. `way` and `method` are the account's settings for callbacks; `statuses` are those of the parts of the
    next texts, 0 beyond them."""

    words: ClassVar[Mapping[str, ReceiptStatus]] = {
        "accepted": ReceiptStatus.SENT,
        "buffered": ReceiptStatus.BUFFERED,
        "delivered": ReceiptStatus.DELIVERED,
        "expired": ReceiptStatus.UNDELIVERED,
        "failed": ReceiptStatus.UNDELIVERED,
        "rejected": ReceiptStatus.UNDELIVERED,
        "unknown": ReceiptStatus.SENT,
    }

    def __init__(self) -> None:
        super().__init__()
        self.way, self.method = Way.JSON, "sha256"
        self.statuses: Sequence[str] = ()

    def settings(self) -> dict[str, Any]:
        """What a customer of Vonage types in."""
        return {
            "api_key": KEY,
            "api_secret": SECRET,
            "signature_secret": SIGNATURE_SECRET,
            "signature_method": self.method,
            "url": self.base,
        }

    def routes(self) -> Sequence[web.RouteDef]:
        """What it offers."""
        return [
            web.post("/sms/json", self.submitting(self._take)),
            web.get("/account/get-balance", self._asked_for_balance),
        ]

    def in_trouble(self, trouble: Trouble) -> web.Response:
        """Its errors are those of a part, and well answered."""
        status, text = {
            Trouble.THROTTLED: ("1", "Throughput Rate Exceeded - please wait [ 250 ] and retry"),
            Trouble.DOWN: ("5", "Internal Error"),
            Trouble.REFUSED: ("6", "Un-routable message - rejected"),
            Trouble.WRONG_KEY: ("4", "Bad Credentials"),
        }[trouble]
        return web.json_response({"message-count": "1", "messages": [{"status": status, "error-text": text}]})

    def refusal_code(self) -> str:
        """The status of a message that it cannot route."""
        return "6"

    async def _take(self, request: web.Request) -> web.Response:
        fields = dict(parse_qsl(await request.text(), keep_blank_values=True, strict_parsing=True))
        _check(request, fields)
        unicode = fields.get("type", "text") == "unicode"
        shown = fields["text"] if unicode else "".join(c if _septets(c) else "?" for c in fields["text"])
        entries = [
            self._entry(number, fields["to"], fields.get("client-ref", ""))
            for number, _ in enumerate(_pieces(shown, unicode))
        ]
        references = tuple(entry["message-id"] for entry in entries if entry["status"] == "0")
        if references:
            self.taken.append(_taken(references, fields, shown))
        return web.json_response({"message-count": str(len(entries)), "messages": entries})

    def _entry(self, number: int, recipient: str, client_reference: str) -> dict[str, str]:
        status = self.statuses[number] if number < len(self.statuses) else "0"
        if status != "0":
            return {"status": status, "error-text": "refused"}
        return {
            "to": recipient,
            "message-id": f"0A{new_id().hex[-14:].upper()}",
            "status": "0",
            "remaining-balance": "15.53590000",
            "message-price": "0.03330000",
            "network": "24001",
            "client-ref": client_reference,
        }

    async def _asked_for_balance(self, request: web.Request) -> web.StreamResponse:
        if self.trouble is Trouble.WRONG_KEY:
            told = {"error-code": "401", "error-code-label": "authentication failed"}
            return web.json_response(told, status=401)
        answer: web.StreamResponse = await self.answering(self._balance)(request)
        return answer

    async def _balance(self, request: web.Request) -> web.Response:
        given = "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
        if request.headers.get("Authorization") != given:
            raise WrongRequest("no Basic authentication")
        if request.query:
            raise WrongRequest(f"query {sorted(request.query)}")
        return web.json_response({"value": 10.28, "autoReload": False})

    def receipts(self, taken: Taken, word: str) -> list[Callback]:
        """To the address that came with the text, for each part one."""
        return [
            self.callback(
                taken.callback_url,
                {
                    "msisdn": taken.recipient.removeprefix("+"),
                    "to": taken.sender.removeprefix("+"),
                    "network-code": "24001",
                    "messageId": reference,
                    "price": "0.03330000",
                    "status": word,
                    "scts": "2611271011",
                    "err-code": "1" if word.lower() in ("expired", "failed", "rejected") else "0",
                    "api-key": KEY,
                    "message-timestamp": "2026-11-27 10:11:12",
                },
            )
            for reference in taken.references
        ]

    def incoming(self, reference: str, sender: str, recipient: str, text: str) -> list[Callback]:
        """To the address that the customer has set for the number, for each piece one."""
        unicode = not all(map(_septets, text))
        pieces = list(_pieces(text, unicode))
        return [
            self.callback(
                f"{CALLBACKS}/incoming",
                {
                    "msisdn": sender.removeprefix("+"),
                    "to": recipient.removeprefix("+"),
                    "messageId": reference if len(pieces) == 1 else f"{reference}-{number}",
                    "text": piece,
                    "type": "unicode" if unicode else "text",
                    "keyword": (piece.split() or [""])[0].upper(),
                    "api-key": KEY,
                    "message-timestamp": "2026-11-27 10:11:12",
                    **(_concatenated(number, len(pieces)) if len(pieces) > 1 else {}),
                },
            )
            for number, piece in enumerate(pieces, 1)
        ]

    def callback(self, url: str, fields: Mapping[str, str], age: timedelta = timedelta()) -> Callback:
        """A signed callback that came `age` after it was signed, in the account's way."""
        now = datetime.now(UTC)
        told = {**fields, "nonce": new_id().hex, "timestamp": str(int((now - age).timestamp()))}
        return self.carrying(url, {**told, "sig": signature(told, SIGNATURE_SECRET, self.method)}, now)

    def carrying(self, url: str, fields: Mapping[str, Any], now: datetime) -> Callback:
        """A callback with these fields as they are."""
        path = urlsplit(url).path.rpartition("/")[2]
        if self.way is Way.GET:
            return Callback("GET", path, dict(fields), {}, b"", f"{url}?{urlencode(fields)}", now)
        if self.way is Way.FORM:
            headers = {"content-type": "application/x-www-form-urlencoded"}
            return Callback("POST", path, {}, headers, urlencode(fields).encode(), url, now)
        headers = {"content-type": "application/json"}
        return Callback("POST", path, {}, headers, json.dumps(fields).encode(), url, now)

    def forged(self, callback: Callback) -> list[Callback]:
        """Without the signature, with one by another secret, with a field that was changed, and with one more."""
        url, fields = callback.url.partition("?")[0], _fields(callback)
        unsigned = {name: value for name, value in fields.items() if name != "sig"}
        changed = [
            unsigned,
            {**fields, "sig": ""},
            {**fields, "sig": signature(unsigned, SIGNATURE_SECRET + "x", self.method)},
            {**fields, "messageId": fields["messageId"] + "0"},
            {**fields, "timestamp": str(int(fields["timestamp"]) + 1)},
            {**fields, "more": "than was signed"},
        ]
        return [replace(self.carrying(url, each, callback.at), url=callback.url) for each in changed]


def signature(fields: Mapping[str, str], secret: str, method: str) -> str:
    """As the guide on signing messages tells to make it by hand."""
    text = ""
    for name, value in sorted(fields.items()):
        text += "&" + name + "=" + re.sub("[&=]", "_", value)
    if method == "md5hash":
        return hashlib.md5((text + secret).encode(), usedforsecurity=False).hexdigest()
    return hmac.new(secret.encode(), text.encode(), getattr(hashlib, method)).hexdigest().upper()


def _check(request: web.Request, fields: Mapping[str, str]) -> None:
    """Raises `WrongRequest`."""
    if request.query:
        raise WrongRequest(f"query {sorted(request.query)}")
    if not _REQUIRED <= set(fields) <= _REQUIRED | _OPTIONAL:
        raise WrongRequest(f"fields {sorted(fields)}")
    if (fields["api_key"], fields["api_secret"]) != (KEY, SECRET):
        raise WrongRequest("wrong key or secret")
    for name, fits in {
        "from": _FROM.fullmatch(fields["from"]) is not None,
        "to": _NUMBER.fullmatch(fields["to"]) is not None,
        "type": fields.get("type", "text") in ("text", "unicode"),
        "client-ref": len(fields.get("client-ref", "")) <= 100,
        "ttl": 20_000 <= int(fields.get("ttl", "20000")) <= 604_800_000,
        "status-report-req": fields.get("status-report-req", "1") in ("0", "1"),
    }.items():
        if not fits:
            raise WrongRequest(f"{name} {fields[name]}")


def _taken(references: tuple[str, ...], fields: Mapping[str, str], shown: str) -> Taken:
    sender = fields["from"]
    return Taken(
        references,
        f"+{sender}" if sender.isdecimal() else sender,
        f"+{fields['to']}",
        shown,
        UUID(fields["client-ref"]) if "client-ref" in fields else None,
        fields.get("callback", ""),
    )


def _septets(character: str) -> int:
    """How many septets it takes; none if it is not in GSM 03.38."""
    return 2 if character in _TWO_SEPTETS else int(character in _ONE_SEPTET)


def _pieces(text: str, unicode: bool) -> Iterator[str]:
    """A text as it is cut for the network. What takes two units is not cut in two."""
    units = [len(c.encode("utf-16-le")) // 2 if unicode else _septets(c) for c in text]
    room = (70 if unicode else 160) if sum(units) <= (70 if unicode else 160) else (67 if unicode else 153)
    piece, used = "", 0
    for character, unit in zip(text, units, strict=True):
        if used + unit > room:
            yield piece
            piece, used = "", 0
        piece, used = piece + character, used + unit
    yield piece


def _concatenated(number: int, total: int) -> dict[str, str]:
    return {
        "concat": "true",
        "concat-ref": "108",
        "concat-total": str(total),
        "concat-part": str(number),
    }


def _fields(callback: Callback) -> dict[str, str]:
    if callback.method == "GET":
        return dict(callback.query)
    if "json" in callback.headers["content-type"]:
        found: dict[str, str] = callback.json
        return found
    return dict(callback.form)
