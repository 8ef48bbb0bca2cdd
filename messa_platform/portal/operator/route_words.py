"""Routes in words, and the whole way that a text would go (spec X4)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from messa_platform.core.i18n import Speech
from messa_platform.messaging.lead import Foreseen
from messa_platform.portal.messages.numbers import nice
from messa_platform.portal.way_words import HINDRANCES, route_words, whose
from messa_platform.providers.prices.amounts import kronor
from messa_platform.providers.routing import routes
from messa_platform.providers.routing.choose import Ranked
from messa_platform.providers.routing.rules import Route, SenderKind
from messa_platform.providers.routing.told import named


@dataclass(frozen=True, slots=True)
class Station:
    """A channel on the way: `turn` is when it is taken, from 1, None if it is not; `why` why not, or why later. `cost` is of a part."""

    name: str
    turn: int | None
    why: str
    cost: str


@dataclass(frozen=True, slots=True)
class Tried:
    """The whole way of a text."""

    number: str
    sender: str
    decided: str
    stations: tuple[Station, ...]


def tried(session: Session, speech: Speech, seen: Foreseen) -> Tried:
    """Which way a text would go, in words for the operator."""
    ranking, tenant_id = seen.ranking, seen.sender.settings.tenant_id
    names = named(session, tenant_id, [ranked.channel.id for ranked in ranking.ranked])
    turns = {ranked.channel.id: turn for turn, ranked in enumerate(ranking.in_turn, start=1)}
    order = sorted(
        ranking.ranked, key=lambda r: (r.channel.id not in turns, turns.get(r.channel.id, r.place))
    )
    stations = (
        Station(
            names[ranked.channel.id].name,
            turns.get(ranked.channel.id),
            _why(speech, ranked, ranking.chosen),
            "" if ranked.cost is None else speech.unit_price(kronor(ranked.cost)),
        )
        for ranked in order
        if ranked.channel.id in names
    )
    return Tried(
        nice(seen.recipient), _sender(speech, seen), _decided(session, speech, ranking.route), tuple(stations)
    )


def _why(speech: Speech, ranked: Ranked, chosen: Ranked | None) -> str:
    if ranked is chosen:
        return ""
    hindrance = ranked.hindrance if chosen is None else ranked.passed_for(chosen)
    return "" if hindrance is None else speech.gettext(HINDRANCES[hindrance])


def _sender(speech: Speech, seen: Foreseen) -> str:
    if not seen.sender_id:
        return speech.gettext("a number that is lent to it then")
    return nice(seen.sender_id) if seen.kind is SenderKind.NUMBER else seen.sender_id


def _decided(session: Session, speech: Speech, route: Route | None) -> str:
    if route is None:
        return speech.gettext("The order of the channels")
    found = routes.one(session, route.id)
    return f"{whose(speech, found.tenant if found else '')}: {', '.join(route_words(speech, route))}"
