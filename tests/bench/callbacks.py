"""Callbacks of providers a second, answered once what they hold is committed: receipts of texts that were sent, and texts from phones, over real
HTTP by a `messa serve` with as many threads as `production.ini` has. In turns with a bare Pyramid view that answers the very same requests on
the same web server, and beside a bare insert; beside a gateway's messages a second, too, where they are handed in (issue 7: at least
three times Jasmin's of the same run).

`python -m tests.bench.callbacks bare PORT` is the process of the bare view.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from messa_platform.core.clock import FixedClock, SystemClock
from messa_platform.core.crypto import SecuritySettings, open_keys
from messa_platform.core.db import Database, make_engine
from messa_platform.core.ids import new_id
from messa_platform.core.migrations import upgrade
from messa_platform.core.web import WsgiApp
from messa_platform.core.web_server import WebServer
from messa_platform.tenants.tree import ensure_free_tenant
from tests.bench import callback_load
from tests.bench.bare import insert_rates
from tests.support.called_books import Books, Line, books, callbacks, phone
from tests.support.platform import MESSA, database_of
from tests.support.processes import HOST, REPOSITORY, Child, ask, free_port, listens
from tests.support.world import World

BARE, TEXTS = "bare Pyramid view", "texts from phones, by three providers"
ONE, ALL = "receipts, by one provider", "receipts, by three providers"
AIM = 3.0
"""Times the gateway's messages a second."""
SECONDS, CONNECTIONS, THREADS, READY = 6.0, 64, 16, 2_500
"""As many threads as `production.ini` has, and four times the connections, since a callback that waits for its commit takes no thread; so many
callbacks are made beforehand for each second."""


@dataclass(frozen=True)
class Figure:
    """Callbacks a second, and what the slowest of a hundred takes, in milliseconds."""

    rate: float
    late: float


def bare() -> WsgiApp:
    """A view that answers with nothing, whatever it is asked."""

    def view(request: Request) -> Response:
        return Response(b"", content_type="text/plain")

    config = Configurator()
    config.add_route("any", "/{path:.*}")
    config.add_view(view, route_name="any")
    app: WsgiApp = config.make_wsgi_app()
    return app


def serve_bare(port: int) -> None:
    """Serve it until the process is ended."""
    WebServer(bare(), HOST, port, THREADS).start()
    threading.Event().wait()


@contextmanager
def bare_server(folder: Path) -> Iterator[int]:
    """The bare view in a process of its own; its port."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.callbacks", "bare", str(port)]
    child = Child(command, folder / "bare.log").until(lambda: listens(port))
    try:
        yield port
    finally:
        child.kill()


class Messa:
    """A `messa serve` in a process of its own, without the demo."""

    def __init__(self, url: str, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        (folder / "bench.ini").write_text("[app:main]\n")
        self._environment = {
            "MESSA_DATABASE_URL": url,
            "MESSA_SECURITY_KEY_FILE": str(folder / "keys"),
            "MESSA_MESSA_LOG_LEVEL": "WARNING",
            "MESSA_WEB_PORT": str(self.port),
            "MESSA_WEB_THREADS": str(THREADS),
            "MESSA_SMTP_PORT": str(free_port()),
            "MESSA_RELAY_PORT": str(free_port()),
        }

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        command = [*MESSA, "--settings", str(self._folder / "bench.ini"), "serve"]
        self._child = Child(command, self._folder / "messa.log", self._environment)
        self._child.until(lambda: listens(self.port) and ask(self.port, "GET", "/readyz", None).status == 200)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._child.kill()

    def end(self) -> None:
        """End it in peace."""
        self._child.end()


@contextmanager
def messa(url: str, folder: Path) -> Iterator[Messa]:
    """A `messa serve` within the block."""
    process = Messa(url, folder)
    process.start()
    try:
        yield process
    finally:
        process.end()


@contextmanager
def opened(server_url: str, folder: Path) -> Iterator[tuple[str, Books]]:
    """A database of its own with what callbacks speak of; its URL."""
    with database_of(server_url, "template1") as url:
        upgrade(url)
        database = Database(make_engine(url))
        with database.unit_of_work() as session:
            ensure_free_tenant(session, SystemClock().now())
        keys = open_keys(SecuritySettings(key_file=folder / "keys"))
        made = books(World(database, FixedClock(SystemClock().now())), keys)
        # the reply mails are written, and nobody is there who takes them
        made.world.run("ALTER TABLE outgoing_mail ALTER COLUMN state SET DEFAULT 'parked'")
        yield url, made
        database.close()


def receipts(made: Books, lines: Sequence[Line], count: int) -> list[bytes]:
    """As many callbacks, each of which says that another text came, from these channels in turn."""
    share = -(-count // len(lines))
    wires = [
        [line.wire(callback) for taken in made.sent(line, share) for callback in line.receipts(taken)]
        for line in lines
    ]
    return [wire for several in zip(*wires, strict=True) for wire in several][:count]


def incoming(made: Books, lines: Sequence[Line], count: int) -> list[bytes]:
    """As many callbacks with texts from as many phones."""
    wires = []
    for n in range(count):
        line = lines[n % len(lines)]
        text = f"Tack, jag kommer, nummer {n}"
        wires += [
            line.wire(c) for c in callbacks(line.fake.incoming(new_id().hex, phone(n), made.number, text))
        ]
    return wires


def loaded(port: int, wires: list[bytes], folder: Path, seconds: float, connections: int) -> Figure:
    """Load a server with requests, by a process of its own."""
    file = folder / "requests"
    callback_load.written(file, wires)
    command = [sys.executable, "-m", "tests.bench.callback_load", str(port), str(file), str(connections)]
    done = subprocess.run(
        [*command, str(seconds)], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    took_seconds, took = json.loads(done.stdout)
    return Figure(len(took) / took_seconds, statistics.quantiles(took, n=100)[98])


@dataclass(frozen=True)
class Bench:
    """Both servers, and the books of the one."""

    made: Books
    folder: Path
    messa_port: int
    bare_port: int
    seconds: float
    connections: int

    def round(self) -> dict[str, Figure]:
        """Each figure once."""
        made, count = self.made, int(READY * self.seconds)
        one, all_ = made.lines[-1:], made.lines
        plain = self._load(self.bare_port, receipts(made, all_, count))
        return {
            BARE: plain,
            ONE: self._booked("DELIVERED", receipts(made, one, count)),
            ALL: self._booked("DELIVERED", receipts(made, all_, count)),
            TEXTS: self._booked("INCOMING", incoming(made, all_, count)),
        }

    def _load(self, port: int, wires: list[bytes]) -> Figure:
        return loaded(port, wires, self.folder, self.seconds, self.connections)

    def _booked(self, status: str, wires: list[bytes]) -> Figure:
        """Load messa; what was answered well is in the books, or there is no figure."""
        before, figure = self._count(status), self._load(self.messa_port, wires)
        stored = self._count(status) - before
        if stored < round(figure.rate * self.seconds * 0.9):
            raise AssertionError(f"{stored} {status} in the books, {figure.rate:.0f} a second answered")
        return figure

    def _count(self, status: str) -> int:
        found: int = self.made.world.value("SELECT count(*) FROM message WHERE status = :s", s=status)
        return found


def report(
    server_url: str,
    rounds: int = 3,
    seconds: float = SECONDS,
    connections: int = CONNECTIONS,
    reference: float | None = None,
) -> None:
    """Measure in turns, and print ratios first. `reference`: a gateway's messages a second, measured in the same run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            opened(server_url, folder) as (url, made),
            messa(url, folder) as process,
            bare_server(folder) as bare_port,
        ):
            bench = Bench(made, folder, process.port, bare_port, seconds, connections)
            figures = [bench.round() for _ in range(rounds)]
            single, _ = insert_rates(url)
    tell(figures, single, reference)


def tell(figures: list[dict[str, Figure]], single: float, reference: float | None) -> None:
    """Ratios first, then every figure: the median of the rounds."""
    middle = {
        name: Figure(
            statistics.median(f[name].rate for f in figures), statistics.median(f[name].late for f in figures)
        )
        for name in figures[0]
    }
    for name in (ONE, ALL, TEXTS):
        rate = middle[name].rate
        print(f"  {rate / middle[BARE].rate:8.2f} of a bare Pyramid view  {name}, answered after commit")
        if reference:
            print(f"  {rate / reference:8.2f} times the gateway's messages a second (aim {AIM:g})  {name}")
    for name, figure in middle.items():
        print(f"  {figure.rate:8.0f} callbacks a second, 99 of 100 within {figure.late:.1f} ms  {name}")
    print(f"  {single:8.0f} rows a second by bare inserts, one a commit")


COMMANDS: dict[str, Callable[[int], None]] = {"bare": serve_bare}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](int(sys.argv[2]))
