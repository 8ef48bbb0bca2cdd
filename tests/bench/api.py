"""`POST /v2/messages` beside a bare Pyramid view that inserts one row, on the same web server; and ten thousand recipients in one call
beside a bare multi-row insert of as many (issue 6)."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response
from sqlalchemy import Engine, text
from webtest import TestApp

from messa_platform.application import make_wsgi
from messa_platform.core import logs
from messa_platform.core.clock import FixedClock, SystemClock
from messa_platform.core.db import Database, make_engine
from messa_platform.core.migrations import upgrade
from messa_platform.core.web import WsgiApp
from messa_platform.core.web_server import WebServer
from messa_platform.tenants.api_users.models import KeyKind
from messa_platform.tenants.tree import ensure_free_tenant
from tests.bench.platforms import ROOT
from tests.support.api_users import Keyring
from tests.support.platform import database_of
from tests.support.processes import HOST
from tests.support.visitors import a_runtime
from tests.support.wire import tapped
from tests.support.world import World

SINGLE_AIM, MANY_AIM, TRIPS_AIM = 0.35, 0.15, 3
SECONDS, CONNECTIONS, THREADS, MANY = 8.0, 16, 16, 10_000
"""As many threads as `production.ini` has, and a connection for each."""
LIMITS = {f"rate.{n}_{k}": v for n in ("key", "tenant") for k, v in (("rate", "1e7"), ("burst", "10000000"))}


@dataclass(frozen=True)
class Figure:
    """Requests a second, and what the slowest of a hundred takes, in milliseconds."""

    rate: float
    late: float


def bare(engine: Engine) -> WsgiApp:
    """A view that inserts one row, and answers once that is committed."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE TABLE bench_row (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, remote text, words text)"
            )
        )

    def view(request: Request) -> Response:
        body = request.json_body
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO bench_row (remote, words) VALUES (:to, :text)"), body)
        return Response(json_body={"id": 1}, status=201)

    config = Configurator()
    config.add_route("post", "/bare")
    config.add_view(view, route_name="post", request_method="POST")
    app: WsgiApp = config.make_wsgi_app()
    return app


def asked(app: WsgiApp, path: str, key: str = "", seconds: float = SECONDS) -> Figure:
    """Load an application on a real socket."""
    server = WebServer(app, HOST, 0, THREADS)
    server.start()
    command = [
        sys.executable,
        "-m",
        "tests.bench.api_load",
        str(server.port),
        path,
        key,
        str(seconds),
        str(CONNECTIONS),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    server.close()
    if done.returncode:
        raise RuntimeError(done.stderr)
    took = json.loads(done.stdout)
    return Figure(len(took) / seconds, statistics.quantiles(took, n=100)[98])


@contextmanager
def a_door(server_url: str) -> Iterator[tuple[Any, str, Engine]]:
    """A municipality with a key, in a database of its own."""
    with database_of(server_url, "template1") as url, tempfile.TemporaryDirectory() as folder:
        upgrade(url)
        database = Database(make_engine(url))
        with database.unit_of_work() as session:
            ensure_free_tenant(session, SystemClock().now())
        world = World(database, FixedClock(SystemClock().now()))
        world.channel()
        ring, master = Keyring(world), world.tenant()
        key = ring.key(master, ring.user(master), KeyKind.V2).word
        with a_runtime(url, Path(folder) / "key", SystemClock(), **LIMITS) as runtime:  # type: ignore[arg-type]
            yield runtime, key, database.engine
        database.close()


def trips(url: str, key: str) -> int:
    """Round trips to the database that one request takes, counted on the wire."""
    headers = {"Authorization": f"Bearer {key}"}
    with (
        tapped(url) as wire,
        tempfile.TemporaryDirectory() as folder,
        a_runtime(wire.url, Path(folder) / "key", SystemClock(), **LIMITS) as runtime,  # type: ignore[arg-type]
    ):
        app = TestApp(make_wsgi(runtime))
        for n in range(10):  # until the driver has its statements prepared
            app.post_json("/v2/messages", {"to": "+46701740605", "text": f"Varm {n}"}, headers=headers)
        with wire.counted() as counted:
            app.post_json("/v2/messages", {"to": "+46701740605", "text": "Hej"}, headers=headers)
    return counted[0]


def many(runtime: Any, key: str, count: int = MANY) -> float:
    """Recipients a second, accepted in one call."""
    app = TestApp(make_wsgi(runtime))
    body = {
        "recipients": [{"to": f"+4670{n:07}", "values": {"namn": f"Nr {n}"}} for n in range(count)],
        "text": "Hej {namn}",
    }
    begin = time.perf_counter()
    app.post_json("/v2/messages", body, headers={"Authorization": f"Bearer {key}"}, status=202)
    return count / (time.perf_counter() - begin)


def bare_many(engine: Engine, count: int = MANY) -> float:
    """Rows a second in one multi-row insert."""
    rows = [{"to": f"+4670{n:07}", "text": f"Hej Nr {n}"} for n in range(count)]
    begin = time.perf_counter()
    with engine.begin() as connection:
        values = ", ".join(f"(:to{n}, :text{n})" for n in range(len(rows)))
        given = {f"{name}{n}": value for n, row in enumerate(rows) for name, value in row.items()}
        connection.execute(text(f"INSERT INTO bench_row (remote, words) VALUES {values}"), given)
    return count / (time.perf_counter() - begin)


def report(server_url: str, rounds: int = 3, seconds: float = SECONDS, count: int = MANY) -> None:
    """Measure in turns, and print ratios first."""
    logs.configure(json=True, level="WARNING")  # a line for each message would hide the figures
    with a_door(server_url) as (runtime, key, engine):
        app, plain = make_wsgi(runtime), bare(engine)
        pairs = [
            (asked(plain, "/bare", "", seconds), asked(app, "/v2/messages", key, seconds))
            for _ in range(rounds)
        ]
        rates = [(bare_many(engine, count), many(runtime, key, count)) for _ in range(rounds)]
        bare_rate, own_rate = (statistics.median(p[i].rate for p in pairs) for i in (0, 1))
        bare_rows, own_rows = (statistics.median(r[i] for r in rates) for i in (0, 1))
        print(
            f"  {own_rate / bare_rate:8.2f} of a bare Pyramid view that inserts a row (aim {SINGLE_AIM})  POST /v2/messages to one"
        )
        print(
            f"  {own_rows / bare_rows:8.2f} of a bare multi-row insert (aim {MANY_AIM})  {count} recipients in one call"
        )
        url = engine.url.render_as_string(hide_password=False)
        print(f"  {trips(url, key):8d} round trips to the database of one request (aim {TRIPS_AIM})")
        for name, i in (("bare view", 0), ("POST /v2/messages", 1)):
            rate, late = (statistics.median(getattr(p[i], what) for p in pairs) for what in ("rate", "late"))
            print(f"  {rate:8.0f} requests a second, 99 of 100 within {late:.1f} ms  {name}")
        print(f"  {bare_rows:8.0f} rows a second bare, {own_rows:.0f} recipients a second accepted")
