"""Adding people: each line becomes what the rules say when its turn comes, with all that follows (spec G11, G12, R5, B3)."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from messa_platform.core.clock import FixedClock
from messa_platform.core.post import POST_ACTOR
from messa_platform.tenants import tasks
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from messa_platform.tenants.numbers import Holder, holders
from messa_platform.tenants.people import add
from messa_platform.tenants.people.add import AT_ONCE
from messa_platform.tenants.people.adding import MOST_NAMED
from messa_platform.tenants.people.plan import Word
from messa_platform.tenants.people.reading import MOST_LINES, Fault, read_lines
from messa_platform.tenants.places import Place
from tests.support.observe import statements, together
from tests.support.people import Town
from tests.support.world import World

ANNA, BO, CIA = "anna@kommun.example", "bo@kommun.example", "cia@kommun.example"


# What comes of it


def test_a_new_account_stands_in_the_group_by_hand_with_its_name(town: Town, clock: FixedClock) -> None:
    assert town.add(town.school, town.master, "Anna Ek <anna@kommun.example>") == {ANNA: "add"}
    anna = town.account(ANNA)
    assert (anna.tenant_id, anna.group_id) == (town.school.tenant_id, town.school.id)
    assert (anna.display_name, anna.placed_by_hand, anna.group_since) == ("Anna Ek", True, clock.now())
    assert town.log(town.school) == [("account_added", ANNA), ("people_added", "")]
    assert town.mails() == []


def test_a_move_within_the_tenant_stands_in_both_logs(town: Town, world: World, clock: FixedClock) -> None:
    anna = world.account(town.form, ANNA, display_name="Anna")
    clock.move(timedelta(days=3))
    assert town.add(town.care, town.master, "Annan Anna <anna@kommun.example>") == {ANNA: "move"}
    row = town.account(ANNA)
    assert (row.id, row.group_id, row.display_name) == (anna, town.care.id, "Anna")
    assert (row.placed_by_hand, row.group_since, row.version) == (True, clock.now(), 2)
    assert town.log(town.form) == [("account_moved", ANNA)]
    assert town.log(town.care) == [("account_moved", ANNA), ("people_added", "")]
    entries = world.rows(
        "SELECT before, after, actor_address FROM audit_entry WHERE action = 'account_moved'"
    )
    ids = {"group": str(town.form.id)}, {"group": str(town.care.id)}
    assert [(e.before, e.after, e.actor_address) for e in entries] == [(*ids, "karin@kommun.example")] * 2


def test_who_is_here_already_is_left_as_it_is(town: Town, world: World, clock: FixedClock) -> None:
    world.account(town.school, ANNA)
    clock.move(timedelta(days=3))
    assert town.add(town.school, town.master, ANNA) == {ANNA: "here"}
    row = town.account(ANNA)
    assert (row.version, row.placed_by_hand) == (1, False)
    assert row.group_since < clock.now()
    assert town.log(town.school) == [("people_added", "")]


def test_a_proven_domain_takes_an_account_from_another_tenant_which_learns_that_it_left(
    town: Town, world: World
) -> None:
    world.account(town.other, ANNA)
    assert town.add(town.school, town.school, ANNA) == {ANNA: "take"}
    row = town.account(ANNA)
    assert (row.tenant_id, row.group_id) == (town.school.tenant_id, town.school.id)
    assert town.log(town.other) == [("account_moved", ANNA)]
    [entry] = world.rows("SELECT * FROM audit_entry WHERE tenant_id = :id", id=town.other.tenant_id)
    assert (entry.actor_address, entry.actor_id) == ("", None)
    assert town.mails() == []


def test_who_comes_to_another_tenant_is_signed_out_and_who_only_moves_is_not(
    town: Town, world: World, free: Group
) -> None:
    for group, address in ((free, ANNA), (town.care, BO)):
        account = world.account(group, address)
        world.run(
            "INSERT INTO web_session (id, tenant_id, account_id, kind, digest, csrf, user_agent, address, created_at, seen_at, expires_at)"
            " VALUES (gen_random_uuid(), :tenant, :id, 'browser', decode(md5(:address), 'hex'), 'x', '', '', now(), now(), now())",
            tenant=group.tenant_id,
            id=account,
            address=address,
        )
    assert town.add(town.school, town.master, ANNA, BO) == {ANNA: "take", BO: "move"}
    assert [r.account_id for r in world.rows("SELECT account_id FROM web_session")] == [town.account(BO).id]


def test_who_was_removed_comes_back_unblocked_and_that_is_written_down(
    town: Town, world: World, clock: FixedClock
) -> None:
    anna = world.account(town.form, ANNA, removed_at=clock.now(), blocked=True, display_name="Anna")
    assert town.add(town.school, town.school, ANNA) == {ANNA: "return"}
    row = town.account(ANNA)
    assert (row.id, row.removed_at, row.blocked, row.group_id) == (anna, None, False, town.school.id)
    assert (row.placed_by_hand, row.display_name) == (True, "Anna")
    assert town.log(town.school)[:2] == [("account_unblocked", ANNA), ("account_added", ANNA)]
    assert town.log(town.form) == []


def test_who_was_removed_elsewhere_is_new_here_and_the_other_tenant_is_told_nothing(
    town: Town, world: World, clock: FixedClock
) -> None:
    world.account(town.other, "bo@fri.example", removed_at=clock.now())
    assert town.add(town.school, town.master, "Bo Berg <bo@fri.example>") == {"bo@fri.example": "add"}
    row = town.account("bo@fri.example")
    assert (row.tenant_id, row.removed_at, row.display_name) == (town.school.tenant_id, None, "Bo Berg")
    assert town.log(town.other) == []


def test_a_move_keeps_a_block(town: Town, world: World) -> None:
    world.account(town.form, ANNA, blocked=True)
    world.account(town.other, BO, blocked=True)
    assert town.add(town.care, town.master, ANNA, BO) == {ANNA: "move", BO: "take"}
    assert town.account(ANNA).blocked
    assert town.account(BO).blocked


def test_an_admin_of_what_is_not_seen_stays_there_and_one_of_another_tenant_is_none_any_more(
    town: Town,
) -> None:
    town.admin(town.care, ANNA)
    town.admin(town.school, BO)
    town.admin(town.other, CIA)
    assert town.add(town.form, town.school, ANNA, BO, CIA) == {ANNA: "blocked", BO: "move", CIA: "take"}
    assert town.admins(town.care) == [ANNA]
    assert town.admins(town.school) == [town.author(town.school).address, BO]
    assert town.admins(town.other) == []
    assert ("admin_removed", ANNA) not in town.log(town.care)
    assert ("admin_removed", CIA) in town.log(town.other)


def test_nothing_is_done_for_lines_that_cannot_be(town: Town, world: World, free: Group) -> None:
    world.account(free, "drift@kommun.example", is_operator=True)
    world.account(town.care, BO, blocked=True)
    became = town.add(town.school, town.school, "drift@kommun.example", BO, "Bo", ANNA, ANNA)
    assert became == {"drift@kommun.example": "operator", BO: "blocked", "Bo": "bad", ANNA: "duplicate"}
    assert town.account("drift@kommun.example").group_id == free.id
    assert town.account(BO).group_id == town.care.id
    counts = world.value("SELECT after FROM audit_entry WHERE action = 'people_added'")
    assert counts == {"add": 1, "bad": 1, "blocked": 1, "duplicate": 1, "operator": 1}


# Numbers


@pytest.fixture
def receiving(town: Town, world: World) -> Town:
    """Skolan may receive, Omsorgen may not."""
    world.channel()
    world.numbers()
    world.set(town.school, Key.MAY_RECEIVE, True)
    return town


def test_a_number_goes_along_to_a_group_that_may_receive_and_is_billed_there(
    receiving: Town, world: World, clock: FixedClock
) -> None:
    town = receiving
    anna = world.account(town.school, ANNA)
    town.lent([anna])
    number = world.sender(anna).number
    start = clock.now()
    clock.move(timedelta(days=1))
    assert town.add(town.form, town.school, ANNA) == {ANNA: "move"}
    assert number is not None
    assert world.sender(anna).number == number
    rows = world.rows("SELECT * FROM number_lending ORDER BY lent_at")
    assert [(r.group_id, r.lent_at, r.returned_at) for r in rows] == [
        (town.school.id, start, clock.now()),
        (town.form.id, clock.now(), None),
    ]


def test_a_number_goes_to_rest_where_its_account_comes_to_a_group_that_may_not_receive(
    receiving: Town, world: World, clock: FixedClock
) -> None:
    town = receiving
    anna = world.account(town.form, ANNA)
    town.lent([anna])
    number = world.sender(anna).number
    assert town.add(town.care, town.master, ANNA) == {ANNA: "move"}
    assert world.sender(anna).number is None
    [row] = world.rows("SELECT * FROM number_lending")
    assert (row.group_id, row.returned_at) == (town.form.id, clock.now())
    with world.database.unit_of_work() as session:
        assert holders(session, [str(number)]) == {number: Holder(anna, resting=True)}


# Who is told


def test_the_admins_of_a_group_that_the_author_does_not_see_are_told_in_one_mail_for_a_group(
    town: Town, world: World
) -> None:
    town.admin(town.care, "omsorg@kommun.example")
    nursing = world.group(town.care, "Hemtjänsten")
    for i in range(MOST_NAMED + 2):
        world.account(nursing, f"p{i:03}@kommun.example")
    world.account(town.care, CIA)
    addresses = [*(f"p{i:03}@kommun.example" for i in range(MOST_NAMED + 2)), CIA, "ny@kommun.example"]
    became = town.add(town.school, town.school, *addresses)
    assert became == {**dict.fromkeys(addresses[:-1], "move_unseen"), "ny@kommun.example": "add"}
    mails = town.mails("people_left:")
    assert [m.recipient for m in mails] == ["omsorg@kommun.example"] * 2
    about_nursing, about_care = sorted(mails, key=lambda m: len(m.text), reverse=True)
    assert "p000@kommun.example" in about_nursing.text
    assert f"p{MOST_NAMED:03}@kommun.example" not in about_nursing.text
    assert "https://messa.example/t/kommun/omsorgen/hemtjansten/@@audit" in about_nursing.text
    assert CIA in about_care.text
    assert "https://messa.example/t/kommun/omsorgen/@@audit" in about_care.text
    for mail in mails:  # where they went, and who did it, is nothing that they may see
        assert "Skolan" not in mail.text
        assert "karin" not in mail.text
    assert POST_ACTOR in town.woken


def test_nobody_is_told_by_mail_of_what_the_author_sees(town: Town, world: World) -> None:
    town.admin(town.care, "omsorg@kommun.example")
    world.account(town.care, CIA)
    assert town.add(town.school, town.master, CIA) == {CIA: "move"}
    assert town.mails() == []


def test_where_a_group_has_no_admin_those_of_the_nearest_above_are_told(town: Town, world: World) -> None:
    world.account(town.care, CIA)
    town.add(town.school, town.school, CIA)
    assert [m.recipient for m in town.mails("people_left:")] == ["karin@kommun.example"]


# Drafts and tasks


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
