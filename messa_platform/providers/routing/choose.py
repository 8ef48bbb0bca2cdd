"""By which of a tenant's channels a text leaves (spec X4). Nothing here asks the database.

what decides   the first route that fits, else the channels' order: the tenant's own, then the platform's, by priority
a route        names its channels, and no others are taken. One for all tenants is about the platform's channels: a tenant's own come first
left out       what is paused, and what cannot carry the text; with nothing left there is no way
at the end     what does not work just now: where there is nothing else, texts wait for it
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import phonenumbers

from messa_platform.providers.prices.table import PriceTable
from messa_platform.providers.routing.rules import Route, SenderKind
from messa_platform.providers.routing.way import Hindrance, Way


@dataclass(frozen=True, slots=True)
class Candidate:
    """A channel that a tenant's texts may leave by. `is_own`: it is the tenant's; `is_open`: its breaker is. `capabilities` None: not known,
    so taken for all; `countries` empty: it leads everywhere."""

    id: UUID
    is_own: bool
    enabled: bool
    is_open: bool
    capabilities: frozenset[str] | None = None
    countries: frozenset[str] = frozenset()

    def lacks(self, capability: str) -> bool:
        """Whether it surely cannot."""
        return self.capabilities is not None and capability not in self.capabilities


@dataclass(frozen=True, slots=True)
class Text:
    """What routing needs to know of a text: the recipient, E.164; what it goes out as; whether it has letters beyond GSM 03.38."""

    recipient: str
    kind: SenderKind
    is_unicode: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """`channel_id` None: there is no way out."""

    channel_id: UUID | None
    way: Way


@dataclass(frozen=True, slots=True)
class Router:
    """Decides for the texts of a tenant. `channels` are in the order of priority, its own first; `routes` in the order of their ranks;
    `prices` are what the channels cost, as far as that is known."""

    channels: Sequence[Candidate]
    routes: Sequence[Route] = ()
    prices: Mapping[UUID, PriceTable] = field(default_factory=dict)

    def decide(self, text: Text) -> Decision:
        """By which channel a text leaves, and why."""
        ranking = self.rank(text)
        route_id = ranking.route.id if ranking.route else None
        chosen = ranking.chosen
        if chosen is None:
            hindered = tuple((r.channel.id, r.hindrance) for r in ranking.ranked if r.hindrance is not None)
            return Decision(None, Way(route_id, None, hindered))
        # where the price decides, all others stood for choice, else only those that come before
        is_cheapest = ranking.route is not None and ranking.route.is_cheapest
        rivals = ranking.ranked if is_cheapest else ranking.ranked[: chosen.place]
        passed = tuple((r.channel.id, why) for r in rivals if (why := r.passed_for(chosen)) is not None)
        return Decision(chosen.channel.id, Way(route_id, chosen.cost, passed))

    def rank(self, text: Text) -> Ranking:
        """The channels that a text may be led to, with what speaks against each."""
        digits = text.recipient.removeprefix("+")
        route = next((route for route in self.routes if route.fits(digits, text.kind)), None)
        return Ranking(route, tuple(self._ranked(route, text, digits)))

    def _ranked(self, route: Route | None, text: Text, digits: str) -> list[Ranked]:
        """The channels that may be taken, in the order in which they stand."""
        first = [c for c in self.channels if c.is_own] if route is None or route.tenant_id is None else []
        after: list[Candidate]
        if route is None:
            after = [c for c in self.channels if not c.is_own]
        else:  # what is gone, or is another tenant's, is not there
            known = {c.id: c for c in self.channels}
            after = [known[i] for i in route.channel_ids if i in known and known[i] not in first]
        country = _Country(text.recipient)
        ranked = []
        for place, channel in enumerate([*first, *after]):
            hindrance = _hindrance(
                channel, text, country, route.needs if route and place >= len(first) else ()
            )
            price = self.prices[channel.id].find(digits) if channel.id in self.prices else None
            by_cost = route is not None and route.is_cheapest and place >= len(first)
            ranked.append(Ranked(place, channel, hindrance, price.micros if price else None, by_cost))
        return ranked


@dataclass(frozen=True, slots=True)
class Ranked:
    """A channel at its place, from 0, as it stands. `cost` is what a part costs by it, in millionths of a krona; `by_cost`: it is among those of
    which the cheapest is wanted."""

    place: int
    channel: Candidate
    hindrance: Hindrance | None
    cost: int | None
    by_cost: bool

    @property
    def rank(self) -> tuple[bool, bool, bool, int, int]:
        """What works, then what is a tenant's own, then what costs least, if that is asked, then as they stand."""
        has_no_price = self.by_cost and self.cost is None
        cost = self.cost if self.by_cost and self.cost is not None else 0
        return self.channel.is_open, self.by_cost, has_no_price, cost, self.place

    def passed_for(self, chosen: Ranked) -> Hindrance | None:
        """Why another was taken; None where that needs no reason."""
        if self.hindrance is not None or self is chosen:
            return self.hindrance
        if self.channel.is_open and not chosen.channel.is_open:
            return Hindrance.OPEN
        if not (self.by_cost and chosen.by_cost) or self.cost == chosen.cost:
            return None
        return Hindrance.NO_PRICE if self.cost is None else Hindrance.DEARER


@dataclass(frozen=True, slots=True)
class Ranking:
    """The channels for a text, as they stand; `route` is the one that decides, None where the channels' order does."""

    route: Route | None
    ranked: tuple[Ranked, ...]

    @property
    def in_turn(self) -> list[Ranked]:
        """Those that can carry the text, in the order in which they are taken."""
        return sorted((r for r in self.ranked if r.hindrance is None), key=lambda r: r.rank)

    @property
    def chosen(self) -> Ranked | None:
        """The one that is taken; None if there is none."""
        return next(iter(self.in_turn), None)


def _hindrance(channel: Candidate, text: Text, country: _Country, needs: Iterable[str]) -> Hindrance | None:
    """Why a text cannot leave by a channel, whatever the others are."""
    if not channel.enabled:
        return Hindrance.PAUSED
    if text.kind is SenderKind.NAME and channel.lacks("alphanumeric_sender"):
        return Hindrance.NAMES
    if text.kind is SenderKind.NUMBER and channel.lacks("own_numbers"):
        return Hindrance.NUMBERS
    if text.is_unicode and channel.lacks("unicode"):
        return Hindrance.UNICODE
    if channel.countries and not country.is_among(channel.countries):
        return Hindrance.COUNTRY
    return Hindrance.NEEDS if any(channel.lacks(need) for need in needs) else None


class _Country:
    """Where a number belongs, found out when it is first asked for: that takes longer than all else here."""

    def __init__(self, number: str) -> None:
        self._number = number
        self._codes: frozenset[str] | None = None

    def is_among(self, countries: frozenset[str]) -> bool:
        """Whether it is one of these, by ISO 3166. A number that nobody knows is taken for one of any country with its code."""
        if self._codes is None:
            self._codes = _countries(self._number)
        return not countries.isdisjoint(self._codes)


def _countries(number: str) -> frozenset[str]:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return frozenset()
    region = phonenumbers.region_code_for_number(parsed)
    return frozenset(
        [region] if region else phonenumbers.region_codes_for_country_code(parsed.country_code or 0)
    )
