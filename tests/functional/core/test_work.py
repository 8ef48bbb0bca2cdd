"""The work-queue pattern, on a table of its own: claims, leases, tries, and what happens when a worker dies."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy import Table, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from messa_platform.core import work
from messa_platform.core.bulk import insert_rows
from messa_platform.core.clock import FixedClock
from messa_platform.core.db import Database, after_commit
from messa_platform.core.ids import new_id
from messa_platform.core.work import Claim, LeaseLost, WorkColumns, WorkQueue, due_index, pauses, work_off
from tests.support.observe import nodes, plan, statements, together


class OwnBase(DeclarativeBase):
    """Of the tests, so that the platform's own tables stay what they are."""


class Errand(OwnBase, WorkColumns):
    """Something to be done."""

    __tablename__ = "errand"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(default="post")
    result: Mapped[str | None]

    __table_args__ = (due_index("errand"),)


TABLE = cast(Table, Errand.__table__)
LEASE = timedelta(seconds=60)
QUEUE = WorkQueue("errands", TABLE, LEASE, pauses(10, 60))
SECOND, MOMENT = timedelta(seconds=1), timedelta(microseconds=1)


Put = Callable[..., list[UUID]]


@pytest.fixture
def errands(database: Database, clock: FixedClock) -> Put:
    """Puts errands into the queue, due one second after the other from now; gives their ids."""
    OwnBase.metadata.create_all(database.engine)

    def put(count: int = 1, **values: Any) -> list[UUID]:
        ids = [new_id() for _ in range(count)]
        rows = [
            {"id": i, "kind": "post", "next_attempt_at": clock.now() + place * SECOND} | values
            for place, i in enumerate(ids)
        ]
        with database.unit_of_work() as session:
            insert_rows(session, TABLE, rows)
        return ids

    return put


def claim(database: Database, now: datetime, limit: int = 100) -> list[Claim]:
    with database.unit_of_work() as session:
        return QUEUE.claim(session, now, limit)


def finish(database: Database, claims: Sequence[Claim], rows: Sequence[dict[str, str]] = ()) -> None:
    with database.unit_of_work() as session:
        QUEUE.finish(session, claims, rows)


def errand(database: Database, identifier: UUID) -> Any:
    with database.unit_of_work() as session:
        return session.execute(text("SELECT * FROM errand WHERE id = :id"), {"id": identifier}).one()


def states(database: Database) -> dict[UUID, str]:
    with database.unit_of_work() as session:
        return {row.id: row.state for row in session.execute(text("SELECT id, state FROM errand"))}


def ids(claims: Sequence[Claim]) -> list[UUID]:
    return [c.id for c in claims]


def test_what_is_due_is_claimed_oldest_first(database: Database, clock: FixedClock, errands: Put) -> None:
    younger = errands(3, next_attempt_at=clock.now() - SECOND)
    older = errands(3, next_attempt_at=clock.now() - 2 * SECOND)
    with database.unit_of_work() as session:
        session.execute(
            text("SET LOCAL enable_indexscan = off")
        )  # the index would put them in order by itself
        session.execute(text("SET LOCAL enable_bitmapscan = off"))
        assert ids(QUEUE.claim(session, clock.now(), 3)) == older
    assert ids(claim(database, clock.now(), 3)) == younger


def test_what_is_not_due_yet_is_left(database: Database, clock: FixedClock, errands: Put) -> None:
    put = errands(5)
    assert ids(claim(database, clock.now() + 2 * SECOND)) == put[:3]
    assert claim(database, clock.now() + 2 * SECOND) == []


def test_a_claim_gives_the_rows_as_they_are_and_in_the_order_of_their_ids(
    database: Database, clock: FixedClock, errands: Put
) -> None:
    put = errands(200, next_attempt_at=clock.now())
    claims = claim(database, clock.now(), 1000)
    assert ids(claims) == put
    assert {(c.row.kind, c.row.state, c.row.attempts) for c in claims} == {("post", "leased", 1)}


def test_only_what_is_asked_for_is_claimed(database: Database, clock: FixedClock, errands: Put) -> None:
    errands(3)
    [mine] = errands(kind="shopping")
    with database.unit_of_work() as session:
        assert ids(QUEUE.claim(session, clock.now(), 10, TABLE.c.kind == "shopping")) == [mine]


def test_a_claim_holds_its_row_for_the_length_of_the_lease(
    database: Database, clock: FixedClock, errands: Put
) -> None:
    [put] = errands()
    [claimed] = claim(database, clock.now())
    assert not claimed.orphaned
    row = errand(database, put)
    assert (row.state, row.attempts, row.lease_id) == ("leased", 1, claimed.lease_id)
    assert row.next_attempt_at == clock.now() + LEASE
    assert claim(database, clock.now() + LEASE - MOMENT) == []


def test_a_row_whose_worker_died_is_due_again_when_the_lease_runs_out_and_is_known_as_an_orphan(
    database: Database, clock: FixedClock, errands: Put
) -> None:
    [put] = errands()
    claim(database, clock.now())
    [again] = claim(database, clock.now() + LEASE)
    assert (again.id, again.orphaned, again.row.attempts) == (put, True, 2)


def test_a_row_whose_claim_was_rolled_back_is_not_an_orphan(
    database: Database, clock: FixedClock, errands: Put
) -> None:
    errands()
    with pytest.raises(RuntimeError), database.unit_of_work() as session:
        assert len(QUEUE.claim(session, clock.now(), 10)) == 1
        raise RuntimeError("the worker dies before it has committed")
    [claimed] = claim(database, clock.now())
    assert (claimed.orphaned, claimed.row.attempts) == (False, 1)


def test_two_who_claim_at_once_get_different_rows_and_nobody_waits(
    database: Database, clock: FixedClock, errands: Put
) -> None:
    put = errands(10, next_attempt_at=clock.now())
    with database.unit_of_work() as one, database.unit_of_work() as other:
        other.execute(text("SET LOCAL lock_timeout = '1s'"))
        first, second = QUEUE.claim(one, clock.now(), 6), QUEUE.claim(other, clock.now(), 6)
    assert (len(first), len(second)) == (6, 4)
    assert {*ids(first), *ids(second)} == set(put)


def test_every_row_goes_to_exactly_one_of_many_workers(
    database: Database, clock: FixedClock, errands: Put
) -> None:
    put = errands(300, next_attempt_at=clock.now())

    def work_all() -> list[UUID]:
        got: list[UUID] = []
        while claims := claim(database, clock.now(), 7):
            got += ids(claims)
        return got

    got = [identifier for of_one in together([work_all] * 8) for identifier in of_one]
    assert sorted(got) == put


def test_a_finished_row_is_done_and_keeps_what_was_written_beside(
    database: Database, clock: FixedClock, errands: Put
) -> None:
    put = errands(2, next_attempt_at=clock.now())
    finish(database, claim(database, clock.now()), [{"result": "köpte mjölk"}, {"result": "glömde"}])
    rows = [errand(database, i) for i in put]
    assert [(row.state, row.result, row.lease_id) for row in rows] == [
        ("done", "köpte mjölk", None),
        ("done", "glömde", None),
    ]
    assert claim(database, clock.now() + 10 * LEASE) == []
    finish(database, [])


def test_who_has_lost_the_lease_can_finish_nothing_and_its_effects_are_undone(
    database: Database, clock: FixedClock, errands: Put
) -> None:
    put = errands(2, next_attempt_at=clock.now())
    late = claim(database, clock.now())
    [other] = claim(database, clock.now() + LEASE, 1)
    with pytest.raises(LeaseLost, match="errands"), database.unit_of_work() as session:
        session.execute(text("UPDATE errand SET result = 'done twice'"))
        QUEUE.finish(session, late)
    assert [errand(database, i).result for i in put] == [None, None]
    finish(database, [other])
    with pytest.raises(LeaseLost):
        finish(database, [c for c in late if c.id == other.id])


def test_a_row_is_tried_again_after_growing_pauses_and_then_parked_with_its_reason(
    database: Database, clock: FixedClock, errands: Put
) -> None:
    [put] = errands()
    for pause in (10, 60):
        [claimed] = claim(database, clock.now())
        with database.unit_of_work() as session:
            assert QUEUE.put_back(session, claimed, clock.now(), f"no luck, wait {pause}") is False
        row = errand(database, put)
        assert (row.state, row.lease_id, row.last_error) == ("ready", None, f"no luck, wait {pause}")
        clock.move(timedelta(seconds=pause) - MOMENT)
        assert claim(database, clock.now()) == []
        clock.move(MOMENT)
    [claimed] = claim(database, clock.now())
    assert not claimed.orphaned
    with database.unit_of_work() as session:
        assert QUEUE.put_back(session, claimed, clock.now(), "x" * 5000) is True
    row = errand(database, put)
    assert (row.state, row.attempts, len(row.last_error)) == ("parked", 3, 2000)
    assert claim(database, clock.now() + timedelta(days=365)) == []


def test_a_parked_row_waits_for_a_person_with_its_reason(
    database: Database, clock: FixedClock, errands: Put
) -> None:
    [put] = errands()
    [claimed] = claim(database, clock.now())
    with database.unit_of_work() as session:
        QUEUE.park(session, claimed, "cannot be read")
    row = errand(database, put)
    assert (row.state, row.last_error, row.lease_id) == ("parked", "cannot be read", None)
    assert claim(database, clock.now() + timedelta(days=365)) == []


def test_who_has_lost_the_lease_can_neither_park_nor_put_back(
    database: Database, clock: FixedClock, errands: Put
) -> None:
    [put] = errands()
    [late] = claim(database, clock.now())
    [other] = claim(database, clock.now() + LEASE)
    with database.unit_of_work() as session:
        QUEUE.put_back(session, late, clock.now(), "late")
        QUEUE.park(session, late, "late")
    row = errand(database, put)
    assert (row.state, row.lease_id, row.last_error) == ("leased", other.lease_id, None)
    finish(database, [other])


def test_it_is_known_whether_something_is_due(database: Database, clock: FixedClock, errands: Put) -> None:
    def is_due(now: datetime) -> bool:
        with database.unit_of_work() as session:
            return QUEUE.is_due(session, now)

    errands(next_attempt_at=clock.now() + SECOND)
    assert not is_due(clock.now())
    assert is_due(clock.now() + SECOND)
    claims = claim(database, clock.now() + SECOND)
    assert not is_due(clock.now() + SECOND)
    assert is_due(clock.now() + SECOND + LEASE)
    finish(database, claims)
    assert not is_due(clock.now() + 10 * LEASE)


def test_a_claim_reads_the_index_of_what_is_due_however_much_is_done(
    database: Database, database_url: str, clock: FixedClock, errands: Put
) -> None:
    errands(5000, state="done", next_attempt_at=clock.now() - LEASE)
    errands(20, next_attempt_at=clock.now())
    with database.unit_of_work() as session:
        session.execute(text("ANALYZE errand"))
    with statements(database.engine) as seen:
        claim(database, clock.now(), 10)
        with database.unit_of_work() as session:
            QUEUE.is_due(session, clock.now())
    for statement in (s for s in seen if "errand" in s.text):
        used = {node.get("Index Name") for node in nodes(plan(database_url, statement))}
        assert "ix_errand_due" in used


# Working off


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
from tests.functional.core.test_work import QUEUE, work_off

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
