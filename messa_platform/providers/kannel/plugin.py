"""Kannel, a gateway of one's own: texts by its `sendsms`, receipts and incoming texts by GET to addresses with a key of ours.

What Kannel's own settings must have, `KEY` being the channel's callback key, percent-encoded:

    group = sendsms-user        # username and password as in the channel
    max-messages = 20           # or Kannel cuts long texts off
    concatenation = true

    group = sms-service
    keyword = default
    max-messages = 0            # or Kannel sends an SMS in reply, were it to say that nobody answered
    concatenation = true        # a long text then comes joined
    get-url = "https://<callbacks>/incoming?key=KEY&from=%p&to=%P&text=%b&coding=%c&charset=%C&id=%I&time=%t"

`charset` says in what the text's bytes are written: UTF-8 mostly, UTF-16BE for what a phone sent as UCS-2; with `mo-recode = true` in the
group smsbox it is never the latter. Where it is left out, `coding` tells: 2 is UTF-16BE, 1 Latin-1, 0 UTF-8. `time` may be left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import quote_from_bytes, urlencode
from uuid import UUID

from messa_platform.core.destinations import MAX_URL
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
    Rejected,
    State,
    Surroundings,
    Verdict,
)
from messa_platform.providers.http import (
    CALLBACK_KEY,
    EVERYTHING,
    by_path,
    demand_key,
    keyed,
    needed,
    refused,
    unanswered,
    verdict,
    whole_number,
)
from messa_platform.providers.kannel.reading import fields_of, incoming, receipt

EVERY_RECEIPT: Final = "31"
"""The mask of receipts that are asked for: delivered, undelivered, buffered, and what the network's centre took or refused."""
_TAKEN = ("0:", "3:", "Sent.")
"""How its answer begins where it has the text: handed on, queued, or, if set to answer at once, not said which."""
_SPLITS = re.compile(r"Message splits: (\d{1,3})\b")


class KannelProvider:
    """Kannel as a provider."""

    name: ClassVar[str] = "kannel"
    contract: ClassVar[int] = CONTRACT_VERSION
    about: ClassVar[About] = About(
        "Kannel",
        "https://www.kannel.org",
        "messa",
        msgid("A gateway of your own, which speaks to the operators that you have contracts with."),
    )
    capabilities: ClassVar[Capabilities] = EVERYTHING
    settings_schema: ClassVar[dict[str, Any]] = {
        "url": needed(
            msgid("Address of the gateway"),
            msgid("With the port of sendsms, for example http://kannel.example:13013"),
        ),
        "username": needed(
            msgid("User name"),
            msgid("Of the group sendsms-user. Kannel cuts long texts off if max-messages is not set there."),
        ),
        "password": needed(msgid("Password"), secret=True),
        "callback_key": CALLBACK_KEY,
        "validity": whole_number(msgid("Minutes for which the network tries to deliver"), 1),
        "priority": whole_number(msgid("Priority, from 0 to 3"), 0, 3),
        "path": {
            "type": "string",
            "regex": "/.*",
            "default": "/cgi-bin/sendsms",
            "meta": {"label": msgid("Path of sendsms"), "rare": True},
        },
    }

    codes: ClassVar[Mapping[str, str]] = {
        "http_400": msgid("The gateway does not take the text: its number or sender is not allowed there."),
        "http_403": msgid("The gateway does not know the channel's name or password."),
        "http_404": msgid("The gateway has no sendsms at the channel's address."),
        "http_503": msgid("The gateway could not take the text just then."),
        "not_routable": msgid("The gateway has no way to the recipient."),
        "2": msgid("The network could not deliver the text."),
        "2 UNDELIV": msgid("The network could not deliver the text."),
        "2 EXPIRED": msgid("The network tried to deliver the text for as long as it may."),
        "2 DELETED": msgid("The network deleted the text."),
        "2 REJECTD": msgid("The network refused the text."),
        "4": msgid("The network keeps the text until the phone can be reached."),
        "8": msgid("The network has the text."),
        "16": msgid("The network refused the text."),
    }

    def __init__(self, settings: Mapping[str, Any], surroundings: Surroundings) -> None:
        self._http = surroundings.http
        self._url: str = settings["url"].rstrip("/") + settings["path"]
        self._user = {"username": settings["username"], "password": settings["password"]}
        self._wishes = {key: str(settings[key]) for key in ("validity", "priority") if key in settings}
        self._receipts = keyed(surroundings, settings)

    async def send(self, message: OutgoingText) -> Outcome:
        """Hand one text over."""
        url, text = self._written(message.text)
        query = {
            **self._user,
            "from": message.sender,
            "to": message.recipient,
            "dlr-mask": EVERY_RECEIPT,
            "dlr-url": self._receipts_of(message.message_id),
            **self._wishes,
            **text,
        }
        answer = await self._http.request("GET", url, query=query)
        return unanswered(answer) if isinstance(answer, NoAnswer) else _outcome(answer, message.message_id)

    def _written(self, text: str) -> tuple[str, dict[str, str]]:
        """The address to ask, and the parameters that say the text: UCS-2 is bytes, which only the address can hold."""
        if fits_gsm(text):
            return self._url, {"text": text, "charset": "UTF-8", "coding": "0"}
        raw = f"{self._url}?text={quote_from_bytes(text.encode('utf-16-be'), safe='')}"
        if len(raw) <= MAX_URL:
            return raw, {"coding": "2"}
        # longer than an address may be: Kannel itself makes UCS-2 of it
        return self._url, {"text": text, "charset": "UTF-8", "coding": "2"}

    def _receipts_of(self, message_id: UUID) -> str:
        """Where the receipts of a text go. Kannel fills in `%d`, the receipt's bit, and `%A`, what the network's centre said; any other
        percent sign must be doubled, or what follows it is filled in too."""
        address = f"{self._receipts}&{urlencode({'id': str(message_id)})}".replace("%", "%%")
        return f"{address}&status=%d&answer=%A"

    async def check(self) -> Verdict:
        """Ask for a text to nobody: Kannel says that the number is missing once it knows who asks."""
        answer = await self._http.request("GET", self._url, query=self._user)
        if isinstance(answer, Answer) and answer.status == 400 and b"receiver" in answer.body.lower():
            return Verdict(State.WELL)
        if isinstance(answer, Answer) and answer.ok:  # Kannel takes no text to nobody: it is somebody else
            return Verdict(State.STRANGE, f"http_{answer.status}")
        return verdict(answer)

    async def close(self) -> None:
        """Nothing is held."""

    @staticmethod
    def read_callback(settings: Mapping[str, Any], callback: Callback) -> CallbackResult:
        """Read a receipt or an incoming text. The answer has no body: Kannel sends one to the phone as a reply."""
        demand_key(callback, settings["callback_key"])
        fields = fields_of(callback)
        return CallbackResult((by_path(callback, lambda: receipt(fields), lambda: incoming(fields)),))


def _outcome(answer: Answer, message_id: UUID) -> Outcome:
    """What Kannel's answer to a text means. It gives no id, so the text's is ours."""
    told = answer.body.decode("latin-1").strip()
    if answer.status == 202 and told.startswith(_TAKEN):
        splits = _SPLITS.search(told)
        return Accepted(str(message_id), int(splits[1]) if splits else None)
    if answer.status == 403 and told.lower().startswith("not routable"):
        return Rejected(permanent=True, code="not_routable")
    return refused(answer)
