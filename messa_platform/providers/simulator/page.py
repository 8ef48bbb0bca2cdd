"""The page on which a person sees the phones and the mails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from messa_platform.core.clock import STOCKHOLM
from messa_platform.providers.simulator.behaviour import DOCUMENTED
from messa_platform.providers.simulator.phone_number import spaced
from messa_platform.providers.simulator.records import Incoming, Mail, Submit
from messa_platform.providers.simulator.store import Phone, Store
from messa_platform.providers.simulator.webhooks import Hook
from messa_platform.providers.simulator.words import WORDS, Language

PHONES_SHOWN: Final = 12
TEXTS_SHOWN: Final = 8
TEXTS_SHOWN_ALONE: Final = 200
MAILS_SHOWN: Final = 25
HOOKS_SHOWN: Final = 25

HERE: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked to see. `number` is one phone's, or None for the latest ones."""

    language: Language = Language.SV
    number: str | None = None

    def address(self, **other: str) -> str:
        """A link to the page with this, or with what `other` names in its place."""
        query = {
            "lang": str(self.language) if self.language is Language.EN else "",
            "number": self.number or "",
        }
        filled = {name: value for name, value in (query | other).items() if value}
        return "/simulator" + ("?" + urlencode(filled) if filled else "")


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person had typed when it could not be sent, and the sentence that says why."""

    problem: str
    phone: str = ""
    to: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Bubble:
    """One text on a phone's screen; `other` is the platform's number or name, `written`: by the phone."""

    other: str
    text: str
    when: str
    parts: int
    written: bool


@dataclass(frozen=True, slots=True)
class PhoneView:
    """A phone as it is drawn. `answerable` are the numbers that it can answer, latest first."""

    number: str
    spaced: str
    bubbles: tuple[Bubble, ...]
    older: int
    answerable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MailView:
    """A mail as it is drawn."""

    n: int
    sender: str
    recipient: str
    subject: str
    text: str
    when: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HookView:
    """What a webhook was told, as it is drawn."""

    n: int
    name: str
    status: int
    type: str
    body: str
    when: str
    headers: Mapping[str, str]


class Page:
    """Draws the page from what `store` has."""

    def __init__(self, store: Store) -> None:
        self._store = store
        environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._template = environment.get_template("simulator.html.jinja2")

    def draw(self, asked: Asked, draft: Draft | None = None) -> bytes:
        """The page, in UTF-8; half a surrogate pair becomes a question mark."""
        mails = self._store.mails()
        return self._template.render(
            words=WORDS[asked.language],
            asked=asked,
            phones=self._phones(asked),
            phone_count=self._store.phone_count,
            phones_shown=PHONES_SHOWN,
            mails=[_mail_view(recipient, mail) for recipient, mail in reversed(mails[-MAILS_SHOWN:])],
            mail_count=len(mails),
            hooks=[_hook_view(hook) for hook in islice(reversed(self._store.hooks), HOOKS_SHOWN)],
            hook_count=len(self._store.hooks),
            faults=[_fault_row(asked.language, number) for number in DOCUMENTED],
            draft=draft,
            version=self._store.version,
        ).encode("utf-8", "replace")

    def _phones(self, asked: Asked) -> list[PhoneView]:
        if asked.number is not None:
            return [_phone_view(self._store.phone(asked.number), TEXTS_SHOWN_ALONE)]
        return [_phone_view(phone, TEXTS_SHOWN) for phone in self._store.latest_phones(PHONES_SHOWN)]


def _phone_view(phone: Phone, shown: int) -> PhoneView:
    latest = list(islice(reversed(phone.texts), shown))
    return PhoneView(
        number=phone.number,
        spaced=spaced(phone.number),
        bubbles=tuple(_bubble(text) for text in reversed(latest)),
        older=len(phone.texts) - len(latest),
        answerable=tuple(_once(_other(text) for text in latest if _other(text).startswith("+"))),
    )


def _bubble(text: Submit | Incoming) -> Bubble:
    parts = text.parts if isinstance(text, Submit) else 1
    return Bubble(_other(text), text.text, _clock_time(text.at), parts, isinstance(text, Incoming))


def _other(text: Submit | Incoming) -> str:
    """Whom the phone talks with."""
    return text.sender if isinstance(text, Submit) else text.recipient


def _once(numbers: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys(numbers)


def _mail_view(recipient: str, mail: Mail) -> MailView:
    when = _clock_time(mail.at)
    return MailView(mail.n, mail.sender, recipient, mail.subject, mail.text, when, mail.headers)


def _hook_view(hook: Hook) -> HookView:
    when = _clock_time(hook.at)
    return HookView(hook.n, hook.name, hook.status, hook.type, hook.body, when, hook.headers)


def _fault_row(language: Language, number: str) -> dict[str, Any]:
    behaviour = DOCUMENTED[number]
    return {"number": number, "does": behaviour.en if language is Language.EN else behaviour.sv}


def _clock_time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone(STOCKHOLM).strftime("%Y-%m-%d %H:%M:%S")
