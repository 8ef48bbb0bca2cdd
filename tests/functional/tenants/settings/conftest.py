"""A municipality, a school and a class whose settings admins see and change."""

from __future__ import annotations

import pytest

from tests.support.desk import Desk
from tests.support.world import World


@pytest.fixture
def desk(world: World) -> Desk:
    master = world.tenant()
    school = world.group(master, "Skolan")
    return Desk(world, master, school, world.group(school, "4B"))
