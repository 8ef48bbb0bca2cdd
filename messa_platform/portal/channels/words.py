"""Channels and plugins in words: what a test of one found, what a plugin can do, and why one cannot be used (spec X3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from messa_platform.core.i18n import Speech, msgid
from messa_platform.core.outbound import SENTENCES, Fault
from messa_platform.providers.base import Capabilities, ExplainsCodes, State, Verdict
from messa_platform.providers.registry import Broken, Plugin

UNUSABLE, BUSY = "unusable", "busy"
"""What may stand in the place of a state: the channel has no plugin that takes its settings; others are testing."""


@dataclass(frozen=True, slots=True)
class Tested:
    """What a test of a channel found, in words; `tone` is that of its notice."""

    tone: str
    sentences: tuple[str, ...]


_STATES: Mapping[str, tuple[str, str]] = {
    State.WELL: ("success", msgid("The connection works: the provider knows the channel.")),
    State.WRONG_KEY: (
        "danger",
        msgid("The provider can be reached, but it does not know the channel's name or key."),
    ),
    State.UNREACHABLE: ("danger", msgid("The provider gives no answer.")),
    State.STRANGE: (
        "warning",
        msgid("The provider answers, but not in a way that tells whether all is well."),
    ),
    UNUSABLE: (
        "danger",
        msgid("The channel cannot be used: its plugin is missing or broken, or does not take its settings."),
    ),
    BUSY: ("info", msgid("Others are testing just now. Try again in a moment.")),
}
_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,60}")
_BALANCE = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")
_CURRENCY = re.compile(r"[A-Za-z]{0,8}")


def in_address(verdict: Verdict) -> dict[str, str]:
    """A verdict as it goes from a form to the page, in the address: what could not be read there again is left out."""
    given = {"state": verdict.state.value, "code": verdict.code}
    if verdict.balance is not None:
        given |= {"balance": _plain(verdict.balance), "currency": verdict.currency}
    return given


def _plain(balance: Decimal) -> str:
    try:
        return f"{round(balance, 2):f}"
    except (InvalidOperation, ValueError, OverflowError):  # a provider may say anything
        return ""


def tested(speech: Speech, given: Mapping[str, str], plugin: Plugin | None) -> Tested | None:
    """What an address tells of a test, in words; None if it tells nothing. Anybody may have written it, so it has no words of its own."""
    tone, sentence = _STATES.get(given.get("state", ""), ("", ""))
    if not sentence:
        return None
    more = (_why(speech, given.get("code", ""), plugin), _holds(speech, given))
    return Tested(tone, (speech.gettext(sentence), *filter(None, more)))


def _why(speech: Speech, code: str, plugin: Plugin | None) -> str:
    """What a code means, by the plugin or by what we say of addresses; a code that nobody can explain stands as it is."""
    if code in set(Fault):
        return speech.gettext(SENTENCES[Fault(code)])
    if code == "timeout":
        return speech.gettext(SENTENCES[Fault.TOO_SLOW])
    known: Mapping[str, str] = plugin.codes if isinstance(plugin, ExplainsCodes) else {}
    if code in known:
        return speech.gettext(known[code])
    return speech.gettext("Its code is %(code)s.", code=code) if _CODE.fullmatch(code) else ""


def _holds(speech: Speech, given: Mapping[str, str]) -> str:
    balance, currency = given.get("balance", ""), given.get("currency", "")
    if not _BALANCE.fullmatch(balance) or not _CURRENCY.fullmatch(currency):
        return ""
    amount = Decimal(balance)
    words = speech.money(amount) if currency == "SEK" else f"{speech.number(amount)} {currency}".strip()
    return speech.gettext("The account holds %(amount)s.", amount=words)


CAN = {
    "alphanumeric_sender": msgid("Sender names"),
    "own_numbers": msgid("Our own numbers as senders"),
    "receipts": msgid("Delivery receipts"),
    "incoming": msgid("Texts from phones"),
    "unicode": msgid("All characters"),
    "idempotent_submit": msgid("Takes no text twice"),
}


@dataclass(frozen=True, slots=True)
class Card:
    """An installed plugin as the page shows it. `is_broken`: it cannot be used, for a `reason`; `home` is "" if it is no web address;
    `is_priced`: there is a price list for it; `is_offered`: it may be connected here."""

    name: str
    title: str
    is_broken: bool = False
    reason: str = ""
    maker: str = ""
    home: str = ""
    sentence: str = ""
    can: tuple[str, ...] = ()
    countries: str = ""
    is_priced: bool = False
    is_offered: bool = True


def cards(
    speech: Speech,
    plugins: Mapping[str, Plugin | Broken],
    offered: Callable[[Plugin], bool] = lambda _plugin: True,
    priced: Collection[str] = (),
) -> list[Card]:
    """The plugins by their titles, those that cannot be used last. `offered` tells which ones may be connected where the cards are shown,
    `priced` are those for which there is a price list."""
    made = (_card(speech, name, plugin, offered, name in priced) for name, plugin in plugins.items())
    return sorted(made, key=lambda card: (card.is_broken, card.title.casefold(), card.name))


def _card(
    speech: Speech, name: str, plugin: Plugin | Broken, offered: Callable[[Plugin], bool], is_priced: bool
) -> Card:
    if isinstance(plugin, Broken):
        return Card(name, name, is_broken=True, reason=plugin.why)
    about = plugin.about
    return Card(
        name,
        about.title,
        maker=about.maker,
        home=about.home if about.home.startswith(("https://", "http://")) else "",
        sentence=speech.gettext(about.sentence),
        can=_able(speech, plugin.capabilities),
        countries=_countries(speech, plugin.capabilities.countries),
        is_priced=is_priced,
        is_offered=offered(plugin),
    )


def _able(speech: Speech, capabilities: Capabilities) -> tuple[str, ...]:
    words = [speech.gettext(label) for name, label in CAN.items() if getattr(capabilities, name)]
    if capabilities.max_rate:
        words.append(speech.gettext("At most %(rate)s", rate=rate_words(speech, capabilities.max_rate)))
    return tuple(words)


def rate_words(speech: Speech, rate: float) -> str:
    """So many texts a second."""
    return speech.gettext("%(texts)s texts a second", texts=speech.number(Decimal(str(rate))))


def _countries(speech: Speech, codes: frozenset[str]) -> str:
    if not codes:
        return speech.gettext("All countries")
    return ", ".join(sorted(speech.locale.territories.get(code, code) for code in codes))
