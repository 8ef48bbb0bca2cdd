"""Texts take the way that routes and prices say, whichever door they came through, and keep why (spec X4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from messa_platform.messaging import failover, schedule
from messa_platform.providers.base import Capabilities
from messa_platform.providers.capabilities import note_all, noted
from messa_platform.providers.http import EVERYTHING
from messa_platform.providers.registry import NoProvider
from messa_platform.providers.routing.rules import SenderKind
from messa_platform.providers.routing.way import Hindrance, Way, read_way
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from tests.support.observe import statements
from tests.support.prices import route, stored
from tests.support.providers import obedient
from tests.support.world import World

SWEDE, NORWEGIAN = "+46701740605", "+4791234567"


@pytest.fixture
def master(world: World) -> Group:
    return world.tenant()


@pytest.fixture
def anna(world: World, master: Group) -> UUID:
    return world.account(master, "anna@kommun.example")


@pytest.fixture
def a(world: World) -> UUID:
    return world.channel("a")


@pytest.fixture
def b(world: World, a: UUID) -> UUID:
    return world.channel("b", priority=1)


def can(world: World, channel: UUID, **capabilities: Any) -> None:
    """Say what a channel's plugin can do."""
    usual = {name: getattr(EVERYTHING, name) for name in EVERYTHING.__slots__}
    row = noted(Capabilities(**{**usual, **capabilities}))
    world.run(
        "UPDATE channel SET capabilities = :can, countries = :countries WHERE id = :id",
        id=channel,
        can=row.capabilities,
        countries=row.countries,
    )


def ways(world: World) -> dict[str, tuple[UUID | None, Way | None]]:
    """By number: the channel of its message, and why."""
    return {
        row.remote: (row.channel_id, read_way(row.way) if row.way else None)
        for row in world.rows("SELECT remote, channel_id, way FROM message ORDER BY id")
    }


def channels(world: World) -> dict[str, UUID | None]:
    return {remote: channel for remote, (channel, _) in ways(world).items()}


def test_the_recipients_of_one_mail_go_by_different_channels(
    world: World, anna: UUID, a: UUID, b: UUID
) -> None:
    norway = route(world, b, prefix="47")
    world.submit(anna, [SWEDE, NORWEGIAN])
    assert ways(world) == {SWEDE: (a, Way()), NORWEGIAN: (b, Way(norway))}
    assert set(world.heard.waiting_channels) == {a, b}
    assert dict(world.rows("SELECT remote, channel_id FROM dispatch_queue")) == channels(world)  # type: ignore[arg-type]


def test_the_cheapest_way_to_each_number_is_taken_and_what_it_was_counted_with_is_kept(
    world: World, anna: UUID, a: UUID, b: UUID
) -> None:
    stored(world, a, {"46": 350_000, "47": 500_000})
    stored(world, b, {"46": 400_000, "4": 450_000})
    by_cost = route(world, a, b, is_cheapest=True)
    world.submit(anna, [SWEDE, NORWEGIAN])
    assert ways(world) == {
        SWEDE: (a, Way(by_cost, 350_000, ((b, Hindrance.DEARER),))),
        NORWEGIAN: (b, Way(by_cost, 450_000, ((a, Hindrance.DEARER),))),
    }


def test_prices_hold_from_their_day_on(world: World, anna: UUID, a: UUID, b: UUID) -> None:
    stored(world, a, {"46": 2})
    stored(world, b, {"46": 3})
    stored(world, b, {"46": 1}, 1)
    route(world, a, b, is_cheapest=True)
    world.submit(anna, [SWEDE], "i dag")
    assert channels(world) == {SWEDE: a}
    world.clock.move(timedelta(days=1))
    world.submit(anna, [SWEDE], "i morgon")
    assert channels(world) == {SWEDE: b}


def test_a_change_holds_for_the_next_text(world: World, anna: UUID, a: UUID, b: UUID) -> None:
    world.submit(anna, [SWEDE], "ett")
    assert channels(world) == {SWEDE: a}
    route(world, b)
    world.submit(anna, [SWEDE], "två")
    assert channels(world) == {SWEDE: b}


def test_a_sender_name_goes_by_a_channel_that_carries_names(
    world: World, master: Group, anna: UUID, a: UUID, b: UUID
) -> None:
    can(world, a, alphanumeric_sender=False)
    world.submit(anna, [SWEDE], "som namn")
    assert ways(world)[SWEDE] == (b, Way(None, None, ((a, Hindrance.NAMES),)))
    world.numbers()
    world.set(master, Key.MAY_RECEIVE, True)
    world.submit(anna, [SWEDE], "som nummer, som nu lånas")
    world.submit(anna, [SWEDE], "som nummer")
    assert [row.channel_id for row in world.rows("SELECT channel_id FROM message ORDER BY id")] == [b, a, a]


def test_what_no_channel_can_carry_has_no_route(world: World, anna: UUID, a: UUID) -> None:
    can(world, a, countries=frozenset({"NO"}))
    assert world.words(anna, [SWEDE, NORWEGIAN]) == ["no_route", "QUEUED"]
    assert ways(world)[SWEDE] == (None, Way(None, None, ((a, Hindrance.COUNTRY),)))
    can(world, a, unicode=False)
    assert world.words(anna, [SWEDE], "Ж") == ["no_route"]
    assert world.words(anna, [SWEDE], "Å") == ["QUEUED"]


def test_a_route_for_names_and_one_of_the_tenants_own(
    world: World, master: Group, anna: UUID, a: UUID, b: UUID
) -> None:
    other = world.account(world.tenant("annan", "Annan"), "olle@annan.example")
    names = route(world, b, kind=SenderKind.NAME)
    world.submit(anna, [SWEDE])
    assert ways(world)[SWEDE] == (b, Way(names))
    own = route(world, a, tenant=master.tenant_id)
    world.submit(anna, [SWEDE], "igen")
    assert ways(world)[SWEDE] == (a, Way(own))
    world.submit(other, [SWEDE], "från andra")
    assert ways(world)[SWEDE] == (b, Way(names))


def test_a_tenants_channel_carries_no_others_texts_though_a_route_names_it(
    world: World, master: Group, a: UUID
) -> None:
    own = world.channel("egen", tenant_id=master.tenant_id)
    made = route(world, own, a, tenant=master.tenant_id)
    world.run("UPDATE route SET tenant_id = NULL WHERE id = :id", id=made)  # as no form lets anybody
    world.run("UPDATE routing_stamp SET stamp = gen_random_uuid()")
    other = world.account(world.tenant("annan", "Annan"), "olle@annan.example")
    world.submit(other, [SWEDE])
    assert channels(world) == {SWEDE: a}


# Those that wait


def test_texts_that_move_go_where_they_would_go_if_they_were_handed_in_now(
    world: World, anna: UUID, a: UUID, b: UUID
) -> None:
    c = world.channel("c", priority=2)
    world.submit(anna, [SWEDE, NORWEGIAN])
    norway = route(world, a, c, prefix="47")
    world.run("UPDATE channel SET breaker = 'open' WHERE id = :id", id=a)
    moved = []
    with world.database.unit_of_work() as session:
        assert failover.move(session, world.clock.now(), a, lambda _s, channel: moved.append(channel)) == 2
    assert ways(world) == {
        SWEDE: (b, Way(None, None, ((a, Hindrance.OPEN),))),
        NORWEGIAN: (c, Way(norway, None, ((a, Hindrance.OPEN),))),
    }
    assert dict(world.rows("SELECT remote, channel_id FROM dispatch_queue")) == {SWEDE: b, NORWEGIAN: c}
    assert sorted(moved) == sorted([b, c])


def test_a_text_whose_route_names_no_other_channel_waits_where_it_is(
    world: World, anna: UUID, a: UUID, b: UUID
) -> None:
    route(world, a)
    world.submit(anna, [SWEDE])
    world.run("UPDATE channel SET breaker = 'open' WHERE id = :id", id=a)
    with world.database.unit_of_work() as session:
        assert failover.move(session, world.clock.now(), a, lambda *_: None) == 0
    assert channels(world) == {SWEDE: a}


def test_a_text_in_unicode_does_not_move_to_where_it_cannot_go(
    world: World, anna: UUID, a: UUID, b: UUID
) -> None:
    can(world, b, unicode=False)
    world.submit(anna, [SWEDE], "Ж")
    world.submit(anna, [NORWEGIAN], "Å")
    world.run("UPDATE channel SET enabled = false WHERE id = :id", id=a)
    with world.database.unit_of_work() as session:
        failover.move(session, world.clock.now(), a, lambda *_: None)
    assert channels(world) == {SWEDE: a, NORWEGIAN: b}


def test_a_scheduled_text_goes_by_the_routes_of_its_time(world: World, anna: UUID, a: UUID, b: UUID) -> None:
    world.submit(anna, [SWEDE, NORWEGIAN], send_at=world.clock.now() + timedelta(hours=2))
    norway = route(world, b, prefix="47")
    world.clock.move(timedelta(hours=3))
    schedule.release(world.database, world.clock, world.heard)
    assert ways(world) == {SWEDE: (a, Way()), NORWEGIAN: (b, Way(norway))}
    assert dict(world.rows("SELECT remote, channel_id FROM dispatch_queue")) == {SWEDE: a, NORWEGIAN: b}


def test_a_scheduled_text_in_unicode_goes_by_a_channel_that_carries_it(
    world: World, anna: UUID, a: UUID, b: UUID
) -> None:
    later = world.clock.now() + timedelta(hours=2)
    world.submit(anna, [SWEDE], "Ж", send_at=later)
    world.submit(anna, [NORWEGIAN], "Å", send_at=later)
    can(world, a, unicode=False)
    world.clock.move(timedelta(hours=3))
    schedule.release(world.database, world.clock, world.heard)
    assert ways(world) == {
        SWEDE: (b, Way(None, None, ((a, Hindrance.UNICODE),))),
        NORWEGIAN: (a, Way()),
    }


def test_a_scheduled_text_without_any_way_at_its_time_waits_where_it_was_to_go(
    world: World, anna: UUID, a: UUID
) -> None:
    world.submit(anna, [SWEDE], send_at=world.clock.now() + timedelta(hours=2))
    world.run("UPDATE channel SET enabled = false")
    world.clock.move(timedelta(hours=3))
    schedule.release(world.database, world.clock, world.heard)
    assert ways(world) == {SWEDE: (a, Way())}
    assert world.rows("SELECT channel_id FROM dispatch_queue") == [(a,)]


# What it costs


def test_neither_routes_nor_prices_take_a_statement_of_a_submission_once_a_process_knows_them(
    world: World, anna: UUID, a: UUID, b: UUID
) -> None:
    def asked(text: str, recipients: int) -> list[str]:
        numbers = [f"+4670174{n:04}" for n in range(recipients)]
        with statements(world.database.engine) as seen:
            world.submit(anna, numbers, text)
        return [statement.text for statement in seen]

    plain = asked("ett", 5)
    stored(world, a, {f"46{n}": n for n in range(1000)})
    stored(world, b, {"46": 1})
    route(world, a, b, prefix="46", is_cheapest=True)
    first, then = asked("två", 5), asked("tre", 5)
    assert [s for s in first if "FROM price " in s or "FROM route " in s]
    assert len(then) == len(plain)
    assert not [s for s in then if "FROM price " in s or "FROM route " in s]
    assert len(asked("fyra", 19)) == len(plain)


# What a channel can


def test_what_plugins_can_do_is_noted_in_their_channels_once(world: World, a: UUID) -> None:
    strange = world.channel("strange", plugin="not here")
    plugin = obedient(
        capabilities=Capabilities(
            alphanumeric_sender=True,
            own_numbers=False,
            receipts=True,
            incoming=False,
            unicode=True,
            idempotent_submit=False,
            countries=frozenset({"SE", "NO"}),
        )
    )

    class Plugins:
        def plugin(self, name: str) -> Any:
            if name != "simulator":
                raise NoProvider(name)
            return plugin

    def note() -> int:
        with world.database.unit_of_work() as session:
            return note_all(session, Plugins())

    assert [note(), note()] == [1, 0]
    found = {row.id: (row.capabilities, row.countries) for row in world.rows("SELECT * FROM channel")}
    assert found == {a: (["alphanumeric_sender", "receipts", "unicode"], ["NO", "SE"]), strange: (None, None)}
