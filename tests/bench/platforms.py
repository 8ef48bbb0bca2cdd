"""The platform as the benches measure it: in one process, or its processes apart with Redis between them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path

import psycopg

ROOT = Path(__file__).parents[2]
MESSA = (sys.executable, "-m", "messa_platform.cli", "--settings", str(ROOT / "development.ini"))
CONNECTIONS = 50
FIRST_NUMBER = 46701700000


class Layout(StrEnum):
    """How the platform's work is shared out to processes."""

    ONE = "messa serve, one process"
    APART = "smtp, worker, scheduler and web apart, Redis"


def load(port: int, mails: int) -> float:
    """Seconds that `mails` mails take a server on `port`, sent by a process of its own."""
    arguments = ["127.0.0.1", str(port), str(CONNECTIONS), str(mails), str(FIRST_NUMBER)]
    command = [sys.executable, "-m", "tests.bench.load", *arguments]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)


def bare(mails: int) -> float:
    """Mails a second that an aiosmtpd takes which does nothing with them."""
    command = [sys.executable, "-m", "tests.bench.bare"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        seconds = load(port, mails)
        server.terminate()
    return mails / seconds


class Running:
    """The platform under measurement."""

    def __init__(self, url: str, smtp_port: int) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._smtp_port = smtp_port

    def accept_only(self, mails: int) -> float:
        """Mails a second, 250 after commit, while nothing reads them: each side of the comparison is one process."""
        self._connection.execute("ALTER TABLE inbound_mail ALTER COLUMN state SET DEFAULT 'parked'")
        rate = mails / load(self._smtp_port, mails)
        self._connection.execute("ALTER TABLE inbound_mail ALTER COLUMN state SET DEFAULT 'ready'")
        stored = self._connection.execute("SELECT count(*) FROM inbound_mail").fetchone()
        assert stored == (mails,), stored
        return rate

    def end_to_end(self, mails: int) -> float:
        """Messages a second from the first mail to the last provider's answer."""
        begin = time.perf_counter()
        load(self._smtp_port, mails)
        while (answered := self._one("SELECT count(*) FROM provider_reference")) < mails:
            time.sleep(0.02)
            if time.perf_counter() - begin > 300:
                raise TimeoutError(f"{answered} of {mails} answered")
        seconds = time.perf_counter() - begin
        assert self._one("SELECT count(*) - count(DISTINCT message_id) FROM provider_reference") == 0
        return mails / seconds

    def _one(self, query: str) -> int:
        found = self._connection.execute(query.encode()).fetchone()
        assert found is not None
        return int(found[0])


@contextmanager
def platform(layout: Layout, server_url: str, base: Path) -> Iterator[Running]:
    """The platform with the demo in a database of its own and a simulator, on free ports."""
    name = f"bench_{time.time_ns()}"
    plain = server_url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    url = plain.replace("/messa?", f"/{name}?")
    web, smtp, relay, gateway, http, redis = _free_ports(6)
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "MESSA_WEB_PORT": str(web),
        "MESSA_SMTP_PORT": str(smtp),
        "MESSA_RELAY_PORT": str(relay),
    }
    subprocess.run([*MESSA, "migrate"], check=True, env=environment)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "UPDATE channel SET settings = settings || jsonb_build_object('port', %s::int)", (gateway,)
        )
    with ExitStack() as stack:
        simulator = ("--journal", str(base / name), "--gateway-port", str(gateway), "--smtp-port", str(relay))
        calls = ("--http-port", str(http), "--callback-url", f"http://127.0.0.1:{web}/providers/simulator")
        _start(stack, [*MESSA, "simulator", *simulator, *calls], environment)
        if layout is Layout.ONE:
            _start(stack, [*MESSA, "serve"], environment)
        else:
            _start_apart(stack, environment, base / f"{name}.ini", web, redis)
        _wait_for_port(smtp)
        _wait_for(f"http://127.0.0.1:{web}/readyz")
        yield Running(url, smtp)


def _start_apart(stack: ExitStack, environment: dict[str, str], ini: Path, web: int, redis: int) -> None:
    _start(stack, ["redis-server", "--port", str(redis), "--save", "", "--appendonly", "no"], environment)
    _wait_for_port(redis)
    apart = {**environment, "MESSA_BROKER_URL": f"redis://127.0.0.1:{redis}"}
    ini.write_text(
        (ROOT / "development.ini").read_text().replace("listen = 127.0.0.1:6543", f"listen = 127.0.0.1:{web}")
    )
    for role in ("worker", "scheduler", "smtp"):
        _start(stack, [*MESSA, role], apart)
    _start(stack, [str(Path(sys.executable).parent / "pserve"), str(ini)], apart)


def _start(stack: ExitStack, command: Sequence[str], environment: dict[str, str]) -> None:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end() -> None:
        process.terminate()
        process.wait(60)

    stack.callback(end)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def _wait_for_port(port: int) -> None:
    _until(lambda: socket.create_connection(("127.0.0.1", port), timeout=2).close())


def _wait_for(url: str) -> None:
    _until(lambda: urllib.request.urlopen(url, timeout=2).close())


def _until(attempt: Callable[[], None]) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            return attempt()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
