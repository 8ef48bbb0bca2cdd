"""What an admin has begun ends with the adminship; and how many strangers an organisation may write to in a day (spec G10, G11)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from messa_platform.core.clock import STOCKHOLM, FixedClock
from messa_platform.tenants import tasks
from messa_platform.tenants.admin_models import TaskKind
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.people import add
from messa_platform.tenants.people.adding import Adding
from messa_platform.tenants.people.plan import Questions, Word, plan, questions
from messa_platform.tenants.people.reading import read_lines
from messa_platform.tenants.people.recall import Recall
from messa_platform.tenants.people.settings import PeopleSettings
from messa_platform.tenants.tasks import CHUNK, Handler, Step, TaskRow
from tests.support.observe import wait_until_blocked
from tests.support.people import KARIN, Town
from tests.support.world import World


def after_chunks(town: Town, chunks: int, handler: Handler, happens: Callable[[], None]) -> Handler:
    """The handler, with something that happens once so many chunks are done."""
    seen = 0

    def handle(session: Session, now: datetime, task: TaskRow) -> Step:
        nonlocal seen
        if seen == chunks:
            happens()
        seen += 1
        return handler(session, now, task)

    return handle


def work(town: Town, kind: TaskKind, handler: Handler) -> None:
    while tasks.work_off_tasks(town.world.database, town.world.clock, {kind: handler}):
        pass


def many(count: int) -> str:
    return "\n".join(f"p{n:05}@kommun.example" for n in range(count))


# A task ends with its author's adminship


def test_what_an_admin_has_begun_stops_when_they_are_one_no_longer_and_what_was_done_is_told(
    town: Town, world: World
) -> None:
    head = world.author(town.school)
    lost = world.account(town.care, "p00001@kommun.example")
    late = world.account(town.care, f"p{CHUNK + 1:05}@kommun.example")
    town.admin(town.care, "vard@kommun.example")
    task_id = town.draft(town.school, town.school, many(2 * CHUNK + 10) + "\nnonsense")
    town.confirm(town.school, task_id)
    work(
        town,
        TaskKind.ADD_PEOPLE,
        after_chunks(town, 1, town.adding.step, lambda: world.dismiss(head)),
    )
    task = town.task(town.school, task_id)
    assert task.finished_at is not None and task.result["stopped"] is True
    assert task.done == CHUNK
    words = {Word.ADD: CHUNK - 1, Word.MOVE_UNSEEN: 1, Word.STOPPED: CHUNK + 10, Word.BAD: 1}
    assert add.counts(task) == words
    became = town.became(town.school, task_id)
    assert became["p00000@kommun.example"] == "add"
    assert became[f"p{2 * CHUNK:05}@kommun.example"] == "stopped"
    assert world.value("SELECT count(*) FROM account WHERE address LIKE 'p%'") == CHUNK + 1
    homes = dict(world.rows("SELECT id, group_id FROM account WHERE id = ANY(:ids)", ids=[lost, late]))
    assert homes == {lost: town.school.id, late: town.care.id}
    # the log has what was done, and those who lost somebody are told
    [entry] = world.rows("SELECT actor_id, after FROM audit_entry WHERE action = 'people_added'")
    assert (entry.actor_id, entry.after) == (head.account_id, {word.value: n for word, n in words.items()})
    [mail] = town.mails("people_left:")
    assert "p00001@kommun.example" in mail.text and f"p{CHUNK + 1:05}" not in mail.text


def test_what_was_begun_by_who_is_an_admin_no_longer_does_nothing_at_all(town: Town, world: World) -> None:
    task_id = town.draft(town.school, town.school, many(3))
    author = town.task(town.school, task_id).author
    world.dismiss(author)
    town.confirm(town.school, task_id)
    town.work()
    assert set(town.became(town.school, task_id).values()) == {"stopped"}
    assert town.task(town.school, task_id).result == {"words": {"stopped": 3}, "stopped": True}
    assert world.value("SELECT count(*) FROM account WHERE address LIKE 'p%'") == 0


def test_nor_does_it_at_once(town: Town, world: World) -> None:
    task_id = town.draft(town.school, town.school, many(3))
    author = town.task(town.school, task_id).author
    world.dismiss(author)
    with world.database.unit_of_work() as session:
        done = add.run_now(
            session, world.clock.now(), author, town.school.tenant_id, task_id, town.adding.step
        )
    assert done is not None and done.result["stopped"] is True


def test_it_goes_on_for_who_is_one_of_a_group_further_up_by_now(town: Town, world: World) -> None:
    head = world.author(town.school)
    task_id = town.draft(town.school, town.school, many(CHUNK + 10))
    town.confirm(town.school, task_id)

    def promoted() -> None:
        world.dismiss(head)
        assert head.account_id
        world.administer(town.master, head.account_id)

    work(town, TaskKind.ADD_PEOPLE, after_chunks(town, 1, town.adding.step, promoted))
    assert add.counts(town.task(town.school, task_id)) == {Word.ADD: CHUNK + 10}


def test_who_says_yes_to_what_another_has_pasted_is_the_one_who_does_it(town: Town, world: World) -> None:
    task_id = town.draft(town.school, town.school, many(1))
    first = town.task(town.school, task_id).author
    second = world.author(town.school, "andra@kommun.example")
    world.dismiss(first)
    town.confirm(town.school, task_id, second)
    town.work()
    assert town.became(town.school, task_id) == {"p00000@kommun.example": "add"}
    assert town.task(town.school, task_id).author == second
    rows = world.rows("SELECT DISTINCT actor_address FROM audit_entry")
    assert [row.actor_address for row in rows] == ["andra@kommun.example"]
    # once it was started it is nobody else's
    town.confirm(town.school, task_id, first)
    assert town.task(town.school, task_id).author == second


def test_nobody_says_yes_for_another_group(town: Town, world: World) -> None:
    task_id = town.draft(town.school, town.master, many(1))
    town.confirm(town.school, task_id, world.author(town.school))
    assert town.task(town.school, task_id).author.address == KARIN


def test_numbers_are_taken_back_all_the_same_but_in_messas_own_name(
    town: Town, world: World, clock: FixedClock
) -> None:
    """That is what the settings say, whoever has set them; left undone, it would cost their holders' group a fee each month."""
    world.channel()
    world.numbers()
    world.set(town.school, Key.MAY_RECEIVE, True)
    anna = world.account(town.school, "anna@kommun.example")
    town.lent([anna])
    world.set(town.school, Key.MAY_RECEIVE, False)
    head = world.author(town.school)
    place = town.place(town.school)
    with world.database.unit_of_work() as session:
        task_id = tasks.draft(session, clock.now(), head, place, TaskKind.RECALL_NUMBERS, {}, 1)
        tasks.start(session, clock.now(), place.tenant_id, task_id)
    world.dismiss(head)
    work(town, TaskKind.RECALL_NUMBERS, Recall().step)
    assert town.task(town.school, task_id).result == {"numbers": 1}
    [entry] = world.rows("SELECT actor, actor_address FROM audit_entry WHERE action = 'numbers_recalled'")
    assert (entry.actor, entry.actor_address) == ("system", "")


# How many may be asked


def strangers(town: Town, count: int, key: str = "s") -> list[str]:
    addresses = [f"{key}{n}@annan.example" for n in range(count)]
    for address in addresses:
        town.world.account(town.other, address)
    return addresses


def adding(town: Town, a_day: int) -> Adding:
    return Adding(town.post, asks_a_day=a_day)


def ask(town: Town, addresses: list[str], a_day: int) -> dict[str, str]:
    """Add these by a task, where so many may be asked in a day; gives what became of each."""
    task_id = town.draft(town.school, town.master, "\n".join(addresses))
    town.confirm(town.school, task_id)
    work(town, TaskKind.ADD_PEOPLE, adding(town, a_day).step)
    return town.became(town.school, task_id)


def test_five_hundred_may_be_asked_in_a_day_unless_a_setting_says_otherwise() -> None:
    assert PeopleSettings().consent_mails_a_day == 500
    with pytest.raises(ValueError, match=r"people\.consent_mails_a_day"):
        PeopleSettings(consent_mails_a_day=-1)


def test_the_first_are_asked_and_the_rest_has_to_wait_until_tomorrow(town: Town, clock: FixedClock) -> None:
    addresses = strangers(town, 5)
    lines = [addresses[0], "ny@kommun.example", *addresses[1:], "skräp"]
    assert ask(town, lines, 3) == {
        **dict.fromkeys(addresses[:3], "ask"),
        "ny@kommun.example": "add",
        **dict.fromkeys(addresses[3:], "tomorrow"),
        "skräp": "bad",
    }
    assert [mail.recipient for mail in town.mails("consent:")] == addresses[:3]
    assert ask(town, addresses[3:], 3) == dict.fromkeys(addresses[3:], "tomorrow")
    assert ask(town, addresses[3:4], 4) == {addresses[3]: "ask"}
    clock.at = datetime(2026, 1, 1, tzinfo=STOCKHOLM) + timedelta(days=clock.now().timetuple().tm_yday)
    assert ask(town, addresses[4:], 1) == {addresses[4]: "ask"}


def test_a_day_is_stockholms(town: Town, clock: FixedClock) -> None:
    clock.at = datetime(2026, 7, 1, 23, 59, 59, tzinfo=STOCKHOLM)
    first, second, third = strangers(town, 3)
    assert ask(town, [first], 1) == {first: "ask"}
    assert ask(town, [second], 1) == {second: "tomorrow"}
    clock.move(timedelta(seconds=1))
    assert ask(town, [second, third], 1) == {second: "ask", third: "tomorrow"}


def test_another_organisation_has_a_day_of_its_own(town: Town, clock: FixedClock) -> None:
    addresses = strangers(town, 2)
    ask(town, addresses, 2)
    with town.world.database.unit_of_work() as session:
        found = [questions(session, clock.now(), group.tenant_id, 2) for group in (town.school, town.other)]
    assert found == [Questions(0), Questions(2)]


def test_none_at_all_is_a_number_too(town: Town) -> None:
    [address] = strangers(town, 1)
    assert ask(town, [address], 0) == {address: "tomorrow"}


def test_chunk_by_chunk_no_more_are_asked_than_may_be(town: Town) -> None:
    addresses = strangers(town, 2 * CHUNK + 5)
    words = list(ask(town, addresses, CHUNK + 2).values())
    assert words == ["ask"] * (CHUNK + 2) + ["tomorrow"] * (CHUNK + 3)
    assert len(town.mails("consent:")) == CHUNK + 2


def test_of_two_tasks_at_once_the_second_counts_what_the_first_has_asked(town: Town, world: World) -> None:
    here, there = strangers(town, 2, "a"), strangers(town, 2, "b")
    step, ids = adding(town, 3).step, []
    for addresses in (here, there):
        task_id = town.draft(town.school, town.master, "\n".join(addresses))
        town.confirm(town.school, task_id)
        ids.append(task_id)

    def chunk(task_id: UUID) -> None:
        with world.database.unit_of_work() as session:
            step(session, world.clock.now(), town.task(town.school, task_id))

    with world.database.unit_of_work() as session:
        step(session, world.clock.now(), town.task(town.school, ids[0]))
        second = threading.Thread(target=chunk, args=(ids[1],))
        second.start()
        wait_until_blocked(world.database)
    second.join(30)
    assert town.became(town.school, ids[0]) == dict.fromkeys(here, "ask")
    assert town.became(town.school, ids[1]) == {there[0]: "ask", there[1]: "tomorrow"}


@pytest.mark.parametrize("state", ["suspended", "closed"])
def test_nobody_is_asked_for_an_organisation_that_is_suspended_or_closed(
    town: Town, world: World, state: str
) -> None:
    [address] = strangers(town, 1)
    lines = read_lines(f"{address}\nny@kommun.example")
    world.run("UPDATE tenant SET state = :state WHERE id = :id", state=state, id=town.school.tenant_id)
    with world.database.unit_of_work() as session:
        now, place = world.clock.now(), town.place(town.school)
        may_ask = questions(session, now, place.tenant_id, 500)
        planned = plan(session, now, place, town.master.id, lines, may_ask)
    assert [p.word for p in planned] == [Word.PAUSED, Word.ADD]
    became = ask(town, [address], 500)
    assert became == {address: "paused" if state == "suspended" else "gone"}
    assert town.mails("consent:") == []
    assert world.value("SELECT count(*) FROM consent_request") == 0


def test_one_who_is_suspended_meanwhile_asks_nobody_any_more(town: Town, world: World) -> None:
    addresses = strangers(town, CHUNK + 3)
    task_id = town.draft(town.school, town.master, "\n".join(addresses))
    town.confirm(town.school, task_id)

    def suspend() -> None:
        world.run("UPDATE tenant SET state = 'suspended' WHERE id = :id", id=town.school.tenant_id)

    work(town, TaskKind.ADD_PEOPLE, after_chunks(town, 1, town.adding.step, suspend))
    assert add.counts(town.task(town.school, task_id)) == {Word.ASK: CHUNK, Word.PAUSED: 3}
