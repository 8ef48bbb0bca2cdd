"""Working off a queue: batches, rows that fail, rows that are parked, and what a failure leaves in the log."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from messa_platform.core import work
from messa_platform.core.clock import FixedClock
from messa_platform.core.db import Database, after_commit
from messa_platform.core.ids import new_id
from messa_platform.core.work import Claim, work_off
from tests.support.errands import LEASE, QUEUE, SECOND, Put, claim, errand, finish, ids, states


class Worker:
    """Does errands; fails those that it is told to, and notes what it was given and told."""

    def __init__(self, database: Database, clock: FixedClock) -> None:
        self.database, self.clock = database, clock
        self.batches: list[list[UUID]] = []
        self.bad: set[UUID] = set()
        self.parked: list[tuple[UUID, str]] = []

    def handle(self, session: Session, claims: Sequence[Claim]) -> None:
        self.batches.append(ids(claims))
        session.execute(
            text("UPDATE errand SET result = coalesce(result, '') || 'x' WHERE id = ANY(:ids)"),
            {"ids": ids(claims)},
        )
        if self.bad & set(ids(claims)):
            raise RuntimeError("what somebody wrote")
        QUEUE.finish(session, claims)

    def told(self, session: Session, claimed: Claim, reason: str) -> None:
        self.parked.append((claimed.id, reason))

    def run(self, batch: int = 10, **values: Any) -> bool:
        return work_off(
            self.database, QUEUE, self.clock, self.handle, batch=batch, on_parked=self.told, **values
        )


@pytest.fixture
def worker(database: Database, clock: FixedClock, errands: Put) -> Worker:
    return Worker(database, clock)


def test_batches_are_worked_off_until_nothing_is_due(
    database: Database, clock: FixedClock, errands: Put, worker: Worker
) -> None:
    put = errands(25, next_attempt_at=clock.now())
    assert worker.run() is False
    assert worker.batches == [put[:10], put[10:20], put[20:]]
    assert set(states(database).values()) == {"done"}
    assert worker.run() is False
    assert len(worker.batches) == 3


def test_after_its_rounds_a_worker_says_that_more_may_wait(
    database: Database, clock: FixedClock, errands: Put, worker: Worker
) -> None:
    errands(25, next_attempt_at=clock.now())
    assert worker.run(rounds=2) is True
    assert list(states(database).values()).count("done") == 20
    assert worker.run(rounds=2) is False


def test_one_bad_row_holds_up_no_other(
    database: Database, clock: FixedClock, errands: Put, worker: Worker
) -> None:
    put = errands(5, next_attempt_at=clock.now())
    worker.bad = {put[2]}
    worker.run()
    assert states(database) == {i: "ready" if i == put[2] else "done" for i in put}
    assert [errand(database, i).result for i in put] == ["x", "x", None, "x", "x"]
    bad = errand(database, put[2])
    assert (bad.attempts, bad.next_attempt_at) == (1, clock.now() + 10 * SECOND)
    assert worker.parked == []


def test_a_row_that_failed_before_takes_no_neighbours_along(
    database: Database, clock: FixedClock, errands: Put, worker: Worker
) -> None:
    put = errands(3, next_attempt_at=clock.now())
    worker.bad = {put[0]}
    worker.run()
    clock.move(10 * SECOND)
    new = errands(2, next_attempt_at=clock.now())
    worker.batches.clear()
    worker.run()
    assert worker.batches == [new, [put[0]]]


def test_a_row_that_its_worker_died_with_is_handled_by_itself(
    database: Database, clock: FixedClock, errands: Put, worker: Worker
) -> None:
    orphans = errands(2, next_attempt_at=clock.now())
    claim(database, clock.now())
    clock.move(LEASE)
    new = errands(2, next_attempt_at=clock.now())
    worker.run()
    assert worker.batches[0] == new
    assert sorted(worker.batches[1:]) == [[orphan] for orphan in orphans]
    assert set(states(database).values()) == {"done"}


def test_a_row_that_fails_every_time_is_parked_and_told_of_once(
    database: Database, clock: FixedClock, errands: Put, worker: Worker
) -> None:
    put = errands(2, next_attempt_at=clock.now())
    worker.bad = {put[0]}
    for _ in range(5):
        worker.run()
        clock.move(60 * SECOND)
    assert states(database) == {put[0]: "parked", put[1]: "done"}
    assert worker.parked == [(put[0], "RuntimeError")]
    parked = errand(database, put[0])
    assert (parked.attempts, parked.last_error, parked.result) == (3, "RuntimeError", None)


@pytest.mark.parametrize(("fewer", "state"), [(1, "done"), (0, "parked")])
def test_a_row_that_kills_its_workers_is_parked_in_the_end(
    database: Database, clock: FixedClock, errands: Put, worker: Worker, fewer: int, state: str
) -> None:
    [put] = errands()
    for _ in range(len(QUEUE.pauses) + work.MOST_DEATHS - fewer):
        assert ids(claim(database, clock.now())) == [put]
        clock.move(LEASE)
    worker.run()
    assert states(database) == {put: state}
    assert [identifier for identifier, _ in worker.parked] == ([put] if state == "parked" else [])


def test_what_is_told_when_a_row_is_parked_is_stored_with_it_or_not_at_all(
    database: Database, clock: FixedClock, errands: Put, worker: Worker
) -> None:
    [put] = errands(attempts=2)
    worker.bad = {put}

    def told(session: Session, claimed: Claim, reason: str) -> None:
        session.execute(text("UPDATE errand SET result = 'told' WHERE id = :id"), {"id": claimed.id})

    work_off(database, QUEUE, clock, worker.handle, batch=10, on_parked=told)
    assert (errand(database, put).state, errand(database, put).result) == ("parked", "told")


def test_a_batch_whose_lease_another_took_over_is_undone_and_left_to_the_other(
    database: Database, clock: FixedClock, errands: Put, worker: Worker
) -> None:
    put = errands(2, next_attempt_at=clock.now())
    taken: list[Claim] = []

    def slow(session: Session, claims: Sequence[Claim]) -> None:
        taken.extend(claim(database, clock.now() + LEASE))
        worker.handle(session, claims)

    assert work_off(database, QUEUE, clock, slow, batch=10, on_parked=worker.told) is False
    assert ids(taken) == put
    assert {errand(database, i).result for i in put} == {None}
    finish(database, taken)
    assert worker.parked == []


def test_actions_after_a_commit_happen_only_after_it_and_once(database: Database) -> None:
    done: list[str] = []
    with database.unit_of_work() as session:
        for _ in range(3):
            after_commit(session, lambda: done.append("woken"), once_as="wake")
        assert done == []
    assert done == ["woken"]
    with pytest.raises(RuntimeError), database.unit_of_work() as session:
        after_commit(session, lambda: done.append("never"), once_as="wake")
        raise RuntimeError("rolled back")
    with database.unit_of_work() as session:
        session.execute(text("SELECT 1"))
    assert done == ["woken"]


# What a failure leaves in the log

FAILURE = """
import sys
from sqlalchemy import text
from messa_platform.core import logs
from messa_platform.core.clock import SystemClock
from messa_platform.core.db import Database, make_engine
from messa_platform.core.work import work_off
from tests.support.errands import QUEUE

logs.configure(json=True)

def handle(session, claims):
    session.execute(text("UPDATE errand SET kind = NULL, result = :it"), {"it": "hemligt meddelande"})

work_off(Database(make_engine(sys.argv[1])), QUEUE, SystemClock(), handle, batch=10)
"""


def test_an_error_of_the_database_quotes_no_parameters(database: Database, errands: Put) -> None:
    with pytest.raises(IntegrityError) as caught, database.unit_of_work() as session:
        session.execute(
            text(
                "INSERT INTO errand (id, kind) SELECT id, :it FROM errand UNION ALL SELECT CAST(:id AS uuid), NULL"
            ),
            {"it": "hemligt meddelande", "id": str(new_id())},
        )
    assert "hemligt" not in str(caught.value)
    assert "SQL parameters hidden" in str(caught.value)


def test_a_failure_is_logged_with_its_row_and_class_and_no_word_of_what_it_held(
    database: Database, database_url: str, clock: FixedClock, errands: Put
) -> None:
    put = errands(2, next_attempt_at=clock.now() - timedelta(days=1))
    done = subprocess.run(
        [sys.executable, "-c", FAILURE, database_url], capture_output=True, text=True, check=True
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["batch_failed", "work_failed", "work_failed"]
    assert [line.get("row") for line in lines[1:]] == [str(i) for i in put]
    assert {line["exception"] for line in lines[1:]} == {"IntegrityError"}
    assert "hemligt" not in done.stderr + done.stdout
    assert {errand(database, i).last_error for i in put} == {"IntegrityError"}


def test_who_has_lost_the_lease_tells_of_no_parking(
    database: Database, clock: FixedClock, errands: Put
) -> None:
    errands(attempts=2)
    told: list[Claim] = []

    def fail(session: Session, claims: Sequence[Claim]) -> None:
        finish(database, claim(database, clock.now() + LEASE))  # the other one is quicker, and does it
        raise RuntimeError("it broke")

    work_off(database, QUEUE, clock, fail, batch=10, on_parked=lambda s, c, why: told.append(c))
    assert told == []
