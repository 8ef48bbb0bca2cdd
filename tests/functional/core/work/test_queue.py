"""The work queue itself: claims, leases, tries, and what happens when a worker dies."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from messa_platform.core.clock import FixedClock
from messa_platform.core.db import Database
from messa_platform.core.work import LeaseLost
from tests.support.errands import LEASE, MOMENT, QUEUE, SECOND, TABLE, Put, claim, errand, finish, ids
from tests.support.observe import nodes, plan, statements, together


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
