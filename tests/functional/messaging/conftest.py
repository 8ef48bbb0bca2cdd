"""A channel with a network behind it."""

from __future__ import annotations

import pytest

from tests.support.network import Network
from tests.support.world import World


@pytest.fixture
def network(world: World) -> Network:
    """The platform's channel, and the network to which it leads."""
    return Network(world)
