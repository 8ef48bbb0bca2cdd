"""People with accounts, and a school that writes in the portal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.runtime import Runtime
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group
from tests.support.network import Network
from tests.support.portal import School
from tests.support.town import CHIEF, HEAD, Desk, an_admin
from tests.support.town_log import Book, a_book
from tests.support.visitors import ANNA, KARIN, PASSWORD, Visitor, a_runtime, signed_in
from tests.support.world import World


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Runtime]:
    """The parts of a process, with the test's clock."""
    with a_runtime(database_url, tmp_path / "key", clock) as made:
        yield made


@pytest.fixture
def visitor(runtime: Runtime) -> Visitor:
    """A browser that takes cookies, of somebody who is not signed in."""
    return Visitor(runtime)


@pytest.fixture
def master(world: World) -> Group:
    """The Master group of a municipality."""
    return world.tenant()


@pytest.fixture
def anna(world: World, runtime: Runtime, master: Group) -> UUID:
    """An account, of which all is as it is at first."""
    return world.account(master, ANNA, password_hash=runtime.passwords.hash(PASSWORD))


@pytest.fixture
def karin(world: World, runtime: Runtime, master: Group) -> UUID:
    """She reads English: what is looked for in her pages is then what the code says."""
    return world.account(master, KARIN, language="en", password_hash=runtime.passwords.hash(PASSWORD))


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
    return School(world, runtime, network, signed_in(runtime, ANNA), account_id)


@pytest.fixture
def stranger(world: World, runtime: Runtime, school: School) -> Visitor:
    """Somebody of another organisation, signed in."""
    other = world.tenant("annan", "Annan kommun")
    world.account(other, "olle@annan.example", language="en", password_hash=runtime.passwords.hash(PASSWORD))
    return signed_in(runtime, "olle@annan.example")


@pytest.fixture
def tree(world: World, master: Group) -> dict[str, Group]:
    """Groups below Master: Skolor with Norr (4A) and Söder; Vård."""
    schools = world.group(master, "Skolor")
    north, south = world.group(schools, "Norr"), world.group(schools, "Söder")
    return {
        "Master": master,
        "Skolor": schools,
        "Norr": north,
        "Söder": south,
        "4A": world.group(north, "4A"),
        "Vård": world.group(master, "Vård"),
    }


@pytest.fixture
def boss(world: World, runtime: Runtime, tree: dict[str, Group]) -> Visitor:
    """The admin of Master, signed in."""
    an_admin(world, runtime, CHIEF, tree["Master"])
    return signed_in(runtime, CHIEF)


@pytest.fixture
def sub(world: World, runtime: Runtime, tree: dict[str, Group]) -> Visitor:
    """The admin of Skolor, signed in."""
    an_admin(world, runtime, HEAD, tree["Skolor"])
    return signed_in(runtime, HEAD)


@pytest.fixture
def book(world: World, runtime: Runtime) -> Book:
    """A town's log."""
    return a_book(world, runtime)


@pytest.fixture
def chief(book: Book) -> Desk:
    """The admin of all of it."""
    return book.town.chief


@pytest.fixture
def head(book: Book) -> Desk:
    """The admin of the school."""
    return book.town.head
