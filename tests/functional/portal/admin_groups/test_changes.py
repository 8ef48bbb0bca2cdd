"""Groups are added, renamed, moved and removed by their pages (spec G1)."""

from __future__ import annotations

import html
import re
from uuid import UUID

import pytest
from webtest import TestResponse

from messa_platform.runtime import Runtime
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group, Lock
from messa_platform.tenants.move_groups import DEEPEST, LONGEST_NAME
from messa_platform.tenants.tree import set_here
from tests.support.forest import grow
from tests.support.group_pages import act, fields_of, opened_for, text_of
from tests.support.town import CHIEF, an_admin
from tests.support.visitors import Visitor, path_of, signed_in
from tests.support.world import World

OTHER = "bo@kommun.example"


def options(page: TestResponse, name: str) -> dict[str, str]:
    """What one may choose at a field: labels by values."""
    select = re.search(rf'<select[^>]* name="{name}".*?</select>', page.text, re.DOTALL)
    assert select
    return {
        v: html.unescape(label)
        for v, label in re.findall(r'<option value="([^"]+)"[^>]*>([^<]+)<', select[0])
    }


# Adding


def test_a_group_is_added_below_the_one_that_is_looked_at(boss: Visitor) -> None:
    answer = boss.send("/t/kommun/skolor/@@new-group", {"name": "Öster"})
    assert path_of(answer) == "/t/kommun/skolor/oster/@@settings?said=group-added"
    assert "Öster" in boss.get("/t/kommun/skolor/oster/@@group").text


def test_many_are_added_one_after_the_other(boss: Visitor, world: World) -> None:
    page = "/t/kommun/skolor/norr/@@new-group"
    for name in ("4B", "4C"):
        answer = boss.send(page, {"name": name, "then": "more"})
        assert path_of(answer) == f"{page}?said=group-added"
    assert "The group is added." in text_of(boss.follow(answer))
    assert world.value("SELECT count(*) FROM \"group\" WHERE slug IN ('4b', '4c')") == 2


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("  ", "Write the group's name."),
        ("x" * (LONGEST_NAME + 1), f"Shorten the name to {LONGEST_NAME} characters at the most."),
    ],
)
def test_a_name_that_will_not_do_is_said_so_and_kept(boss: Visitor, name: str, sentence: str) -> None:
    for page, more in (("/t/kommun/skolor/@@new-group", {}), ("/t/kommun/skolor/@@group", {"do": "rename"})):
        answer = boss.send(page, {"name": name, "version": "1", **more})
        assert answer.status_int == 422
        assert sentence in text_of(answer)
        assert f'value="{name}"' in answer.text


def test_a_tree_does_not_grow_without_end(boss: Visitor, world: World, tree: dict[str, Group]) -> None:
    deepest, path = tree["Master"], "/t/kommun"
    for n in range(DEEPEST - 1):
        deepest, path = world.group(deepest, f"n{n}"), f"{path}/n{n}"
    answer = boss.send(f"{path}/@@new-group", {"name": "n"})
    assert answer.status_int == 422 and f"A tree has at most {DEEPEST} levels" in text_of(answer)
    answer = act(boss, "/t/kommun/skolor/norr/@@group", "move", parent=deepest.id)
    assert answer.status_int == 422 and f"A tree has at most {DEEPEST} levels" in text_of(answer)


# Renaming


def test_a_renamed_group_is_found_where_it_was(boss: Visitor) -> None:
    answer = act(boss, "/t/kommun/skolor/norr/@@group", "rename", name="Norrskolan")
    assert path_of(answer) == "/t/kommun/skolor/norr/@@group?said=group-renamed"
    page = boss.follow(answer)
    assert "The group has its new name." in text_of(page) and 'value="Norrskolan"' in page.text


def test_a_subadmin_renames_the_topmost_group_of_its_own(sub: Visitor) -> None:
    page = sub.get("/t/kommun/skolor/@@group")
    assert "the topmost group that you look after" in text_of(page)
    assert 'name="parent"' not in page.text and 'name="people"' not in page.text
    answer = act(sub, "/t/kommun/skolor/@@group", "rename", name="Våra skolor")
    assert "said=group-renamed" in path_of(answer)


def test_master_is_renamed_and_nothing_else(boss: Visitor, tree: dict[str, Group]) -> None:
    page = boss.get("/t/kommun/@@group")
    assert "can be neither moved nor removed" in text_of(page) and 'name="parent"' not in page.text
    assert "said=group-renamed" in path_of(act(boss, "/t/kommun/@@group", "rename", name="Hela kommunen"))
    for do in ("move", "remove"):
        to = str(tree["Vård"].id)
        answer = boss.send(
            "/t/kommun/@@group", {"do": do, "version": "2", "parent": to, "people": to, "groups": to}
        )
        assert answer.status_int == 422 and "This group stays where it is" in text_of(answer)


# Moving


def test_a_group_is_moved_by_choosing_what_it_is_to_be_below(boss: Visitor, tree: dict[str, Group]) -> None:
    page = boss.get("/t/kommun/skolor/norr/@@group")
    offered = options(page, "parent")
    assert list(offered.values()) == [
        "Master", "Skolor (Master)", "Söder (Master › Skolor)", "Vård (Master)",
    ]  # fmt: skip
    assert fields_of(page, "move")["parent"] == str(tree["Skolor"].id)
    answer = act(boss, "/t/kommun/skolor/norr/@@group", "move", parent=tree["Vård"].id)
    assert path_of(answer) == "/t/kommun/vard/norr/@@group?said=group-moved"
    assert boss.follow(answer).status_int == 200
    assert boss.get("/t/kommun/vard/norr/4a/@@group").status_int == 200
    assert boss.get("/t/kommun/skolor/norr/@@group").status_int == 404


@pytest.mark.parametrize("do", ["move", "remove"])
def test_a_group_that_would_come_away_from_a_lock_stays_and_no_overlying_group_is_named(
    sub: Visitor, world: World, tree: dict[str, Group], do: str
) -> None:
    locked = tree["Norr"]
    with world.database.unit_of_work() as session:
        now, master = world.clock.now(), tree["Master"].id
        set_here(session, now, locked, Key.SIGNATURE, "/Kommunen", Lock.LOCKED, master)
    page = "/t/kommun/skolor/norr/4a/@@group" if do == "move" else "/t/kommun/skolor/norr/@@group"
    to = {"parent": tree["Söder"].id} if do == "move" else {}
    answer = act(sub, page, do, **to)
    assert answer.status_int == 422
    assert "locked here by an admin of an overlying group, and would be locked no longer" in text_of(answer)
    assert "Master" not in text_of(answer) and CHIEF not in answer.text
    assert world.value("SELECT count(*) FROM audit_entry") == 0


def test_a_group_that_is_told_to_stand_below_itself_stays(boss: Visitor, tree: dict[str, Group]) -> None:
    answer = act(boss, "/t/kommun/skolor/norr/@@group", "move", parent=tree["4A"].id)
    assert answer.status_int == 422 and "A group cannot stand below itself." in text_of(answer)


def test_a_subadmin_is_offered_its_own_groups_and_no_other(
    sub: Visitor, tree: dict[str, Group], world: World
) -> None:
    for do, fields in (("move", ["parent"]), ("remove", ["people", "groups"])):
        page = opened_for(sub, "/t/kommun/skolor/norr/@@group", do)
        for field in fields:
            assert list(options(page, field).values()) == ["Skolor", "Söder (Skolor)"]
    other = world.tenant("annan", "Annan kommun")
    bodies = set()
    for stranger in (tree["Vård"].id, tree["Master"].id, other.id, UUID(int=7)):
        answer = act(sub, "/t/kommun/skolor/norr/@@group", "move", parent=stranger)
        assert answer.status_int == 422 and "The group that you chose is no longer there." in text_of(answer)
        bodies.add(re.sub(r'value="[^"]{40,}"', "", answer.text))
        for field in ("people", "groups"):
            answer = act(sub, "/t/kommun/skolor/norr/@@group", "remove", **{field: stranger})
            assert answer.status_int == 422
    assert len(bodies) == 1
    assert world.value('SELECT count(*) FROM "group" WHERE version > 1 OR removed_at IS NOT NULL') == 0


def test_a_subadmin_cannot_get_at_a_group_beside_it_by_its_id(
    sub: Visitor, tree: dict[str, Group], world: World
) -> None:
    for group_id in (tree["Vård"].id, tree["Master"].id, UUID(int=7)):
        fields = {"do": "rename", "name": "Min", "version": "1", "group": str(group_id)}
        answer = sub.send("/t/kommun/skolor/@@group", fields)
        assert path_of(answer) == "/t/kommun/skolor/@@settings?said=group-gone"
    assert world.value("SELECT count(*) FROM \"group\" WHERE name = 'Min'") == 0


def test_in_a_large_tree_the_groups_nearby_are_offered_and_the_others_searched_for(
    boss: Visitor, world: World, tree: dict[str, Group]
) -> None:
    grow(world, tree["Vård"], (30, 10))
    page = "/t/kommun/skolor/norr/@@group"
    offered = options(boss.get(page), "parent")
    assert "Söder (Master › Skolor)" in offered.values() and len(offered) < 50
    assert not any("Grupp 17" in label for label in offered.values())
    found = boss.get(f"{page}?group_q=grupp+17")
    assert "1 group was found." in text_of(found)
    assert list(options(found, "parent").values()) == ["Skolor (Master)", "Grupp 17 (Master › Vård)"]
    removing = boss.get(f"{page}?do=remove&group_q=grupp+17")
    assert options(removing, "people") == options(found, "parent")
    assert fields_of(found, "move")["parent"] == next(
        value for value, label in options(found, "parent").items() if label.startswith("Grupp 17")
    )
    assert fields_of(removing, "remove")["people"] == str(tree["Skolor"].id)
    assert "No group was found." in text_of(boss.get(f"{page}?group_q=4a"))  # it stands below this very group


def test_who_looks_after_two_groups_moves_from_the_one_to_the_other(
    world: World, runtime: Runtime, tree: dict[str, Group]
) -> None:
    an_admin(world, runtime, OTHER, tree["Norr"], tree["Vård"])
    visitor = signed_in(runtime, OTHER)
    page = "/t/kommun/skolor/norr/4a/@@group"
    assert list(options(visitor.get(page), "parent").values()) == ["Norr", "Vård"]
    answer = act(visitor, page, "move", parent=tree["Vård"].id)
    assert path_of(answer) == "/t/kommun/vard/4a/@@group?said=group-moved"


# Removing


def test_a_removed_groups_people_and_subgroups_go_where_they_are_told(
    boss: Visitor, world: World, tree: dict[str, Group]
) -> None:
    anna = world.account(tree["Norr"], "anna@kommun.example")
    world.domain(tree["Norr"], "norr.example")
    page = boss.get("/t/kommun/skolor/norr/@@group?do=remove")
    for words in ("1 user moves to another group.", "1 subgroup moves", "1 domain goes where the users go."):
        assert words in text_of(page)
    assert (
        fields_of(page, "remove")["people"] == fields_of(page, "remove")["groups"] == str(tree["Skolor"].id)
    )
    answer = act(
        boss, "/t/kommun/skolor/norr/@@group", "remove", people=tree["Vård"].id, groups=tree["Söder"].id
    )
    assert path_of(answer) == "/t/kommun/skolor/@@settings?said=group-removed"
    assert world.value("SELECT group_id FROM account WHERE id = :id", id=anna) == tree["Vård"].id
    assert boss.get("/t/kommun/skolor/soder/4a/@@group").status_int == 200
    assert boss.get("/t/kommun/skolor/norr/@@group").status_int == 404


def test_a_group_with_nothing_below_is_not_asked_where_that_goes(
    boss: Visitor, tree: dict[str, Group]
) -> None:
    page = boss.get("/t/kommun/skolor/norr/4a/@@group?do=remove")
    assert '<select class="input" id="groups"' not in page.text
    assert "said=group-removed" in path_of(act(boss, "/t/kommun/skolor/norr/4a/@@group", "remove"))


def test_numbers_are_called_back_after_a_move_to_where_nobody_receives(
    boss: Visitor, world: World, runtime: Runtime, tree: dict[str, Group]
) -> None:
    world.run(
        "INSERT INTO group_setting (group_id, key, tenant_id, value, lock, authority_id)"
        " VALUES (:id, 'may_receive', :tenant, 'true', 'subadmin', :id)",
        id=tree["Skolor"].id,
        tenant=tree["Skolor"].tenant_id,
    )
    world.account(tree["4A"], "elev@kommun.example")
    act(boss, "/t/kommun/skolor/norr/@@group", "move", parent=tree["Vård"].id)
    assert world.rows("SELECT kind, group_id FROM task") == [("recall_numbers", tree["Norr"].id)]
    assert world.value("SELECT state FROM task_work") == "ready"
