"""Tasks: worked off in chunks, each with its progress in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.clock import FixedClock
from messa_platform.core.db import Database
from messa_platform.tenants import tasks
from messa_platform.tenants.admin_models import Actor, TaskKind
from messa_platform.tenants.audit import Author
from messa_platform.tenants.models import Group
from messa_platform.tenants.places import place_of
from messa_platform.tenants.tasks import Handler, Step, TaskRow
from tests.support.world import World

TOTAL = 1200


@pytest.fixture
def master(world: World) -> Group:
    return world.tenant()


@pytest.fixture
def drafted(database: Database, clock: FixedClock, master: Group) -> UUID:
    """A task that nobody has started."""
    with database.unit_of_work() as session:
        place = place_of(session, master.tenant_id, master.id)
        assert place
        author = Author(Actor.ADMIN, None, "admin@kommun.example", master.id)
        return tasks.draft(session, clock.now(), author, place, TaskKind.ADD_PEOPLE, {"word": "x"}, TOTAL)


@pytest.fixture
def started(database: Database, clock: FixedClock, master: Group, drafted: UUID) -> UUID:
    with database.unit_of_work() as session:
        tasks.start(session, clock.now(), master.tenant_id, drafted)
    return drafted


def stand(database: Database, master: Group, task_id: UUID) -> TaskRow:
    with database.unit_of_work() as session:
        found = tasks.get(session, master.tenant_id, task_id)
    assert found
    return found


def counting(seen: list[int], fail: Callable[[int], bool] = lambda _: False) -> Handler:
    """A handler that does 500 a chunk, and fails where `fail` says so."""

    def handle(session: Session, now: datetime, task: TaskRow) -> Step:
        seen.append(task.done)
        if fail(len(seen)):
            raise RuntimeError("on purpose")
        done = min(task.total, task.done + tasks.CHUNK)
        return Step(done, done == task.total, {"added": done})

    return handle


def work(database: Database, clock: FixedClock, handler: Handler) -> bool:
    return tasks.work_off_tasks(database, clock, {TaskKind.ADD_PEOPLE: handler})


def test_a_draft_waits_for_its_authors_yes(
    database: Database, clock: FixedClock, master: Group, drafted: UUID
) -> None:
    seen: list[int] = []
    work(database, clock, counting(seen))
    assert seen == []
    assert not stand(database, master, drafted).is_started


def test_a_started_task_is_worked_off_chunk_by_chunk(
    database: Database, clock: FixedClock, master: Group, started: UUID
) -> None:
    seen: list[int] = []
    work(database, clock, counting(seen))
    task = stand(database, master, started)
    assert seen == [0, 500, 1000]
    assert (task.done, task.result, task.finished_at) == (TOTAL, {"added": TOTAL}, clock.now())
    assert (task.author.address, task.parameters) == ("admin@kommun.example", {"word": "x"})


def test_one_that_was_started_twice_is_done_once(
    database: Database, clock: FixedClock, master: Group, started: UUID
) -> None:
    seen: list[int] = []
    work(database, clock, counting(seen))
    with database.unit_of_work() as session:
        tasks.start(session, clock.now(), master.tenant_id, started)
    work(database, clock, counting(seen))
    assert len(seen) == 3


def test_a_chunk_that_fails_is_tried_again_behind_the_last_that_was_done(
    database: Database, clock: FixedClock, master: Group, started: UUID
) -> None:
    seen: list[int] = []
    handler = counting(seen, lambda tries: tries == 2)
    work(database, clock, handler)
    assert stand(database, master, started).done == 500
    clock.move(timedelta(seconds=2))
    work(database, clock, handler)
    assert seen == [0, 500, 500, 1000]
    assert stand(database, master, started).finished_at is not None


def test_one_that_fails_for_good_is_parked_and_says_so(
    database: Database, clock: FixedClock, master: Group, started: UUID
) -> None:
    seen: list[int] = []
    for _ in range(8):
        work(database, clock, counting(seen, lambda _: True))
        clock.move(timedelta(hours=1))
    task = stand(database, master, started)
    assert (task.is_parked, task.done, task.finished_at) == (True, 0, None)
    assert len(seen) == len(tasks.QUEUE.pauses) + 1


def test_another_tenants_task_is_not_there(database: Database, world: World, started: UUID) -> None:
    other = world.tenant("annan", "Annan kommun")
    with database.unit_of_work() as session:
        assert tasks.get(session, other.tenant_id, started) is None


def test_old_drafts_and_old_tasks_are_forgotten_with_their_lines(
    database: Database, clock: FixedClock, master: Group, started: UUID, world: World
) -> None:
    world.run(
        "INSERT INTO task_line (task_id, place, tenant_id, address, word) VALUES (:t, 0, :o, 'a@b.example', 'add')",
        t=started,
        o=master.tenant_id,
    )

    def forget(after: timedelta) -> int:
        clock.move(after)
        with database.unit_of_work() as session:
            tasks.forget_old(session, clock.now())
            return int(session.execute(text("SELECT count(*) FROM task")).scalar_one())

    with database.unit_of_work() as session:
        place = place_of(session, master.tenant_id, master.id)
        assert place
        tasks.draft(session, clock.now(), Author(Actor.SYSTEM), place, TaskKind.ADD_PEOPLE, {}, 0)
    assert forget(timedelta(hours=23)) == 2
    assert forget(timedelta(hours=2)) == 1  # the draft
    assert forget(timedelta(days=100)) == 1  # not while it waits
    work(database, clock, counting([]))
    assert forget(timedelta(days=1)) == 0
    assert world.value("SELECT count(*) FROM task_line") == 0
