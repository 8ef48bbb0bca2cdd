"""A fake of Jasmin, by its documentation: POST /send, GET /balance, and the forms of receipts and incoming texts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import uuid4

from aiohttp import web

from messa_platform.core.gsm import encode, fits_gsm
from messa_platform.providers.base import Callback, ReceiptStatus
from messa_platform.providers.kit.fake import CALLBACKS, Taken, Trouble, WrongRequest
from messa_platform.providers.kit.http_fake import HttpFake

USER, PASSWORD, KEY = "messa", "l0sen+o&100%d", "jasmin&callback=key+77"
_ALWAYS = {"username", "password", "from", "to", "coding", "dlr", "dlr-url", "dlr-level", "dlr-method"}


class JasminFake(HttpFake):
    """Jasmin on this machine."""

    words: ClassVar[Mapping[str, ReceiptStatus]] = {
        "ESME_ROK": ReceiptStatus.SENT,
        "ESME_RINVDSTADR": ReceiptStatus.UNDELIVERED,
        "ESME_RSUBMITFAIL": ReceiptStatus.UNDELIVERED,
        "ACCEPTD": ReceiptStatus.SENT,
        "ENROUTE": ReceiptStatus.BUFFERED,
        "UNKNOWN": ReceiptStatus.SENT,
        "DELIVRD": ReceiptStatus.DELIVERED,
        "UNDELIV": ReceiptStatus.UNDELIVERED,
        "EXPIRED": ReceiptStatus.UNDELIVERED,
        "DELETED": ReceiptStatus.UNDELIVERED,
        "REJECTD": ReceiptStatus.UNDELIVERED,
    }

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Mapping[str, str]] = []
        """The forms of every text."""
        self.refusal: tuple[int, str] | None = None
        """What is answered to a text that is refused, if not as usual."""
        self.balance: tuple[int, str] = (200, '{"balance": 10.0, "sms_count": "ND"}')

    def settings(self) -> dict[str, Any]:
        """What is set up for a user, and where the API listens."""
        return {"username": USER, "password": PASSWORD, "callback_key": KEY, "url": self.base}

    def routes(self) -> Sequence[web.RouteDef]:
        """What it offers."""
        return [
            web.post("/send", self.submitting(self._take)),
            web.get("/balance", self.answering(self._balance)),
        ]

    def in_trouble(self, trouble: Trouble) -> web.Response:
        """Its errors are a sentence in quotation marks."""
        status, text = {
            Trouble.THROTTLED: (403, "User throughput exceeded"),
            Trouble.DOWN: (500, "Cannot send submit_sm, check SMPPClientManagerPB log file for details"),
            Trouble.REFUSED: (400, "Argument [to] has an invalid value: [nobody]."),
            Trouble.WRONG_KEY: (403, f"Authentication failure for username:{USER}"),
        }[trouble]
        return _error(status, text)

    def refusal_code(self) -> str:
        """It has no codes of its own."""
        return "http_400"

    async def _take(self, request: web.Request) -> web.Response:
        given = dict(parse_qsl(await request.text(), keep_blank_values=True, strict_parsing=True))
        self.forms.append(given)
        if (given.get("username"), given.get("password")) != (USER, PASSWORD):
            raise WrongRequest("no user name and password")
        if set(given) - _ALWAYS not in ({"content"}, {"hex-content"}) or not set(given) >= _ALWAYS:
            raise WrongRequest(f"fields {sorted(given)}")
        if not re.fullmatch(r"\+?[0-9]+", given["to"]):
            raise WrongRequest(f"to {given['to']}")
        if (given["dlr"], given["dlr-level"], given["dlr-method"]) != ("yes", "3", "POST"):
            raise WrongRequest("receipts otherwise than agreed")
        if not re.match("https?://", given["dlr-url"]):
            raise WrongRequest(f"dlr-url {given['dlr-url']}")
        if self.refusal is not None:
            return _error(*self.refusal)
        reference = str(uuid4())
        self.taken.append(
            Taken((reference,), given["from"], given["to"], _shown(given), None, given["dlr-url"])
        )
        return web.Response(text=f'Success "{reference}"')

    async def _balance(self, request: web.Request) -> web.Response:
        if dict(request.query) != {"username": USER, "password": PASSWORD}:
            raise WrongRequest(f"parameters {sorted(request.query)}")
        status, text = self.balance
        return web.Response(status=status, text=text, content_type="application/json")

    def receipts(self, taken: Taken, word: str) -> list[Callback]:
        """To the address that came with the text: of the network's centre, or of the phone."""
        fields = {"id": taken.references[0], "message_status": word, "level": "1", "connector": "operator"}
        if not word.upper().startswith("ESME_"):
            fields |= {
                "level": "3",
                "id_smsc": "2567",
                "sub": "001",
                "dlvrd": "001",
                "subdate": "2611271011",
                "donedate": "2611271012",
                "err": "000",
                "text": taken.text[:20],
            }
        return [called(taken.callback_url, fields)]

    def incoming(self, reference: str, sender: str, recipient: str, text: str) -> list[Callback]:
        """To the address of its HTTP connector: the octets that came from the network, as they are and in hexadecimal."""
        is_plain = fits_gsm(text)
        octets = encode(text) if is_plain else text.encode("utf-16-be")
        fields = {
            "id": reference,
            "from": sender.removeprefix("+"),
            "to": recipient,
            "origin-connector": "operator",
            "priority": "1",
            "coding": "0" if is_plain else "8",
            "content": octets,
            "binary": octets.hex(),
        }
        return [called(f"{CALLBACKS}/incoming?{urlencode({'key': KEY})}", fields)]

    def forged(self, callback: Callback) -> list[Callback]:
        """Without the key, and with another."""
        return [replace(callback, query={}), replace(callback, query={"key": KEY[:-1] + "8"})]

    def wants(self) -> tuple[int, bytes]:
        """It calls again where it sees no such acknowledgement."""
        return 200, b"ACK/Jasmin"


def called(url: str, fields: Mapping[str, str | bytes]) -> Callback:
    """A callback to an address."""
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


def _error(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f'Error "{text}"')


def _shown(given: Mapping[str, str]) -> str:
    """A text as the phone shows it. Of what is not in the alphabet in which it travels only question marks remain."""
    if given["coding"] == "8" and "hex-content" in given:
        return bytes.fromhex(given["hex-content"]).decode("utf-16-be")
    if given["coding"] == "0" and "content" in given:
        return "".join(character if fits_gsm(character) else "?" for character in given["content"])
    raise WrongRequest(f"coding {given['coding']} for {sorted(given)}")
