"""Where groups stand, as a session sees it that is confined to their tenant; and what it costs to look, however large the tree."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from sqlalchemy.orm import Session

from messa_platform.core.row_security import Confinement, confine
from messa_platform.tenants import places
from messa_platform.tenants.models import Group
from messa_platform.tenants.places import (
    MOST_CHILDREN,
    PAGE,
    SMALL_TREE,
    Branch,
    Place,
    children,
    find_path,
    listed,
    place_of,
    places_of,
    search,
    tree,
    ways,
    with_subgroups,
)
from tests.support.forest import grow
from tests.support.observe import Statement, nodes, statements
from tests.support.world import World


@contextmanager
def confined(world: World, group: Group) -> Iterator[Session]:
    """A session that sees the group's tenant and nothing else."""
    with world.database.sessions() as session:
        confine(session, Confinement(group.tenant_id, None))
        with session.begin():
            yield session


def path_to(session: Session, *slugs: str, tenant: str = "kommun") -> tuple[Place, ...]:
    found = find_path(session, tenant, slugs)
    assert found is not None and len(found.path) == len(slugs) + 1
    return found.path


def drawn(branch: Branch, depth: int = 0) -> list[str]:
    """A tree as lines: `-` stands open, `+` has something within, `*` is the one that is looked at, `…` has more than is shown."""
    mark = "-" if branch.is_open else "+" if branch.children or branch.has_more else " "
    line = (
        f"{'  ' * depth}{mark}{branch.name}{' *' if branch.is_here else ''}{' …' if branch.has_more else ''}"
    )
    return [line, *(line for child in branch.children for line in drawn(child, depth + 1))]


@pytest.fixture
def master(world: World) -> Group:
    return world.tenant()


@pytest.fixture
def school(world: World, master: Group) -> Group:
    """Skolan with 4A and 4B, beside Ådalen and Öppenvården; removed ones among them; another tenant of the same shape."""
    for top in (master, world.tenant("annan", "Annan kommun")):
        found = world.group(top, "Skolan")
        for name in ("4B", "4A"):
            world.group(found, name)
        world.group(top, "Öppenvården")
        world.group(top, "Ådalen")
        gone = world.group(found, "3C")
        world.run('UPDATE "group" SET removed_at = now() WHERE id = :id', id=gone.id)
        if top is master:
            ours = found
    return ours


# The path


def test_a_path_is_followed_from_master_as_far_as_it_leads(
    world: World, master: Group, school: Group
) -> None:
    with confined(world, master) as session:
        found = find_path(session, "kommun", ["skolan", "4a"])
        assert found and found.organisation.slug == "kommun" and found.organisation.id == master.tenant_id
        assert [p.name for p in found.path] == ["Master", "Skolan", "4A"]
        assert found.path[1].id == school.id and found.path[2].ancestors == (
            master.id,
            school.id,
            found.path[2].id,
        )
        for slugs, known in (
            (["skolan", "finns-inte", "4a"], 2),
            (["4a"], 1),
            (["skolan", "3c"], 2),
            ([], 1),
        ):
            followed = find_path(session, "kommun", slugs)
            assert followed and len(followed.path) == known


def test_another_organisation_is_as_one_that_is_not_there(world: World, master: Group, school: Group) -> None:
    with confined(world, master) as session:
        assert find_path(session, "annan", ["skolan"]) is None
        assert find_path(session, "finns-inte", []) is None


def test_a_living_group_of_the_tenant_is_found_by_its_id(world: World, master: Group, school: Group) -> None:
    other = world.value(
        "SELECT g.id FROM \"group\" g JOIN tenant t ON t.id = g.tenant_id WHERE t.slug = 'annan' LIMIT 1"
    )
    gone = world.value("SELECT id FROM \"group\" WHERE name = '3C' AND tenant_id = :id", id=master.tenant_id)
    with confined(world, master) as session:
        place = place_of(session, master.tenant_id, school.id)
        assert place and (place.name, place.parent_id, place.version) == ("Skolan", master.id, 1)
        assert places_of(session, master.tenant_id, [school.id, other, gone]) == {school.id: place}
        assert place_of(session, master.tenant_id, gone) is None
    with world.database.unit_of_work() as session:  # which sees all
        assert places_of(session, master.tenant_id, [other]) == {}


def test_ways_lead_to_living_and_to_removed_groups(world: World, master: Group, school: Group) -> None:
    gone = world.value("SELECT id FROM \"group\" WHERE name = '3C' AND tenant_id = :id", id=master.tenant_id)
    with confined(world, master) as session:
        found = ways(session, master.tenant_id, [school.id, gone])
    assert found[school.id].slugs[1:] == ("skolan",)
    assert found[gone].names == ("Master", "Skolan", "3C") and found[gone].ids == (master.id, school.id, gone)


def test_with_subgroups_is_the_group_and_all_that_lives_below(
    world: World, master: Group, school: Group
) -> None:
    with confined(world, master) as session:
        path = path_to(session, "skolan")
        assert len(with_subgroups(session, path[1])) == 3 and len(with_subgroups(session, path[0])) == 6


# The tree


def test_a_small_tree_is_shown_whole_open_to_where_one_is(world: World, master: Group, school: Group) -> None:
    with confined(world, master) as session:
        path = path_to(session, "skolan")
        assert drawn(tree(session, path, path[0])) == [
            "-Master",
            "  -Skolan *",
            "     4A",
            "     4B",
            "   Ådalen",
            "   Öppenvården",
        ]
        assert drawn(tree(session, path[:1], path[0]))[1] == "  +Skolan"


def test_the_tree_of_a_subadmin_begins_at_its_own_group(world: World, master: Group, school: Group) -> None:
    with confined(world, master) as session:
        path = path_to(session, "skolan", "4a")
        shown = tree(session, path, path[1])
    assert drawn(shown) == ["-Skolan", "  -4A *", "   4B"]
    assert shown.slugs == ("skolan",) and shown.children[1].slugs == ("skolan", "4b")


def test_a_large_tree_is_shown_along_the_path(world: World, master: Group) -> None:
    grow(world, master, (6, 5, 4))
    with confined(world, master) as session:
        path = path_to(session, "grupp-2", "grupp-3")
        assert drawn(tree(session, path, path[0])) == [
            "-Master",
            "  +Grupp 1 …",
            "  -Grupp 2",
            "    +Grupp 1 …",
            "    +Grupp 2 …",
            "    -Grupp 3 *",
            "       Grupp 1",
            "       Grupp 2",
            "       Grupp 3",
            "       Grupp 4",
            "    +Grupp 4 …",
            "    +Grupp 5 …",
            *(f"  +Grupp {n} …" for n in range(3, 7)),
        ]


def test_a_tree_is_small_up_to_a_number_of_groups(world: World, master: Group) -> None:
    [level] = grow(world, master, (SMALL_TREE - 2,))
    last = world.group(level[0], "sist")
    with confined(world, master) as session:
        shown = tree(
            session, path_to(session), place_of(session, master.tenant_id, master.id) or path_to(session)[0]
        )
        assert shown.shown == SMALL_TREE and not shown.has_more
    world.group(last, "en för mycket")
    with confined(world, master) as session:
        path = path_to(session)
        shown = tree(session, path, path[0])
    assert len(shown.children) == MOST_CHILDREN and shown.has_more


@pytest.mark.parametrize("children_there", [MOST_CHILDREN - 1, MOST_CHILDREN, MOST_CHILDREN + 1])
def test_that_a_group_has_more_is_said_if_it_has(world: World, master: Group, children_there: int) -> None:
    first, _ = grow(world, master, (2, children_there))
    with confined(world, master) as session:
        path = path_to(session, "grupp-1")
        shown = tree(session, path, path[0]).children[0]
    assert shown.id == first[0].id and len(shown.children) == min(children_there, MOST_CHILDREN)
    assert shown.has_more is (children_there > MOST_CHILDREN)


def test_the_path_is_shown_even_where_it_is_not_among_the_first(world: World, master: Group) -> None:
    grow(world, master, (300, 1))
    with confined(world, master) as session:
        path = path_to(session, "grupp-99", "grupp-1")
        shown = tree(session, path, path[0])
    names = [child.name for child in shown.children]
    assert names[-1] == "Grupp 99" and len(names) == MOST_CHILDREN // 2 + 1 and shown.has_more
    assert shown.children[-1].children[0].is_here


def test_what_a_page_shows_of_a_tree_has_an_end(world: World, master: Group) -> None:
    grow(world, master, (60, 60))
    with confined(world, master) as session:
        for slugs in ((), ("grupp-1",), ("grupp-1", "grupp-60")):
            path = path_to(session, *slugs)
            assert tree(session, path, path[0]).shown <= 2 * MOST_CHILDREN + len(path)


# Searching


def test_groups_are_found_by_a_part_of_their_name_in_swedish_order(world: World, master: Group) -> None:
    for name in (
        "Östra skolan",
        "Ådals SKOLA",
        "Aspskolan",
        "Édithskolan",
        "100 % skola_x",
        "Vården",
        "Vädret",
    ):
        world.group(master, name)
    with confined(world, master) as session:
        [top] = path_to(session)

        def names(words: str, most: int = PAGE) -> list[str]:
            return [place.name for place in search(session, top, words, most)]

        assert names("skola") == ["100 % skola_x", "Aspskolan", "Édithskolan", "Ådals SKOLA", "Östra skolan"]
        assert names("ÅDALS") == ["Ådals SKOLA"] and names("edith") == ["Édithskolan"]
        assert names("%") == names("_") == ["100 % skola_x"]
        assert names("a" * 500) == [] and len(names("", 3)) == 3
        assert names("adals") == names("bd") == []  # å and ä are letters of their own


def test_any_piece_of_a_name_finds_those_that_a_reader_finds(world: World, master: Group) -> None:
    """Also one that begins or ends where a letter of ours is written as two."""
    held = ["Åbybro", "Bädd {a}", "Cöln", "Dé Bacca", "x{b", "{", "Ödeby {c"]
    for name in held:
        world.group(master, name)

    def folded(name: str) -> str:
        return "".join(c if c in "åäö" else unicodedata.normalize("NFD", c)[0] for c in name.casefold())

    pieces = {
        name[i : i + n] for name in held for n in (1, 2, 3) for i in range(len(name)) if "{" not in name
    }
    with confined(world, master) as session:
        [top] = path_to(session)
        for piece in pieces | {"a", "b", "c", "ab"}:
            found = {place.name for place in search(session, top, piece)} - {"Master"}
            # in a name that holds a brace, brace and letter are taken for a letter of ours
            plain = {name for name in held if folded(piece) in folded(name) and "{" not in name}
            assert {name for name in found if "{" not in name} == plain, piece
        assert [place.name for place in search(session, top, "{")] == ["{"]


def test_nothing_is_found_above_or_beside(world: World, master: Group, school: Group) -> None:
    with confined(world, master) as session:
        path = path_to(session, "skolan")
        assert [p.name for p in search(session, path[1], "a")] == ["4A", "Skolan"]
        beside = path_to(session, "adalen")[1]
        assert [p.name for p in search(session, path[1], "a", also=[beside])] == ["4A", "Skolan", "Ådalen"]


def test_children_come_page_by_page_in_swedish_order(world: World, master: Group) -> None:
    for name in ("b", "Å", "a", "a!", "ö"):
        world.group(master, name)
    with confined(world, master) as session:
        [top] = path_to(session)
        seen: list[Place] = []
        while page := children(session, top, seen[-1] if seen else None, 2):
            seen += page
        assert [place.name for place in seen] == ["a", "a!", "b", "Å", "ö"]
        assert children(session, top, most=None) == seen
        assert len(children(session, top, most=3)) == 3


def test_the_groups_from_one_down_come_page_by_page_the_oldest_first(
    world: World, master: Group, school: Group
) -> None:
    world.group(school, "1A")
    with confined(world, master) as session:
        top, at = path_to(session, "skolan")
        seen: list[Place] = []
        while page := listed(session, at, seen[-1].id if seen else None, 2):
            seen += page
        assert [place.name for place in seen] == ["Skolan", "4B", "4A", "1A"]
        assert listed(session, at, None, 9, only_right_below=True) == seen[1:]
        assert "1A" not in [place.name for place in listed(session, top, None, 9, only_right_below=True)]
        assert [place.name for place in places.path_to(session, seen[1])] == ["Master", "Skolan", "4B"]


# What it costs


def rows_read(session: Session, statement: Statement) -> int:
    """How many rows of groups a statement looks at, those it throws away too; nowhere may it look through all there are."""
    cursor = session.connection().connection.cursor()
    cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.text}", statement.parameters)
    [[explained]] = cursor.fetchall()
    root = (json.loads(explained) if isinstance(explained, str) else explained)[0]["Plan"]
    found = [node for node in nodes(root) if node.get("Relation Name") == "group" and node["Actual Loops"]]
    assert found and all(node["Node Type"] != "Seq Scan" for node in found)
    return int(
        sum((n["Actual Rows"] + n.get("Rows Removed by Filter", 0)) * n["Actual Loops"] for n in found)
    )


def cost(world: World, group: Group, ask: Callable[[Session], Any]) -> int:
    """The rows that one statement looks at, which is all that `ask` may need, asked by a confined session."""
    with confined(world, group) as session:
        with statements(world.database.engine) as seen:
            ask(session)
        own = [s for s in seen if "set_config" not in s.text]
        assert len(own) == 1
        return rows_read(session, own[0])


def test_what_a_page_asks_of_a_tree_of_5000_is_no_more_than_of_one_that_is_just_too_large(
    world: World, master: Group
) -> None:
    grow(world, master, (6, 5, 4))
    large = world.tenant("stor", "Stora staden")
    grow(world, large, (20, 10, 24))
    wide = world.tenant("bred", "Breda staden")
    grow(world, wide, (1000,))
    trees = {"kommun": master, "stor": large, "bred": wide}
    costs: dict[str, list[int]] = {}
    for slug, top in trees.items():
        way = ["grupp-5"] if top is wide else ["grupp-5", "grupp-4"]
        with confined(world, top) as session:
            path = path_to(session, *way, tenant=slug)
        costs[slug] = [
            cost(world, top, partial(find_path, tenant=slug, slugs=way)),
            cost(world, top, partial(tree, path=path, top=path[0])),
            cost(world, top, partial(children, place=path[0])),
        ]
    print(costs)
    assert all(c[0] <= 4 for c in costs.values())
    assert all(c[1] <= 300 for c in costs.values())
    assert all(c[2] <= PAGE + 1 for c in costs.values())
