"""Words of messages go after the days that an organisation has chosen (spec L4)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from messa_platform.core.clock import FixedClock, start_of_stockholm_day, stockholm_day
from messa_platform.messaging.partitions import month_start, partition_name
from messa_platform.messaging.retention import places, words
from messa_platform.runtime.jobs import KEPT_IN
from messa_platform.tenants.models import Group
from tests.support.kept_words import DAY, keep, kept, purge, store
from tests.support.observe import plan, scanned, statements, together
from tests.support.world import World


def test_words_older_than_the_days_go_and_the_row_stays(
    world: World, master: Group, clock: FixedClock
) -> None:
    today = start_of_stockholm_day(stockholm_day(clock.now()))
    edge = start_of_stockholm_day(stockholm_day(clock.now()) - 30 * DAY)
    ids = store(world, master, edge - 400 * DAY, edge - timedelta(milliseconds=1), edge, today, clock.now())
    without = "SELECT to_jsonb(m) - 'text' AS rest FROM message m ORDER BY id"
    before, sums = world.rows(without), world.rows("SELECT * FROM message_delta ORDER BY id")
    assert purge(world) is False
    assert kept(world, ids) == [True] * 5
    keep(world, master, 30)
    assert purge(world) is False
    assert kept(world, ids) == [False, False, True, True, True]
    assert world.rows(without) == before
    # a change of words alone is no change of any sum
    assert world.rows("SELECT * FROM message_delta ORDER BY id") == sums


def test_other_tenants_keep_theirs(world: World, master: Group, clock: FixedClock) -> None:
    other, third = world.tenant("annan", "Annan"), world.tenant("tredje", "Tredje")
    at = clock.now() - 100 * DAY
    ids = [store(world, group, at)[0] for group in (master, other, third)]
    keep(world, master, 30)
    keep(world, third, 200)
    purge(world)
    assert kept(world, ids) == [False, True, True]


def test_each_day_only_what_has_become_old_is_looked_at(
    world: World, master: Group, clock: FixedClock, database_url: str
) -> None:
    moments = [clock.now() - n * 30 * DAY for n in range(12, -1, -1)]
    ids = store(world, master, *moments)
    keep(world, master, 30)
    purge(world)
    assert kept(world, ids) == [False] * 11 + [True] * 2
    with statements(world.database.engine) as seen:
        purge(world)
    assert len(seen) == 1  # how far each tenant has come
    clock.move(DAY)
    with statements(world.database.engine) as seen:
        purge(world)
    [looked] = [s for s in seen if "AS is_free FROM message m WHERE m.tenant_id" in s.text]
    day = clock.now() - 30 * DAY
    assert scanned(plan(database_url, looked)) <= {
        partition_name("message", month_start(at)) for at in (day - 2 * DAY, day)
    }
    clock.move(40 * DAY)
    purge(world)
    assert kept(world, ids) == [False] * 13


def test_it_goes_on_behind_the_last_batch_that_was_committed(
    world: World, master: Group, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "BATCH", 10)
    monkeypatch.setattr(words, "ROUNDS", 2)
    ids = store(world, master, *(clock.now() - (100 - n) * DAY for n in range(35)))
    keep(world, master, 30)
    assert purge(world) is True
    assert kept(world, ids) == [False] * 20 + [True] * 15
    with world.database.sessions() as session, session.begin():  # one that dies in the midst of it
        words._batch(session, clock.now(), master.tenant_id, KEPT_IN[0])
        session.rollback()
    assert kept(world, ids) == [False] * 20 + [True] * 15
    while purge(world):
        pass
    assert kept(world, ids) == [False] * 35


def test_several_at_once_remove_all_of_it_once(
    world: World, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "BATCH", 7)
    masters = [world.tenant(f"kommun{n}") for n in range(3)]
    ids = [store(world, master, *(clock.now() - (100 - n) * DAY for n in range(40))) for master in masters]
    for master in masters:
        keep(world, master, 10)
    together([lambda: purge(world)] * 4)
    purge(world)
    assert [kept(world, of_one) for of_one in ids] == [[False] * 40] * 3


def test_days_that_become_more_or_fewer_hold_from_the_next_round_on(
    world: World, master: Group, clock: FixedClock
) -> None:
    ids = store(world, master, *(clock.now() - n * DAY for n in (90, 60, 30, 3)))
    for days, expected in [
        (70, [False, True, True, True]),
        (80, [False, True, True, True]),
        (None, [False, True, True, True]),
        (20, [False, False, False, True]),
        (1, [False] * 4),
    ]:
        keep(world, master, days)
        purge(world)
        assert kept(world, ids) == expected, days


def test_who_lengthens_the_days_meanwhile_is_heard(world: World, master: Group, clock: FixedClock) -> None:
    ids = store(world, master, clock.now() - 50 * DAY)
    keep(world, master, 10)
    with world.database.unit_of_work() as session:
        [seen] = [
            row
            for row in session.execute(words._KEEPING, {"places": ["message"]})
            if row.id == master.tenant_id
        ]
    keep(world, master, 90)
    with world.database.unit_of_work() as session:
        assert words._batch(session, clock.now(), seen.id, KEPT_IN[0]) is False
    keep(world, master, None)
    with world.database.unit_of_work() as session:
        assert words._batch(session, clock.now(), seen.id, KEPT_IN[0]) is False
    assert kept(world, ids) == [True]
