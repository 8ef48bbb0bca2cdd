"""The summaries always equal a count of the messages themselves, whatever happens to them and whenever they are folded."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta
from threading import Thread
from typing import Any

import pytest
from sqlalchemy.orm import Session

from messa_platform.core.bulk import copy_rows
from messa_platform.core.db import Database
from messa_platform.messaging import changes, partitions
from messa_platform.messaging.changes import Word
from messa_platform.messaging.log import summary
from messa_platform.messaging.log.asked import Asked
from messa_platform.messaging.statuses import NEXT, Status
from messa_platform.messaging.store import MESSAGE
from tests.support.log_book import DAYS, START, Book, scope
from tests.support.network import Network
from tests.support.world import World

RAW = (
    "SELECT tenant_id, group_id, messa_day_of(id) AS day, direction, status, parts,"
    " coalesce(channel_id, '00000000-0000-0000-0000-000000000000') AS channel_id, count(*) AS messages FROM message GROUP BY 1, 2, 3, 4, 5, 6, 7"
)
KEPT = (
    "SELECT tenant_id, group_id, day, direction, status, parts, channel_id, sum(messages) AS messages FROM (SELECT tenant_id, group_id, day,"
    " direction, status, parts, channel_id, messages FROM message_day UNION ALL SELECT tenant_id, group_id, day, direction, status, parts,"
    " channel_id, messages FROM message_delta) k GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING sum(messages) <> 0"
)


def assert_equal(world: World) -> None:
    """Every table of counts, as it is read, equals the messages."""
    raw = [tuple(row) for row in world.rows(RAW)]
    assert sorted(raw) == sorted(tuple(row) for row in world.rows(KEPT))
    months = Counter[Any]()
    days = Counter[Any]()
    tenants_months = Counter[Any]()
    for tenant_id, group_id, day, direction, status, parts, channel_id, messages in raw:
        months[tenant_id, group_id, day.replace(day=1), direction, status, parts, channel_id] += messages
        days[tenant_id, day, direction, status, parts, channel_id] += messages
        tenants_months[tenant_id, day.replace(day=1), direction, status, parts, channel_id] += messages
    delta = (
        "SELECT {}, sum(messages) FROM (SELECT {}, messages FROM {} UNION ALL SELECT {}, messages FROM message_delta) k"
        " GROUP BY {} HAVING sum(messages) <> 0"
    )
    of_month = (
        "tenant_id, group_id, date_trunc('month', day)::date AS day, direction, status, parts, channel_id"
    )
    plain = "tenant_id, group_id, day, direction, status, parts, channel_id"
    found = world.rows(delta.format(plain, of_month, "message_month", of_month, plain))
    assert Counter({tuple(row)[:-1]: int(row[-1]) for row in found}) == months
    of_tenant = "tenant_id, day, direction, status, parts, channel_id"
    found = world.rows(delta.format(of_tenant, of_tenant, "tenant_day", of_tenant, of_tenant))
    assert Counter({tuple(row)[:-1]: int(row[-1]) for row in found}) == days
    of_months = of_tenant.replace("day,", "date_trunc('month', day)::date AS day,")
    found = world.rows(delta.format(of_tenant, of_months, "tenant_month", of_months, of_tenant))
    assert Counter({tuple(row)[:-1]: int(row[-1]) for row in found}) == tenants_months


def fold(world: World) -> int:
    with world.database.unit_of_work() as session:
        return summary.fold(session)


def test_they_equal_the_messages_before_and_after_they_are_folded(world: World, book: Book) -> None:
    assert_equal(world)
    assert fold(world) > 0
    assert world.value("SELECT count(*) FROM message_delta") == 0
    assert_equal(world)


def test_they_follow_every_change_of_status_in_any_order_of_folds(world: World, book: Book) -> None:
    chance = random.Random(3)
    states = {line["id"]: line["status"] for line in book.lines}
    for _ in range(12):
        some = chance.sample(list(states), 150)
        words = [
            Word(i, chance.choice(sorted(NEXT.get(states[i], {Status.DELIVERED}))), "1", START) for i in some
        ]
        with world.database.unit_of_work() as session:
            for moved in changes.apply(session, words):
                states[moved.message_id] = moved.status
        if chance.random() < 0.5:
            fold(world)
        assert_equal(world)


def test_what_is_rolled_back_was_never_counted(world: World, book: Book, database: Database) -> None:
    with database.sessions() as session:
        session.execute(MESSAGE.update().where(MESSAGE.c.id == book.lines[0]["id"]).values(status="BUFFERED"))
        session.rollback()
    assert_equal(world)


def test_they_follow_what_is_deleted_and_what_moves_out_of_the_default_partition(
    world: World, book: Book
) -> None:
    world.run("DELETE FROM message WHERE id = :id", id=book.lines[5]["id"])
    assert_equal(world)
    late = START + timedelta(days=3000)
    line = book.lines[6] | {"id": partitions.id_at(late + timedelta(days=1)), "created_at": late}
    with world.database.unit_of_work() as session:
        copy_rows(session, MESSAGE, [line])
    with world.database.unit_of_work() as session:
        assert partitions.ensure_partitions(session.connection(), late, late)
    assert_equal(world)


def test_they_can_be_counted_anew(world: World, book: Book) -> None:
    fold(world)
    before = sorted(tuple(row) for row in world.rows("SELECT * FROM message_day"))
    world.run("DELETE FROM message_day")
    with world.database.unit_of_work() as session:
        summary.rebuild(session)
    assert sorted(tuple(row) for row in world.rows("SELECT * FROM message_day")) == before
    assert_equal(world)


def test_many_change_and_many_fold_at_once(world: World, book: Book) -> None:
    faults: list[BaseException] = []

    def change(seed: int) -> None:
        chance = random.Random(seed)
        try:
            for _ in range(8):
                some = sorted(chance.sample([m["id"] for m in book.lines], 60))
                with world.database.unit_of_work() as session:
                    words = [
                        Word(
                            i,
                            chance.choice((Status.BUFFERED, Status.DELIVERED, Status.UNDELIVERED)),
                            "",
                            START,
                        )
                        for i in some
                    ]
                    changes.apply(session, words)
        except BaseException as fault:  # told to the test, in whose thread it would be lost
            faults.append(fault)

    def folder() -> None:
        try:
            for _ in range(25):
                fold(world)
        except BaseException as fault:
            faults.append(fault)

    threads = [Thread(target=change, args=(n,)) for n in range(4)] + [Thread(target=folder) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert_equal(world)


def test_rows_that_come_to_nothing_go(world: World, book: Book) -> None:
    fold(world)
    world.run("UPDATE message SET status = 'DELIVERED' WHERE status = 'SENT'")
    fold(world)
    assert world.value("SELECT count(*) FROM message_day WHERE messages = 0 OR status = 'SENT'") == 0
    assert_equal(world)


def test_all_doors_and_the_network_write_them(world: World, network: Network) -> None:
    world.numbers()
    master = world.tenant()
    sender = world.account(master, "anna@kommun.example")
    assert world.words(sender, ["+46701740605", "+46701740606", "12"]) == [
        "QUEUED",
        "QUEUED",
        "invalid_number",
    ]
    assert_equal(world)
    assert world.value("SELECT count(*) FROM message_sender WHERE address = 'anna@kommun.example'") == 1


def test_counts_tell_days_in_order(session: Session, book: Book) -> None:
    last = (START + timedelta(days=DAYS)).date()
    told = summary.counts(session, book.master.tenant_id, None, START.date(), last)
    assert [c.day for c in told] == sorted(c.day for c in told)
    assert sum(c.messages for c in told) == len(book.lines)
    assert sum(c.parts for c in told) == sum(m["parts"] for m in book.lines)


@pytest.mark.parametrize("shift", [0, 1, 14, 29, 30, 31, 61])
@pytest.mark.parametrize("back", [0, 1, 13, 35])
def test_counts_by_month_are_those_of_the_days_added_up(
    session: Session, book: Book, shift: int, back: int
) -> None:
    first = START.date() + timedelta(days=shift)
    last = max(first, (START + timedelta(days=DAYS)).date() - timedelta(days=back))
    groups = [group.id for group in book.groups][:3]
    for group_ids in (groups, None):
        found: list[Counter[tuple[date, str, str]]] = []
        for by_month in (False, True):
            told = summary.counts(session, book.master.tenant_id, group_ids, first, last, by_month=by_month)
            counted: Counter[tuple[date, str, str]] = Counter()
            for count in told:
                counted[count.day.replace(day=1), count.direction, count.status] += count.messages
            found.append(counted)
        assert found[0] == found[1]


@pytest.mark.parametrize("days", [30, 140])
def test_tallies_of_a_scope_never_tell_less_than_there_is(session: Session, book: Book, days: int) -> None:
    for group in book.groups:
        asked = Asked(scope(book, group, subgroups=True), START, START + timedelta(days=days))
        there = len(book.found(asked))
        assert there <= sum(t.messages for t in summary.tallies(session, asked))
