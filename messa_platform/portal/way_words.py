"""Why a text goes by its channel, in words (spec X4). Names of the platform's channels, and what they cost, are the operator's alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from messa_platform.core.i18n import Speech, msgid
from messa_platform.providers.prices.amounts import kronor
from messa_platform.providers.routing import routes
from messa_platform.providers.routing.rules import Route, SenderKind
from messa_platform.providers.routing.told import NamedChannel, named
from messa_platform.providers.routing.way import Hindrance, Way, read_way

HINDRANCES: Mapping[Hindrance, str] = {
    Hindrance.PAUSED: msgid("it was paused"),
    Hindrance.OPEN: msgid("it did not work just then"),
    Hindrance.NAMES: msgid("it cannot carry names as senders"),
    Hindrance.NUMBERS: msgid("it cannot carry our numbers as senders"),
    Hindrance.UNICODE: msgid("it cannot carry all letters of the text"),
    Hindrance.COUNTRY: msgid("it does not lead to that country"),
    Hindrance.NEEDS: msgid("it lacks what the route asks for"),
    Hindrance.DEARER: msgid("it costs more"),
    Hindrance.NO_PRICE: msgid("what it costs is not known"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """The channel, what decided, what a part was counted with ("" if that is not known, or not for who asks), and what was passed over."""

    channel: str
    decided: str
    cost: str
    passed: tuple[str, ...]


def tell(
    session: Session, speech: Speech, tenant_id: UUID, channel_id: UUID | None, code: str, sees_all: bool
) -> Told | None:
    """A way as a message keeps it; None if that cannot be read. `session` must see channels and routes. `sees_all`: the operator asks."""
    try:
        way = read_way(code)
    except (ValueError, KeyError):
        return None
    ids = {i for i, _ in way.passed} | ({channel_id} if channel_id else set())
    names = named(session, tenant_id, ids)
    own = channel_id is not None and channel_id in names and names[channel_id].is_own
    cost = speech.unit_price(kronor(way.micros)) if way.micros is not None and (own or sees_all) else ""
    return Told(
        _channel(speech, names.get(channel_id), sees_all) if channel_id else speech.gettext("None"),
        _decided(session, speech, way, sees_all),
        cost,
        _passed(speech, way, names, sees_all),
    )


def _channel(speech: Speech, channel: NamedChannel | None, sees_all: bool) -> str:
    if channel is None:
        return speech.gettext("A channel that is gone by now")
    return channel.name if channel.is_own or sees_all else speech.gettext("One of the platform's channels")


def _passed(speech: Speech, way: Way, names: Mapping[UUID, NamedChannel], sees_all: bool) -> tuple[str, ...]:
    said = (
        f"{_channel(speech, names.get(identifier), sees_all)}: {speech.gettext(HINDRANCES[why])}"
        for identifier, why in way.passed
    )
    return tuple(dict.fromkeys(said))  # who sees no names sees no difference


def _decided(session: Session, speech: Speech, way: Way, sees_all: bool) -> str:
    if way.route_id is None:
        return speech.gettext("The order of the channels")
    found = routes.one(session, way.route_id)
    if found is None:
        return speech.gettext("A route that is gone by now")
    if found.route.tenant_id is None and not sees_all:
        return speech.gettext("A route of the platform's")
    return f"{whose(speech, found.tenant)}: {', '.join(route_words(speech, found.route))}"


def whose(speech: Speech, tenant: str) -> str:
    """Whose route it is; "" for all tenants."""
    if tenant:
        return speech.gettext("The route of %(tenant)s", tenant=tenant)
    return speech.gettext("The route for all organisations")


_KINDS: Mapping[SenderKind | None, str] = {
    None: msgid("from any sender"),
    SenderKind.NUMBER: msgid("from a number"),
    SenderKind.NAME: msgid("from a sender name"),
}


def route_words(speech: Speech, route: Route) -> list[str]:
    """Which texts go by a route, and how its channels are taken."""
    numbers = msgid("to +%(prefix)s…") if route.prefix else msgid("to all numbers")
    order = msgid("the cheapest first") if route.is_cheapest else msgid("in the route's order")
    return [
        speech.gettext(numbers, prefix=route.prefix),
        speech.gettext(_KINDS[route.sender_kind]),
        speech.gettext(order),
    ]
