"""The table of routes: by which channel a text leaves, and what was passed over and why (spec X4)."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messa_platform.providers.prices.table import Price, PriceTable
from messa_platform.providers.routing.choose import Candidate, Router, Text
from messa_platform.providers.routing.rules import Route, SenderKind, kind_of
from messa_platform.providers.routing.way import MOST_NAMED, Hindrance, Way, read_way

TENANT, OTHER = UUID(int=1), UUID(int=2)
OWN, A, B, C, STRANGE = (UUID(int=n) for n in (10, 11, 12, 13, 99))
ROUTE, SECOND = UUID(int=20), UUID(int=21)
EVERYTHING = frozenset({"alphanumeric_sender", "own_numbers", "receipts", "incoming", "unicode"})
ANNA, OLA, GREEK = "+46701740605", "+4791234567", "+306912345678"


def channel(identifier: UUID, **values: object) -> Candidate:
    """A channel that works, and can everything."""
    usual = Candidate(identifier, identifier == OWN, True, False, EVERYTHING)
    return replace(usual, **values)  # type: ignore[arg-type]


def route(*channels: UUID, **values: object) -> Route:
    """A route of all tenants', to all numbers, as any sender."""
    usual = Route(ROUTE, None, "", None, (), channels, False)
    return replace(usual, **values)  # type: ignore[arg-type]


def router(*channels: Candidate, routes: tuple[Route, ...] = (), **prices: dict[str, int]) -> Router:
    """With these channels, in order; `a`, `b` and so on are what they cost."""
    tables = {
        globals()[name.upper()]: PriceTable(Price(p, m) for p, m in costs.items())
        for name, costs in prices.items()
    }
    return Router(channels, tuple(sorted(routes, key=lambda r: r.rank)), tables)


def text(to: str = ANNA, kind: SenderKind = SenderKind.NUMBER, is_unicode: bool = False) -> Text:
    return Text(to, kind, is_unicode)


def way(by: Router, of: Text) -> tuple[UUID | None, UUID | None, dict[UUID, str]]:
    """The channel, the route, and what was passed over."""
    decision = by.decide(of)
    return (
        decision.channel_id,
        decision.way.route_id,
        {i: why.value for i, why in decision.way.passed},
    )


# Without a route


def test_without_a_route_the_first_channel_in_use_is_taken_a_tenants_own_before_all_others() -> None:
    assert way(router(channel(OWN), channel(A)), text()) == (OWN, None, {})
    assert way(router(channel(A), channel(B)), text()) == (A, None, {})


def test_what_does_not_work_comes_last_and_what_is_paused_not_at_all() -> None:
    broken, paused = channel(OWN, is_open=True), channel(A, enabled=False)
    assert way(router(broken, paused, channel(B)), text()) == (B, None, {OWN: "open", A: "paused"})
    assert way(router(broken, paused), text()) == (OWN, None, {})
    assert way(router(paused), text()) == (None, None, {A: "paused"})
    assert way(router(), text()) == (None, None, {})


@pytest.mark.parametrize(
    ("lacking", "of", "why"),
    [
        ("alphanumeric_sender", text(kind=SenderKind.NAME), "names"),
        ("own_numbers", text(kind=SenderKind.NUMBER), "numbers"),
        ("unicode", text(is_unicode=True), "unicode"),
    ],
)
def test_a_channel_that_cannot_carry_a_text_is_left_out(lacking: str, of: Text, why: str) -> None:
    unable = channel(A, capabilities=EVERYTHING - {lacking})
    assert way(router(unable, channel(B)), of) == (B, None, {A: why})
    assert way(router(unable), of) == (None, None, {A: why})
    assert way(router(channel(A, capabilities=None)), of) == (A, None, {})  # not known


def test_a_channel_leads_to_its_countries_only() -> None:
    nordic = channel(A, countries=frozenset({"SE", "NO"}))
    by = router(nordic, channel(B))
    assert [way(by, text(to))[0] for to in (ANNA, OLA, GREEK)] == [A, A, B]
    assert way(by, text(GREEK))[2] == {A: "country"}
    british = channel(A, countries=frozenset({"GB"}))  # Guernsey has its code
    assert [way(router(british, channel(B)), text(to))[0] for to in ("+447400123456", "+447781123456")] == [
        A,
        B,
    ]
    ours = "+467301214000017"  # nobody's, but of Sweden's code
    assert way(router(nordic, channel(B)), text(ours))[0] == A


# Which route


def test_the_longest_prefix_decides() -> None:
    routes = (
        route(A),
        route(B, id=SECOND, prefix="46"),
        route(C, id=UUID(int=22), prefix="4670"),
    )
    by = router(channel(A), channel(B), channel(C), routes=routes)
    assert [way(by, text(to))[0] for to in (ANNA, "+46731740605", OLA)] == [C, B, A]


def test_a_tenants_own_route_decides_before_a_longer_prefix_of_the_platforms() -> None:
    routes = (route(A, prefix="4670"), route(B, id=SECOND, tenant_id=TENANT))
    assert way(router(channel(A), channel(B), routes=routes), text()) == (B, SECOND, {})


def test_a_route_may_be_for_one_kind_of_sender() -> None:
    routes = (route(A), route(B, id=SECOND, sender_kind=SenderKind.NAME))
    by = router(channel(A), channel(B), routes=routes)
    assert way(by, text(kind=SenderKind.NAME)) == (B, SECOND, {})
    assert way(by, text(kind=SenderKind.NUMBER)) == (A, ROUTE, {})


def test_a_longer_prefix_decides_before_the_kind_of_sender() -> None:
    routes = (route(A, prefix="46"), route(B, id=SECOND, sender_kind=SenderKind.NAME))
    assert way(router(channel(A), channel(B), routes=routes), text(kind=SenderKind.NAME))[0] == A


# What a route does


def test_a_routes_channels_are_taken_in_its_order_and_no_others() -> None:
    by = router(channel(A), channel(B), channel(C), routes=(route(C, B),))
    assert way(by, text()) == (C, ROUTE, {})
    paused = router(channel(A), channel(B), channel(C, enabled=False), routes=(route(C, B),))
    assert way(paused, text()) == (B, ROUTE, {C: "paused"})
    none = router(channel(A), channel(C, enabled=False), routes=(route(C),))
    assert way(none, text()) == (None, ROUTE, {C: "paused"})


def test_what_a_route_names_and_is_not_there_is_passed_over() -> None:
    by = router(channel(A), routes=(route(STRANGE, A),))
    assert way(by, text()) == (A, ROUTE, {})
    assert way(router(channel(A), routes=(route(STRANGE),)), text()) == (None, ROUTE, {})


def test_a_route_for_all_leaves_a_tenants_own_channel_first_and_its_own_route_does_not() -> None:
    for_all, own = route(B), route(B, tenant_id=TENANT)
    assert way(router(channel(OWN), channel(A), channel(B), routes=(for_all,)), text()) == (OWN, ROUTE, {})
    assert way(router(channel(OWN), channel(A), channel(B), routes=(own,)), text()) == (B, ROUTE, {})
    broken = router(channel(OWN, is_open=True), channel(A), channel(B), routes=(for_all,))
    assert way(broken, text()) == (B, ROUTE, {OWN: "open"})


def test_a_route_may_ask_for_what_a_channel_can() -> None:
    deaf = channel(A, capabilities=EVERYTHING - {"receipts"})
    by = router(deaf, channel(B), routes=(route(A, B, needs=("receipts", "unicode")),))
    assert way(by, text()) == (B, ROUTE, {A: "needs"})


# The cheapest


def cheapest(*channels: UUID) -> Route:
    return route(*channels, is_cheapest=True)


def test_the_cheapest_channel_to_that_number_is_taken() -> None:
    costs = {"a": {"46": 400_000, "47": 200_000}, "b": {"46": 350_000, "47": 500_000}}
    by = router(channel(A), channel(B), routes=(cheapest(A, B),), **costs)
    assert way(by, text(ANNA)) == (B, ROUTE, {A: "dearer"})
    assert way(by, text(OLA)) == (A, ROUTE, {B: "dearer"})
    assert by.decide(text(ANNA)).way.micros == 350_000


def test_without_being_asked_for_the_cheapest_the_order_holds_and_the_cost_is_told() -> None:
    costs = {"a": {"46": 400_000}, "b": {"46": 350_000}}
    decision = router(channel(A), channel(B), routes=(route(A, B),), **costs).decide(text())
    assert (decision.channel_id, decision.way.micros, decision.way.passed) == (A, 400_000, ())
    assert router(channel(A), channel(B), **costs).decide(text()).way.micros == 400_000


def test_what_costs_as_much_stands_as_it_is_named_and_what_has_no_price_comes_last() -> None:
    costs = {"a": {"47": 1}, "b": {"46": 350_000}, "c": {"46": 350_000}}
    by = router(channel(A), channel(B), channel(C), routes=(cheapest(A, C, B),), **costs)
    assert way(by, text()) == (C, ROUTE, {A: "no_price"})
    assert way(router(channel(A), routes=(cheapest(A),)), text()) == (A, ROUTE, {})


def test_the_cheapest_that_does_not_work_or_cannot_is_passed_over() -> None:
    costs = {"a": {"46": 1}, "b": {"46": 2}, "c": {"46": 3}}
    channels = channel(A, is_open=True), channel(B, capabilities=frozenset()), channel(C)
    by = router(*channels, routes=(cheapest(C, B, A),), **costs)
    assert way(by, text()) == (C, ROUTE, {B: "numbers", A: "open"})


def test_a_tenants_own_channel_is_taken_whatever_it_costs() -> None:
    by = router(channel(OWN), channel(A), routes=(cheapest(A),), own={"46": 9}, a={"46": 1})
    assert way(by, text()) == (OWN, ROUTE, {})


# All together


CHANNELS = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.one_of(st.none(), st.integers(0, 3))), max_size=6
)


@given(CHANNELS, st.booleans())
def test_of_those_that_can_and_work_the_cheapest_or_the_first_is_taken(
    drawn: list[tuple[bool, bool, int | None]], by_cost: bool
) -> None:
    ids = [UUID(int=100 + n) for n in range(len(drawn))]
    channels = [channel(i, enabled=e, is_open=o) for i, (e, o, _) in zip(ids, drawn, strict=True)]
    tables = {
        i: PriceTable([Price("46", c)]) for i, (_, _, c) in zip(ids, drawn, strict=True) if c is not None
    }
    decision = Router(channels, (route(*ids, is_cheapest=by_cost),), tables).decide(text())
    best = min(
        (
            (is_open, by_cost and cost is None, (cost or 0) if by_cost else 0, place)
            for place, (enabled, is_open, cost) in enumerate(drawn)
            if enabled
        ),
        default=None,
    )
    assert decision.channel_id == (None if best is None else ids[best[-1]])
    assert decision.channel_id not in dict(decision.way.passed)
    assert {i for i, why in decision.way.passed if why is Hindrance.PAUSED} <= {
        i for i, (enabled, *_) in zip(ids, drawn, strict=True) if not enabled
    }


# As it is kept


@pytest.mark.parametrize(
    "kept",
    [Way(), Way(ROUTE), Way(None, 0), Way(ROUTE, 350_000, ((A, Hindrance.DEARER), (B, Hindrance.PAUSED)))],
)
def test_why_is_read_as_it_was_kept(kept: Way) -> None:
    assert read_way(kept.code()) == kept


def test_the_ordinary_way_is_kept_in_two_characters_and_no_way_in_many() -> None:
    assert Way().code() == "{}"
    many = Way(ROUTE, 10**9, tuple((UUID(int=n), Hindrance.NO_PRICE) for n in range(1, 100)))
    assert len(many.code()) < 600
    assert len(read_way(many.code()).passed) == MOST_NAMED


def test_a_sender_id_of_digits_alone_is_a_number() -> None:
    kinds = [kind_of(sender) for sender in ("+46701740605", "467301214000000", "Skolan", "Skola 2")]
    assert kinds == [SenderKind.NUMBER, SenderKind.NUMBER, SenderKind.NAME, SenderKind.NAME]
