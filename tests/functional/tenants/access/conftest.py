"""Who signs in: Anna of a municipality, with a password that is cheap to check."""

from __future__ import annotations

from uuid import UUID

import pytest
from argon2.profiles import CHEAPEST
from cryptography.fernet import Fernet

from messa_platform.core.clock import FixedClock
from messa_platform.core.crypto import Keys
from messa_platform.tenants.access.passwords import Passwords
from messa_platform.tenants.models import Group
from tests.support.world import World


@pytest.fixture
def passwords() -> Passwords:
    """Argon2 as cheap as it gets, with as many at once as a test has threads."""
    return Passwords(50, CHEAPEST)


@pytest.fixture
def keys(clock: FixedClock) -> Keys:
    """The deployment's keys."""
    return Keys([Fernet.generate_key().decode()], clock)


@pytest.fixture
def master(world: World) -> Group:
    """The municipality's Master group."""
    return world.tenant()


@pytest.fixture
def anna(world: World, master: Group, passwords: Passwords) -> UUID:
    """An account whose password is *regn över Umeå*."""
    stored = passwords.hash("regn över Umeå")
    return world.account(master, "anna@kommun.example", display_name="Anna Lindqvist", password_hash=stored)
