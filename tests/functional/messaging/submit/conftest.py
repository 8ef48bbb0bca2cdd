"""An account that sends."""

from __future__ import annotations

from uuid import UUID

import pytest

from messa_platform.tenants.models import Group
from tests.support.network import Network
from tests.support.world import World


@pytest.fixture
def master(world: World) -> Group:
    return world.tenant()


@pytest.fixture
def anna(world: World, network: Network, master: Group) -> UUID:
    """An account in Master, on a platform that has a channel."""
    return world.account(master, "anna@kommun.example")
