"""Tenants and groups as they are made."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from messa_platform.tenants.tree import ensure_free_tenant, free_slug, kept_slug, slug_of, swedish_sort_key
from tests.support.world import World


def test_names_stand_in_swedish_order() -> None:
    names = ["Öppenvård", "Zoo", "Ängen", "alfa", "Åkern", "Édith", "Beta", "Årsta", "æra", "Östra", "Ällen"]
    assert sorted(names, key=swedish_sort_key) == [
        "alfa", "Beta", "Édith", "Zoo", "Åkern", "Årsta", "Ällen", "Ängen", "æra", "Öppenvård", "Östra",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Särskolan 2", "sarskolan-2"),
        ("  Vård & Omsorg ", "vard-omsorg"),
        ("Ærø", "aero"),
        ("ÅÄÖ", "aao"),
        ("@@settings", "settings"),
        ("学校", "grupp"),
        ("Rektorsområdet för norra delen av kommunen", "rektorsomradet-for-norra-delen"),
    ],
)
def test_a_groups_name_becomes_a_segment_of_its_address(name: str, slug: str) -> None:
    assert slug_of(name) == slug


def test_a_groups_path_names_every_group_above_it(world: World) -> None:
    master = world.tenant()
    school = world.group(master, "Skolan")
    class_ = world.group(school, "4B")
    assert class_.path == ".".join(group.id.hex for group in (master, school, class_))
    below = world.rows(
        'SELECT id FROM "group" WHERE path <@ (SELECT path FROM "group" WHERE id = :id)', id=school.id
    )
    assert {row.id for row in below} == {school.id, class_.id}


def test_two_groups_beside_each_other_have_an_address_each(world: World) -> None:
    master = world.tenant()
    school = world.group(master, "Skolan")
    assert [world.group(master, name).slug for name in ("skolan!", "SKOLAN")] == ["skolan-2", "skolan-3"]
    assert world.group(school, "Skolan").slug == "skolan"
    with pytest.raises(IntegrityError):
        world.run("UPDATE \"group\" SET slug = 'skolan' WHERE slug = 'skolan-2'")


def test_the_address_of_a_removed_group_is_free(world: World) -> None:
    master = world.tenant()
    school = world.group(master, "Skolan")
    world.run('UPDATE "group" SET removed_at = now() WHERE id = :id', id=school.id)
    assert world.group(master, "Skolan").slug == "skolan"


@pytest.mark.parametrize(
    ("slug", "taken", "free"),
    [
        ("klass", set(), "klass"),
        ("klass", {"klass"}, "klass-2"),
        ("klass", {"klass", "klass-2", "klass-4"}, "klass-3"),
        ("users", set(), "users-2"),
        ("users", {"users-2"}, "users-3"),
    ],
)
def test_a_segment_is_unlike_those_taken_and_those_reserved(slug: str, taken: set[str], free: str) -> None:
    assert free_slug(slug, taken) == free


def test_a_group_that_comes_elsewhere_keeps_its_segment_where_that_is_free() -> None:
    assert kept_slug("klass-2", "Klass", {"klass"}) == "klass-2"
    assert kept_slug("klass-2", "Klass", {"klass-2"}) == "klass"
    assert kept_slug("klass-2", "Klass", {"klass", "klass-2"}) == "klass-3"


def test_there_is_one_platform_tenant_however_often_it_is_asked_for(world: World) -> None:
    for _ in range(2):
        with world.database.unit_of_work() as session:
            ensure_free_tenant(session, world.clock.now())
    assert world.value("SELECT count(*) FROM tenant WHERE is_free") == 1
