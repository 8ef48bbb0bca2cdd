"""Statements that travel together (core/pipeline.py), counted between the client and a real server."""

from __future__ import annotations

import ctypes
import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, cast

import psycopg
import pytest
from sqlalchemy import Table, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from messa_platform.core.bulk import FEW, copy_rows, store_rows
from messa_platform.core.db import Database, make_engine
from messa_platform.core.ids import new_id
from messa_platform.core.pipeline import Pipeline, at_commit
from messa_platform.messaging.models import ClientReference
from messa_platform.tenants.models import NumberRange
from tests.support.observe import statements
from tests.support.wire import Wire, tapped

RANGES = cast(Table, NumberRange.__table__)
ONE = text("SELECT CAST(:n AS int) AS n")
ADD = text(
    "INSERT INTO number_range (id, first, last, next_number, is_open) VALUES (gen_random_uuid(), :n, :n, :n, true) RETURNING first"
)
ALL = text("SELECT first FROM number_range ORDER BY first")
WRONG = text("SELECT 1 / CAST(:n AS int)")


@pytest.fixture
def wire(database_url: str) -> Iterator[Wire]:
    with tapped(database_url) as found:
        yield found


@pytest.fixture
def database(wire: Wire) -> Iterator[Database]:
    made = Database(make_engine(wire.url, pool_size=2))
    with made.unit_of_work() as session:  # what a new connection asks once
        session.execute(text("SELECT 1"))
    yield made
    made.close()


def stored(database: Database) -> list[int]:
    with database.unit_of_work() as session:
        return [row.first for row in session.execute(ALL)]


def test_statements_travel_together_and_are_answered_in_their_order(wire: Wire, database: Database) -> None:
    with database.unit_of_work() as session:
        session.connection()
        pipeline = Pipeline(session)
        replies = [pipeline.ask(ONE, {"n": n}) for n in range(50)]
        nothing = pipeline.ask(text("SET LOCAL work_mem = '4MB'"), {})
        with wire.counted() as trips:
            pipeline.send()
        assert [[row.n for row in reply.rows] for reply in replies] == [[n] for n in range(50)]
        assert nothing.rows == []
    assert trips == [1]


def test_a_statement_is_prepared_once_it_was_asked_often(wire: Wire, database: Database) -> None:
    for n in range(8):
        with database.unit_of_work() as session, wire.counted() as trips:
            pipeline = Pipeline(session)
            reply = pipeline.ask(ONE, {"n": n})
            pipeline.send()
            assert reply.rows[0].n == n
        assert trips == [1]
    with database.unit_of_work() as session:
        prepared = session.execute(text("SELECT statement FROM pg_prepared_statements")).scalars().all()
    assert any("AS int" in statement for statement in prepared)


def test_a_reply_has_no_rows_before_it_was_sent(database: Database) -> None:
    with database.unit_of_work() as session:
        pipeline = Pipeline(session)
        reply = pipeline.ask(ONE, {"n": 1})
        with pytest.raises(RuntimeError, match="not sent"):
            _ = reply.rows
        pipeline.send()
        pipeline.send()  # nothing twice
        assert len(reply.rows) == 1


def test_what_waits_for_the_commit_travels_with_it_from_begin_to_end(wire: Wire, database: Database) -> None:
    with wire.counted() as trips, database.unit_of_work() as session:
        last = at_commit(session)
        replies = [last.ask(ADD, {"n": n}) for n in (3, 1, 2)]
    assert [reply.rows[0].first for reply in replies] == [3, 1, 2]
    assert trips == [1]
    assert stored(database) == [1, 2, 3]


def _ask(session: Session) -> object:
    return session.execute(ONE, {"n": 1}).one()


def _flush(session: Session) -> None:
    session.add(
        ClientReference(account_id=new_id(), reference="r", message_id=new_id(), at=datetime.now(UTC))
    )
    session.flush()


def _ask_in_another(session: Session) -> None:
    pipeline = Pipeline(session)
    pipeline.ask(ONE, {"n": 1})
    pipeline.send()


def _copy(session: Session) -> None:
    copy_rows(session, RANGES, [_range(9)])


def _range(n: int) -> dict[str, Any]:
    return {"id": new_id(), "first": n, "last": n, "next_number": n, "is_open": True}


def _savepoint(session: Session) -> None:
    nested = session.begin_nested()
    session.connection()
    nested.rollback()


@pytest.mark.parametrize("other", [_ask, _flush, _ask_in_another, _copy, _savepoint])
def test_whatever_else_is_asked_comes_after_what_waits(
    database: Database, other: Callable[[Session], object]
) -> None:
    with database.unit_of_work() as session:
        reply = at_commit(session).ask(ADD, {"n": 1})
        other(session)
        assert [row.first for row in reply.rows] == [1]
        at_commit(session).ask(ADD, {"n": 2})
    assert set(stored(database)) - {9} == {1, 2}


def test_a_rollback_forgets_what_waits_and_the_next_transaction_has_none_of_it(database: Database) -> None:
    with pytest.raises(KeyError), database.unit_of_work() as session:
        at_commit(session).ask(ADD, {"n": 1})
        raise KeyError
    with database.sessions() as session:
        at_commit(session).ask(ADD, {"n": 2})
        session.rollback()
        at_commit(session).ask(ADD, {"n": 3})
        session.commit()
    assert stored(database) == [3]


@pytest.mark.parametrize("at_the_end", [False, True])
def test_a_failure_undoes_all_of_it_says_no_value_and_leaves_the_connection_fit(
    database: Database, at_the_end: bool
) -> None:
    with pytest.raises(DBAPIError) as caught, database.unit_of_work() as session:
        pipeline = at_commit(session) if at_the_end else Pipeline(session)
        pipeline.ask(ADD, {"n": 4711})
        pipeline.ask(WRONG, {"n": 0})
        pipeline.ask(ADD, {"n": 4712})
        if not at_the_end:
            pipeline.send()
    assert caught.value.orig is not None
    assert isinstance(caught.value.orig, psycopg.errors.DivisionByZero)
    assert "4711" not in str(caught.value)
    assert stored(database) == []
    with database.unit_of_work() as session:
        at_commit(session).ask(ADD, {"n": 5})
    assert stored(database) == [5]


LOSE = text("DO $$ BEGIN RAISE serialization_failure; END $$")


@pytest.mark.parametrize("at_the_end", [False, True])
def test_who_was_overtaken_by_another_transaction_is_done_again(database: Database, at_the_end: bool) -> None:
    tries: list[int] = []

    def work(session: Session) -> None:
        tries.append(1)
        pipeline = at_commit(session) if at_the_end else Pipeline(session)
        pipeline.ask(ADD, {"n": len(tries)})
        if len(tries) == 1:
            pipeline.ask(LOSE, {})
        pipeline.send() if not at_the_end else None

    database.in_turn(work)
    assert stored(database) == [2]


END = text("SELECT pg_terminate_backend(pg_backend_pid())")


@pytest.mark.parametrize("how", ["by itself", "in a pipeline", "with the commit"])
def test_a_connection_that_was_cut_is_told_of_and_not_used_again(database: Database, how: str) -> None:
    with pytest.raises(DBAPIError) as caught, database.unit_of_work() as session:
        at_commit(session).ask(ADD, {"n": 1})
        if how == "by itself":
            session.execute(END)
        elif how == "in a pipeline":
            pipeline = Pipeline(session)
            pipeline.ask(END, {})
            pipeline.send()
        else:
            at_commit(session).ask(END, {})
    assert caught.value.connection_invalidated
    assert stored(database) == []


def test_one_lost_connection_lets_go_of_all_that_are_as_old(database_url: str, database: Database) -> None:
    with database.sessions() as one, database.sessions() as other:
        one.execute(ONE, {"n": 1})
        other.execute(ONE, {"n": 1})
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as killer:
        killer.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(DBAPIError), database.unit_of_work() as session:
        at_commit(session).ask(ADD, {"n": 1})
    for n in (2, 3):
        with database.unit_of_work() as session:
            at_commit(session).ask(ADD, {"n": n})
    assert stored(database) == [2, 3]


class Interrupt(BaseException):
    """As Dramatiq's time limits come."""


def test_what_interrupts_a_thread_in_a_pipeline_comes_through_and_the_next_one_works(
    database: Database,
) -> None:
    caught: list[BaseException] = []

    def work() -> None:
        try:
            with database.unit_of_work() as session:
                at_commit(session).ask(ADD, {"n": 1})
                at_commit(session).ask(text("SELECT pg_sleep(2)"), {})
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.5)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_long(thread.ident or 0), ctypes.py_object(Interrupt))
    thread.join(20)
    assert [type(error) for error in caught] == [Interrupt]
    with database.unit_of_work() as session:
        at_commit(session).ask(ADD, {"n": 2})
    assert 2 in stored(database)


def test_a_session_that_was_abandoned_is_not_held_by_what_waits(database: Database) -> None:
    session = database.sessions()
    at_commit(session).ask(ADD, {"n": 1})
    held = weakref.ref(session)
    del session
    gc.collect()
    assert held() is None
    assert stored(database) == []


def test_a_session_s_own_isolation_is_kept(database: Database) -> None:
    with database.sessions() as session:
        session.connection(execution_options={"isolation_level": "SERIALIZABLE"})
        pipeline = Pipeline(session)
        reply = pipeline.ask(text("SELECT current_setting('transaction_isolation') AS level"), {})
        pipeline.send()
        assert [row.level for row in reply.rows] == ["serializable"]


def test_much_on_both_ways_does_not_hold_itself_up(database: Database) -> None:
    sent = ["å" * 2_000_000 for _ in range(4)]
    with database.unit_of_work() as session:
        pipeline = Pipeline(session)
        replies = [pipeline.ask(text("SELECT CAST(:words AS text) AS words"), {"words": s}) for s in sent]
        pipeline.send()
        assert [reply.rows[0].words for reply in replies] == sent


def test_whoever_watches_the_engine_sees_each_statement(database: Database) -> None:
    with statements(database.engine) as seen, database.unit_of_work() as session:
        at_commit(session).ask(ADD, {"n": 1})
        pipeline = Pipeline(session)
        pipeline.ask(ONE, {"n": 7})
        pipeline.send()
    assert [statement.text.split()[0] for statement in seen] == ["INSERT", "SELECT"]
    assert seen[1].parameters == {"n": 7}


@pytest.mark.parametrize(("count", "trips"), [(0, 1), (FEW, 1), (FEW + 1, 4)])
def test_few_rows_travel_with_the_commit_and_many_are_copied_after_what_was_asked(
    wire: Wire, database: Database, count: int, trips: int
) -> None:
    with wire.counted() as counted, database.unit_of_work() as session:
        last = at_commit(session)
        last.ask(ADD, {"n": 1_000})
        store_rows(last, RANGES, [_range(n) for n in range(count)])
        last.ask(ADD, {"n": 1_001})
    assert counted == [trips]
    assert stored(database) == [*range(count), 1_000, 1_001]
