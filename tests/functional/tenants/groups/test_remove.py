"""Groups are removed, and where their people, subgroups and domains go."""

from __future__ import annotations

from datetime import timedelta

from messa_platform.core.db import Database
from messa_platform.tenants import move_groups, tasks
from messa_platform.tenants.admin_models import TaskKind
from messa_platform.tenants.audit import SYSTEM
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from messa_platform.tenants.move_groups import Moved
from messa_platform.tenants.moved_groups import rehouse
from messa_platform.tenants.places import Place, place_of
from tests.support.observe import statements
from tests.support.office import Office, admins, grow, paths_are_true, recalls
from tests.support.world import World


def test_a_removed_groups_people_subgroups_and_domains_go_where_they_are_told(
    world: World, office: Office, master: Group, tree: dict[str, Group]
) -> None:
    north, south, care = tree["Norr"], tree["Söder"], tree["Vård"]
    anna = world.account(north, "anna@kommun.example", placed_by_hand=True)
    gone = world.account(north, "borta@kommun.example", removed_at=world.clock.now())
    world.domain(north, "norr.example")
    world.clock.move(timedelta(hours=1))
    answer = office.remove(north, care, south)
    assert isinstance(answer, Moved) and answer.place.id == north.id
    row = world.rows(
        "SELECT group_id, group_since, placed_by_hand, version FROM account WHERE id = :id", id=anna
    )[0]
    assert tuple(row) == (care.id, world.clock.now(), True, 2)
    assert world.value("SELECT group_id FROM account WHERE id = :id", id=gone) == north.id
    assert world.value("SELECT group_id FROM domain WHERE name = 'norr.example'") == care.id
    assert office.place(tree["Norr 4A"]).parent_id == office.place(tree["Norr 4B"]).parent_id == south.id
    assert office.place(tree["Norr 4A"]).slug == "4a-2" and office.place(tree["Norr 4B"]).slug == "4b"
    assert paths_are_true(world)
    with office.session() as session:
        assert place_of(session, master.tenant_id, north.id) is None
    assert world.value('SELECT name FROM "group" WHERE id = :id', id=north.id) == "Norr"


def test_a_removed_group_stands_in_the_logs_of_all_that_it_concerns(
    world: World, office: Office, tree: dict[str, Group]
) -> None:
    north, south, care = tree["Norr"], tree["Söder"], tree["Vård"]
    world.account(north, "anna@kommun.example")
    world.domain(north, "norr.example")
    office.remove(north, care, south)
    for log in (north, tree["Skolor"], care, south):
        [entry] = office.log(log, "group_removed")
        assert (entry.subject, entry.subject_id) == ("Norr", north.id)
        assert entry.after == {"people": str(care.id), "groups": str(south.id), "moved": 1}
    [entry] = office.log(tree["Norr 4A"], "group_moved")
    assert (entry.before, entry.after) == ({"parent": str(north.id)}, {"parent": str(south.id)})
    assert [e.subject for e in office.log(south, "group_moved")] == ["4A", "4B"]
    [entry] = office.log(care, "domain_moved")
    assert (entry.before, entry.after) == ({"group": str(north.id)}, {"group": str(care.id)})


def test_a_removed_groups_name_and_address_may_be_used_again(
    world: World, office: Office, tree: dict[str, Group]
) -> None:
    office.remove(tree["Norr"], tree["Skolor"])
    made = office.add(tree["Skolor"], "Norr")
    assert isinstance(made, Place) and made.slug == "norr"


def test_a_child_of_its_parents_name_takes_an_address_of_its_own_when_the_parent_goes(
    world: World, office: Office, master: Group
) -> None:
    outer = world.group(master, "Skola")
    inner = world.group(outer, "Skola")
    world.group(outer, "Skola-2")
    world.group(master, "Skola 2")
    assert isinstance(office.remove(outer, master), Moved)
    slugs = world.rows('SELECT slug FROM "group" WHERE parent_id = :id AND removed_at IS NULL', id=master.id)
    assert {row.slug for row in slugs} == {"skola", "skola-2", "skola-2-2"}
    assert office.place(inner).slug == "skola"


def test_a_removed_groups_settings_and_admins_are_gone(
    world: World, office: Office, tree: dict[str, Group]
) -> None:
    north = tree["Norr"]
    world.set(north, Key.SENDER_NAME, "Norr")
    head = world.account(north, "rektor@kommun.example")
    teacher = world.account(tree["Norr 4A"], "larare@kommun.example")
    for group, account in (
        (north, head),
        (tree["Skolor"], head),
        (north, teacher),
        (tree["Norr 4A"], teacher),
    ):
        world.administer(group, account)
    office.remove(north, tree["Vård"], tree["Skolor"])
    assert world.value("SELECT count(*) FROM group_setting WHERE group_id = :id", id=north.id) == 0
    assert admins(world, north) == admins(world, tree["Skolor"]) == set()
    assert admins(world, tree["Norr 4A"]) == {teacher}
    assert [(e.subject, e.after) for e in office.log(tree["Skolor"], "admin_removed")] == [
        ("rektor@kommun.example", {"why": "moved"})
    ]
    assert {(e.subject, e.after) for e in office.log(north, "admin_removed")} == {
        ("larare@kommun.example", None),
        ("rektor@kommun.example", None),
    }


def test_a_removed_groups_people_may_go_to_what_was_below_it(
    world: World, office: Office, master: Group, tree: dict[str, Group]
) -> None:
    world.set(tree["Norr"], Key.MAY_RECEIVE, True)
    anna = world.account(tree["Norr"], "anna@kommun.example")
    answer = office.remove(tree["Norr"], tree["Norr 4A"], tree["Skolor"])
    assert isinstance(answer, Moved)
    assert world.value("SELECT group_id FROM account WHERE id = :id", id=anna) == tree["Norr 4A"].id
    # of the two that receive, one is below the other: the task of that one looks after both
    assert [task.group_id for task in recalls(world)] == [tree["Skolor"].id]


def test_where_a_removed_group_let_its_people_receive_and_the_next_one_does_not_their_numbers_are_called_back(
    world: World, office: Office, tree: dict[str, Group]
) -> None:
    world.set(tree["Norr"], Key.MAY_RECEIVE, True)
    world.account(tree["Norr"], "anna@kommun.example")
    world.account(tree["Norr 4A"], "bo@kommun.example")
    answer = office.remove(tree["Norr"], tree["Vård"], tree["Söder"])
    assert isinstance(answer, Moved)
    assert [(t.group_id, t.total) for t in recalls(world)] == [(tree["Vård"].id, 1), (tree["Söder"].id, 1)]
    assert answer.task_ids == tuple(t.id for t in recalls(world))


def test_what_is_under_way_for_a_removed_group_goes_on_for_the_one_that_takes_its_people(
    world: World, office: Office, tree: dict[str, Group]
) -> None:
    north, care, now = office.place(tree["Norr"]), tree["Vård"], world.clock.now()
    with world.database.unit_of_work() as session:
        task_id = tasks.draft(session, now, office.author, north, TaskKind.ADD_PEOPLE, {}, 1)
        tasks.start(session, now, north.tenant_id, task_id)
    world.run(
        "INSERT INTO consent_request (id, tenant_id, group_id, address, digest, asked_at, expires_at)"
        " VALUES (:id, :tenant, :id2, 'x@y.example', 'x', now(), now())",
        id=task_id,
        tenant=north.tenant_id,
        id2=north.id,
    )
    office.remove(tree["Norr"], care)
    assert world.value("SELECT group_id FROM task WHERE id = :id", id=task_id) == care.id
    assert world.value("SELECT group_id FROM consent_request") == care.id


def test_who_came_while_a_group_was_removed_is_put_where_its_people_went(
    world: World, office: Office, tree: dict[str, Group]
) -> None:
    office.remove(tree["Norr"], tree["Söder"], tree["Skolor"])
    office.remove(tree["Söder"], tree["Vård"], tree["Skolor"])
    late = world.account(tree["Norr"], "sen@kommun.example")
    world.account(tree["Norr"], "borta@kommun.example", removed_at=world.clock.now())
    for _ in range(3):
        with world.database.unit_of_work() as session:
            rehouse(session, world.clock.now())
    assert world.value("SELECT group_id FROM account WHERE id = :id", id=late) == tree["Vård"].id
    [entry] = office.log(tree["Vård"], "account_moved")
    assert (entry.subject, entry.after) == ("sen@kommun.example", {"group": str(tree["Vård"].id)})
    assert world.value("SELECT count(*) FROM audit_entry WHERE action = 'account_moved'") == 4
    assert SYSTEM.address == entry.actor_address == ""


# What it costs


def test_removing_a_group_of_thousands_is_as_many_statements_as_removing_one_of_two(
    world: World, office: Office, database: Database, tree: dict[str, Group]
) -> None:
    small, large = tree["Söder"], tree["Norr"]
    world.run(
        "INSERT INTO account (id, tenant_id, group_id, address, language) SELECT gen_random_uuid(), :tenant, :id, 'a' || n || '@x.example', 'sv'"
        " FROM generate_series(1, 5000) n",
        tenant=large.tenant_id,
        id=large.id,
    )
    grow(world, large, 300)
    world.account(small, "en@kommun.example")
    counts = []
    for group in (small, large):
        here, home = office.place(group), office.place(tree["Vård"])
        with statements(database.engine) as seen, office.session() as session:
            answer = move_groups.remove(session, world.clock.now(), office.author, here, home, home, 1)
        assert isinstance(answer, Moved)
        counts.append(len(seen))
    assert world.value("SELECT count(*) FROM account WHERE group_id = :id", id=tree["Vård"].id) == 5001
    assert paths_are_true(world)
    # one more renames the segments of subgroups that Vård has already
    assert counts[0] <= counts[1] <= counts[0] + 1 <= 24
