"""Accounts that came to the group of a domain go back if that is undone within a day (spec D4)."""

from __future__ import annotations

from datetime import timedelta

from messa_platform.tenants.domains import take
from messa_platform.tenants.models import Group
from tests.functional.tenants.domains.conftest import Town
from tests.functional.tenants.domains.take.conftest import NAME, takes, undo


def test_a_move_is_undone_to_where_everybody_was(town: Town, school: Group, rival: Group) -> None:
    homes = {
        town.world.account(town.free(), f"a@{NAME}"): town.free(),
        town.world.account(town.master, f"b@{NAME}"): town.master,
        town.world.account(rival, f"c@{NAME}"): rival,
    }
    town.world.run("UPDATE account SET tenant_since = group_since - interval '9 days'")
    standing = "SELECT id, tenant_id, group_since, tenant_since FROM account ORDER BY id"
    before = town.world.rows(standing)
    town.world.clock.move(timedelta(hours=1))
    domain_id = town.verified(school, NAME)
    town.work()
    (task,) = takes(town, school, domain_id).takes
    assert takes(town, school, domain_id).can_undo(task, town.world.clock.now())
    town.world.clock.move(timedelta(hours=23))
    undoing = undo(town, school, task.id)
    assert undoing is not None and undo(town, school, task.id) is None
    town.work()
    assert {account: town.home(account) for account in homes} == {a: g.id for a, g in homes.items()}
    assert town.world.rows(standing) == before
    after = takes(town, school, domain_id)
    assert not after.can_undo(task, town.world.clock.now()) and not after.is_at_work
    assert dict(after.undone[task.id].result) == {"moved": 3, "stayed": 0}
    assert ("domain_take_undone", NAME) in town.audit(school)


def test_those_taken_along_are_placed_by_hand_again_after_the_undoing(town: Town, school: Group) -> None:
    account = town.world.account(town.master, f"a@{NAME}", placed_by_hand=True)
    domain_id = town.verified(school, NAME)
    town.work()
    now = town.world.clock.now()
    with town.world.database.unit_of_work() as session:
        take.take_along(session, session, now, town.author, town.domain(school, domain_id).claim)
    town.work()
    undo(town, school, takes(town, school, domain_id).takes[0].id)
    town.work()
    assert town.home(account) == town.master.id
    assert town.world.value("SELECT placed_by_hand FROM account WHERE id = :id", id=account)


def test_what_was_moved_again_or_removed_since_stays_when_a_move_is_undone(
    town: Town, school: Group, rival: Group
) -> None:
    away = town.world.account(town.free(), f"a@{NAME}")
    there_and_back = town.world.account(town.free(), f"b@{NAME}")
    removed = town.world.account(town.free(), f"c@{NAME}")
    wanted = town.world.account(town.free(), f"d@{NAME}")
    homeless = town.world.account(town.world.group(rival, "Läggs ner"), f"e@{NAME}")
    domain_id = town.verified(school, NAME)
    town.work()
    (task,) = takes(town, school, domain_id).takes
    town.world.clock.move(timedelta(hours=1))
    town.world.move_account(away, rival)
    town.world.move_account(there_and_back, rival)
    town.world.move_account(there_and_back, school)
    town.world.run(
        "UPDATE account SET removed_at = :now WHERE id = :id", now=town.world.clock.now(), id=removed
    )
    town.world.run("UPDATE account SET placed_by_hand = true WHERE id = :id", id=wanted)
    town.world.run(
        "UPDATE \"group\" SET removed_at = :now WHERE name = 'Läggs ner'", now=town.world.clock.now()
    )
    assert undo(town, school, task.id)
    town.work()
    expected = {away: rival, there_and_back: school, removed: school, wanted: school, homeless: school}
    assert {account: town.home(account) for account in expected} == {a: g.id for a, g in expected.items()}
    assert dict(takes(town, school, domain_id).undone[task.id].result) == {"moved": 0, "stayed": 5}


def test_after_a_day_nothing_is_undone(town: Town, school: Group) -> None:
    town.world.account(town.free(), f"a@{NAME}")
    domain_id = town.verified(school, NAME)
    town.work()
    (task,) = takes(town, school, domain_id).takes
    town.world.clock.move(timedelta(days=1))
    assert undo(town, school, task.id) is None
    assert takes(town, school, domain_id).takes == ()


def test_only_a_move_to_the_very_group_is_undone_there(town: Town, school: Group, rival: Group) -> None:
    town.world.account(town.free(), f"a@{NAME}")
    domain_id = town.verified(school, NAME)
    (running,) = takes(town, school, domain_id).takes
    assert undo(town, school, running.id) is None
    town.work()
    assert undo(town, town.master, running.id) is None
    assert undo(town, rival, running.id) is None
