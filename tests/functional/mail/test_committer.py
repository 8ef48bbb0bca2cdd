"""The committer: mails that wait are stored together, and each learns its own fate (spec M6)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from messa_platform.core.clock import FixedClock
from messa_platform.core.db import Database, make_engine
from messa_platform.mail.committer import MOST, Arrived, Committer
from tests.support.processes import wait_for

Make = Callable[[Database], Committer]


@pytest.fixture
def groups() -> list[None]:
    """An entry for each group that was committed."""
    return []


@pytest.fixture
def committer(database: Database, groups: list[None]) -> Iterator[Committer]:
    made = Committer(database.engine, lambda: groups.append(None))
    yield made
    made.close()


@pytest.fixture
def arrived(clock: FixedClock) -> Callable[..., Arrived]:
    def make(number: int = 0, **values: Any) -> Arrived:
        usual = {
            "received_at": clock.now(),
            "peer": "192.0.2.1",
            "helo": "mx.kommun.example",
            "envelope_sender": "anna@kommun.example",
            "recipients": ["0701740605@messa.example"],
            "raw": f"Subject: {number}\r\n\r\n".encode(),
        }
        return Arrived(**{**usual, **values})

    return make


def store(committer: Committer, mails: Sequence[Arrived]) -> list[UUID | BaseException]:
    """Hand all mails over at once; gives what each was told."""

    async def run() -> list[UUID | BaseException]:
        return await asyncio.gather(*map(committer.store, mails), return_exceptions=True)

    return asyncio.run(run())


def ids(database: Database) -> list[UUID]:
    with database.unit_of_work() as session:
        return list(session.execute(text("SELECT id FROM inbound_mail ORDER BY id")).scalars())


def transactions(database: Database) -> int:
    """How many transactions wrote the rows."""
    with database.unit_of_work() as session:
        return int(session.execute(text("SELECT count(DISTINCT xmin::text) FROM inbound_mail")).scalar_one())


def test_fifty_mails_at_once_take_far_fewer_transactions(
    committer: Committer, database: Database, arrived: Callable[..., Arrived], groups: list[None]
) -> None:
    told = store(committer, [arrived(i) for i in range(50)])
    assert sorted(map(str, told)) == list(map(str, ids(database)))
    assert len(set(told)) == 50
    assert transactions(database) == len(groups) < 25


def test_while_one_group_is_committed_the_next_one_gathers(
    committer: Committer, database: Database, arrived: Callable[..., Arrived], groups: list[None]
) -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"

    async def run() -> None:
        first = asyncio.ensure_future(committer.store(arrived()))
        while not other.execute(text(waiting)).scalar():
            await asyncio.sleep(0.01)
        rest = [asyncio.ensure_future(committer.store(arrived(i))) for i in range(MOST)]
        await asyncio.sleep(0)  # their first step hands them over
        other.rollback()
        await asyncio.gather(first, *rest)

    with database.engine.connect() as other:
        other.execute(text("LOCK TABLE inbound_mail IN EXCLUSIVE MODE"))
        asyncio.run(asyncio.wait_for(run(), 30))
    assert len(ids(database)) == MOST + 1
    assert transactions(database) == len(groups) == 2


def test_a_mail_that_no_table_can_hold_takes_none_of_its_neighbours_along(
    committer: Committer, database: Database, arrived: Callable[..., Arrived]
) -> None:
    mails = [arrived(i, helo="mx\x00" if i == 7 else "mx") for i in range(20)]
    told = store(committer, mails)
    assert isinstance(told[7], psycopg.DataError)
    stored = [one for one in told if isinstance(one, UUID)]
    assert len(stored) == 19
    assert sorted(stored) == ids(database)


def test_a_client_that_has_gone_keeps_nobody_from_an_answer(
    committer: Committer, database: Database, arrived: Callable[..., Arrived]
) -> None:
    async def run() -> UUID:
        gone = asyncio.ensure_future(committer.store(arrived(1)))
        stays = asyncio.ensure_future(committer.store(arrived(2)))
        await asyncio.sleep(0)
        gone.cancel()
        return await stays

    assert asyncio.run(run()) in ids(database)


def test_what_waits_at_the_end_is_stored(database: Database, arrived: Callable[..., Arrived]) -> None:
    committer = Committer(database.engine, lambda: None)

    async def run() -> list[UUID]:
        waiting = [asyncio.ensure_future(committer.store(arrived(i))) for i in range(10)]
        await asyncio.sleep(0)
        closing = threading.Thread(target=committer.close)
        closing.start()
        told = await asyncio.gather(*waiting)
        await asyncio.to_thread(closing.join)
        return told

    assert sorted(asyncio.run(run())) == ids(database)


def test_without_a_database_every_mail_is_told_so_and_the_committer_goes_on(
    arrived: Callable[..., Arrived], groups: list[None]
) -> None:
    away = Database(make_engine("postgresql+psycopg://nobody@127.0.0.1:9/nothing"))
    committer = Committer(away.engine, lambda: groups.append(None))
    for _ in range(2):
        told = store(committer, [arrived(i) for i in range(5)])
        assert [type(one) for one in told] == [psycopg.OperationalError] * 5
    committer.close()
    away.close()
    assert groups == []


def test_it_takes_mails_again_once_the_database_is_back(
    committer: Committer, database: Database, arrived: Callable[..., Arrived]
) -> None:
    store(committer, [arrived(1)])
    with database.engine.connect() as connection:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        connection.execute(text(cut))
    wait_for(lambda: isinstance(store(committer, [arrived(2)])[0], UUID), says="a mail is stored")
    assert len(ids(database)) == 2
