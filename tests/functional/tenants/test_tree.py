"""Tenants and groups as they are made."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from messa_platform.tenants.tree import ensure_free_tenant, slug_of, swedish_sort_key
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


def test_two_groups_beside_each_other_cannot_have_one_address(world: World) -> None:
    master = world.tenant()
    school = world.group(master, "Skolan")
    with pytest.raises(IntegrityError):
        world.group(master, "skolan!")
    assert world.group(school, "Skolan").slug == "skolan"


def test_there_is_one_platform_tenant_however_often_it_is_asked_for(world: World) -> None:
    for _ in range(2):
        with world.database.unit_of_work() as session:
            ensure_free_tenant(session, world.clock.now())
    assert world.value("SELECT count(*) FROM tenant WHERE is_free") == 1
