"""A tenant's Master, its admin's office, and a small tree."""

from __future__ import annotations

import pytest

from messa_platform.tenants.models import Group
from tests.support.office import Office
from tests.support.world import World


@pytest.fixture
def master(world: World) -> Group:
    return world.tenant()


@pytest.fixture
def office(world: World, master: Group) -> Office:
    """Master's own admin."""
    return Office(world, master)


@pytest.fixture
def tree(world: World, master: Group) -> dict[str, Group]:
    """Skolor with Norr (4A, 4B) and Söder (4A); Vård."""
    schools = world.group(master, "Skolor")
    north, south = world.group(schools, "Norr"), world.group(schools, "Söder")
    return {
        "Skolor": schools,
        "Norr": north,
        "Söder": south,
        "Norr 4A": world.group(north, "4A"),
        "Norr 4B": world.group(north, "4B"),
        "Söder 4A": world.group(south, "4A"),
        "Vård": world.group(master, "Vård"),
    }
