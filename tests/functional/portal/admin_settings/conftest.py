"""A municipality with a school and a class, and the admins of the first two."""

from __future__ import annotations

import pytest

from messa_platform.runtime import Runtime
from messa_platform.tenants.models import Group
from tests.support.settings_pages import Town, administer
from tests.support.world import World


@pytest.fixture
def town(world: World, runtime: Runtime, master: Group) -> Town:
    school = world.group(master, "Skolan")
    class_ = world.group(school, "4B")
    boss = administer(world, runtime, master, "chef@kommun.example")
    head = administer(world, runtime, school, "rektor@kommun.example")
    return Town(world, master, school, class_, boss, head)
