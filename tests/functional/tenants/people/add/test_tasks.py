"""People are added by drafts and tasks: line by line, in chunks, once; and what that costs (spec G11)."""

from __future__ import annotations

import json
import time
from uuid import UUID

import pytest
from sqlalchemy import text

from messa_platform.core.clock import FixedClock
from messa_platform.tenants import tasks
from messa_platform.tenants.models import Group
from messa_platform.tenants.people import add
from messa_platform.tenants.people.add import AT_ONCE
from messa_platform.tenants.people.plan import Word
from messa_platform.tenants.people.reading import MOST_LINES, Fault, read_lines
from messa_platform.tenants.places import Place
from tests.support.added_people import ANNA, BO, CIA
from tests.support.observe import statements, together
from tests.support.people import Town
from tests.support.world import World


def test_a_draft_tells_of_each_line_and_changes_nothing(town: Town, world: World) -> None:
    world.account(town.form, ANNA)
    world.account(town.care, BO)
    task_id = town.draft(town.school, town.school, f"Anna Ek <{ANNA}>\n{BO}\nBo\nny@kommun.example")
    task = town.task(town.school, task_id)
    assert (task.total, task.done, task.is_started) == (4, 0, False)
    assert add.counts(task) == {Word.ADD: 1, Word.BAD: 1, Word.MOVE: 1, Word.MOVE_UNSEEN: 1}
    with world.database.unit_of_work() as session:
        tenant_id = town.school.tenant_id
        told = add.lines(session, tenant_id, task_id)
        assert [(t.place, t.address, t.name, t.word, t.from_group_id, t.fault) for t in told] == [
            (1, ANNA, "Anna Ek", Word.MOVE, town.form.id, None),
            (2, BO, "", Word.MOVE_UNSEEN, None, None),
            (3, None, "", Word.BAD, None, Fault.NO_ADDRESS),
            (4, "ny@kommun.example", "", Word.ADD, None, None),
        ]
        assert told[2].written == "Bo"
        assert [t.place for t in add.lines(session, tenant_id, task_id, Word.BAD)] == [3]
        assert [t.place for t in add.lines(session, tenant_id, task_id, after=1, most=2)] == [2, 3]
        assert add.lines(session, town.other.tenant_id, task_id) == []
        assert add.confirm(session, world.clock.now(), task.author, town.other.tenant_id, task_id) is None
    town.work()
    assert town.account(ANNA).group_id == town.form.id
    assert world.value("SELECT count(*) FROM audit_entry") == 0


def test_where_an_account_came_from_unseen_is_not_told_afterwards_either(town: Town, world: World) -> None:
    world.account(town.care, BO)
    task_id = town.draft(town.school, town.school, BO)
    town.confirm(town.school, task_id)
    town.work()
    with world.database.unit_of_work() as session:
        [told] = add.lines(session, town.school.tenant_id, task_id)
    assert (told.word, told.from_group_id) == (Word.MOVE_UNSEEN, None)


def test_a_draft_is_shown_to_who_sees_as_much_of_the_tree_as_its_author(town: Town, world: World) -> None:
    task = town.task(town.school, town.draft(town.school, town.master, ANNA))
    kim = world.account(town.master, "kim@kommun.example")
    assert add.is_theirs(task, town.author(town.master, "kim@kommun.example", kim))
    # an admin who was let go of Master since, and has the school alone
    karin = task.author.account_id
    assert not add.is_theirs(task, town.author(town.school, account_id=karin))


def test_the_world_is_looked_at_again_when_a_lines_turn_comes(
    town: Town, world: World, clock: FixedClock, free: Group
) -> None:
    world.account(town.care, BO)
    task_id = town.draft(town.school, town.master, "\n".join([ANNA, BO, CIA]))
    world.account(free, ANNA)
    world.move_account(town.account(BO).id, town.school)
    world.account(free, CIA, is_operator=True)
    town.confirm(town.school, task_id)
    town.work()
    assert town.became(town.school, task_id) == {ANNA: "take", BO: "here", CIA: "operator"}


@pytest.mark.parametrize(
    "gone",
    [
        "UPDATE \"group\" SET removed_at = now() WHERE name = 'Klassen'",
        "UPDATE tenant SET state = 'closed' WHERE slug = 'kommun'",
        "UPDATE \"group\" SET path = CAST(subpath(path, 0, 1)::text || '.' || replace(id::text, '-', '') AS ltree) WHERE name = 'Klassen'",
    ],
    ids=["removed", "closed", "moved out of the author's reach"],
)
def test_nobody_comes_to_a_group_that_is_gone_by_then(town: Town, world: World, gone: str) -> None:
    task_id = town.draft(town.form, town.school, f"{ANNA}\nBo")
    world.run(gone)
    town.confirm(town.form, task_id)
    town.work()
    assert town.became(town.form, task_id) == {ANNA: "gone", "Bo": "bad"}
    assert world.rows("SELECT id FROM account WHERE address = :a", a=ANNA) == []
    task = town.task(town.form, task_id)
    assert task.finished_at is not None
    assert add.counts(task) == {Word.BAD: 1, Word.GONE: 1}


def test_a_task_is_done_in_chunks_and_tells_its_progress(town: Town, world: World, clock: FixedClock) -> None:
    text = "\n".join(f"p{i}@kommun.example" for i in range(2 * tasks.CHUNK + 1))
    task_id = town.draft(town.school, town.master, text)
    town.confirm(town.school, task_id)
    steps = []
    while not (task := town.task(town.school, task_id)).finished_at:
        with world.database.unit_of_work() as session:
            step = town.adding.step(session, clock.now(), task)
            session.execute(
                _PROGRESS,
                {
                    "id": task_id,
                    "done": step.done,
                    "finished": step.finished,
                    "result": json.dumps(step.result),
                },
            )
        steps.append((step.done, step.finished, step.result))
    last = 2 * tasks.CHUNK + 1
    assert steps == [
        (tasks.CHUNK, False, {"words": {"add": tasks.CHUNK}}),
        (2 * tasks.CHUNK, False, {"words": {"add": 2 * tasks.CHUNK}}),
        (last, True, {"words": {"add": last}}),
    ]
    assert world.value("SELECT count(*) FROM account WHERE group_id = :id", id=town.school.id) == last
    assert town.log(town.school)[-1] == ("people_added", "")


_PROGRESS = text(
    "UPDATE task SET done = :done, result = CAST(:result AS jsonb), finished_at = CASE WHEN :finished THEN now() END WHERE id = :id"
)


def run_now(town: Town, group: Group, task_id: UUID) -> tasks.TaskRow | None:
    with town.world.database.unit_of_work() as session:
        author, now = town.author(town.master), town.world.clock.now()
        return add.run_now(session, now, author, group.tenant_id, task_id, town.adding.step)


def test_a_few_are_added_at_once_and_only_once(town: Town, world: World) -> None:
    task_id = town.draft(town.school, town.master, f"{ANNA}\n{BO}")
    task = run_now(town, town.school, task_id)
    assert task is not None
    assert (task.done, task.is_started) == (2, True)
    assert task.finished_at is not None
    assert add.counts(task) == {Word.ADD: 2}
    assert world.value("SELECT state FROM task_work") == "done"
    world.move_account(town.account(ANNA).id, town.care)
    assert run_now(town, town.school, task_id) == task
    town.work()
    assert town.account(ANNA).group_id == town.care.id


def test_many_are_not_added_at_once(town: Town) -> None:
    text = "\n".join(f"p{i}@kommun.example" for i in range(AT_ONCE + 1))
    task_id = town.draft(town.school, town.master, text)
    assert run_now(town, town.school, task_id) is None
    assert not town.task(town.school, task_id).is_started


def test_a_yes_that_is_given_twice_at_once_adds_once(town: Town, world: World) -> None:
    task_id = town.draft(town.school, town.master, ANNA)
    together([lambda: run_now(town, town.school, task_id) for _ in range(4)])
    assert town.log(town.school) == [("account_added", ANNA), ("people_added", "")]


@pytest.mark.parametrize("attempt", range(3))
def test_two_admins_who_add_the_same_people_at_once_leave_each_in_one_group(
    town: Town, world: World, attempt: int
) -> None:
    addresses = [f"p{i}@kommun.example" for i in range(100)]
    for address in addresses[::3]:
        world.account(town.form, address)
    drafts = [
        (group, town.draft(group, town.master, "\n".join(order)))
        for group, order in ((town.school, addresses), (town.care, addresses[::-1]))
    ]
    together([lambda g=group, t=task_id: run_now(town, g, t) for group, task_id in drafts])  # type: ignore[misc]
    found = world.rows("SELECT address, group_id FROM account WHERE address LIKE 'p%@%'")
    assert len(found) == 100
    assert {row.group_id for row in found} <= {town.school.id, town.care.id}
    for _, task_id in drafts:
        assert set(town.became(town.school, task_id).values()) <= {"add", "move", "here"}


# What it costs


def test_a_chunk_takes_as_many_statements_for_many_as_for_a_few(
    town: Town, world: World, free: Group, clock: FixedClock
) -> None:
    """Of each kind one or many: what is made, moved, taken, brought back, asked."""

    def grow(first: int, last: int) -> str:
        for i in range(first, last):
            world.account(town.form, f"move{i}@kommun.example")
            world.account(town.care, f"unseen{i}@kommun.example")
            world.account(town.other, f"take{i}@kommun.example")
            world.account(town.school, f"back{i}@kommun.example", removed_at=clock.now())
            world.account(free, f"ask{i}@fri.example")
        kinds = ("move", "unseen", "take", "back", "new")
        rows = [f"{kind}{i}@kommun.example" for i in range(first, last) for kind in kinds]
        return "\n".join(rows + [f"ask{i}@fri.example" for i in range(first, last)])

    def count(text: str) -> int:
        task_id = town.draft(town.school, town.school, text)
        with statements(world.database.engine) as seen:
            run_now(town, town.school, task_id)
        assert town.task(town.school, task_id).finished_at
        return len(seen)

    assert count(grow(0, 1)) == count(grow(1, 41))


def draft_lines(town: Town, lines: int, key: str = "p") -> tuple[UUID, int, float]:
    """Read and draft so many lines; gives the task, its statements, and how long it took, in seconds."""
    pasted = "\n".join(f"Person {i} <{key}{i}@skola{i % 80}.kommun.example>" for i in range(lines))
    place: Place = town.place(town.school)
    now, author = town.world.clock.now(), town.author(town.master)
    begun = time.perf_counter()
    with statements(town.world.database.engine) as seen, town.world.database.unit_of_work() as session:
        path = [town.place(town.master), place]
        task_id = add.draft(session, now, author, place, path, read_lines(pasted), town.adding.asks_a_day)
    return task_id, len(seen), time.perf_counter() - begun


def test_20_000_lines_are_drafted_in_seconds_and_the_statements_of_20(town: Town, world: World) -> None:
    _, few, _ = draft_lines(town, 20, "a")
    _, some, _ = draft_lines(town, 2000, "b")
    task_id, many, seconds = draft_lines(town, MOST_LINES)
    assert few == some == many
    assert seconds < 15
    assert add.counts(town.task(town.school, task_id)) == {Word.ADD: MOST_LINES}


def test_20_000_people_are_added_in_a_minute_and_no_page_of_lines_reads_them_all(
    town: Town, world: World
) -> None:
    task_id, _, _ = draft_lines(town, MOST_LINES)
    town.confirm(town.school, task_id)
    begun = time.perf_counter()
    town.work()
    seconds = time.perf_counter() - begun
    assert seconds < 60
    assert world.value("SELECT count(*) FROM account WHERE group_id = :id", id=town.school.id) == MOST_LINES
    assert add.counts(town.task(town.school, task_id)) == {Word.ADD: MOST_LINES}
    # and once more, now that all are there
    again, _, _ = draft_lines(town, MOST_LINES)
    assert add.counts(town.task(town.school, again)) == {Word.HERE: MOST_LINES}
