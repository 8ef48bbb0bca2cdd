"""Fixtures of all tests: a real PostgreSQL for the whole run, one template database a worker, one copy of it a test."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, time
from pathlib import Path

import psycopg
import pytest
import structlog
from hypothesis import settings
from sqlalchemy.engine import make_url

from messa_platform.core.clock import FixedClock, SystemClock, stockholm_day
from messa_platform.core.db import Database, make_engine
from messa_platform.core.embedded import attach
from messa_platform.core.migrations import upgrade
from messa_platform.tenants.tree import ensure_free_tenant
from tests.support.clean_database import Databases
from tests.support.kept_pools import POOLS
from tests.support.world import World

# what else the machine does must not make an example too slow
settings.register_profile("messa", settings(), deadline=None)
settings.load_profile("messa")


def with_database(url: str, name: str) -> str:
    """The same server's URL for another of its databases."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _run(url: str, statement: str) -> None:
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as connection:
        connection.execute(statement.encode())


_SERVER_DIRECTORY = "MESSA_TEST_SERVER"


MEMORY = Path("/dev/shm")
ROOM = 6 * 2**30
"""Bytes that the databases of a run may take at the most, many times what they do."""


def _roomy() -> str:
    """Where the server's files lie: in memory where there is plenty, since half of a test's time would go by until a disk has them for sure.

    `fsync` stays on as everywhere: what is asked of PostgreSQL is the same.
    """
    is_roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM and _memory() > 2 * ROOM
    return str(MEMORY) if is_roomy else "/var/tmp"


def _memory() -> int:
    """Bytes of memory that are available, as far as Linux tells."""
    told = Path("/proc/meminfo")
    lines = told.read_text().splitlines() if told.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")), 0)


def pytest_configure(config: pytest.Config) -> None:
    """The run's own folder for the server, which all workers find in the environment; other users can look into it, as root's server must.
    And the log as tests show it."""
    # a traceback in colours, with the words of every frame, takes as long as many a test
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])
    if not hasattr(config, "workerinput"):
        directory = tempfile.mkdtemp(prefix="messa-tests-", dir=_roomy())
        Path(directory).chmod(0o755)
        os.environ[_SERVER_DIRECTORY] = directory


def pytest_unconfigure(config: pytest.Config) -> None:
    """Nothing of the run stays on the machine."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(_SERVER_DIRECTORY), ignore_errors=True)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A PostgreSQL server that all workers of the run share; its URL. `DATABASE_URL` names another one."""
    if url := os.environ.get("DATABASE_URL"):
        yield url.replace("postgresql://", "postgresql+psycopg://")
        return
    with attach(Path(os.environ[_SERVER_DIRECTORY]) / "postgresql") as held:
        yield held.url


@pytest.fixture(scope="session")
def template(server: str, worker_id: str) -> Iterator[str]:
    """The name of a migrated database that has the platform's own tenant."""
    name = f"template_{worker_id}_{os.getpid()}"
    _run(server, f'CREATE DATABASE "{name}"')
    url = with_database(server, name)
    upgrade(url)
    database = Database(make_engine(url, pool_size=1))
    with database.unit_of_work() as session:
        ensure_free_tenant(session, SystemClock().now())
    database.close()
    yield name
    _run(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def databases(server: str, template: str) -> Iterator[Databases]:
    """This worker's databases, for one test after the other."""
    made = Databases(server, template)
    yield made
    made.close()


@pytest.fixture
def database_url(server: str, databases: Databases) -> Iterator[str]:
    """A database of the test's own, migrated, with nothing in it but the platform's own tenant."""
    with databases.one() as name:
        url = with_database(server, name)
        POOLS.of(url, "test")
        yield url


@pytest.fixture
def database(database_url: str) -> Database:
    """The test's own database, opened."""
    return POOLS.of(database_url, "test")


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands still at today's noon or so until the test moves it. Today is Stockholm's: what is stored meanwhile, and has the time
    in its id, is then of the same day."""
    return FixedClock(datetime.combine(stockholm_day(SystemClock().now()), time(11), UTC))


@pytest.fixture
def world(database: Database, clock: FixedClock) -> World:
    """Makes tenants, groups, accounts, numbers and channels in the test's database."""
    return World(database, clock)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The drills' lengths, and their seed."""
    parser.addoption("--rounds", type=int, default=30, help="rounds of the kill drill")
    parser.addoption("--smpp-texts", type=int, default=1000, help="texts of the drill with Jasmin")
    parser.addoption("--seed", type=int, default=20261122, help="seed of the drills")
    parser.addoption(
        "--fault-rounds", type=int, default=0, help="random rounds of the fault drill; 0: its short form"
    )
