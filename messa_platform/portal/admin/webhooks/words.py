"""Webhooks in words: what they may be told of, how they stand, and why something was refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from messa_platform.core.i18n import Speech, msgid
from messa_platform.messaging.outward import endpoints
from messa_platform.messaging.outward.endpoints import LONGEST_DESCRIPTION, EndpointRow, Refusal
from messa_platform.messaging.outward.events import EventType
from messa_platform.messaging.outward.models import DisabledWhy, EndpointState
from messa_platform.messaging.outward.told import shown
from messa_platform.portal.forms import Form

EVENTS: Mapping[EventType, str] = {
    EventType.INCOMING: msgid("An answer has come"),
    EventType.SENT: msgid("A text was sent"),
    EventType.DELIVERED: msgid("A text has arrived"),
    EventType.UNDELIVERED: msgid("A text did not arrive"),
    EventType.UNSENT: msgid("The mobile network did not take a text"),
    EventType.BUFFERED: msgid("A text waits for the phone"),
    EventType.UNCONFIRMED: msgid("It is not known yet whether a text was sent"),
    EventType.QUEUED: msgid("A text for later is on its way"),
    EventType.CANCELLED: msgid("A text for later was cancelled"),
}
"""What a webhook may be told of, in the order of the form. A test it is told whatever it wants."""
ALL_EVENTS = msgid("Everything")

OVERLAPS: Mapping[str, str] = {
    "0": msgid("It signs no more"),
    "1": msgid("It signs beside the new one for another hour"),
    "24": msgid("It signs beside the new one for another day"),
    "168": msgid("It signs beside the new one for another 7 days"),
    "720": msgid("It signs beside the new one for another 30 days"),
}
"""For how long an old secret signs beside the new one, by the hours that stand in the form."""
USUAL_OVERLAP = "24"

REFUSALS: Mapping[Refusal, tuple[str, str]] = {
    Refusal.TOO_LONG: ("description", msgid("Shorten the description to %(max)s characters at the most.")),
    Refusal.TOO_MANY: (
        "",
        msgid("The group has %(most)s webhooks, and cannot have more. Remove one that is not used any more."),
    ),
    Refusal.TOO_FAR: ("overlap", msgid("Choose one of the alternatives.")),
    Refusal.DISABLED: ("", msgid("Turn it on first.")),
}
"""The field that is wrong, "" for the form as a whole, and what to do. `UNKNOWN` is a page that is not there."""


def field_of(kind: EventType) -> str:
    """The name of an event's box in the form."""
    return f"event-{kind.value.replace('.', '-')}"


def say_no(speech: Speech, form: Form, refusal: Refusal) -> None:
    """Say in its form why a webhook was not made, changed or told."""
    field, sentence = REFUSALS[refusal]
    form.fail(field, speech.gettext(sentence, max=LONGEST_DESCRIPTION, most=endpoints.MOST))


def called(endpoint: EndpointRow) -> str:
    """By what people tell webhooks apart: the description, else the address."""
    return endpoint.description or shown(endpoint.url)


def events_in_words(speech: Speech, types: Collection[EventType]) -> str:
    """What a webhook is told of: "A text was sent, an answer has come"."""
    if not types:
        return speech.gettext(ALL_EVENTS)
    said = [speech.gettext(words) for kind, words in EVENTS.items() if kind in types]
    return ", ".join(said[:1] + [words[:1].lower() + words[1:] for words in said[1:]])


def state_of(speech: Speech, endpoint: EndpointRow) -> tuple[str, str]:
    """How a webhook stands: the tone, and a word."""
    if endpoint.state is EndpointState.DISABLED:
        return "" if endpoint.disabled_why is DisabledWhy.ADMIN else "bad", speech.gettext("Off")
    if endpoint.failing_since:
        return "bad", speech.gettext("Fails")
    return "ok", speech.gettext("On")
