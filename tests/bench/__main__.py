"""`python -m tests.bench`: every bench with its baseline, measured in one run; ratios first."""

from __future__ import annotations

import argparse
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from tests.bench.bare import insert_rates

from messa_platform.core.embedded import attach

ROOT = Path(__file__).parents[2]
CONNECTIONS = 50
EXTRA_NUMBERS = 46701700000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mails", type=int, default=6000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as base, ExitStack() as stack:
        Path(base).chmod(0o755)  # root's server runs as another user
        held = stack.enter_context(attach(Path(base) / "postgresql"))
        single, batch = insert_rates(held.url)
        bare, accept, whole = [], [], []
        for _ in range(chosen.rounds):  # alternately, so that whatever else the machine does meets all of them
            bare.append(_bare(chosen.mails))
            with _platform(held.url, Path(base)) as running:
                accept.append(running.accept_only(chosen.mails))
            with _platform(held.url, Path(base)) as running:
                whole.append(running.end_to_end(chosen.mails))
    _report(chosen.mails, single, batch, bare, accept, whole)


def _report(mails: int, single: float, batch: float, bare: list[float], accept: list[float], whole: list[float]) -> None:
    middle = statistics.median
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {mails} mails, {CONNECTIONS} connections")
    print(f"{'accepted durably / bare aiosmtpd':45} {middle(accept) / middle(bare):8.2f}   (aim 0.70)")
    print(f"{'mail to provider answer / bare aiosmtpd':45} {middle(whole) / middle(bare):8.2f}   (aim 0.40)")
    for name, figures in (
        ("bare aiosmtpd, mails a second", bare),
        ("accepted, 250 after commit, mails a second", accept),
        ("mail to provider's answer, a second", whole),
        ("bare insert, one a commit, rows a second", [single]),
        ("bare insert, 100 a commit, rows a second", [batch]),
    ):
        print(f"{name:45} {middle(figures):8.0f}   ({', '.join(f'{f:.0f}' for f in figures)})")


def _load(port: int, mails: int, first: int) -> float:
    arguments = [sys.executable, "-m", "tests.bench.load", "127.0.0.1", str(port), str(CONNECTIONS), str(mails), str(first)]
    return float(subprocess.run(arguments, check=True, capture_output=True, text=True, cwd=ROOT).stdout)


def _bare(mails: int) -> float:
    with subprocess.Popen([sys.executable, "-m", "tests.bench.bare"], stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        seconds = _load(port, mails, EXTRA_NUMBERS)
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
        rate = mails / _load(self._smtp_port, mails, EXTRA_NUMBERS)
        self._connection.execute("ALTER TABLE inbound_mail ALTER COLUMN state SET DEFAULT 'ready'")
        stored = self._connection.execute("SELECT count(*) FROM inbound_mail").fetchone()
        assert stored == (mails,), stored
        return rate

    def end_to_end(self, mails: int) -> float:
        """Messages a second from the first mail to the last provider's answer."""
        begin = time.perf_counter()
        _load(self._smtp_port, mails, EXTRA_NUMBERS)
        while self._answered() < mails:
            time.sleep(0.02)
            if time.perf_counter() - begin > 300:
                raise TimeoutError(f"{self._answered()} of {mails} answered")
        seconds = time.perf_counter() - begin
        doubles = self._connection.execute("SELECT count(*) - count(DISTINCT message_id) FROM provider_reference").fetchone()
        assert doubles == (0,), doubles
        return mails / seconds

    def _answered(self) -> int:
        found = self._connection.execute("SELECT count(*) FROM provider_reference").fetchone()
        assert found is not None
        return int(found[0])


@contextmanager
def _platform(server_url: str, base: Path) -> Iterator[Running]:
    name = f"bench_{time.time_ns()}"
    plain = server_url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    url = plain.replace("/messa?", f"/{name}?")
    ports = _free_ports(5)
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "MESSA_WEB_PORT": str(ports[0]),
        "MESSA_SMTP_PORT": str(ports[1]),
        "MESSA_RELAY_PORT": str(ports[2]),
    }
    messa = [sys.executable, "-m", "messa_platform.cli", "--settings", str(ROOT / "development.ini")]
    subprocess.run([*messa, "migrate"], check=True, env=environment)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE channel SET settings = settings || jsonb_build_object('port', %s::int)", (ports[3],))
    simulator = subprocess.Popen(
        [*messa, "simulator", "--journal", str(base / name), "--gateway-port", str(ports[3]), "--smtp-port", str(ports[2]),
         "--http-port", str(ports[4]), "--callback-url", f"http://127.0.0.1:{ports[0]}/providers/simulator"],
    )  # fmt: skip
    serve = subprocess.Popen([*messa, "serve"], env=environment)
    try:
        _wait_for(f"http://127.0.0.1:{ports[0]}/readyz")
        yield Running(url, ports[1])
    finally:
        for process in (serve, simulator):
            process.terminate()
            process.wait(60)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


if __name__ == "__main__":
    main()
