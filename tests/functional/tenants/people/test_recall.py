"""Numbers are taken back where a group may no longer receive (spec G5, R5)."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.tenants import tasks
from messa_platform.tenants.admin_models import TaskKind
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from messa_platform.tenants.people.recall import Recall
from tests.support.observe import statements
from tests.support.people import Town
from tests.support.world import World


@pytest.fixture
def lent(town: Town, world: World) -> Town:
    world.numbers()
    for group in (town.master, town.care):
        world.set(group, Key.MAY_RECEIVE, True)
    return town


def hold(town: Town, group: Group, *addresses: str) -> list[UUID]:
    """Accounts of a group, each with a number."""
    accounts = [town.world.account(group, address) for address in addresses]
    first = town.world.value("SELECT next_number FROM number_range")
    town.world.run(
        "INSERT INTO number (msisdn, range_id, account_id) SELECT '+' || (:first + n.place), r.id, n.id FROM number_range r,"
        " unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS n (id, place)",
        first=first,
        ids=accounts,
    )
    town.world.run(
        "INSERT INTO number_lending (id, tenant_id, group_id, account_id, msisdn, lent_at) SELECT gen_random_uuid(), a.tenant_id, a.group_id,"
        " a.id, n.msisdn, now() FROM number n JOIN account a ON a.id = n.account_id WHERE a.id = ANY(CAST(:ids AS uuid[]))",
        ids=accounts,
    )
    town.world.run("UPDATE number_range SET next_number = next_number + :n + 1", n=len(accounts))
    return accounts


def begin(town: Town, group: Group, total: int = 0) -> UUID:
    place = town.place(group)
    with town.world.database.unit_of_work() as session:
        now = town.world.clock.now()
        task_id = tasks.draft(
            session, now, town.author(town.master), place, TaskKind.RECALL_NUMBERS, {}, total
        )
        tasks.start(session, now, place.tenant_id, task_id)
        return task_id


def holders(town: Town) -> set[UUID]:
    return {
        r.account_id for r in town.world.rows("SELECT account_id FROM number WHERE account_id IS NOT NULL")
    }


def test_numbers_are_taken_back_below_but_not_where_a_group_may_receive_by_its_own_word(
    lent: Town, world: World, clock: FixedClock
) -> None:
    town = lent
    [chef] = hold(town, town.master, "chef@kommun.example")
    [rektor] = hold(town, town.school, "rektor@kommun.example")
    [elev] = hold(town, town.form, "elev@kommun.example")
    [cia] = hold(town, town.care, "cia@kommun.example")
    [bo] = hold(town, town.other, "bo@annan.example")
    world.set(town.school, Key.MAY_RECEIVE, False)
    task_id = begin(town, town.school, 2)
    town.work()
    assert holders(town) == {chef, cia, bo}
    world.set(town.master, Key.MAY_RECEIVE, False)
    again = begin(town, town.master)
    town.work()
    assert holders(town) == {cia, bo}
    assert town.log(town.school) == [("numbers_recalled", "")]
    assert [r.after for r in world.rows("SELECT after FROM audit_entry ORDER BY id")] == [
        {"numbers": 2},
        {"numbers": 1},
    ]
    rested = world.rows("SELECT DISTINCT rests_until FROM number WHERE account_id IS NULL")
    assert [r.rests_until for r in rested] == [clock.now() + timedelta(days=90)]
    returned = world.rows("SELECT account_id FROM number_lending WHERE returned_at IS NOT NULL")
    assert {r.account_id for r in returned} == {chef, rektor, elev}
    task = town.task(town.school, task_id)
    assert (task.done, task.result) == (2, {"numbers": 2})
    assert town.task(town.master, again).finished_at is not None


def test_a_task_that_finds_the_group_allowed_again_takes_nothing_and_says_nothing(
    lent: Town, world: World
) -> None:
    town = lent
    [elev] = hold(town, town.form, "elev@kommun.example")
    task_id = begin(town, town.school, 1)
    town.work()
    assert holders(town) == {elev}
    assert town.log(town.school) == []
    task = town.task(town.school, task_id)
    assert (task.done, task.total) == (1, 1)
    assert task.finished_at is not None


def test_the_rest_is_as_long_as_the_deployment_says(lent: Town, world: World, clock: FixedClock) -> None:
    town = lent
    hold(town, town.form, "elev@kommun.example")
    world.set(town.school, Key.MAY_RECEIVE, False)
    task = town.task(town.school, begin(town, town.school))
    with world.database.unit_of_work() as session:
        Recall(timedelta(days=7)).step(session, clock.now(), task)
    assert world.value("SELECT rests_until FROM number") == clock.now() + timedelta(days=7)


def test_many_are_taken_back_in_chunks_of_the_same_few_statements(
    lent: Town, world: World, clock: FixedClock
) -> None:
    town = lent
    world.set(town.school, Key.MAY_RECEIVE, False)
    some = tasks.CHUNK + 20
    hold(town, town.form, *(f"p{i}@kommun.example" for i in range(some)))
    task = town.task(town.school, begin(town, town.school, some))
    counts, steps = [], []
    for _ in range(2):
        with statements(world.database.engine) as seen, world.database.unit_of_work() as session:
            step = Recall().step(session, clock.now(), task)
        counts.append(len(seen))
        steps.append((step.done, step.finished, step.result))
        world.run("UPDATE task SET result = '{\"numbers\": 500}'")
        task = town.task(town.school, task.id)
    assert steps == [
        (tasks.CHUNK, False, {"numbers": tasks.CHUNK}),
        (some, True, {"numbers": some}),
    ]
    assert counts[1] == counts[0] + 2  # at the end the log's entry, and whose name stands in it
    assert holders(town) == set()
