"""The monthly partitions of the big tables: made ahead, and only those that are needed are touched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from messa_platform.core.bulk import insert_rows
from messa_platform.core.ids import id_at, new_id, new_id_at
from messa_platform.core.pipeline import at_commit
from messa_platform.messaging.changes import Word, apply
from messa_platform.messaging.partitions import (
    ahead,
    ensure_partitions,
    faults,
    look_after,
    month_start,
    months,
    next_month,
    partition_name,
)
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.messaging.store import EVENT, MESSAGE, event_row
from tests.support.observe import Statement, generic_plan, nodes, plan, scanned, statements, together
from tests.support.world import World

NOW = datetime.now(UTC)
PAST = [month_start(NOW)]
while len(PAST) < 7:
    PAST.insert(0, month_start(PAST[0] - timedelta(days=1)))
"""Six months before this one, and this one."""


def made(world: World, first: datetime, last: datetime) -> list[str]:
    with world.database.unit_of_work() as session:
        return ensure_partitions(session.connection(), first, last)


def store(world: World, at: datetime, group_id: UUID | None = None) -> UUID:
    """A message as of a time, and its first event."""
    identifier, nobody = new_id_at(at), new_id()
    row = {
        "id": identifier, "tenant_id": nobody, "group_id": group_id or nobody, "account_id": nobody, "direction": Direction.OUT,
        "door": "mail", "status": Status.SENT, "status_at": at, "remote": "+46701740605", "local": "messa", "text": "Hej",
        "encoding": "GSM", "parts": 1, "created_at": at,
    }  # fmt: skip
    event = event_row(identifier, nobody, Status.QUEUED, at) | {"id": new_id_at(at)}
    with world.database.unit_of_work() as session:
        insert_rows(session, MESSAGE, [row])
        insert_rows(session, EVENT, [event])
    return identifier


def lies_in(world: World, identifier: UUID) -> str:
    """The partition that holds a message."""
    name: str = world.value("SELECT tableoid::regclass::text FROM message WHERE id = :id", id=identifier)
    return name


def partitions(world: World, table: str = "message") -> set[str]:
    rows = world.rows(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = CAST(:t AS regclass)",
        t=table,
    )
    return {row.name for row in rows}


def test_the_months_from_one_to_another_cross_the_turn_of_the_year() -> None:
    first, last = datetime(2026, 11, 30, 23, 59, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC)
    assert [partition_name("message", m) for m in months(first, last)] == [
        "message_2026_11",
        "message_2026_12",
        "message_2027_01",
        "message_2027_02",
    ]
    assert next_month(datetime(2026, 12, 1, tzinfo=UTC)) == datetime(2027, 1, 1, tzinfo=UTC)


def test_a_new_database_has_partitions_for_three_months_ahead(world: World) -> None:
    wanted = {partition_name("message", m) for m in months(NOW, NOW + timedelta(days=93))}
    assert len(wanted) >= 4
    assert partitions(world) == wanted | {"message_default"}
    assert len(partitions(world, "message_event")) == len(wanted) + 1


def test_partitions_are_made_once(world: World) -> None:
    names = made(world, PAST[0], PAST[2])
    assert len(names) == 6
    assert {n for n in names if "event" not in n} == {partition_name("message", m) for m in PAST[:3]}
    assert made(world, PAST[0], PAST[2]) == []
    assert made(world, PAST[0], PAST[3]) == [
        partition_name("message", PAST[3]),
        partition_name("message_event", PAST[3]),
    ]


def test_making_ahead_again_makes_nothing_until_a_month_has_passed(world: World) -> None:
    before = partitions(world)
    for moment, new in [(NOW, 0), (NOW, 0), (NOW + timedelta(days=31), 1)]:
        with world.database.unit_of_work() as session:
            ahead(session.connection(), moment)
        assert len(partitions(world) - before) == new


def test_processes_that_start_at_once_make_each_partition_once(world: World) -> None:
    names = together([lambda: made(world, PAST[0], PAST[5])] * 6)
    assert sorted(len(of_one) for of_one in names) == [0] * 5 + [12]


def test_a_message_lies_in_the_month_of_its_id(world: World) -> None:
    made(world, PAST[0], NOW)
    for month in PAST:
        for at in (month, next_month(month) - timedelta(milliseconds=1)):
            assert lies_in(world, store(world, at)) == partition_name("message", month)


@pytest.mark.parametrize("at", [datetime(1999, 12, 31, tzinfo=UTC), datetime(2199, 1, 1, tzinfo=UTC)])
def test_an_id_from_a_clock_that_is_far_off_is_stored_all_the_same(world: World, at: datetime) -> None:
    assert lies_in(world, store(world, at)) == "message_default"
    assert world.value("SELECT tableoid::regclass::text FROM message_event") == "message_event_default"


def test_a_month_that_came_before_its_partition_moves_into_it(world: World) -> None:
    at = next_month(next_month(NOW + timedelta(days=93)))
    early, far = store(world, at), store(world, datetime(2199, 1, 1, tzinfo=UTC))
    assert lies_in(world, early) == "message_default"
    assert len(made(world, at, at)) == 2
    assert lies_in(world, early) == partition_name("message", month_start(at))
    assert lies_in(world, far) == "message_default"
    assert (
        world.value("SELECT count(*) FROM message") == world.value("SELECT count(*) FROM message_event") == 2
    )
    assert lies_in(world, store(world, at)) == partition_name("message", month_start(at))
    made(world, next_month(at), next_month(at))
    with world.database.unit_of_work() as session:
        apply(session, [Word(early, Status.DELIVERED, "", NOW)])
    assert world.value("SELECT status FROM message WHERE id = :id", id=early) == "DELIVERED"


# Pruning


def names(chosen: list[datetime]) -> set[str]:
    return {partition_name("message", month) for month in chosen}


@pytest.fixture
def half_a_year(world: World) -> dict[datetime, UUID]:
    """A message in each of the last months."""
    made(world, PAST[0], NOW)
    ids = {month: store(world, month + timedelta(days=5)) for month in PAST}
    world.run("ANALYZE message")
    return ids


LOG = (
    "SELECT id, status FROM message WHERE group_id = ANY(%(groups)s::uuid[]) AND id >= %(first)s::uuid AND id < %(last)s::uuid"
    " ORDER BY id DESC LIMIT 50"
)


def log_query(first: datetime, last: datetime) -> Statement:
    """The messages of some groups in a range of time, as the log asks for them."""
    groups = "{" + ",".join(str(new_id()) for _ in range(3)) + "}"
    return Statement(LOG, {"groups": groups, "first": str(id_at(first)), "last": str(id_at(last))})


def test_the_log_of_some_weeks_reads_only_the_months_that_they_lie_in(
    database_url: str, half_a_year: dict[datetime, UUID]
) -> None:
    weeks = log_query(PAST[2] + timedelta(days=20), PAST[4] + timedelta(days=3))
    assert scanned(plan(database_url, weeks)) == names(PAST[2:5])
    assert scanned(generic_plan(database_url, weeks)) == names(PAST[2:5])
    assert scanned(plan(database_url, log_query(PAST[3], PAST[4]))) == names(PAST[3:4])


def words_for(world: World, ids: list[UUID]) -> list[Statement]:
    """The statements by which messages are locked and moved."""
    with world.database.unit_of_work() as session, statements(world.database.engine) as seen:
        assert len(apply(session, [Word(i, Status.DELIVERED, "", NOW) for i in ids])) == len(ids)
        at_commit(session).send()
        session.rollback()
    others = ("message_event", "pg_notify", "event_endpoint")
    return [s for s in seen if not any(other in s.text for other in others)]


@pytest.mark.parametrize("of", [[2], [1, 2], [1, 3]])
def test_receipts_touch_only_the_months_of_their_messages_and_those_between(
    world: World, database_url: str, half_a_year: dict[datetime, UUID], of: list[int]
) -> None:
    for statement in words_for(world, [half_a_year[PAST[i]] for i in of]):
        wanted, most = names([PAST[i] for i in of]), names(PAST[of[0] : of[-1] + 1])
        assert wanted <= scanned(plan(database_url, statement)) <= most
        assert wanted <= scanned(generic_plan(database_url, statement)) <= most


def test_a_plan_made_once_for_all_values_leaves_out_the_other_months_when_it_runs(
    world: World, database_url: str, half_a_year: dict[datetime, UUID]
) -> None:
    [_, move] = words_for(world, [half_a_year[PAST[3]]])
    root = generic_plan(database_url, move)
    removed = sum(node.get("Subplans Removed", 0) for node in nodes(root))
    assert removed == len(partitions(world)) - 1
    assert world.value("SELECT count(*) FROM message WHERE status = 'SENT'") == len(PAST)


# What a person must see to


def found_faults(world: World, at: datetime = NOW) -> list[str]:
    with world.database.unit_of_work() as session:
        return faults(session.connection(), at)


def test_where_all_is_well_nothing_is_said(world: World) -> None:
    assert found_faults(world) == []


@pytest.mark.parametrize("table", ["message", "message_event"])
def test_a_month_that_is_missing_is_told_while_there_is_time(world: World, table: str) -> None:
    coming = next_month(month_start(NOW))
    world.run(f"DROP TABLE {partition_name(table, next_month(coming))}")
    assert found_faults(world) == []
    name = partition_name(table, coming)
    world.run(f"ALTER TABLE {table} DETACH PARTITION {name}")  # a table of that name is no partition
    assert found_faults(world) == [f"{table} has no partition for {coming:%Y-%m}"]
    assert len(found_faults(world, coming + timedelta(days=200))) == 4


def test_rows_of_no_month_are_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for year in (1999, 2199):
        store(world, datetime(year, 1, 1, tzinfo=UTC))
    assert found_faults(world) == [
        "message_default holds rows of no month: 2",
        "message_event_default holds rows of no month: 2",
    ]
    monkeypatch.setattr("messa_platform.messaging.partitions.MOST_STRAYS", 1)
    assert found_faults(world)[0] == "message_default holds rows of no month: 1 or more"


def test_who_looks_after_them_makes_what_is_missing_and_warns_of_the_rest(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    store(world, datetime(2199, 1, 1, tzinfo=UTC))
    world.run(f"DROP TABLE {partition_name('message', next_month(month_start(NOW)))}")
    with world.database.unit_of_work() as session:
        look_after(session.connection(), NOW)
    assert found_faults(world) == [
        "message_default holds rows of no month: 1",
        "message_event_default holds rows of no month: 1",
    ]
    assert capsys.readouterr().out.count("partitions_fault") == 2
