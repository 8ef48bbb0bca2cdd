"""A fake of Kannel, by its user guide: GET /cgi-bin/sendsms, and the addresses that it asks with its escape codes filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl, quote_plus, unquote_to_bytes, urlencode, urlsplit
from uuid import UUID

from aiohttp import web

from messa_platform.core.gsm import fits_gsm
from messa_platform.core.ids import new_id
from messa_platform.providers.base import Callback, ReceiptStatus
from messa_platform.providers.kit.fake import CALLBACKS, Taken, Trouble, WrongRequest
from messa_platform.providers.kit.http_fake import HttpFake

USER, PASSWORD, KEY = "messa", "l0sen+ord&100%d", "kannel&callback%d=key+77"
"""With everything in them that an address can spoil."""
PATH = "/cgi-bin/sendsms"
_ALWAYS = {"username", "password", "from", "to", "text", "coding", "dlr-mask", "dlr-url"}
_SOMETIMES = {"charset", "validity", "priority"}
_FILLED_IN = "aAbBcCdDfFiIkmMnoOpPqQrRsStTu"
"""The letters that are escape codes after a percent sign."""


class KannelFake(HttpFake):
    """Kannel on this machine."""

    words: ClassVar[Mapping[str, ReceiptStatus]] = {
        "1": ReceiptStatus.DELIVERED,
        "2": ReceiptStatus.UNDELIVERED,
        "4": ReceiptStatus.BUFFERED,
        "8": ReceiptStatus.SENT,
        "16": ReceiptStatus.UNDELIVERED,
    }

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Mapping[str, bytes]] = []
        """The parameters of every request, as they came."""
        self.answer = (202, "0: Accepted for delivery")
        """What is answered to a text that is taken."""

    def settings(self) -> dict[str, Any]:
        """What stands in the group sendsms-user, and where it listens."""
        return {"username": USER, "password": PASSWORD, "callback_key": KEY, "url": self.base}

    def routes(self) -> Sequence[web.RouteDef]:
        """What it offers: a request without a number is no text."""
        text, no_text = self.submitting(self._take), self.answering(self._miss)

        async def handle(request: web.Request) -> web.StreamResponse:
            response: web.StreamResponse = await (text if "to" in _parameters(request) else no_text)(request)
            return response

        return [web.get(PATH, handle)]

    def in_trouble(self, trouble: Trouble) -> web.Response:
        """A status and a line of text; it has one for all that passes."""
        status, text = {
            Trouble.THROTTLED: (503, "Temporal failure, try again later."),
            Trouble.DOWN: (503, "Temporal failure, try again later."),
            Trouble.REFUSED: (400, "Number(s) has/have been denied by white- and/or black-lists."),
            Trouble.WRONG_KEY: (403, "Authorization failed for sendsms"),
        }[trouble]
        return web.Response(status=status, text=text, content_type="text/html")

    def refusal_code(self) -> str:
        """It has no codes of its own."""
        return "http_400"

    async def _miss(self, request: web.Request) -> web.Response:
        given = _parameters(request)
        _authenticate(given)
        if set(given) != {"username", "password"}:
            raise WrongRequest(f"parameters {sorted(given)}")
        return web.Response(status=400, text="Missing receiver number, rejected")

    async def _take(self, request: web.Request) -> web.Response:
        given = _parameters(request)
        self.requests.append(given)
        _authenticate(given)
        if not _ALWAYS <= set(given) <= _ALWAYS | _SOMETIMES:
            raise WrongRequest(f"parameters {sorted(given)}")
        recipient, pattern = given["to"].decode(), given["dlr-url"].decode()
        if not re.fullmatch(r"\+?[0-9]+", recipient):  # a space parts several
            raise WrongRequest(f"to {recipient}")
        if given["dlr-mask"] != b"31" or not re.match("https?://", pattern):
            raise WrongRequest(f"dlr-mask {given['dlr-mask']!r}, dlr-url {pattern}")
        reference = dict(parse_qsl(urlsplit(_filled(pattern, "1", "")).query))["id"]
        self.taken.append(
            Taken((reference,), given["from"].decode(), recipient, _shown(given), UUID(reference), pattern)
        )
        status, text = self.answer
        return web.Response(status=status, text=text, content_type="text/html")

    def receipts(self, taken: Taken, word: str) -> list[Callback]:
        """To the address that came with the text."""
        said = (
            "id:6ab sub:001 dlvrd:001 submit date:2611271011 done date:2611271011 stat:DELIVRD err:000 text:"
        )
        return [called(_filled(taken.callback_url, word, f"{said}{taken.text[:20]}"))]

    def incoming(self, reference: str, sender: str, recipient: str, text: str) -> list[Callback]:
        """To the address in the group sms-service; what a phone sends as UCS-2 comes as its bytes."""
        is_plain = fits_gsm(text)
        filled = {
            "from": sender.replace("+", "00"),
            "to": recipient,
            "text": text.encode("utf-8" if is_plain else "utf-16-be"),
            "coding": "0" if is_plain else "2",
            "charset": "UTF-8" if is_plain else "UTF-16BE",
            "id": reference,
            "time": "2026-11-27 10:11:12",
        }
        return [called(f"{CALLBACKS}/incoming?{urlencode({'key': KEY, **filled})}")]

    def forged(self, callback: Callback) -> list[Callback]:
        """Without the key, and with another."""
        return [replace(callback, query={}), replace(callback, query={"key": KEY[:-1] + "8"})]


def called(url: str) -> Callback:
    """A callback to an address."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Callback("GET", parts.path.rpartition("/")[2], query, {}, b"", url, datetime.now(UTC))


def _parameters(request: web.Request) -> Mapping[str, bytes]:
    """A request's parameters, decoded as Kannel does it: to bytes, of no charset."""
    pairs = [pair.partition("=") for pair in urlsplit(request.raw_path).query.split("&")]
    return {name: unquote_to_bytes(value.replace("+", " ")) for name, _, value in pairs}


def _authenticate(given: Mapping[str, bytes]) -> None:
    if (given.get("username"), given.get("password")) != (USER.encode(), PASSWORD.encode()):
        raise WrongRequest("no user name and password")


def _shown(given: Mapping[str, bytes]) -> str:
    """A text as the phone shows it. Of what is not in the alphabet in which it travels only question marks remain."""
    charset = given["charset"].decode() if "charset" in given else ""
    if given["coding"] == b"2":
        return given["text"].decode(charset or "utf-16-be")
    if given["coding"] != b"0":
        raise WrongRequest(f"coding {given['coding']!r}")
    text = given["text"].decode(charset or "iso-8859-1")
    return "".join(character if fits_gsm(character) else "?" for character in text)


def _filled(pattern: str, status: str, answer: str) -> str:
    """An address with its escape codes filled in, as Kannel does it with every percent sign."""
    known = {"d": status, "A": quote_plus(answer), "%": "%", "I": str(new_id())}

    def fill(found: re.Match[str]) -> str:
        return known.get(found[1], "spoilt" if found[1] in _FILLED_IN else found[0])

    return re.sub("%(.)", fill, pattern)
