"""What an admin further up has locked stays locked, wherever those below put and remove groups (spec G1, G3)."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import text

from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group, Lock
from messa_platform.tenants.move_groups import Moved, Refusal
from messa_platform.tenants.tree import set_here
from tests.support.observe import statements, wait_until_blocked
from tests.support.office import Office
from tests.support.world import World


@pytest.fixture
def tree(world: World) -> dict[str, Group]:
    """Skolor with Norr (4A) and Söder; Vård."""
    master = world.tenant()
    schools = world.group(master, "Skolor")
    north = world.group(schools, "Norr")
    return {
        "Master": master,
        "Skolor": schools,
        "Norr": north,
        "4A": world.group(north, "4A"),
        "Söder": world.group(schools, "Söder"),
        "Vård": world.group(master, "Vård"),
    }


@pytest.fixture
def boss(world: World, tree: dict[str, Group]) -> Office:
    return Office(world, tree["Master"])


@pytest.fixture
def head(world: World, tree: dict[str, Group]) -> Office:
    """The admin of Skolor."""
    return Office(world, tree["Skolor"])


def lock(world: World, group: Group, by: Group, lock: Lock = Lock.LOCKED) -> None:
    """An admin of `by` sets the signature of a group."""
    with world.database.unit_of_work() as session:
        set_here(session, world.clock.now(), group, Key.SIGNATURE, "/Kommunen", lock, by.id)


def standing(world: World) -> list[Any]:
    return world.rows('SELECT id, path::text, removed_at FROM "group" ORDER BY id')


# Removing


def test_a_group_on_which_an_admin_above_the_remover_has_locked_something_is_not_removed(
    world: World, head: Office, boss: Office, tree: dict[str, Group]
) -> None:
    anna = world.account(tree["Norr"], "anna@kommun.example")
    lock(world, tree["Norr"], tree["Master"])
    before = standing(world)
    assert head.remove(tree["Norr"], tree["Skolor"]) is Refusal.LOCKED
    assert standing(world) == before
    assert world.sender(anna).signature == "/Kommunen"
    assert world.value("SELECT count(*) FROM audit_entry") == 0
    assert isinstance(boss.remove(tree["Norr"], tree["Skolor"]), Moved)


@pytest.mark.parametrize("kind", [Lock.SUBADMIN, Lock.ALL])
def test_what_those_below_may_change_keeps_no_group(
    world: World, head: Office, tree: dict[str, Group], kind: Lock
) -> None:
    lock(world, tree["Norr"], tree["Master"], kind)
    assert isinstance(head.remove(tree["Norr"], tree["Skolor"]), Moved)


def test_what_the_remover_or_somebody_below_has_locked_keeps_no_group(
    world: World, head: Office, tree: dict[str, Group]
) -> None:
    lock(world, tree["Norr"], tree["Skolor"])
    lock(world, tree["Söder"], tree["Söder"])
    assert isinstance(head.remove(tree["Norr"], tree["Skolor"]), Moved)
    assert isinstance(head.remove(tree["Söder"], tree["Skolor"]), Moved)


def test_neither_people_nor_subgroups_are_put_out_of_a_lock_by_a_removal(
    world: World, head: Office, tree: dict[str, Group]
) -> None:
    world.group(tree["4A"], "Grupp 1")
    lock(world, tree["Norr"], tree["Master"])
    assert head.remove(tree["4A"], tree["Söder"], tree["Norr"]) is Refusal.LOCKED
    assert head.remove(tree["4A"], tree["Norr"], tree["Söder"]) is Refusal.LOCKED
    assert isinstance(head.remove(tree["4A"], tree["Norr"], tree["Norr"]), Moved)


def test_a_group_without_subgroups_may_name_any_for_those_that_it_has_not(
    world: World, head: Office, tree: dict[str, Group]
) -> None:
    lock(world, tree["Norr"], tree["Master"])
    assert isinstance(head.remove(tree["4A"], tree["Norr"], tree["Söder"]), Moved)


# Moving


def test_a_group_does_not_leave_one_on_which_an_admin_above_the_mover_has_locked_something(
    world: World, head: Office, boss: Office, tree: dict[str, Group]
) -> None:
    lock(world, tree["Norr"], tree["Master"])
    before = standing(world)
    assert head.move(tree["4A"], tree["Söder"]) is Refusal.LOCKED
    assert standing(world) == before
    assert isinstance(boss.move(tree["4A"], tree["Söder"]), Moved)


def test_a_group_takes_the_lock_that_is_on_itself_or_below_it_along(
    world: World, head: Office, tree: dict[str, Group]
) -> None:
    lock(world, tree["Norr"], tree["Master"])
    lock(world, tree["4A"], tree["Master"])
    assert isinstance(head.move(tree["Norr"], tree["Söder"]), Moved)
    ours = "SELECT DISTINCT lock, authority_id FROM group_setting WHERE tenant_id = :id"
    rows = world.rows(ours, id=tree["Master"].tenant_id)
    assert [(row.lock, row.authority_id) for row in rows] == [("locked", tree["Master"].id)]


def test_it_goes_nowhere_where_those_who_have_locked_it_have_no_say(
    world: World, tree: dict[str, Group]
) -> None:
    """Who administers Norr, below Skolor, and Vård, beside it: what Skolor's admins have locked in Norr would be Vård's to unlock."""
    north = Office(world, tree["Norr"])
    assert north.author.account_id
    world.administer(tree["Vård"], north.author.account_id)
    also = {"also": [tree["Vård"].id]}
    lock(world, tree["4A"], tree["Skolor"])
    assert north.move(tree["4A"], tree["Vård"], **also) is Refusal.LOCKED
    lock(world, tree["4A"], tree["Master"])
    assert isinstance(north.move(tree["4A"], tree["Vård"], **also), Moved)


def test_nor_out_of_a_lock_that_is_set_above_the_own_authority(world: World, tree: dict[str, Group]) -> None:
    north = Office(world, tree["Norr"])
    assert north.author.account_id
    world.administer(tree["Vård"], north.author.account_id)
    lock(world, tree["Skolor"], tree["Skolor"])
    assert north.move(tree["4A"], tree["Vård"], also=[tree["Vård"].id]) is Refusal.LOCKED


# At the same moment, and what it costs


def test_what_is_locked_while_a_removal_waits_keeps_the_group(
    world: World, head: Office, tree: dict[str, Group]
) -> None:
    answers: list[Any] = []
    with world.database.unit_of_work() as session:
        session.execute(text('SELECT FROM "group" WHERE id = :id FOR NO KEY UPDATE'), {"id": tree["Norr"].id})
        removing = threading.Thread(target=lambda: answers.append(head.remove(tree["Norr"], tree["Skolor"])))
        removing.start()
        wait_until_blocked(world.database)
        group, now = tree["Norr"], world.clock.now()
        set_here(session, now, group, Key.SIGNATURE, "/Kommunen", Lock.LOCKED, tree["Master"].id)
    removing.join(30)
    assert answers == [Refusal.LOCKED]


def test_looking_for_locks_is_two_statements_for_an_admin_below_and_none_for_masters(
    world: World, head: Office, boss: Office, tree: dict[str, Group]
) -> None:
    with statements(world.database.engine) as few:
        boss.move(tree["4A"], tree["Söder"])
    with statements(world.database.engine) as more:
        head.move(tree["4A"], tree["Norr"], 2)
    assert len(more) == len(few) + 2
