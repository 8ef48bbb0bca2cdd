"""A person answers from a phone: what is asked of a reply."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from messa_platform.providers.simulator.phone_number import e164

MAX_TEXT: Final = 2_000


class ReplyProblem(Enum):
    """Why a reply cannot leave; the value says what to do."""

    PHONE = "the phone's number must be international, such as +46701740605"
    TO = 'give "to": the number that the text should reach, such as +46730000001'
    SENDER_NAME = 'a phone cannot answer a sender name; give a number as "to", such as +46730000001'
    TEXT = f'give "text": 1 to {MAX_TEXT} characters'


@dataclass(frozen=True, slots=True)
class ReadReply:
    """A reply that can leave, numbers in E.164."""

    phone: str
    to: str
    text: str


def read_reply(phone: object, to: object, text: object) -> ReadReply | ReplyProblem:
    """Check a reply as typed."""
    number = e164(phone) if isinstance(phone, str) else None
    if number is None:
        return ReplyProblem.PHONE
    if not isinstance(to, str) or not to.strip():
        return ReplyProblem.TO
    recipient = e164(to)
    if recipient is None:
        return ReplyProblem.SENDER_NAME if any(letter.isalpha() for letter in to) else ReplyProblem.TO
    if not isinstance(text, str) or not text.strip() or len(text) > MAX_TEXT:
        return ReplyProblem.TEXT
    # A form sends its line breaks as CRLF; a phone has LF.
    return ReadReply(number, recipient, text.replace("\r\n", "\n"))
