"""Two organisations with a log."""

from __future__ import annotations

import pytest

from tests.support.read_log import Log
from tests.support.world import World


@pytest.fixture
def log(world: World) -> Log:
    return Log(world)
