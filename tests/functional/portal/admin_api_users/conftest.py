"""A municipality whose school has an API user."""

from __future__ import annotations

import pytest

from messa_platform.runtime import Runtime
from messa_platform.tenants.api_users.users import ApiUser
from tests.support.api_users import Keyring
from tests.support.town import Town, build_town
from tests.support.world import World


@pytest.fixture
def town(world: World, runtime: Runtime) -> Town:
    return build_town(world, runtime)


@pytest.fixture
def ring(world: World) -> Keyring:
    return Keyring(world)


@pytest.fixture
def alarm(town: Town, ring: Keyring) -> ApiUser:
    """An API user of the school."""
    return ring.user(town.school)
