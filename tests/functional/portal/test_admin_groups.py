"""Groups on their pages: added, renamed, moved, removed, and found in a large tree."""

from __future__ import annotations

import html
import re
from uuid import UUID

import pytest
from webtest import Form, TestResponse

from messa_platform.runtime import Runtime
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group, Lock
from messa_platform.tenants.move_groups import DEEPEST, LONGEST_NAME
from messa_platform.tenants.places import PAGE
from messa_platform.tenants.tree import set_here
from tests.support.forest import grow
from tests.support.observe import statements
from tests.support.town import CHIEF, HEAD, an_admin
from tests.support.visitors import Visitor, path_of, signed_in
from tests.support.world import World

OTHER = "bo@kommun.example"


def text_of(page: TestResponse) -> str:
    """What stands in a page's main part, without tags."""
    main = page.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


def form_of(page: TestResponse, do: str) -> Form:
    """One of the group's forms."""
    posted = [form for form in page.forms.values() if form.method.upper() == "POST" and "do" in form.fields]
    return next(form for form in posted if form["do"].value == do)


def fields_of(page: TestResponse, do: str) -> dict[str, str]:
    """The fields of one of the group's forms as they stand in the page, with the chosen options."""
    form = form_of(page, do)
    fields = {name: field[0] for name, field in form.fields.items() if name}
    return {name: field.value or "" for name, field in fields.items()}


def options(page: TestResponse, name: str) -> dict[str, str]:
    """What one may choose at a field: labels by values."""
    select = re.search(rf'<select[^>]* name="{name}".*?</select>', page.text, re.DOTALL)
    assert select
    return {
        v: html.unescape(label)
        for v, label in re.findall(r'<option value="([^"]+)"[^>]*>([^<]+)<', select[0])
    }


def opened_for(visitor: Visitor, page: str, do: str) -> TestResponse:
    """A group's page with one of its forms."""
    return visitor.get(f"{page}?do=remove" if do == "remove" else page)


def act(visitor: Visitor, page: str, do: str, **changed: object) -> TestResponse:
    """Open a group's page and send one of its forms, changed."""
    opened = opened_for(visitor, page, do)
    fields = {**fields_of(opened, do), **{name: str(value) for name, value in changed.items()}}
    return visitor.post(form_of(opened, do).action, fields)


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


# Two at once


def test_of_two_who_rename_a_group_the_second_sees_what_the_first_did_and_may_save_again(
    boss: Visitor, sub: Visitor
) -> None:
    page = "/t/kommun/skolor/norr/@@group"
    mine, action = fields_of(boss.get(page), "rename"), "/t/kommun/@@group"
    act(sub, page, "rename", name="Norrskolan")
    answer = boss.post(action, {**mine, "name": "Norra skolan"})
    assert answer.status_int == 409
    words = text_of(answer)
    assert "Somebody else has changed the group meanwhile, and nothing of yours was saved." in words
    assert HEAD in words and "Norr → Norrskolan" in words
    assert 'value="Norra skolan"' in answer.text and "It is now" in words
    again = boss.post(action, {**fields_of(answer, "rename"), "name": "Norra skolan"})
    assert "said=group-renamed" in path_of(again)


def test_whose_rename_it_was_is_not_told_where_its_author_is_above(boss: Visitor, sub: Visitor) -> None:
    page = "/t/kommun/skolor/norr/@@group"
    mine = fields_of(sub.get(page), "rename")
    act(boss, page, "rename", name="Norrskolan")
    answer = sub.post("/t/kommun/skolor/@@group", {**mine, "name": "Norra skolan"})
    assert answer.status_int == 409
    assert "an admin of an overlying group" in text_of(answer) and CHIEF not in answer.text


def test_who_is_overtaken_by_a_move_is_told_so_where_the_group_stands_now(
    boss: Visitor, sub: Visitor, tree: dict[str, Group]
) -> None:
    page = "/t/kommun/skolor/norr/4a/@@group"
    rename, move = (fields_of(boss.get(page), do) for do in ("rename", "move"))
    act(sub, page, "move", parent=tree["Söder"].id)
    answer = boss.post("/t/kommun/@@group", {**rename, "name": "4 A"})
    assert answer.status_int == 409
    assert f"{HEAD}: Moved the group 4A" in text_of(answer) and "Norr → Söder" in text_of(answer)
    assert 'href="/t/kommun/skolor/soder/@@settings">Söder</a>' in answer.text
    answer = boss.post("/t/kommun/@@group", {**move, "parent": str(tree["Vård"].id)})
    assert answer.status_int == 409 and "Vård (Master) Söder (Master › Skolor)" in text_of(answer)
    again = boss.post("/t/kommun/@@group", {**fields_of(answer, "move"), "parent": str(tree["Vård"].id)})
    assert path_of(again) == "/t/kommun/vard/4a/@@group?said=group-moved"


def test_who_is_overtaken_by_a_removal_is_told_that_the_group_is_gone(
    boss: Visitor, sub: Visitor, tree: dict[str, Group]
) -> None:
    page = "/t/kommun/skolor/norr/4a/@@group"
    stale = {do: fields_of(opened_for(sub, page, do), do) for do in ("rename", "move", "remove")}
    act(boss, page, "remove")
    for do, fields in stale.items():
        answer = sub.post("/t/kommun/skolor/@@group", fields)
        assert path_of(answer) == "/t/kommun/skolor/@@settings?said=group-gone", do
    assert "That group is no longer there" in text_of(sub.get("/t/kommun/skolor/@@group?said=group-gone"))


def test_what_was_moved_out_of_a_subadmins_reach_is_gone_for_it(
    boss: Visitor, sub: Visitor, tree: dict[str, Group]
) -> None:
    page = "/t/kommun/skolor/norr/@@group"
    stale = fields_of(sub.get(page), "rename")
    act(boss, page, "move", parent=tree["Vård"].id)
    answer = sub.post("/t/kommun/skolor/@@group", {**stale, "name": "Min"})
    assert path_of(answer) == "/t/kommun/skolor/@@settings?said=group-gone"


# Finding


def test_a_group_is_found_by_a_part_of_its_name_with_the_way_to_it(boss: Visitor) -> None:
    page = boss.get("/t/kommun/skolor/@@find-group?q=4a")
    assert "4A , below Master › Skolor › Norr" in text_of(page)
    assert 'href="/t/kommun/skolor/norr/4a/@@settings"' in page.text
    assert (
        'href="/t/kommun/skolor/norr/4a/@@users"' in boss.get("/t/kommun/@@find-group?q=4A&page=users").text
    )
    assert "No group found" in text_of(boss.get("/t/kommun/@@find-group?q=finns+inte"))


def test_a_subadmin_finds_nothing_above_or_beside(sub: Visitor) -> None:
    for words in ("Vård", "Master", "%", "_", ""):
        page = sub.get("/t/kommun/skolor/@@find-group", params={"q": words})
        assert page.status_int == 200
        assert "Vård" not in page.text.replace('value="Vård"', "") and ">Master<" not in page.text
    assert "4A , below Skolor › Norr" in text_of(sub.get("/t/kommun/skolor/@@find-group?q=4a"))


def test_the_children_of_a_group_with_many_come_page_by_page(
    boss: Visitor, world: World, tree: dict[str, Group]
) -> None:
    names = [f"Klass {n:03}" for n in range(2 * PAGE + 10)]
    for name in names:
        world.group(tree["Söder"], name)
    path, seen, pages = f"/t/kommun/@@find-group?under={tree['Söder'].id}&page=admins", [], 0
    while path:
        page = boss.get(path)
        assert "Groups below Söder" in text_of(page)
        seen += re.findall(r'href="/t/kommun/skolor/soder/klass-\d+/@@admins"><span>([^<]+)', page.text)
        more = re.search(r'class="more" href="([^"]+)"', page.text)
        path, pages = html.unescape(more[1]) if more else "", pages + 1
    assert seen == names and pages == 3
    assert "Nothing stands below Vård yet." in text_of(
        boss.get(f"/t/kommun/@@find-group?under={tree['Vård'].id}")
    )


def test_what_is_under_a_group_beside_is_as_if_there_were_none(
    sub: Visitor, runtime: Runtime, world: World, tree: dict[str, Group]
) -> None:
    other = world.tenant("annan", "Annan kommun")
    answers, costs = set(), set()
    sub.get(f"/t/kommun/skolor/@@find-group?under={UUID(int=1)}")
    for group_id in (tree["Vård"].id, tree["Master"].id, other.id, UUID(int=7)):
        with statements(runtime.database.engine) as seen:
            answer = sub.get(f"/t/kommun/skolor/@@find-group?under={group_id}")
        assert answer.status_int == 404
        answers.add(answer.text)
        costs.add(len(seen))
    assert len(answers) == len(costs) == 1
    inside = sub.get(f"/t/kommun/skolor/@@find-group?under={tree['Norr'].id}&after={tree['Vård'].id}")
    assert inside.status_int == 200 and "4A" in text_of(inside)
