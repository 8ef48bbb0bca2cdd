"""What an address that is told of messages was told lately, in words; and why it is told nothing any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from messa_platform.core.i18n import Speech, msgid
from messa_platform.core.outbound import SENTENCES, Fault
from messa_platform.core.work import WorkState
from messa_platform.messaging.outward.deliveries import Attempt, Delivery
from messa_platform.messaging.outward.endpoints import EndpointRow
from messa_platform.messaging.outward.events import EventType
from messa_platform.messaging.outward.models import DisabledWhy, EndpointState
from messa_platform.portal.messages.words import words_of

_STATES: Mapping[WorkState, tuple[str, str]] = {
    WorkState.READY: ("", msgid("Waiting")),
    WorkState.LEASED: ("", msgid("On its way")),
    WorkState.DONE: ("ok", msgid("Delivered")),
    WorkState.PARKED: ("bad", msgid("Given up")),
}
_DISABLED: Mapping[DisabledWhy, str] = {
    DisabledWhy.GONE: msgid("The address answered that it is gone (410). Nothing is sent there any more."),
    DisabledWhy.FAILING: msgid("The address has taken nothing for days. Nothing is sent there any more."),
    DisabledWhy.ADMIN: msgid("Somebody has turned it off."),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery in words."""

    delivery: Delivery
    event: str
    tone: str
    state: str
    answer: str


def row_of(speech: Speech, delivery: Delivery) -> Row:
    """A delivery in words."""
    tone, state = _STATES[delivery.state]
    event, answer = _event(speech, delivery), _answer(speech, delivery.last)
    return Row(delivery, event, tone, speech.gettext(state), answer)


def _event(speech: Speech, delivery: Delivery) -> str:
    if delivery.type is EventType.TEST:
        return speech.gettext("Test")
    return speech.gettext(words_of(delivery.status).sentence)


def _answer(speech: Speech, last: Attempt | None) -> str:
    """What came back the last time: the HTTP status, or why none came."""
    if last is None:
        return ""
    if last.status is not None:
        return f"HTTP {last.status}"
    fault = last.fault or ""
    return speech.gettext(SENTENCES[Fault(fault)]) if fault in set(Fault) else fault


def why_off(speech: Speech, endpoint: EndpointRow | None) -> str:
    """Why an endpoint is told nothing; "" if it is told, or if there is none."""
    if endpoint is None or endpoint.state is EndpointState.ACTIVE or endpoint.disabled_why is None:
        return ""
    return speech.gettext(_DISABLED[endpoint.disabled_why])
