"""An organisation whose words are removed."""

from __future__ import annotations

import pytest

from messa_platform.tenants.models import Group
from tests.support.network import Network
from tests.support.world import World


@pytest.fixture
def master(world: World, network: Network) -> Group:
    return world.tenant()
