"""Jasmin, a gateway of one's own: texts by its HTTP API, receipts and incoming texts as forms to addresses with a key of ours.

What Jasmin's own settings must have, `KEY` being the channel's callback key, percent-encoded:

    jasmin.cfg, [http-api]: long_content_max_parts = 20     # or Jasmin cuts long texts off
    jcli, user: mt_messaging_cred authorization hex_content, dlr_level, dlr_method, src_addr, http_balance: yes
    jcli, httpccm: url https://<callbacks>/incoming?key=KEY, method POST, and an MO route to it

A text from a phone comes as the octets that the network sent; what the coding 0 is every operator decides, so the channel says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

from messa_platform.core.gsm import fits_gsm
from messa_platform.core.i18n import msgid
from messa_platform.core.outbound import Answer, NoAnswer
from messa_platform.providers.base import (
    CONTRACT_VERSION,
    About,
    Accepted,
    Callback,
    CallbackResult,
    Capabilities,
    Outcome,
    OutgoingText,
    State,
    Surroundings,
    Verdict,
)
from messa_platform.providers.http import (
    CALLBACK_KEY,
    EVERYTHING,
    MALFORMED,
    by_path,
    demand_key,
    json_object,
    keyed,
    needed,
    unanswered,
    verdict,
)
from messa_platform.providers.jasmin.codes import WORDS, refusal
from messa_platform.providers.jasmin.reading import ALPHABETS, GSM, fields_of, incoming, receipt

ACKNOWLEDGED: Final = b"ACK/Jasmin"
"""The answer without which Jasmin calls again."""
_SUCCESS = re.compile(rb'\s*Success "([!#-~]{1,100})"\s*')


class JasminProvider:
    """Jasmin as a provider."""

    name: ClassVar[str] = "jasmin"
    contract: ClassVar[int] = CONTRACT_VERSION
    about: ClassVar[About] = About(
        "Jasmin",
        "https://jasminsms.com",
        "messa",
        msgid("A gateway of your own, which speaks to the operators that you have contracts with."),
    )
    capabilities: ClassVar[Capabilities] = EVERYTHING
    settings_schema: ClassVar[dict[str, Any]] = {
        "url": needed(
            msgid("Address of the gateway"),
            msgid("With the port of its HTTP API, for example http://jasmin.example:1401"),
        ),
        "username": needed(
            msgid("User name"),
            msgid(
                "The user must be allowed to set hex content and receipts. Jasmin cuts long texts off at long_content_max_parts."
            ),
        ),
        "password": needed(msgid("Password"), secret=True),
        "callback_key": CALLBACK_KEY,
        "alphabet": {
            "type": "string",
            "allowed": list(ALPHABETS),
            "default": GSM,
            "meta": {"label": msgid("The operator's alphabet for incoming texts"), "rare": True},
        },
    }

    codes: ClassVar[Mapping[str, str]] = WORDS

    def __init__(self, settings: Mapping[str, Any], surroundings: Surroundings) -> None:
        self._http = surroundings.http
        self._url: str = settings["url"].rstrip("/")
        self._user = {"username": settings["username"], "password": settings["password"]}
        self._dlr = {
            "dlr": "yes",
            "dlr-url": keyed(surroundings, settings),
            "dlr-level": "3",
            "dlr-method": "POST",
        }

    async def send(self, message: OutgoingText) -> Outcome:
        """Hand one text over."""
        form = {
            **self._user,
            "from": message.sender,
            "to": message.recipient,
            **self._dlr,
            **_written(message.text),
        }
        answer = await self._http.request("POST", f"{self._url}/send", form=form)
        if isinstance(answer, NoAnswer):
            return unanswered(answer)
        if answer.status != 200:
            return refusal(answer)
        told = _SUCCESS.fullmatch(answer.body)
        return Accepted(told[1].decode()) if told else MALFORMED

    async def check(self) -> Verdict:
        """Ask what the account holds."""
        answer = await self._http.request("GET", f"{self._url}/balance", query=self._user)
        if isinstance(answer, NoAnswer) or not answer.ok:
            # who may not ask is known all the same
            return Verdict(State.WELL) if _is_known(answer) else verdict(answer)
        told = json_object(answer)
        if told is None or "balance" not in told:
            return Verdict(State.STRANGE, "malformed_answer")
        balance = told["balance"]  # "ND" where none is kept
        if isinstance(balance, bool) or not isinstance(balance, int | float):
            return Verdict(State.WELL)
        return Verdict(State.WELL, balance=Decimal(str(balance)))

    async def close(self) -> None:
        """Nothing is held."""

    @staticmethod
    def read_callback(settings: Mapping[str, Any], callback: Callback) -> CallbackResult:
        """Read a receipt or an incoming text."""
        demand_key(callback, settings["callback_key"])
        fields, alphabet = fields_of(callback), settings.get("alphabet", GSM)
        event = by_path(callback, lambda: receipt(fields), lambda: incoming(fields, alphabet))
        return CallbackResult((event,), body=ACKNOWLEDGED)


def _written(text: str) -> dict[str, str]:
    """The parameters that say a text: Jasmin makes septets of it, or passes on UCS-2 as it is."""
    if fits_gsm(text):
        return {"content": text, "coding": "0"}
    return {"hex-content": text.encode("utf-16-be").hex(), "coding": "8"}


def _is_known(answer: Answer | NoAnswer) -> bool:
    """Whether the gateway knows who asked, and only does not let them ask for the balance."""
    return isinstance(answer, Answer) and answer.status == 400 and b"Authorization failed" in answer.body
