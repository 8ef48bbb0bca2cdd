"""Quotas while many send at once: never overspent, never a deadlock (spec G6, G7)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from uuid import UUID

import pytest

from messa_platform.core.db import Database, make_engine
from messa_platform.core.work import LeaseLost
from messa_platform.tenants import quota
from messa_platform.tenants.models import Group
from messa_platform.tenants.quota import Demand, Granted
from tests.support.observe import dawdling, together, wait_until_blocked
from tests.support.reserving import reserve
from tests.support.world import World

THREADS = 20


def used(world: World, scope_id: UUID) -> int:
    """Parts booked on a group or an account."""
    return int(
        world.value("SELECT coalesce(sum(parts), 0) FROM quota_usage WHERE scope_id = :id", id=scope_id)
    )


def spender(world: World, account_id: UUID, times: int) -> Callable[[], int]:
    """A sender that reserves one part after the other, each in a transaction of its own, and tells how many it got."""

    def spend() -> int:
        return sum(isinstance(world.reserve(account_id, 1)[0], Granted) for _ in range(times))

    return spend


@pytest.mark.parametrize("limited", [0, 1, 2], ids=["Master", "Skolan", "4B"])
@pytest.mark.parametrize("attempt", [1, 2])
def test_20_threads_that_race_for_100_across_three_levels_spend_exactly_100(
    world: World, limited: int, attempt: int
) -> None:
    master = world.tenant()
    school = world.group(master, "Skolan")
    levels = [master, school, world.group(school, "4B")]
    world.group_quota(levels[limited], 100, window_days=30)
    accounts = [world.account(levels[2], f"larare{i}@kommun.example") for i in range(THREADS)]
    got = together([spender(world, account, 8) for account in accounts])
    assert sum(got) == 100
    assert [used(world, level.id) for level in levels] == [100, 100, 100]
    assert sorted(got) == sorted(used(world, account) for account in accounts)


def test_senders_of_sibling_groups_race_for_their_parents_quota_and_each_keeps_its_own_limit(
    world: World,
) -> None:
    master = world.tenant()
    school, care = world.group(master, "Skolan"), world.group(master, "Omsorgen")
    world.group_quota(master, 100)
    world.group_quota(school, 70)
    world.account_quota(care, 9, window_days=1)
    groups: list[Group] = list(islice(cycle([school, care]), THREADS))
    accounts = [world.account(group, f"person{i}@kommun.example") for i, group in enumerate(groups)]
    got = together([spender(world, account, 12) for account in accounts])
    by_group: Counter[UUID] = Counter()
    for group, parts in zip(groups, got, strict=True):
        by_group[group.id] += parts
    assert sum(got) == used(world, master.id) == 100
    assert by_group[school.id] == used(world, school.id) <= 70
    assert by_group[care.id] == used(world, care.id) <= 90
    assert all(parts <= 9 for group, parts in zip(groups, got, strict=True) if group is care)


def test_senders_race_for_the_last_parts_with_texts_of_several_parts_each(world: World) -> None:
    master = world.tenant()
    world.group_quota(master, 50)
    accounts = [
        world.account(world.group(master, f"Enhet {i}"), f"chef{i}@kommun.example") for i in range(10)
    ]

    def spend(account_id: UUID) -> int:
        answers = [world.reserve(account_id, parts)[0] for parts in (3, 2, 1, 3, 2)]
        granted = [
            p for p, answer in zip((3, 2, 1, 3, 2), answers, strict=True) if isinstance(answer, Granted)
        ]
        return sum(granted)

    got = together([lambda a=account: spend(a) for account in accounts])  # type: ignore[misc]
    assert sum(got) == used(world, master.id) == 50


def test_the_first_reservations_of_a_new_tenant_do_not_wait_for_each_other_in_a_ring(
    world: World, database_url: str
) -> None:
    master = world.tenant()
    school = world.group(master, "Skolan")
    first = world.demand(world.account(master, "rektor@kommun.example"))
    second, third = (world.demand(world.account(school, f"larare{i}@kommun.example")) for i in (1, 2))
    slow = Database(make_engine(database_url))

    def reserves(database: Database, demand: Demand) -> None:
        with database.unit_of_work() as session:
            reserve(session, world.clock.now(), [demand])

    with ThreadPoolExecutor(2) as threads, dawdling(slow.engine, 0.2):
        with world.database.unit_of_work() as session:
            reserve(session, world.clock.now(), [first])
            # this one finds no counters, and comes to a stop at the one of Master, that is being made here
            one = threads.submit(reserves, slow, second)
            wait_until_blocked(world.database)
        # and this one finds it made, while the former is still about to lock it
        other = threads.submit(reserves, world.database, third)
        one.result(30), other.result(30)
    slow.close()
    assert used(world, master.id) == 3
    assert used(world, school.id) == 2


def test_giving_back_races_with_reserving_and_nothing_is_lost_or_stuck(world: World) -> None:
    master = world.tenant()
    world.group_quota(master, 60)
    groups = [world.group(master, name) for name in ("Skolan", "Omsorgen", "Fritid", "Tekniska")]
    accounts = [world.account(group, f"p{i}@kommun.example") for i, group in enumerate(groups)]
    chance = random.Random(20261122)
    orders = [chance.sample(accounts, k=4) for _ in range(12)]

    def batches(order: list[UUID]) -> int:
        kept = 0
        for _ in range(6):
            with world.database.unit_of_work() as session:
                answers = reserve(session, world.clock.now(), [world.demand(a) for a in order])
            granted = [a for a in answers if isinstance(a, Granted)]
            kept += len(granted) - len(granted[1:])
            with world.database.unit_of_work() as session:
                quota.give_back(session, [(g.buckets, 1) for g in reversed(granted[1:])])
        return kept

    kept = together([lambda o=order: batches(o) for order in orders])  # type: ignore[misc]
    assert sum(kept) == used(world, master.id) == sum(used(world, account) for account in accounts)
    assert used(world, master.id) <= 60
    assert world.value("SELECT min(parts) FROM quota_usage") >= 0


def test_what_a_rolled_back_reservation_took_is_free_again(world: World) -> None:
    master = world.tenant()
    world.group_quota(master, 1)
    account = world.account(master, "anna@kommun.example")
    demand = world.demand(account)
    with pytest.raises(LeaseLost), world.database.unit_of_work() as session:
        assert isinstance(reserve(session, world.clock.now(), [demand])[0], Granted)
        raise LeaseLost("another worker has it")
    assert isinstance(world.reserve(account, 1)[0], Granted)
