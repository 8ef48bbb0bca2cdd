"""A municipality with an API user, and the door on a real socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.web_server import WebServer
from messa_platform.runtime import Runtime
from messa_platform.tenants.api_users.users import ApiUser
from messa_platform.tenants.models import Group
from tests.support.api_users import Keyring
from tests.support.network import Network
from tests.support.visitors import a_runtime, web
from tests.support.world import World

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Spoken:
    """What came back: the status line, the headers by their names in lower case, the body as it was."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def status(self) -> int:
        """The status code."""
        return int(self.line.split()[1])


def speak(port: int, raw: bytes) -> Spoken:
    """Send bytes as they are, and read until the server closes."""
    with socket.create_connection((HOST, port), timeout=20) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    line, *headers = head.decode("latin-1").split("\r\n")
    pairs = (header.partition(":") for header in headers)
    return Spoken(line, {name.strip().lower(): value.strip() for name, _, value in pairs}, body)


@dataclass
class Client:
    """An old system with a session key; `school` is its group."""

    world: World
    network: Network
    runtime: Runtime
    ring: Keyring
    school: Group
    user: ApiUser
    key: str
    port: int

    def get(self, query: str, version: str = "1.1", *headers: str) -> Spoken:
        """A GET; `{key}` in the query is the session key."""
        lines = [f"GET /data_db/api.aspx?{query.replace('{key}', self.key)} HTTP/{version}", *headers]
        if version == "1.1":
            lines += [f"Host: {HOST}", "Connection: close"]
        return speak(self.port, "\r\n".join([*lines, "", ""]).encode("latin-1"))

    def post(
        self, body: bytes, content_type: str | None = "application/x-www-form-urlencoded", query: str = ""
    ) -> Spoken:
        """A POST; `{key}` in body and query is the session key."""
        filled = body.replace(b"{key}", self.key.encode())
        lines = [
            f"POST /data_db/api.aspx{query.replace('{key}', self.key)} HTTP/1.1",
            f"Host: {HOST}",
            "Connection: close",
        ]
        lines += [
            f"Content-Length: {len(filled)}",
            *([f"Content-Type: {content_type}"] if content_type else []),
        ]
        return speak(self.port, "\r\n".join([*lines, "", ""]).encode("latin-1") + filled)

    def last(self) -> tuple[str, str, str]:
        """Id, number and text of the message that was stored last."""
        row = self.world.rows("SELECT id, remote, text FROM message ORDER BY id DESC LIMIT 1")[0]
        return str(row.id), row.remote, row.text

    def count(self) -> int:
        """How many messages there are."""
        return int(self.world.value("SELECT count(*) FROM message"))


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Runtime]:
    """The parts of a process, with the test's clock."""
    with a_runtime(database_url, tmp_path / "key", clock) as made:
        yield made


@pytest.fixture
def client(world: World, runtime: Runtime) -> Iterator[Client]:
    """The alarm server of a school."""
    network = Network(world)
    school = world.group(world.tenant(), "Skolan")
    ring = Keyring(world)
    user = ring.user(school)
    key = ring.key(school, user).word
    server = WebServer(web(runtime), HOST, 0, 4)
    server.start()
    yield Client(world, network, runtime, ring, school, user, key, server.port)
    server.close()
