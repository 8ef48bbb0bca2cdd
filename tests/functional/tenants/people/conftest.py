"""A municipality with a small tree, and a neighbour."""

from __future__ import annotations

import pytest

from messa_platform.tenants.models import Group
from tests.support.people import KARIN, Town
from tests.support.world import World


@pytest.fixture
def town(world: World) -> Town:
    master = world.tenant("kommun", "Kommunen")
    world.domain(master, "kommun.example")
    school = world.group(master, "Skolan")
    other = world.tenant("annan", "Annan kommun")
    world.domain(other, "annan.example")
    made = Town(world, master, school, world.group(school, "Klassen"), world.group(master, "Omsorgen"), other)
    made.admin(master, KARIN)
    return made


@pytest.fixture
def free(world: World) -> Group:
    """The Master group of the platform's own tenant."""
    with world.database.unit_of_work() as session:
        return (
            session.query(Group)
            .filter(Group.tenant_id == world.value("SELECT id FROM tenant WHERE is_free"))
            .one()
        )
