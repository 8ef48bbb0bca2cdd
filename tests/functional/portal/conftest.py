"""A school that writes in the portal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.runtime import Runtime
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from tests.support.network import Network
from tests.support.portal import School
from tests.support.visitors import PASSWORD, Visitor, a_runtime
from tests.support.world import World

ANNA = "anna@skolan.example"


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Runtime]:
    """The parts of a process, with the test's clock."""
    with a_runtime(database_url, tmp_path / "key", clock) as made:
        yield made


@pytest.fixture
def group(world: World) -> Group:
    """The Master group of a school whose people may receive, with numbers to lend."""
    world.numbers()
    master = world.tenant("skolan", "Skolan")
    world.set(master, Key.MAY_RECEIVE, True)
    return master


@pytest.fixture
def school(world: World, runtime: Runtime, group: Group) -> School:
    """Anna at the school, signed in. She reads English: what is looked for in her pages is then what the code says."""
    network = Network(world)
    account_id = world.account(
        group, ANNA, language="en", display_name="Anna Ek", password_hash=runtime.passwords.hash(PASSWORD)
    )
    visitor = Visitor(runtime)
    assert visitor.sign_in(ANNA).status_int == 303
    return School(world, runtime, network, visitor, account_id)


@pytest.fixture
def stranger(world: World, runtime: Runtime, school: School) -> Visitor:
    """Somebody of another organisation, signed in."""
    other = world.tenant("annan", "Annan kommun")
    world.account(other, "olle@annan.example", language="en", password_hash=runtime.passwords.hash(PASSWORD))
    visitor = Visitor(runtime)
    assert visitor.sign_in("olle@annan.example").status_int == 303
    return visitor
