"""The outside, and somebody who listens there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from messa_platform.core.clock import SystemClock
from tests.support.outside import Outside, an_outside
from tests.support.receiver import Receiver, a_receiver
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
