"""A fake of Twilio, by its documentation: POST Messages.json, the account and its balance, receipts and incoming texts as signed forms."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web

from messa_platform.core.ids import new_id
from messa_platform.providers.base import Callback, ReceiptStatus
from messa_platform.providers.kit.fake import CALLBACKS, Taken, Trouble, WrongRequest
from messa_platform.providers.kit.http_fake import HttpFake

SID, TOKEN = "AC3f9d1c7be24a58606f1e2d3c4b5a6978", "5e1d0c9b8a7f6e5d4c3b2a190807f6e5"
SERVICE = "MG9752274e9e519418a7406176694466fa"
_API = "/2010-04-01/Accounts/{sid}"

_REQUIRED = {"To", "Body", "StatusCallback", "SmartEncoded"}
_ALLOWED = _REQUIRED | {"From", "MessagingServiceSid", "ValidityPeriod"}
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 +\-_&]{1,11}")

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")


class TwilioFake(HttpFake):
    """Twilio on this machine. `forms` has what it was asked with, text by text; `account` and `balance` are what it tells of them."""

    words: ClassVar[Mapping[str, ReceiptStatus]] = {
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

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Mapping[str, str]] = []
        self.account: dict[str, Any] = {"status": "active"}
        self.balance: tuple[int, dict[str, Any]] = (200, {"balance": "123.45", "currency": "USD"})

    def settings(self) -> dict[str, Any]:
        """What a customer of Twilio types in."""
        return {"account_sid": SID, "auth_token": TOKEN, "url": self.base}

    def routes(self) -> Sequence[web.RouteDef]:
        """What it offers."""
        return [
            web.post(f"{_API}/Messages.json", self.submitting(self._take)),
            web.get(f"{_API}/Balance.json", self.answering(self._balance)),
            web.get(f"{_API}.json", self.answering(self._account)),
        ]

    def in_trouble(self, trouble: Trouble) -> web.Response:
        """Its errors are JSON."""
        status, code, message = {
            Trouble.THROTTLED: (429, 20429, "Too Many Requests"),
            Trouble.DOWN: (503, 20503, "Service unavailable"),
            Trouble.REFUSED: (400, 21211, "The 'To' number +4670174060 is not a valid phone number."),
            Trouble.WRONG_KEY: (401, 20003, "Authenticate"),
        }[trouble]
        return refusal(status, code, message)

    def refusal_code(self) -> str:
        """The number is none."""
        return "21211"

    def wants(self) -> tuple[int, bytes]:
        """TwiML, in which nothing stands to be done."""
        return 200, b"<Response/>"

    async def _take(self, request: web.Request) -> web.Response:
        _authenticate(request)
        if request.content_type != "application/x-www-form-urlencoded":
            raise WrongRequest(f"content type {request.content_type}")
        pairs = parse_qsl(await request.text(), keep_blank_values=True, strict_parsing=True, errors="strict")
        fields = dict(pairs)
        if len(fields) != len(pairs):
            raise WrongRequest(f"fields twice {sorted(name for name, _ in pairs)}")
        _look_at(fields)
        self.forms.append(fields)
        reference = f"SM{new_id().hex}"
        self.taken.append(
            Taken(
                (reference,),
                fields.get("From", ""),
                fields["To"],
                fields["Body"],
                None,
                fields["StatusCallback"],
            )
        )
        return web.json_response(_message(reference, fields), status=201)

    async def _account(self, request: web.Request) -> web.Response:
        _authenticate(request)
        return web.json_response({"sid": SID, "friendly_name": "Kommunen", "type": "Full", **self.account})

    async def _balance(self, request: web.Request) -> web.Response:
        _authenticate(request)
        status, told = self.balance
        return web.json_response({"account_sid": SID, **told}, status=status)

    def receipts(self, taken: Taken, word: str) -> list[Callback]:
        """To the address that came with the text."""
        reference = taken.references[0]
        fields = {
            "ApiVersion": "2010-04-01",
            "AccountSid": SID,
            "SmsSid": reference,
            "SmsStatus": word,
            "MessageSid": reference,
            "MessageStatus": word,
            "To": taken.recipient,
            "From": taken.sender,
        }
        if word.lower() in ("undelivered", "failed"):
            fields["ErrorCode"] = "30003"
        if word.lower() in ("undelivered", "delivered"):
            fields["RawDlrDoneDate"] = "2611271011"
        return [form_callback(taken.callback_url, list(fields.items()))]

    def incoming(self, reference: str, sender: str, recipient: str, text: str) -> list[Callback]:
        """To the address that the customer has set for the number."""
        fields = {
            "ToCountry": "SE",
            "ToState": "",
            "SmsMessageSid": reference,
            "NumMedia": "0",
            "SmsSid": reference,
            "SmsStatus": "received",
            "Body": text,
            "FromCountry": "SE",
            "To": recipient,
            "NumSegments": str(segments(text)),
            "MessageSid": reference,
            "AccountSid": SID,
            "From": sender,
            "ApiVersion": "2010-04-01",
        }
        return [form_callback(f"{CALLBACKS}/incoming", list(fields.items()))]

    def forged(self, callback: Callback) -> list[Callback]:
        """Without a signature, with that of another account's token, for another address, and changed after it was signed."""
        fields = callback.form
        strange = {**callback.headers, "x-twilio-signature": signed("another", callback.url, fields)}
        elsewhere = {**callback.headers, "x-twilio-signature": signed(TOKEN, f"{CALLBACKS}/other", fields)}
        unsigned = {k: v for k, v in callback.headers.items() if k != "x-twilio-signature"}
        return [
            replace(callback, headers=unsigned),
            replace(callback, headers=strange),
            replace(callback, headers=elsewhere),
            replace(callback, body=callback.body.replace(b"MessageSid=", b"MessageSid=X")),
        ]


def signed(token: str, url: str, fields: Sequence[tuple[str, str]]) -> str:
    """The signature, in the steps of Twilio's page on webhook security."""
    text = url
    for name in sorted({name for name, _ in fields}):
        for value in sorted({value for other, value in fields if other == name}):
            text += f"{name}{value}"
    digest = hmac.new(token.encode("utf-8"), text.encode("utf-8"), hashlib.sha1).digest()
    return base64.b64encode(digest).decode("ascii")


def form_callback(url: str, fields: Sequence[tuple[str, str]], signed_url: str | None = None) -> Callback:
    """A callback with a form, which Twilio signed, if for `signed_url`."""
    signature = signed(TOKEN, signed_url or url, fields)
    return _callback(url, "application/x-www-form-urlencoded", urlencode(fields).encode(), signature)


def json_callback(url: str, body: bytes) -> Callback:
    """A callback with JSON: what is signed is the address, in which the body's digest is."""
    whole = f"{url}?bodySHA256={hashlib.sha256(body).hexdigest()}"
    return _callback(whole, "application/json", body, signed(TOKEN, whole, []))


def _callback(url: str, content_type: str, body: bytes, signature: str) -> Callback:
    parts = urlsplit(url)
    headers = {"content-type": content_type, "x-twilio-signature": signature}
    return Callback(
        "POST",
        parts.path.rpartition("/")[2],
        dict(parse_qsl(parts.query)),
        headers,
        body,
        url,
        datetime.now(UTC),
    )


def refusal(status: int, code: int, message: str) -> web.Response:
    """An error as Twilio tells it."""
    more = f"https://www.twilio.com/docs/errors/{code}"
    told = {"code": code, "message": message, "more_info": more, "status": status}
    return web.json_response(told, status=status)


def segments(text: str) -> int:
    """How many parts a text has: 160 or 153 septets, or 70 or 67 UTF-16 units, where no pair straddles two parts."""
    if set(text) <= _BASIC | _EXTENDED:
        widths, single, part = [1 + (letter in _EXTENDED) for letter in text], 160, 153
    else:
        widths, single, part = [len(letter.encode("utf-16-be")) // 2 for letter in text], 70, 67
    if sum(widths) <= single:
        return 1
    parts, room = 1, part
    for width in widths:
        if width > room:
            parts, room = parts + 1, part
        room -= width
    return parts


def _authenticate(request: web.Request) -> None:
    given = "Basic " + base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
    if request.headers.get("Authorization") != given:
        raise WrongRequest("no Basic authentication")
    if request.match_info["sid"] != SID:
        raise WrongRequest(f"account {request.match_info['sid']}")
    if request.query_string:
        raise WrongRequest(f"query {request.query_string}")


def _look_at(fields: Mapping[str, str]) -> None:
    """Whether a text is asked for as it is documented."""
    if not set(fields) >= _REQUIRED or not set(fields) <= _ALLOWED:
        raise WrongRequest(f"fields {sorted(fields)}")
    if ("From" in fields) == ("MessagingServiceSid" in fields):
        raise WrongRequest("neither From nor MessagingServiceSid, or both")
    if "From" in fields and not (_NUMBER.fullmatch(fields["From"]) or _NAME.fullmatch(fields["From"])):
        raise WrongRequest(f"From {fields['From']}")
    if not _NUMBER.fullmatch(fields["To"]):
        raise WrongRequest(f"To {fields['To']}")
    if not 1 <= len(fields["Body"]) <= 1600:
        raise WrongRequest(f"Body of {len(fields['Body'])} characters")
    if fields["SmartEncoded"] != "false":
        raise WrongRequest("SmartEncoded: the phone would show another text")
    if not 1 <= int(fields.get("ValidityPeriod", "36000")) <= 36_000:
        raise WrongRequest(f"ValidityPeriod {fields['ValidityPeriod']}")


def _message(reference: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """The answer to a text that was taken. A Messaging Service has chosen no sender yet, so that nobody knows the number of parts."""
    service = fields.get("MessagingServiceSid")
    written = format_datetime(datetime.now(UTC))
    path = f"/2010-04-01/Accounts/{SID}/Messages/{reference}"
    return {
        "account_sid": SID,
        "api_version": "2010-04-01",
        "body": fields["Body"],
        "date_created": written,
        "date_sent": None,
        "date_updated": written,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": fields.get("From"),
        "messaging_service_sid": service,
        "num_media": "0",
        "num_segments": "0" if service else str(segments(fields["Body"])),
        "price": None,
        "price_unit": "USD",
        "sid": reference,
        "status": "accepted" if service else "queued",
        "subresource_uris": {"media": f"{path}/Media.json"},
        "to": fields["To"],
        "uri": f"{path}.json",
    }
