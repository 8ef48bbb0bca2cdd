"""A school whose log admins read, and who writes in it."""

from __future__ import annotations

import pytest

from messa_platform.runtime import Runtime
from tests.support.town import Town, build_town
from tests.support.world import World


@pytest.fixture
def town(world: World, runtime: Runtime) -> Town:
    return build_town(world, runtime)
