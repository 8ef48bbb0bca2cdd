"""A fake of GatewayAPI, by its documentation: POST /rest/mtsms and GET /rest/me, receipts and incoming texts as JSON, signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

from aiohttp import web

from messa_platform.core.ids import new_id
from messa_platform.providers.base import Callback, ReceiptStatus
from messa_platform.providers.kit.fake import CALLBACKS, Taken, Trouble, WrongRequest
from messa_platform.providers.kit.http_fake import HttpFake

TOKEN, KEY, SECRET = "GoGenerateAnApiToken-4711", "gwapi-callback-key-88", "gwapi-webhook-secret-99"
_FIELDS = {
    *("message", "sender", "recipients", "userref"),
    *("callback_url", "max_parts", "encoding", "destaddr"),
}
_OPTIONAL = {"validity_period"}
_RULES: Mapping[str, Callable[[Any], Any]] = {
    "message": lambda v: isinstance(v, str) and v,
    "sender": lambda v: 0 < len(v) <= (15 if v.isdecimal() else 11) and not v.startswith("+"),
    "userref": lambda v: isinstance(v, str) and UUID(v),
    "callback_url": lambda v: v.startswith("https://"),
    "max_parts": lambda v: type(v) is int and 1 <= v <= 255,
    "encoding": lambda v: v in ("UTF8", "UCS2"),
    "destaddr": lambda v: v in ("DISPLAY", "MOBILE", "SIMCARD", "EXTUNIT"),
    "validity_period": lambda v: type(v) is int and v >= 60,
}

_LATIN = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
_BASIC = frozenset(f"{_LATIN}¤£¥§¿¡\n\rΔΦΓΛΩΠΨΣΘΞèéùìòÇØøÅåÆæßÉÄÖÑÜäöñüà")
_TWICE = frozenset("^{}\\[]~|€\f")
"""The alphabet as GatewayAPI's glossary lists it, and what costs two characters of it; with ¡ and the form feed, which it forgets."""


class GatewayApiFake(HttpFake):
    """GatewayAPI on this machine."""

    words: ClassVar[Mapping[str, ReceiptStatus]] = {
        "UNKNOWN": ReceiptStatus.SENT,
        "SCHEDULED": ReceiptStatus.SENT,
        "BUFFERED": ReceiptStatus.SENT,
        "ENROUTE": ReceiptStatus.BUFFERED,
        "DELIVERED": ReceiptStatus.DELIVERED,
        "EXPIRED": ReceiptStatus.UNDELIVERED,
        "DELETED": ReceiptStatus.UNDELIVERED,
        "UNDELIVERABLE": ReceiptStatus.UNDELIVERED,
        "ACCEPTED": ReceiptStatus.DELIVERED,
        "REJECTED": ReceiptStatus.UNDELIVERED,
        "SKIPPED": ReceiptStatus.UNDELIVERED,
    }

    def __init__(self) -> None:
        super().__init__()
        self._ids = count(421_332_671)

    def settings(self) -> dict[str, Any]:
        """What a customer of GatewayAPI types in."""
        return {"token": TOKEN, "callback_key": KEY, "jwt_secret": SECRET, "url": self.base}

    def routes(self) -> Sequence[web.RouteDef]:
        """What it offers."""
        return [
            web.post("/rest/mtsms", self.submitting(self._take)),
            web.get("/rest/me", self.answering(self._me)),
        ]

    def in_trouble(self, trouble: Trouble) -> web.Response:
        """Its errors are JSON, with a code or without."""
        return {
            Trouble.THROTTLED: _error(429, "Too many requests"),
            Trouble.DOWN: _error(503, "Service unavailable"),
            Trouble.REFUSED: _error(403, "MSISDN %1 blacklisted", "0x0215"),
            Trouble.WRONG_KEY: _error(401, "Invalid username: %1", "0x0210"),
        }[trouble]

    def refusal_code(self) -> str:
        """Its code for a number that it has blocked."""
        return "0x0215"

    async def _take(self, request: web.Request) -> web.Response:
        _authenticate(request)
        fields = await _sent(request)
        reference = str(next(self._ids))
        self.taken.append(
            Taken(
                (reference,),
                _shown(fields["sender"]),
                f"+{fields['recipients'][0]['msisdn']}",
                _travelled(fields["message"], fields["encoding"]),
                UUID(fields["userref"]),
                fields["callback_url"],
            )
        )
        # what goes beyond `max_parts` is not charged
        parts = min(_parts(fields["message"], fields["encoding"]), fields["max_parts"])
        usage = {"countries": {"SE": parts}, "currency": "SEK", "total_cost": round(0.35 * parts, 2)}
        return web.json_response({"ids": [int(reference)], "usage": usage})

    async def _me(self, request: web.Request) -> web.Response:
        _authenticate(request)
        return web.json_response({"credit": 1234.56, "currency": "DKK", "id": 1})

    def receipts(self, taken: Taken, word: str) -> list[Callback]:
        """To the address that came with the text."""
        fields = {
            "id": int(taken.references[0]),
            "msisdn": int(taken.recipient[1:]),
            "time": 1_795_774_272,
            "status": word,
            "userref": str(taken.message_id),
            "country_code": "SE",
            "country_prefix": 46,
        }
        if word.upper() in ("UNDELIVERABLE", "REJECTED"):
            fields |= {"error": "Unknown subscriber", "code": "0x1010"}
        # as in the token that the documentation shows
        claims = {"error": None, "code": None, **fields, "callback_url": taken.callback_url, "api": 4}
        return [_callback(taken.callback_url, fields, signed(claims))]

    def incoming(self, reference: str, sender: str, recipient: str, text: str) -> list[Callback]:
        """To the address that the customer has set for the number."""
        fields = {
            "id": 1_000_000 + sum(map(ord, reference)),
            "msisdn": int(sender[1:]),
            "receiver": int(recipient[1:]),
            "message": text,
            "senttime": 1_795_774_272,
            "webhook_label": "messa",
            "country_code": "SE",
            "country_prefix": 46,
        }
        return [_callback(f"{CALLBACKS}/incoming?{urlencode({'key': KEY})}", fields, signed(fields))]

    def forged(self, callback: Callback) -> list[Callback]:
        """Without the key or with another; without a signature, with one by another secret or algorithm; with another body."""
        fields = json.loads(callback.body)
        other = json.dumps({**fields, "id": fields["id"] + 1}).encode()
        tokens = (
            "",
            "not.a.token",
            signed(fields, "gwapi-webhook-secret-98"),
            signed(fields, algorithm="HS512"),
            signed(fields, algorithm="none"),
        )
        return [
            replace(callback, query={}),
            replace(callback, query={"key": KEY[:-1] + "9"}),
            replace(callback, headers={"content-type": "application/json"}),
            replace(callback, body=other),
            *(replace(callback, headers={**callback.headers, "x-gwapi-signature": t}) for t in tokens),
        ]


async def _sent(request: web.Request) -> dict[str, Any]:
    """The fields of a request that is as the documentation has it."""
    if request.content_type != "application/json" or request.query_string:
        raise WrongRequest(f"{request.content_type}, ?{request.query_string}")
    fields: dict[str, Any] = json.loads(await request.text())
    if not _FIELDS <= set(fields) <= _FIELDS | _OPTIONAL:
        raise WrongRequest(f"fields {sorted(fields)}")
    recipients = fields["recipients"]
    if len(recipients) != 1 or set(recipients[0]) != {"msisdn"} or type(recipients[0]["msisdn"]) is not int:
        raise WrongRequest(f"recipients {recipients}")
    for name, is_well in _RULES.items():
        if name in fields and not is_well(fields[name]):
            raise WrongRequest(f"{name} {fields[name]!r}")
    return fields


def _travelled(text: str, encoding: str) -> str:
    """A text as it arrives: what GSM 03.38 does not have is lost in it."""
    if encoding == "UCS2":
        return text.encode("utf-16-be").decode("utf-16-be")
    return "".join(c if c in _BASIC or c in _TWICE else "?" for c in text)


def _parts(text: str, encoding: str) -> int:
    is_gsm = encoding == "UTF8"
    units = sum(1 + (c in _TWICE) for c in text) if is_gsm else len(text.encode("utf-16-be")) // 2
    single, part = (160, 153) if is_gsm else (70, 67)
    return 1 if units <= single else math.ceil(units / part)


def _shown(sender: str) -> str:
    """A sender as phones show it: what is as long as a number is one."""
    return f"+{sender}" if sender.isdecimal() and len(sender) > 6 else sender


def _error(status: int, message: str, code: str = "") -> web.Response:
    told = {"incident_uuid": str(new_id()), "message": message}
    return web.json_response({**told, "code": code} if code else told, status=status)


def _authenticate(request: web.Request) -> None:
    given = "Basic " + base64.b64encode(f"{TOKEN}:".encode()).decode()
    if request.headers.get("Authorization") != given:
        raise WrongRequest("no Basic authentication")


def signed(claims: Mapping[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    """A JSON web token (RFC 7519), put together by hand."""
    parts = [_letters(json.dumps(p).encode()) for p in ({"typ": "JWT", "alg": algorithm}, claims)]
    if algorithm == "none":
        return ".".join([*parts, ""])
    digest = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}[algorithm]
    return ".".join([*parts, _letters(hmac.digest(secret.encode(), ".".join(parts).encode(), digest))])


def _letters(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def _callback(url: str, fields: Mapping[str, Any], token: str) -> Callback:
    parts = urlsplit(url)
    return Callback(
        "POST",
        parts.path.rpartition("/")[2],
        dict(parse_qsl(parts.query)),
        {"content-type": "application/json", "x-gwapi-signature": token},
        json.dumps(fields).encode(),
        url,
        datetime.now(UTC),
    )
