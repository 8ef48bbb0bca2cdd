"""A municipality whose school may have webhooks; the platform may speak to this very machine, where somebody listens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from messa_platform.core.clock import FixedClock, SystemClock
from messa_platform.runtime import Runtime
from tests.support.outside import Outside, an_outside
from tests.support.receiver import Receiver, a_receiver
from tests.support.town import Town, build_town
from tests.support.visitors import a_runtime
from tests.support.world import World


@pytest.fixture
def clock() -> FixedClock:
    """Tells the true time: who verifies a signature looks at its own clock."""
    return FixedClock(SystemClock().now())


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Runtime]:
    settings = {"outbound.allow_private": "true"}
    with a_runtime(database_url, tmp_path / "key", clock, **settings) as made:
        yield made


@pytest.fixture
def town(world: World, runtime: Runtime) -> Town:
    return build_town(world, runtime)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody who listens."""
    with a_receiver() as listening:
        yield listening


@pytest.fixture
def outside(town: Town) -> Iterator[Outside]:
    """Who tells the webhooks what is due."""
    with an_outside(town.world, keys=town.runtime.endpoints.keys) as made:
        yield made
