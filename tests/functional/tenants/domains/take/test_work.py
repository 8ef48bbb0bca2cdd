"""The accounts of a domain are moved in chunks, whatever happens meanwhile, and at what cost (spec D4)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from messa_platform.core.db import Database
from messa_platform.tenants import tasks
from messa_platform.tenants.domains import claims, take
from messa_platform.tenants.domains.told import DomainPost
from messa_platform.tenants.models import Group
from messa_platform.tenants.tasks import Step, TaskRow
from tests.functional.tenants.domains.conftest import Town
from tests.functional.tenants.domains.take.conftest import NAME, many, takes, undo


def test_who_became_an_account_elsewhere_while_the_others_were_moved_comes_as_well(
    town: Town, school: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = town.world.account(town.free(), f"a@{NAME}")
    town.verified(school, NAME)
    late: list[UUID] = []
    really = take.take

    def slowly(session: Any, now: datetime, task: TaskRow, told: DomainPost, rest: timedelta) -> Step:
        step = really(session, now, task, told, rest)
        if not late:
            late.append(town.world.account(town.free(), f"b@{NAME}"))
        return step

    monkeypatch.setattr(take, "take", slowly)
    town.work()
    assert (town.home(first), town.home(late[0])) == (school.id, school.id)


def test_an_account_that_was_placed_by_hand_meanwhile_stays(
    town: Town, school: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = town.world.account(town.master, f"a@{NAME}")
    other = town.world.account(town.free(), f"b@{NAME}")
    domain_id = town.verified(school, NAME)
    really = take._take_lines

    def late(*given: Any) -> int:
        town.world.run("UPDATE account SET placed_by_hand = true WHERE id = :id", id=account)
        return really(*given)

    monkeypatch.setattr(take, "_take_lines", late)
    town.work()
    assert (town.home(account), town.home(other)) == (town.master.id, school.id)
    (task,) = takes(town, school, domain_id).takes
    assert dict(task.result) == {"moved": 1, "stayed": 1}


def test_a_domain_that_is_given_up_while_its_accounts_are_moved_lets_the_rest_stay(
    town: Town, school: Group
) -> None:
    many(town, town.free(), 600)
    domain_id = town.verified(school, NAME)
    handlers = take.handlers(town.told)
    chunks = 0

    def counted(session: Any, now: datetime, task: TaskRow) -> Step:
        nonlocal chunks
        chunks += 1
        if chunks == 3:  # the first lists, the second moves
            with town.world.database.unit_of_work() as platform:
                place = town.place(school)
                claims.remove(platform, now, town.author, place, domain_id)
        return handlers[task.kind](session, now, task)

    counting = dict.fromkeys(handlers, counted)
    while tasks.work_off_tasks(town.world.database, town.world.clock, counting):
        pass
    assert people(town, school) == 500
    assert town.world.value("SELECT result FROM task") == {"moved": 500, "stayed": 0, "stopped": True}
    assert town.world.value("SELECT finished_at IS NOT NULL FROM task")


def people(town: Town, group: Group) -> int:
    count: int = town.world.value("SELECT count(*) FROM account WHERE group_id = :id", id=group.id)
    return count


def test_a_chunk_costs_the_same_statements_however_many_it_moves(town: Town, school: Group) -> None:
    many(town, town.free(), 520)
    domain_id = town.verified(school, NAME)
    first, second = statements(town, 2)
    assert first == second <= 14
    (task,) = takes(town, school, domain_id).takes
    assert undo(town, school, task.id)
    first, second = statements(town, 2)
    assert first == second <= 14


def statements(town: Town, chunks: int) -> list[int]:
    """Work the tasks off; gives how many statements each of the chunks costs that move something."""
    counts: list[int] = []
    handlers = take.handlers(town.told)

    def counted(session: Any, now: datetime, task: TaskRow) -> Step:
        executed: list[str] = []
        engine = town.world.database.engine

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            executed.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        step = handlers[task.kind](session, now, task)
        event.remove(engine, "before_cursor_execute", note)
        if step.done > task.done:
            counts.append(len(executed))
        return step

    while tasks.work_off_tasks(town.world.database, town.world.clock, dict.fromkeys(handlers, counted)):
        pass
    assert len(counts) == chunks
    return counts


def test_a_worker_that_dies_in_the_middle_leaves_whole_chunks(
    town: Town, school: Group, database: Database
) -> None:
    many(town, town.free(), 1100)
    town.verified(school, NAME)
    handlers = take.handlers(town.told)
    chunks = 0

    def dies(session: Any, now: datetime, task: TaskRow) -> Step:
        nonlocal chunks
        chunks += 1
        step = handlers[task.kind](session, now, task)
        if chunks == 3:
            raise KeyboardInterrupt
        return step

    with pytest.raises(KeyboardInterrupt):
        tasks.work_off_tasks(database, town.world.clock, dict.fromkeys(handlers, dies))
    assert people(town, school) == 500
    town.world.clock.move(timedelta(minutes=5))
    town.work()
    assert people(town, school) == 1100
    assert town.world.value("SELECT result FROM task") == {"moved": 1100, "stayed": 0}


def test_the_index_finds_the_accounts_of_a_domain(town: Town, database: Database) -> None:
    many(town, town.free(), 50)
    town.world.run(
        "INSERT INTO account (id, tenant_id, group_id, address) SELECT gen_random_uuid(), :tenant, :group, 'a' || n || '@d' || n || '.se'"
        " FROM generate_series(1, 5000) n",
        tenant=town.master.tenant_id,
        group=town.master.id,
    )
    town.world.run("ANALYZE account")
    plan = "\n".join(
        row[0]
        for row in town.world.rows(
            "EXPLAIN SELECT count(*) FROM account a WHERE " + take.OF_DOMAIN, name=NAME
        )
    )
    assert "ix_account_domain" in plan, plan
