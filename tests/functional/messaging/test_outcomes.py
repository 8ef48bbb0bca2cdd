"""Outcomes written beside reservations: they lock the same counters, in the same order."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from messa_platform.core.db import Database, make_engine
from tests.support.network import QUEUE, Network
from tests.support.observe import dawdling
from tests.support.reserving import reserve
from tests.support.world import World

LOCKS = (
    "SELECT count(*) FROM pg_locks WHERE relation = 'quota_counter'::regclass"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def test_refusals_of_two_groups_in_one_reconciliation_lock_their_counters_in_one_order(
    world: World, database_url: str
) -> None:
    network = Network(world)
    people = [world.account(world.tenant(slug), f"anna@{slug}.example") for slug in ("ett", "tva")]
    for person in reversed(people):  # the claims stand against the order of the counters
        world.words(person, ["0701740605"])
    with world.database.unit_of_work() as session:
        session.execute(QUEUE.table.update().values(attempts=len(QUEUE.pauses)))
    with world.database.unit_of_work() as session:
        claims = QUEUE.claim(session, world.clock.now(), 10)
    slow = Database(make_engine(database_url))

    def absent() -> None:
        with slow.unit_of_work() as session:
            network.outcomes.write(session, world.clock.now(), network.channel_id, [], claims)

    demands = [world.demand(person) for person in people]

    def reserves() -> None:
        with world.database.unit_of_work() as session:
            reserve(session, world.clock.now(), demands)

    with ThreadPoolExecutor(2) as threads, dawdling(slow.engine, 0.1):
        one = threads.submit(absent)
        while not world.value(LOCKS) and not one.done():
            time.sleep(0.005)
        other = threads.submit(reserves)
        one.result(30)
        other.result(30)
    slow.close()
    statuses = [row.status for row in world.rows("SELECT status FROM message")]
    assert statuses == ["UNSENT", "UNSENT"]
