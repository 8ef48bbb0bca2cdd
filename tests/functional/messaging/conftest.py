"""A channel with a network behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest

from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from tests.support.network import Network
from tests.support.providers import Obedient
from tests.support.two_channels import Two
from tests.support.world import World


@pytest.fixture
def network(world: World) -> Network:
    """The platform's channel, and the network to which it leads."""
    return Network(world)


@pytest.fixture
def master(world: World, network: Network) -> Group:
    """A group whose accounts may receive."""
    group = world.tenant()
    world.set(group, Key.MAY_RECEIVE, True)
    world.numbers()
    return group


@pytest.fixture
def school(world: World, master: Group) -> UUID:
    """An account."""
    return world.account(master, "skolan@kommun.example")


@pytest.fixture
def two(world: World) -> Iterator[Callable[..., Two]]:
    """Makes two channels by their plugins, or one; the providers end with the test."""
    made: list[Two] = []

    def make(first: type[Obedient], second: type[Obedient] | None = None) -> Two:
        made.append(Two(world, first, second))
        return made[-1]

    yield make
    for each in made:
        each.pool.close()
