"""Whom and what an entry of the audit log names, and to whom not (spec G2)."""

from __future__ import annotations

import pytest

from messa_platform.core.ids import new_id
from messa_platform.tenants import move_groups
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import Action, Author
from messa_platform.tenants.audit_view import Named, Standing, Who
from messa_platform.tenants.models import Group
from messa_platform.tenants.move_groups import Moved
from tests.support.read_log import ME, Log, place


def test_an_admin_of_a_group_that_one_may_see_is_named(log: Log) -> None:
    log.wrote(log.north, "x", log.author(log.schools))
    entry = log.only(log.north, log.schools)
    assert (entry.who, entry.address) == (Who.ADMIN, "admin@skolor.example")


@pytest.mark.parametrize("group", ["master", "care"])
def test_an_admin_of_a_group_above_or_beside_has_no_name(log: Log, group: str) -> None:
    log.wrote(log.north, "x", log.author(getattr(log, group)))
    entry = log.only(log.north, log.schools)
    assert (entry.who, entry.address) == (Who.OVERLYING, "")


def test_one_reads_ones_own_name_though_one_acted_from_further_up_then(log: Log) -> None:
    log.wrote(log.north, "x", log.author(log.master, "me@x.example", ME))
    entry = log.only(log.north)
    assert (entry.who, entry.address) == (Who.ADMIN, "me@x.example")


def test_an_admin_of_another_organisation_has_no_name_even_for_master(log: Log) -> None:
    log.wrote(log.master, "x", log.author(log.elsewhere))
    entry = log.only(log.master)
    assert (entry.who, entry.address) == (Who.ELSEWHERE, "")


@pytest.mark.parametrize("actor", [Actor.OPERATOR, Actor.SYSTEM, Actor.OWNER])
def test_who_is_no_admin_is_told_as_what_they_are(log: Log, actor: Actor) -> None:
    log.wrote(log.north, "x", Author(actor, new_id(), "somebody@x.example", log.north.id))
    entry = log.only(log.north)
    assert (entry.who.value, entry.address) == (actor.value, "")


# Which groups


def test_groups_are_named_only_to_who_may_see_them(log: Log) -> None:
    groups = {name: str(group.id) for name, group in vars(log).items() if isinstance(group, Group)}
    log.wrote(log.north, "x", before={"from": list(groups.values())}, after=groups)
    log.world.run(
        """UPDATE "group" SET name = 'Nya Södra', removed_at = now() WHERE id = :id""", id=log.south.id
    )
    entry = log.only(log.north, log.schools)
    seen = {
        "master": Named(Standing.OVERLYING),
        "schools": Named(Standing.SEEN, "Skolor"),
        "north": Named(Standing.SEEN, "Norra"),
        "south": Named(Standing.SEEN, "Nya Södra", is_gone=True),
        "care": Named(Standing.OTHER),
        "elsewhere": Named(Standing.ELSEWHERE),
    }
    assert entry.after == seen
    assert entry.before == {"from": list(seen.values())}


def test_a_lower_admin_sees_less_of_the_same_entry(log: Log) -> None:
    log.wrote(log.north, "x", after={"schools": str(log.schools.id), "south": str(log.south.id)})
    assert log.only(log.north).after == {"schools": Named(Standing.OVERLYING), "south": Named(Standing.OTHER)}


def test_a_group_that_one_may_not_see_has_no_name_where_it_is_what_was_changed_either(log: Log) -> None:
    for action in (Action.GROUP_ADDED, Action.GROUP_RENAMED, Action.GROUP_MOVED, Action.GROUP_REMOVED):
        for group in (log.care, log.master, log.south):
            names = {"before": {"name": "Förr"}, "after": {"name": group.name, "parent": str(log.south.id)}}
            log.wrote(log.north, group.name, action=action, subject_id=group.id, **names)
    log.world.run(
        'UPDATE "group" SET removed_at = now() WHERE id = ANY(:ids)', ids=[log.care.id, log.south.id]
    )
    south = Named(Standing.SEEN, "Södra", is_gone=True)
    shown = [(e.subject, e.before, e.after) for e in log.read(log.north, log.schools)[0]]
    for of_south, of_master, of_care in zip(shown[::3], shown[1::3], shown[2::3], strict=True):
        assert of_south == ("Södra", {"name": "Förr"}, {"name": "Södra", "parent": south})
        for standing, told in ((Standing.OVERLYING, of_master), (Standing.OTHER, of_care)):
            hidden = Named(standing)
            assert told == (hidden, {"name": hidden}, {"name": hidden, "parent": south})


def test_the_log_of_who_takes_a_neighbours_people_does_not_name_the_neighbour(log: Log) -> None:
    boss = log.world.author(log.master)
    log.world.group(log.care, "Hemlig enhet")
    with log.confined(log.master) as session:
        care, north = place(session, log.care), place(session, log.north)
        now = log.world.clock.now()
        assert isinstance(move_groups.remove(session, now, boss, care, north, north, 1), Moved)
    found, _ = log.read(log.north)
    moved = {"parent": Named(Standing.SEEN, "Norra")}
    told = [(e.action, e.subject, e.after) for e in found if e.action != "group_moved"]
    assert told == [
        (
            "group_removed",
            Named(Standing.OTHER),
            {"people": moved["parent"], "groups": moved["parent"], "moved": 0},
        )
    ]
    # the unit itself is the reader's by now
    assert {(e.subject, e.before["parent"]) for e in found if e.action == "group_moved"} == {
        ("Hemlig enhet", Named(Standing.OTHER))
    }
    assert "Omsorgen" not in repr(found)
    assert "Omsorgen" in [e.subject for e in log.read(log.north, log.master)[0]]
