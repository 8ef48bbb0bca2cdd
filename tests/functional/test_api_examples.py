"""The clients of the guide, run as they stand, against the doors on a real socket."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from messa_platform.application import make_wsgi
from messa_platform.core.clock import FixedClock
from messa_platform.core.web_server import WebServer
from messa_platform.tenants.api_users.models import KeyKind
from tests.support.api_users import Keyring
from tests.support.processes import HOST, REPOSITORY, program
from tests.support.visitors import a_runtime
from tests.support.world import World

EXAMPLES = REPOSITORY / "docs/api/examples"
NUMBER, TEXT = "+46701740605", "Räksmörgås"


RUNTIMES = {
    ".sh": ["sh"],
    ".py": [sys.executable],
    ".php": ["php", "php-cli"],
    ".cs": ["mono", "mono-runtime"],
}
"""What runs an example, by the end of its name; of a program that may be missing also the Debian package that has it."""


def runnable(example: Path, directory: Path) -> list[str]:
    """The command that runs an example; one in C# is compiled before."""
    name, *package = RUNTIMES[example.suffix]
    runs = program(name, package[0]) if package else name
    if example.suffix != ".cs":
        return [runs, str(example)]
    compiled = directory / f"{example.stem}.exe"
    if not compiled.exists():
        libraries = ("-r:System.Net.Http.dll", "-r:System.Runtime.Serialization.dll")
        command = [program("mcs", "mono-mcs"), "-warnaserror", *libraries, f"-out:{compiled}", str(example)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return [runs, str(compiled)]


@dataclass
class Door:
    """A door, and a key that opens it."""

    url: str
    key: str
    directory: Path

    def run(self, example: str, number: str = NUMBER) -> subprocess.CompletedProcess[str]:
        """Run a client."""
        command = [*runnable(EXAMPLES / example, self.directory), number, TEXT]
        environment = {**os.environ, "MESSA": self.url, "KEY": self.key}
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )


@pytest.fixture
def doors(world: World, database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[dict[str, Door]]:
    """Both doors of a municipality's."""
    world.channel()
    ring, master = Keyring(world), world.tenant()
    user = ring.user(master)
    with a_runtime(database_url, tmp_path / "key", clock) as runtime:
        server = WebServer(make_wsgi(runtime), HOST, 0, 2)
        server.start()
        url = f"http://{HOST}:{server.port}"
        yield {
            "legacy": Door(url, ring.key(master, user).word, tmp_path),
            "v2": Door(url, ring.key(master, user, KeyKind.V2).word, tmp_path),
        }
        server.close()


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.iterdir()))
def test_a_client_sends_and_asks(doors: dict[str, Door], world: World, example: str) -> None:
    door = doors[Path(example).stem]
    done = door.run(example)
    assert done.returncode == 0, done.stdout + done.stderr
    assert world.rows("SELECT remote, text FROM message") == [(NUMBER, TEXT)]
    assert "QUEUED" in done.stdout
    assert "ok" in done.stdout if Path(example).stem == "legacy" else TEXT in done.stdout
    refused = door.run(example, "12")
    assert (
        "invalid_phone_number" in refused.stdout
        if Path(example).stem == "legacy"
        else "message-refused" in refused.stdout + refused.stderr
    )


def test_each_example_is_named_in_its_guide() -> None:
    for guide in ("legacy", "v2"):
        words = (REPOSITORY / f"docs/api/{guide}.md").read_text("utf-8")
        named = {path.name for path in EXAMPLES.iterdir() if path.stem == guide}
        assert {Path(name).suffix for name in named} == RUNTIMES.keys()
        assert all(f"examples/{name}" in words for name in named)
