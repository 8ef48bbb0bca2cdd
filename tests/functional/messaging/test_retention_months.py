"""Whole months that the operator no longer keeps are dropped, with all that counts them, and nothing else is."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from messa_platform.core.bulk import insert_rows
from messa_platform.core.clock import FixedClock, start_of_stockholm_day, stockholm_day
from messa_platform.core.ids import new_id, new_id_at, time_of
from messa_platform.core.settings import WrongSettings
from messa_platform.messaging.log import summary
from messa_platform.messaging.partitions import (
    PARTITIONED,
    attached,
    ensure_partitions,
    month_start,
    next_month,
)
from messa_platform.messaging.retention import months
from messa_platform.messaging.settings import MessagingSettings
from messa_platform.messaging.statuses import Direction, Status
from messa_platform.messaging.store import EVENT, MESSAGE, event_row
from messa_platform.runtime import read_settings
from messa_platform.tenants.models import Group
from tests.support.observe import together
from tests.support.world import World

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
KEEP = 13


def month(clock: FixedClock, back: int) -> datetime:
    """The start of the month so many before this one."""
    start = month_start(clock.now())
    for _ in range(back):
        start = month_start(start - DAY)
    return start


def store(world: World, group: Group, moments: Sequence[datetime], **values: Any) -> list[UUID]:
    """Messages as of these times, each with an event; gives their ids."""
    chance = random.Random(len(moments))
    rows = [
        {
            "id": new_id_at(at), "tenant_id": group.tenant_id, "group_id": group.id, "account_id": new_id(), "direction": Direction.OUT,
            "door": "mail", "status": chance.choice([Status.DELIVERED, Status.UNSENT]), "status_at": at, "remote": "+46701740605",
            "local": "messa", "text": "Hej", "encoding": "GSM", "parts": chance.randrange(1, 4), "created_at": at, **values,
        }
        for at in moments
    ]  # fmt: skip
    events = [
        event_row(row["id"], group.tenant_id, Status.QUEUED, row["created_at"])
        | {"id": new_id_at(row["created_at"])}
        for row in rows
    ]
    with world.database.unit_of_work() as session:
        insert_rows(session, MESSAGE, rows)
        insert_rows(session, EVENT, events)
    return [row["id"] for row in rows]


def made(world: World, first: datetime, last: datetime) -> None:
    with world.database.unit_of_work() as session:
        ensure_partitions(session.connection(), first, last)


def drop(world: World, keep: int = KEEP) -> bool:
    return months.drop(world.database, world.clock, keep)


def there(world: World, table: str = "message") -> list[datetime]:
    """The months that a table has."""
    with world.database.unit_of_work() as session:
        return attached(session.connection(), table)


def left(world: World) -> set[UUID]:
    return {row.id for row in world.rows("SELECT id FROM message")}


SUMS = summary.FOLDED


def sums(world: World) -> dict[str, list[Any]]:
    """All that is summed up, as it is told: what is not folded yet is folded for it."""
    with world.database.sessions() as session, session.begin():
        while summary.fold(session):
            pass
        found = {t: sorted(map(tuple, session.execute(text(f"SELECT * FROM {t}")))) for t in SUMS}
        session.rollback()
    return found


def counted_anew(world: World) -> dict[str, list[Any]]:
    """The same, counted from the messages themselves."""
    with world.database.sessions() as session, session.begin():
        summary.rebuild(session)
        found = {t: sorted(map(tuple, session.execute(text(f"SELECT * FROM {t}")))) for t in SUMS}
        session.rollback()
    return found


@pytest.fixture
def master(world: World) -> Group:
    return world.tenant()


@pytest.fixture
def history(world: World, master: Group, clock: FixedClock) -> list[UUID]:
    """Messages over three months that are too old, two that are not, and around the turns between them; some are summed up already."""
    oldest = month(clock, KEEP + 3)
    made(world, oldest, clock.now())
    class_4b, other = world.group(master, "Klass 4B"), world.tenant("annan", "Annan")
    turns = [month(clock, KEEP + n) for n in (2, 1, 0)]
    moments = [turn + n * HOUR + timedelta(minutes=5) for turn in turns for n in range(-4, 4)]
    moments += [oldest + n * 3 * DAY for n in range(1, 40)]
    ids: list[UUID] = []
    for n, group in enumerate((master, class_4b, other)):
        ids += store(world, group, moments)
        if n == 0:
            with world.database.unit_of_work() as session:
                assert summary.fold(session)
    return ids


def test_a_month_goes_with_what_counts_it_and_the_rest_counts_the_same(
    world: World, clock: FixedClock, history: list[UUID]
) -> None:
    for back in (3, 2, 1):
        end = next_month(month(clock, KEEP + back))
        assert drop(world) is True
        assert there(world)[0] == there(world, "message_event")[0] == end
        assert left(world) == {i for i in history if time_of(i) >= end}
        assert sums(world) == counted_anew(world)
    assert drop(world) is False
    assert there(world)[0] == month(clock, KEEP)
    assert left(world) and sums(world)["tenant_day"]
    ids = {row.message_id for row in world.rows("SELECT message_id FROM message_event")}
    assert ids == left(world)


def test_the_days_at_the_turn_of_the_month_are_told_as_they_are(
    world: World, master: Group, clock: FixedClock
) -> None:
    turn = month(clock, KEEP)
    made(world, month(clock, KEEP + 1), clock.now())
    day = stockholm_day(turn)
    first = start_of_stockholm_day(day)
    assert first < turn  # its first hour, or two, lie in the month before
    store(world, master, [first - HOUR, first, turn - timedelta(seconds=1), turn, turn + HOUR])

    def told() -> dict[date, int]:
        with world.database.unit_of_work() as session:
            counts = summary.counts(session, master.tenant_id, None, day - 40 * DAY, day + 40 * DAY)
        found: dict[date, int] = {}
        for count in counts:
            found[count.day] = found.get(count.day, 0) + count.messages
        return found

    assert told() == {day - DAY: 1, day: 4}
    assert drop(world)
    assert told() == {day: 2}
    assert sums(world) == counted_anew(world)


def test_nothing_is_dropped_unless_the_operator_says_so(
    world: World, clock: FixedClock, history: list[UUID]
) -> None:
    assert drop(world, 0) is False
    assert drop(world, KEEP + 3) is False
    assert left(world) == set(history)


def test_the_months_ahead_and_this_one_stay(world: World, clock: FixedClock, history: list[UUID]) -> None:
    before = there(world)
    while drop(world):
        pass
    assert there(world) == [m for m in before if m >= month(clock, KEEP)]
    assert there(world) == there(world, "message_event")


def test_several_at_once_drop_each_month_once(world: World, history: list[UUID]) -> None:
    answers = together([lambda: [drop(world) for _ in range(4)]] * 3)
    assert sum(answer for of_one in answers for answer in of_one) == 3
    assert sums(world) == counted_anew(world)


def test_what_lies_in_no_month_goes_with_the_months_beside_it(
    world: World, master: Group, clock: FixedClock
) -> None:
    made(world, month(clock, KEEP + 1), clock.now())
    far = [datetime(1999, 12, 31, tzinfo=UTC), datetime(2199, 1, 1, tzinfo=UTC)]
    old, young = month(clock, KEEP + 1) + DAY, month(clock, KEEP) + DAY
    ids = store(world, master, [*far, old, young])
    assert drop(world)
    assert left(world) == {ids[1], ids[3]}
    assert sums(world) == counted_anew(world)


def test_who_reads_for_long_keeps_it_from_happening_and_loses_nothing(
    world: World, clock: FixedClock, history: list[UUID]
) -> None:
    before, counted = there(world), sums(world)
    with world.database.sessions() as session, session.begin():
        session.execute(text("SELECT count(*) FROM message"))
        assert drop(world) is False
        assert (there(world), left(world), sums(world)) == (before, set(history), counted)
    assert drop(world) is True


def test_what_came_in_and_is_dropped_is_unread_no_more(
    world: World, master: Group, clock: FixedClock
) -> None:
    made(world, month(clock, KEEP + 1), clock.now())
    account = world.account(master, "anna@kommun.example")
    old, young = store(world, master, [month(clock, KEEP + 1) + DAY, month(clock, KEEP) + DAY])
    for last, remote in ((old, "+46701740605"), (young, "+46701740606")):
        world.run(
            "INSERT INTO thread (id, tenant_id, account_id, remote, last_message_at, last_message_id, unread)"
            " VALUES (:id, :tenant, :account, :remote, :at, :last, 2)",
            id=new_id(),
            tenant=master.tenant_id,
            account=account,
            remote=remote,
            at=time_of(last),
            last=last,
        )
    assert drop(world)
    assert [row.unread for row in world.rows("SELECT unread FROM thread ORDER BY remote")] == [0, 2]


def test_a_message_that_was_passed_over_is_forgotten_with_its_month(
    world: World, master: Group, clock: FixedClock
) -> None:
    made(world, month(clock, KEEP + 1), clock.now())
    ids = store(world, master, [month(clock, KEEP + 1) + DAY, month(clock, KEEP) + DAY])
    for identifier in ids:
        world.run("INSERT INTO held_text VALUES (:id, :tenant)", id=identifier, tenant=master.tenant_id)
    assert drop(world)
    assert world.value("SELECT message_id FROM held_text") == ids[1]


@pytest.mark.parametrize("given", ["1", "12", "-1"])
def test_months_that_may_hold_what_still_waits_are_not_dropped(given: str) -> None:
    with pytest.raises(WrongSettings, match=r"messaging\.keep_months"):
        read_settings({"messaging.keep_months": given}, {})
    assert read_settings({}, {})[MessagingSettings].keep_months == 0
    assert read_settings({"messaging.keep_months": "13"}, {})[MessagingSettings].keep_months == 13


def test_both_big_tables_are_dropped_from() -> None:
    assert set(PARTITIONED) == {"message", "message_event"}
