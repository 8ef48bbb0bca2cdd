"""Two admins at one group; and how groups are found."""

from __future__ import annotations

import html
import re
from uuid import UUID

from messa_platform.runtime import Runtime
from messa_platform.tenants.models import Group
from messa_platform.tenants.places import PAGE
from tests.support.group_pages import act, fields_of, opened_for, text_of
from tests.support.observe import statements
from tests.support.town import CHIEF, HEAD
from tests.support.visitors import Visitor, path_of
from tests.support.world import World


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
