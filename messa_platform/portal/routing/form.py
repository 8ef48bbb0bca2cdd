"""A route's form: how it is filled in, what it asks for, and what is wrong with that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.portal.channels.words import CAN
from messa_platform.portal.forms import Form, written
from messa_platform.providers.prices.cells import read_prefix
from messa_platform.providers.routing.own import Wish
from messa_platform.providers.routing.routes import Fault
from messa_platform.providers.routing.rules import Route, SenderKind
from messa_platform.providers.routing.told import ChannelOf

_GONE = msgid("There is a channel among them that is gone, or another organisation's. Look at them again.")
FAULTS: Mapping[Fault, tuple[str, str]] = {
    Fault.NO_TENANT: ("", msgid("There is no organisation with that short name.")),
    Fault.NOT_A_PREFIX: (
        "prefix",
        msgid("Write the digits that the numbers begin with, with the country code, such as 46 or 4670."),
    ),
    Fault.UNKNOWN_NEED: ("", msgid("Nobody knows what the channel is to be able to.")),
    Fault.NO_CHANNEL: ("", msgid("Give one channel a place at the least.")),
    Fault.STRANGE_CHANNEL: ("", _GONE),
    Fault.EXISTS: (
        "prefix",
        msgid("There is a route for these numbers and senders already. Change that one."),
    ),
    Fault.TOO_MANY: ("", msgid("There are as many routes as there can be. Remove some.")),
    Fault.GONE: ("", msgid("The route is gone.")),
}
"""The field that each is about, and what to do."""


def filled(route: Route) -> Form:
    """The form of a route that is there."""
    values = {"prefix": f"+{route.prefix}" if route.prefix else "", "sender": route.sender_kind or ""}
    values |= {f"needs-{name}": "1" for name in route.needs}
    values |= {f"place-{i}": str(n) for n, i in enumerate(route.channel_ids, start=1)}
    return Form(values=values | ({"cheapest": "1"} if route.is_cheapest else {}))


def in_order(channels: Sequence[ChannelOf], route: Route | None) -> list[ChannelOf]:
    """The channels, those of the route first, as they stand there."""
    places = {identifier: n for n, identifier in enumerate(route.channel_ids)} if route else {}
    return sorted(channels, key=lambda one: places.get(one.id, len(places)))


def wish_in(request: Request) -> tuple[Form, Wish | None]:
    """What the form asks for; None, where it says what is wrong."""
    form = Form(values=written(request.POST))
    prefix = form.values.get("prefix", "").strip()
    kind = form.values.get("sender", "")
    places = _places(request, form)
    if not form.ok:
        return form, None
    return form, Wish(
        read_prefix(prefix) if prefix else "",  # what is none is refused as such
        SenderKind(kind) if kind in set(SenderKind) else None,
        tuple(name for name in CAN if f"needs-{name}" in form.values),
        tuple(identifier for _, identifier in sorted(places, key=lambda place: place[0])),
        "cheapest" in form.values,
    )


def _places(request: Request, form: Form) -> list[tuple[int, UUID]]:
    """The channels that have a place, which is a number."""
    found = []
    for name, value in form.values.items():
        kind, _, identifier = name.partition("-")
        if kind != "place" or not value.strip():
            continue
        try:
            found.append((int(value), UUID(identifier)))
        except ValueError:
            form.fail(name, request.speech.gettext("Write 1 for the first, 2 for the second, and so on."))
    return found


def complain(request: Request, form: Form, fault: Fault) -> None:
    """Say what is wrong at the field that it is about."""
    name, sentence = FAULTS[fault]
    form.fail(name, request.speech.gettext(sentence))
