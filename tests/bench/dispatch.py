"""Texts a second from our books to a provider and back into the books: over HTTP and over SMPP, to a provider that takes 50 ms to answer, and
over SMPP into the same sink as Jasmin's and Kannel's HTTP to SMPP, in the same run (issue 7).

The texts wait in the queue before anything is measured; each one's outcome is committed before it counts.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform as machine
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from messa_platform.core import logs
from messa_platform.core.clock import FixedClock, SystemClock
from messa_platform.core.db import Database, make_engine
from messa_platform.core.embedded import attach
from messa_platform.core.migrations import upgrade
from messa_platform.providers.simulator.config import DEFAULT_SECRET, DEFAULT_SMPP_PASSWORD
from messa_platform.providers.simulator.launch import running as running_simulator
from messa_platform.tenants.tree import ensure_free_tenant
from tests.bench import gateways
from tests.bench.platforms import MESSA
from tests.support.platform import database_of
from tests.support.processes import HOST, Child, free_port, listens, wait_for
from tests.support.sink import running_sink
from tests.support.sink_receipts import Options, ReceiptForm
from tests.support.world import World

LATENCY = 0.05
TEXTS = 10_000
AT_ONCE = 1000
JASMIN_AIM, KANNEL_AIM = 3.0, 0.5

Channel = tuple[str, dict[str, Any]]
Provider = Callable[[Path], contextlib.AbstractContextManager[Channel]]


@contextlib.contextmanager
def by_simulator(directory: Path) -> Iterator[Channel]:
    """The simulator's own gateway, with its latency."""
    with running_simulator(directory / "simulator", *_slow()) as simulator:
        yield "simulator", {"port": simulator.addresses.gateway_port, "secret": DEFAULT_SECRET}


@contextlib.contextmanager
def by_simulator_smpp(directory: Path) -> Iterator[Channel]:
    """The simulator by SMPP, with its latency."""
    with running_simulator(directory / "simulator", *_slow()) as simulator:
        yield "smpp", _smpp(simulator.addresses.smpp_port, DEFAULT_SMPP_PASSWORD, 200)


def _slow() -> tuple[str, ...]:
    # receipts come when nobody measures any more
    return "--latency-ms", str(int(LATENCY * 1000)), "--delivery-ms", "3600000"


@contextlib.contextmanager
def by_http(directory: Path) -> Iterator[Channel]:
    """A provider of the kind of 46elks, with the same latency."""
    port = free_port()
    child = Child(
        [sys.executable, "-m", "tests.support.slow_http", str(port), str(LATENCY)], directory / "http.log"
    )
    try:
        child.until(lambda: listens(port))
        settings = {"username": "u" * 12, "password": "p" * 12, "callback_key": "k" * 20}
        yield "elks", {**settings, "url": f"http://{HOST}:{port}"}
    finally:
        child.end()


@contextlib.contextmanager
def by_sink(directory: Path) -> Iterator[Channel]:
    """The sink at which the gateways' texts end."""
    with running_sink(directory, Options(receipts=ReceiptForm.NONE)) as sink:
        yield "smpp", _smpp(sink.port, "secret", 50)


def _smpp(port: int, password: str, window: int) -> dict[str, Any]:
    return {"host": HOST, "port": port, "system_id": "messa", "password": password, "window": window}


WAYS: dict[str, Provider] = {
    "HTTP (46elks), 50 ms": by_http,
    "the simulator's gateway, 50 ms": by_simulator,
    "SMPP to the simulator, 50 ms": by_simulator_smpp,
    "SMPP to the sink": by_sink,
}
TO_SINK = "SMPP to the sink"


@dataclass(frozen=True)
class Figure:
    """Texts a second, and milliseconds of processor that each took of our process and of PostgreSQL."""

    rate: float
    own: float
    database: float


def measure(server: str, template: str, provider: Provider, texts: int) -> Figure:
    """Let `texts` texts wait, start messa, and see how fast they leave."""
    with tempfile.TemporaryDirectory() as place, database_of(server, template) as url:
        directory = Path(place)
        with provider(directory) as (plugin, settings):
            database = Database(make_engine(url, pool_size=2))
            with contextlib.closing(database):
                _fill(database, plugin, settings, texts)
                return _run(database, url, directory, texts)


def _fill(database: Database, plugin: str, settings: dict[str, Any], texts: int) -> None:
    world = World(database, FixedClock(SystemClock().now()))
    channel = world.channel("bench", plugin=plugin, settings=settings)
    anna = world.account(world.tenant(), "anna@kommun.example")
    for first in range(0, texts, AT_ONCE):
        numbers = [f"+{46701700000 + n}" for n in range(first, min(texts, first + AT_ONCE))]
        world.submit(anna, numbers, gateways.TEXT)
    world.run("UPDATE channel SET enabled = false WHERE id = :id", id=channel)


def _run(database: Database, url: str, directory: Path, texts: int) -> Figure:
    web, smtp = free_port(), free_port()
    environment = {
        "DATABASE_URL": url,
        "MESSA_WEB_PORT": str(web),
        "MESSA_SMTP_PORT": str(smtp),
        "MESSA_SECURITY_KEY_FILE": str(directory / "key"),
        "MESSA_MESSA_DEMO": "false",
    }
    child = Child([*MESSA, "serve"], directory / "messa.log", environment)
    world = World(database, FixedClock(SystemClock().now()))
    try:
        child.until(lambda: listens(web) and listens(smtp))
        ours = psutil.Process(child.process.pid)

        def waiting() -> int:
            count: int = world.value("SELECT count(*) FROM dispatch_queue")
            return count

        world.run("UPDATE channel SET enabled = true")
        left = wait_for(lambda: n if (n := waiting()) < texts else 0, 30, "texts leave")
        begin, spent = time.perf_counter(), _spent(ours, url)
        wait_for(lambda: not waiting(), 300, "all have left")
        seconds = time.perf_counter() - begin
        own, postgres = (after - before for after, before in zip(_spent(ours, url), spent, strict=True))
        sent = world.value("SELECT count(*) FROM message WHERE status = 'SENT'")
        assert sent == texts, f"{sent} of {texts} sent\n{child.said[-3000:]}"
        return Figure(left / seconds, own / left * 1e3, postgres / left * 1e3)
    finally:
        child.end()


def _spent(ours: psutil.Process, url: str) -> tuple[float, float]:
    """Seconds of processor that our process has spent, and PostgreSQL's on our database."""
    name = url.rpartition("/")[2].partition("?")[0]
    backends = [
        process
        for process in psutil.process_iter(["cmdline"])
        if name in " ".join(process.info["cmdline"] or ())
        and "postgres:" in " ".join(process.info["cmdline"] or ())
    ]
    return sum(ours.cpu_times()[:2]), sum(sum(backend.cpu_times()[:2]) for backend in backends)


def report(server: str, rounds: int, texts: int, *, beside: bool = True) -> None:
    """Measure each way in turns, with the gateways of others if `beside`, and print; ratios to these first."""
    figures: dict[str, list[Figure]] = {name: [] for name in WAYS}
    with database_of(server, "template1") as template:
        upgrade(template)
        database = Database(make_engine(template, pool_size=1))
        with contextlib.closing(database), database.unit_of_work() as session:
            ensure_free_tenant(session, SystemClock().now())
        name = template.rpartition("/")[2].partition("?")[0]
        for _ in range(rounds):
            for way, provider in WAYS.items():
                figures[way].append(measure(server, name, provider, texts))
    others = gateways.report(rounds, texts) if beside else {}
    print(
        f"{machine.machine()}, {os.cpu_count()} cores; texts a second that leave messa, every outcome committed; {texts} texts"
    )
    ours = statistics.median(figure.rate for figure in figures[TO_SINK])
    for name, aim in (("Jasmin", JASMIN_AIM), ("Kannel, spool", KANNEL_AIM)):
        if name in others:
            rate = statistics.median(figure.rate for figure in others[name])
            print(f"  {ours / rate:8.2f} of {name} (aim {aim})  {TO_SINK}")
    for way, measured in figures.items():
        rate, own, postgres = (
            statistics.median(getattr(figure, kind) for figure in measured)
            for kind in ("rate", "own", "database")
        )
        print(
            f"  {rate:8.0f} texts a second, {own:5.2f} ms of processor a text, {postgres:5.2f} of PostgreSQL's  {way}"
            f"   ({', '.join(f'{figure.rate:.0f}' for figure in measured)})"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description="Texts a second that leave messa, beside gateways of others."
    )
    parser.add_argument("--texts", type=int, default=TEXTS, help="in each measurement (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (%(default)s)")
    parser.add_argument("--alone", action="store_true", help="without the gateways of others")
    chosen = parser.parse_args()
    logs.configure(json=False, level="ERROR")
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        base.chmod(0o755)  # root's server runs as another user
        with attach(base / "postgresql") as held:
            report(held.url, chosen.rounds, chosen.texts, beside=not chosen.alone)


if __name__ == "__main__":
    main()
