"""Price lists as they are kept: dated, and never changed once their day has begun (spec B9)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from messa_platform.core.ids import new_id
from messa_platform.core.pipeline import Pipeline
from messa_platform.providers.prices import kept, lists
from messa_platform.providers.prices.lists import OfChannel, Outcome, PricesOf, Refusal, Stored
from messa_platform.providers.prices.table import Price
from messa_platform.providers.routing.ask import ask_ways, sale_prices
from messa_platform.tenants.senders import those
from tests.support.observe import statements, together
from tests.support.prices import OPERATOR, put, stored, today
from tests.support.world import World


@pytest.fixture
def channel(world: World) -> UUID:
    return world.channel("telia")


def the(world: World, name: str) -> PricesOf:
    """A list by its name."""
    with world.database.unit_of_work() as session:
        return next(one for one in lists.lists(session, world.clock.now()) if one.name == name)


def phases(world: World, name: str) -> list[tuple[int, str]]:
    """Its versions: days from today, and where they stand."""
    return [((v.valid_from - today(world)).days, v.phase.value) for v in the(world, name).versions]


def remove(world: World, version_id: UUID) -> Outcome:
    with world.database.unit_of_work() as session:
        return lists.remove(session, world.clock.now(), OPERATOR, version_id)


def test_a_list_without_prices_may_begin_today_and_the_next_version_tomorrow(
    world: World, channel: UUID
) -> None:
    assert isinstance(put(world, channel, {"46": 1}), Stored)
    for days in (0, -1, -400):
        assert put(world, channel, {"46": 2}, days) is Refusal.PAST
    assert isinstance(put(world, channel, {"46": 2}, 1), Stored)
    assert phases(world, "telia") == [(1, "coming"), (0, "in_force")]
    world.clock.move(timedelta(days=1))
    assert phases(world, "telia") == [(0, "in_force"), (-1, "past")]


def test_the_first_version_of_a_list_changes_no_past_either(world: World, channel: UUID) -> None:
    assert put(world, channel, {"46": 1}, -1) is Refusal.PAST
    assert world.value("SELECT count(*) FROM price_list") == 0


def test_a_version_of_a_day_to_come_is_replaced_by_one_with_another_id(world: World, channel: UUID) -> None:
    first = stored(world, channel, {"46": 1, "47": 2}, 3)
    again = put(world, channel, {"46": 9}, 3)
    assert isinstance(again, Stored)
    assert again.replaced
    assert again.version_id != first
    assert world.rows("SELECT version_id, prefix, amount FROM price") == [(again.version_id, "46", 9)]


def test_one_that_is_to_come_can_be_removed_and_one_that_has_begun_cannot(
    world: World, channel: UUID
) -> None:
    now, later = stored(world, channel, {"46": 1}), stored(world, channel, {"46": 2}, 1)
    assert remove(world, now) is Outcome.BEGUN
    assert remove(world, later) is Outcome.DONE
    assert remove(world, later) is Outcome.GONE
    assert phases(world, "telia") == [(0, "in_force")]


def test_a_day_begins_at_midnight_in_stockholm(world: World, channel: UUID) -> None:
    world.clock.at = datetime(2026, 7, 1, 21, 59, 59, tzinfo=UTC)  # a second before midnight, in summer
    stored(world, "Normal", {"46": 1})
    stored(world, "Normal", {"46": 2}, 1)
    anna = world.account(world.tenant(), "anna@kommun.example")

    def price() -> int:
        with world.database.unit_of_work() as session:
            pipeline = Pipeline(session)
            asked = ask_ways(pipeline, those([anna]))
            pipeline.send()
            table = sale_prices(session, world.clock.now(), next(iter(asked().values())))
            assert table is not None
            found = table.find("+46701740605")
            assert found is not None
            return found.micros

    assert price() == 1
    world.clock.move(timedelta(seconds=1))
    assert price() == 2


def test_lists_are_the_sale_lists_and_each_of_the_platforms_channels(world: World, channel: UUID) -> None:
    world.channel("egen", tenant_id=world.tenant().tenant_id)
    world.channel("elks")
    stored(world, "Normal", {"46": 1})
    stored(world, "Storkund", {"46": 1})
    stored(world, channel, {"46": 1})
    with world.database.unit_of_work() as session:
        found = lists.lists(session, world.clock.now())
    assert [(one.name, one.is_standard, len(one.versions)) for one in found] == [
        ("Normal", True, 1),
        ("Storkund", False, 1),
        ("elks", False, 0),
        ("telia", False, 1),
    ]


def test_a_sale_list_is_one_by_its_name_however_it_is_written(world: World) -> None:
    stored(world, " Normal  kund ", {"46": 1})
    stored(world, "normal KUND", {"46": 1}, 1)
    assert world.rows("SELECT name FROM price_list") == [("Normal kund",)]
    assert put(world, "  ", {"46": 1}) is Refusal.NO_NAME
    assert put(world, "n" * 61, {"46": 1}) is Refusal.NAME_TOO_LONG


def test_a_tenants_channel_gets_no_list_of_the_operators(world: World) -> None:
    own = world.channel("egen", tenant_id=world.tenant().tenant_id)
    assert put(world, own, {"46": 1}) is Refusal.NO_CHANNEL
    assert put(world, new_id(), {"46": 1}) is Refusal.NO_CHANNEL


def test_another_sale_list_can_be_made_the_standard_one(world: World) -> None:
    for name in ("Normal", "Storkund"):
        stored(world, name, {"46": 1})
    with world.database.unit_of_work() as session:
        wanted = next(one for one in lists.lists(session, world.clock.now()) if one.name == "Storkund")
        assert wanted.id is not None
        assert lists.make_standard(session, world.clock.now(), OPERATOR, wanted.id) is Outcome.DONE
        assert lists.make_standard(session, world.clock.now(), OPERATOR, new_id()) is Outcome.GONE
    assert world.rows("SELECT name FROM price_list WHERE is_standard") == [("Storkund",)]


def test_each_change_stands_in_the_audit_log(world: World, channel: UUID) -> None:
    stored(world, channel, {"46": 1})
    version = stored(world, "Normal", {"46": 1, "47": 2}, 1)
    remove(world, version)
    days = [today(world, d).isoformat() for d in (0, 1)]
    sale = {"kind": "sale", "valid_from": days[1], "prices": 2}
    assert world.rows("SELECT action, subject, before, after FROM audit_entry ORDER BY id") == [
        ("prices_added", "telia", None, {"kind": "cost", "valid_from": days[0], "prices": 1}),
        ("prices_added", "Normal", None, sale),
        ("prices_removed", "Normal", sale, None),
    ]


def test_several_who_put_prices_for_the_same_day_at_once_leave_one_version(world: World) -> None:
    made = together([lambda n=n: put(world, "Normal", {"46": n}, 1) for n in range(6)])
    assert all(isinstance(one, Stored) for one in made)
    assert world.rows("SELECT count(*), count(DISTINCT version_id) FROM price") == [(1, 1)]
    assert world.value("SELECT count(*) FROM price_list") == 1


def test_ten_thousand_prices_are_read_once_however_many_numbers_are_looked_up(
    world: World, channel: UUID
) -> None:
    with world.database.unit_of_work() as session:
        prices = [Price(f"46{n:05}", n, "Sverige") for n in range(10_000)]
        made = lists.put(session, world.clock.now(), OPERATOR, OfChannel(channel), today(world), prices)
    assert isinstance(made, Stored)
    with statements(world.database.engine) as asked:
        for _ in range(3):
            with world.database.unit_of_work() as session:
                table = kept.table(session, made.version_id)
                for n in range(0, 10_000, 7):
                    found = table.find(f"+46{n:05}1234")
                    assert found == prices[n]
                    assert found.amount == Decimal(n) / 10**6
    assert len([statement for statement in asked if "FROM price " in statement.text]) == 1


def test_a_channel_takes_its_list_along_when_it_goes(world: World, channel: UUID) -> None:
    stored(world, channel, {"46": 1})
    world.run("DELETE FROM channel WHERE id = :id", id=channel)
    assert world.value("SELECT count(*) FROM price") == 0


def test_no_more_versions_are_kept_than_there_is_room_for() -> None:
    held: kept.Kept[int] = kept.Kept(2)
    read: list[int] = []
    ids = [new_id() for _ in range(3)]
    for place in (0, 1, 0, 2, 0, 1):
        held.get(ids[place], lambda place=place: read.append(place) or place)
    assert read == [0, 1, 2, 1]  # 1 was used longest ago when 2 came
