"""What Twilio's error codes mean, in words, and which of them speak against a text for good."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from messa_platform.core.i18n import msgid
from messa_platform.core.outbound import Answer
from messa_platform.providers.base import Rejected, Unknown
from messa_platform.providers.http import json_object, refused

_OF_US_OR_NOW: Final[Mapping[str, str]] = {
    "10001": msgid("The account at Twilio is not active."),
    "14107": msgid("Too many texts went to that number within a short time."),
    "20003": msgid("Twilio does not know the Account SID, or the auth token is not its own."),
    "20005": msgid("The account at Twilio is not active."),
    "20008": msgid("The auth token is the one for tests, with which nothing is sent."),
    "20404": msgid("Twilio has no such account, or the address of the API is wrong."),
    "20429": msgid("Twilio takes no more texts just then."),
    "20500": msgid("Twilio is out of order."),
    "20503": msgid("Twilio is out of order."),
    "21608": msgid(
        "The account at Twilio is a trial account, which sends to numbers only that are verified."
    ),
    "21609": msgid("Twilio cannot use the address to which receipts are to go."),
    "21611": msgid("Too many texts from that sender wait at Twilio."),
    "21701": msgid("Twilio has no such Messaging Service."),
    "21703": msgid("The Messaging Service has no sender for that text."),
    "21704": msgid("The Messaging Service has no sender."),
    "21705": msgid("Twilio has no such Messaging Service."),
    "21730": msgid("Twilio is out of order."),
    "30001": msgid("Too many texts from that sender wait at Twilio."),
    "30002": msgid("The account at Twilio is suspended; it may be empty."),
    "30022": msgid("Twilio takes no more texts just then."),
    "63017": msgid("Twilio takes no more texts just then."),
}
"""Codes that say something of the channel or of the moment: a text that they befall is kept and tried again."""

_FOR_GOOD: Final[Mapping[str, str]] = {
    "21211": msgid("The recipient's number is not valid."),
    "21212": msgid("Twilio takes no such sender."),
    "21265": msgid("The recipient's number is a short code, to which no text can be sent."),
    "21266": msgid("The sender and the recipient are the same number."),
    "21408": msgid("The account at Twilio may not send to the recipient's country."),
    "21602": msgid("The text is empty."),
    "21606": msgid("The sender is no number of the account at Twilio, or cannot send there."),
    "21610": msgid("The recipient wants no more texts from that sender."),
    "21612": msgid("Twilio cannot send from that sender to the recipient."),
    "21614": msgid("The recipient's number takes no texts."),
    "21617": msgid("The text is longer than Twilio takes it."),
    "21635": msgid("The recipient's number is a landline, which takes no texts."),
    "21658": msgid("The text is longer than Twilio takes it."),
    "21659": msgid("The sender is no number of the account at Twilio, or cannot send there."),
    "21660": msgid("The sender is no number of the account at Twilio, or cannot send there."),
}
"""Codes that say something of the text, its sender or its recipient: another try meets the same."""

_ON_THE_WAY: Final[Mapping[str, str]] = {
    "30003": msgid("The phone is switched off or out of reach, or takes no texts."),
    "30004": msgid("The network blocked the text, or the recipient did."),
    "30005": msgid("The network knows no such number."),
    "30006": msgid("The recipient's number is a landline, or its network cannot be reached."),
    "30007": msgid("The network took the text for unwanted advertising and held it back."),
    "30008": msgid("The network could not deliver the text and does not say why."),
    "30036": msgid("The text waited at Twilio longer than it was to be valid."),
}
"""Codes of receipts."""

_WORDS: Final[Mapping[str, str]] = {**_OF_US_OR_NOW, **_FOR_GOOD, **_ON_THE_WAY}
_FAILURES: Final = ("undelivered", "failed")
"""Statuses that come with an error code."""

CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **_WORDS,
        **{f"{status} {code}": said for status in _FAILURES for code, said in _WORDS.items()},
        "undelivered": msgid("The network could not deliver the text."),
        "failed": msgid("Twilio could not send the text."),
        "canceled": msgid("The text was called off at Twilio before it was sent."),
    }
)
"""The words for codes of refusals, and for those of receipts, where the status stands before the code."""


def refusal(answer: Answer) -> Rejected | Unknown:
    """The outcome of a send that was answered with an error. For good is only what Twilio itself says of the text: that comes as 400 with
    a code. Anything else (another status, or no code, as where the address is not Twilio's) leaves the text waiting."""
    code = _code(answer)
    outcome = refused(answer, code)
    if isinstance(outcome, Unknown):
        return outcome
    says_no = answer.status == 400 and code != "" and code not in _OF_US_OR_NOW
    return Rejected(permanent=says_no or code in _FOR_GOOD, code=outcome.code)


def _code(answer: Answer) -> str:
    """Twilio's own code for an error; empty if there is none."""
    code = (json_object(answer) or {}).get("code")
    return str(code) if isinstance(code, int) and not isinstance(code, bool) else ""
