"""A municipality with a school below it, API users of both, and their keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp, TestResponse

from messa_platform.core.clock import FixedClock
from messa_platform.messaging.sending_work import work_off_sendings
from messa_platform.runtime import Runtime
from messa_platform.tenants.api_users.models import KeyKind, Scope
from messa_platform.tenants.api_users.users import ApiUser
from messa_platform.tenants.models import Group
from tests.support.api_users import Keyring
from tests.support.network import Network
from tests.support.visitors import a_runtime, web
from tests.support.world import World

ANNA, KARIN, GORAN = "+46701740605", "+46701740612", "+46701740631"


@dataclass
class Program:
    """A program that has a key."""

    app: TestApp
    group: Group
    user: ApiUser
    key: str
    headers: dict[str, str] = field(default_factory=dict)

    def ask(
        self, method: str, path: str, body: Any = None, status: int | None = None, **headers: str
    ) -> TestResponse:
        """Ask for something, with the key; the answer must have `status`."""
        sent = {"Authorization": f"Bearer {self.key}", **self.headers, **headers}
        if body is not None:
            answer = getattr(self.app, f"{method.lower()}_json")(path, body, headers=sent, expect_errors=True)
        else:
            answer = self.app.request(path, method=method, headers=sent, expect_errors=True)
        assert status in (None, answer.status_int), f"{answer.status}\n{answer.text}"
        return answer

    def get(self, path: str, status: int = 200) -> Any:
        """What is there."""
        return self.ask("GET", path, status=status).json

    def post(self, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        """What comes of it."""
        return self.ask("POST", path, body, status=status, **headers).json

    def send(self, to: str = ANNA, text: str = "Hej", status: int = 201, **more: Any) -> Any:
        """Send a text."""
        return self.post("/v2/messages", {"to": to, "text": text, **more}, status)


@dataclass
class Api:
    """Whoever asks, and what they ask about."""

    world: World
    runtime: Runtime
    network: Network
    ring: Keyring
    master: Group
    school: Group
    app: TestApp

    def program(self, group: Group, name: str = "Larmet", *, scopes: Any = frozenset(Scope)) -> Program:
        """A program with a key of a new API user."""
        user = self.ring.user(group, name)
        key = self.ring.key(group, user, KeyKind.V2, scopes=scopes).word
        return Program(self.app, group, user, key)

    def work(self) -> None:
        """Have batches worked off."""
        while work_off_sendings(self.runtime.database, self.runtime.clock, self.runtime.announcements):
            pass


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Runtime]:
    """The parts of a process, with the test's clock."""
    with a_runtime(database_url, tmp_path / "key", clock) as made:
        yield made


@pytest.fixture
def api(world: World, runtime: Runtime) -> Api:
    """The API, and a municipality with a school."""
    network = Network(world)
    master = world.tenant()
    return Api(
        world,
        runtime,
        network,
        Keyring(world),
        master,
        world.group(master, "Skolan"),
        TestApp(web(runtime)),
    )


@pytest.fixture
def school(api: Api) -> Program:
    """A program of the school's."""
    return api.program(api.school)


def example_of(document: Any, operation: Any) -> Any:
    """The body that the document shows for an operation; None if it takes none."""
    if "requestBody" not in operation:
        return None
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return document["components"]["schemas"][name]["examples"][0]


def instead(path: str, identifier: str) -> str:
    """The path with another id."""
    steps = path.split("/")
    return "/".join((*steps[:3], identifier, *steps[4:]))
