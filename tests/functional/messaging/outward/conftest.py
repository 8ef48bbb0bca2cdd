"""The outside, somebody who listens there, and an endpoint that is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from messa_platform.core.clock import SystemClock
from messa_platform.tenants.models import Group
from tests.support.network import Network
from tests.support.outside import Outside, an_outside
from tests.support.receiver import Receiver, a_receiver
from tests.support.told_endpoint import Told
from tests.support.world import World


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody who listens."""
    with a_receiver() as listening:
        yield listening


@pytest.fixture
def outside(world: World) -> Iterator[Outside]:
    """The world's outside, on this machine. Its clock tells the true time: who verifies a signature looks at its own."""
    world.clock.at = SystemClock().now()
    with an_outside(world) as made:
        yield made


@pytest.fixture
def told(world: World, network: Network, outside: Outside, receiver: Receiver, master: Group) -> Told:
    return Told(world, network, outside, receiver, master)
