"""An account in an organisation, at noon of a day without a change of clocks."""

from __future__ import annotations

from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.tenants.models import Group
from tests.support.quotas import stockholm
from tests.support.world import World


@pytest.fixture
def clock() -> FixedClock:
    """Noon on a Thursday in winter."""
    return FixedClock(stockholm("2026-11-19 12:00"))


@pytest.fixture
def master(world: World) -> Group:
    return world.tenant()


@pytest.fixture
def anna(world: World, master: Group) -> UUID:
    """An account in Master."""
    return world.account(master, "anna@kommun.example")
