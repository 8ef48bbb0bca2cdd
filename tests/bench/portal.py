"""Open pages that ask for news, and the messages of an account that has many: what they cost, beside what little would cost.

`python -m tests.bench.portal serve|bare …` and `pages …` are the processes that this starts.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from select import EPOLLIN, epoll
from typing import Any
from uuid import UUID

import psutil
from sqlalchemy import select
from sqlalchemy.orm import Session

from messa_platform.core import logs
from messa_platform.core.clock import SystemClock
from messa_platform.core.db import Database, make_engine
from messa_platform.core.ids import new_id
from messa_platform.core.migrations import upgrade
from messa_platform.core.web_server import WebServer
from messa_platform.messaging import conversation, inbox
from messa_platform.portal.cookies import SESSION as SESSION_COOKIE
from messa_platform.portal.identity import LIVE_HEADER
from messa_platform.portal.live import stamp
from messa_platform.runtime import build, read_settings
from messa_platform.serve import start_web
from messa_platform.tenants.access import sessions
from messa_platform.tenants.access.models import SessionKind
from messa_platform.tenants.models import Account, Group, Tenant
from messa_platform.tenants.tree import create_tenant, ensure_free_tenant
from tests.support.history import give_history
from tests.support.observe import statements
from tests.support.platform import database_of
from tests.support.processes import HOST, free_port, listens, wait_for

ROOT = Path(__file__).parents[2]

PAGES, EVERY = 500, 2.5
"""Open pages, and the seconds after which each asks again (`static/messa.js`)."""
SHARE_AIM = 0.20
"""Of one core, at most, for so many pages."""
MANY, FEW = 5000, 50
"""Threads of the two accounts that are compared."""
RATIO_AIM = 1.5
LIVE_PATH = "/messages/live"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"


# Who asks


@dataclass
class _Page:
    """An open page: it asks for news every `EVERY` seconds over a connection of its own."""

    socket: socket.socket
    token: str
    etag: str
    asks_at: float
    answer: bytes = b""
    asked: bool = False
    known: bool = False

    def ask(self, path: str) -> None:
        self.asked, self.answer = True, b""
        lines = (
            f"GET {path} HTTP/1.1",
            "Host: 127.0.0.1",
            f"User-Agent: {AGENT}",
            "Accept: */*",
            "Accept-Language: sv-SE,sv;q=0.8,en;q=0.5",
            "Accept-Encoding: gzip, deflate",
            f"{LIVE_HEADER}: 1",
            f"If-None-Match: {self.etag}",
            f"Cookie: {SESSION_COOKIE}={self.token}",
        )
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())

    def heard(self) -> str | None:
        """Take what came; gives the status once the answer is whole."""
        more = self.socket.recv(65536)
        if not more:
            raise ConnectionError(f"closed after {self.answer[:200]!r}")
        self.answer += more
        head, end, body = self.answer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        if not end or len(body) < int(headers.get("content-length", 0)):
            return None
        self.asked, self.known = False, True
        self.etag = headers.get("etag", self.etag)
        return lines[0].split(" ")[1]


class _Pages:
    """Open pages, which ask in turns."""

    def __init__(self, port: int, path: str, tokens: Sequence[str]) -> None:
        self._path = path
        self._answered: dict[str, int] = {}
        self._ready = epoll()
        begin, etag = time.monotonic(), stamp(SystemClock().now())
        self._pages: dict[int, _Page] = {}
        for n, token in enumerate(tokens):
            connection = socket.create_connection((HOST, port))
            page = _Page(connection, token, etag, begin + EVERY * n / len(tokens))
            self._pages[connection.fileno()] = page
            self._ready.register(connection, EPOLLIN)

    def until(self, over: Callable[[], bool]) -> dict[str, int]:
        """Go on asking; gives how often which status was answered."""
        self._answered = {}
        while not over():
            for number, _ in self._ready.poll(0.005):
                if status := self._pages[number].heard():
                    self._answered[status] = self._answered.get(status, 0) + 1
            now = time.monotonic()
            for page in self._pages.values():
                if page.asks_at <= now and not page.asked:
                    page.asks_at += EVERY
                    page.ask(self._path)
        return self._answered

    def all_known(self) -> bool:
        """Whether each has been answered, so that its session is known and its page stands."""
        return all(page.known for page in self._pages.values())


def ask_for_news(port: int, path: str, seconds: float, times: int, tokens: Sequence[str]) -> None:
    """Keep a page open for each token; says when each was answered, and `times` times, after `seconds` each, how often with which status."""
    pages = _Pages(port, path, tokens)
    pages.until(pages.all_known)
    print("ready", flush=True)
    for _ in range(times):
        end = time.monotonic() + seconds
        print(json.dumps(pages.until(lambda end=end: time.monotonic() > end)), flush=True)  # type: ignore[misc]


# Who answers


def _bare(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("304 Not Modified", [("ETag", '"x"')])
    return []


def _serve(port: int, bare: bool) -> None:
    """Answer until the standard input ends: the platform's own web server as `messa serve` starts it, with its pages or a bare application."""
    logs.configure(json=True, level="WARNING")
    with ExitStack() as stack:
        if bare:
            server = WebServer(_bare, HOST, port, 8, ident="messa")
            stack.callback(server.close)
            server.start()
        else:
            runtime = build(read_settings({"web.port": str(port)}), reads_queue=True)
            stack.callback(runtime.close)
            start_web(runtime, stack)
        print(port, flush=True)
        sys.stdin.read()


@contextmanager
def _serving(what: str, environment: dict[str, str]) -> Iterator[tuple[int, psutil.Process]]:
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.portal", what, str(port)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, **pipes) as process:  # type: ignore[call-overload]
        try:
            wait_for(lambda: listens(port) or process.poll() is not None, 60, "the web server")
            yield port, psutil.Process(process.pid)
        finally:
            process.stdin.close()
            process.wait(30)


def _shares(
    process: psutil.Process, port: int, tokens: Sequence[str], seconds: float, times: int
) -> list[float]:
    """The shares of a core that the process takes while the pages are open, measured so many times."""
    asked = [str(port), LIVE_PATH, str(seconds), str(times)]
    command = [sys.executable, "-m", "tests.bench.portal", "pages", *asked]
    due, shares = len(tokens) * seconds / EVERY, []
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as asking:
        assert asking.stdin is not None and asking.stdout is not None
        asking.stdin.write(json.dumps(list(tokens)))
        asking.stdin.close()
        assert asking.stdout.readline() == "ready\n"
        for _ in range(times):
            before, begin = process.cpu_times(), time.monotonic()
            answered = json.loads(asking.stdout.readline())
            after, end = process.cpu_times(), time.monotonic()
            assert answered.get("304", 0) >= due * 0.85, f"{answered}, where {due:.0f} times 304 was due"
            spent: float = after.user + after.system - before.user - before.system
            shares.append(spent / (end - begin))
    return shares


@dataclass(frozen=True)
class Shares:
    """Shares of a core, each time that they were measured: the platform's, and a bare application's on the same server."""

    platform: list[float]
    bare: list[float]


def open_pages(url: str, pages: int, seconds: float, times: int = 1) -> Shares:
    """What it costs to have pages open for which nothing is new. `url` is of a migrated database."""
    database = Database(make_engine(url, pool_size=1))
    tokens = [_signed_in(database, f"vakt{n}@kommun.example") for n in range(pages)]
    database.close()
    with _serving("serve", {"DATABASE_URL": url}) as (port, process):
        platform = _shares(process, port, tokens, seconds, times)
    with _serving("bare", {}) as (port, process):
        bare = _shares(process, port, tokens, seconds, times)
    return Shares(platform, bare)


def _signed_in(database: Database, address: str) -> str:
    now = SystemClock().now()
    with database.unit_of_work() as session:
        account = _account(session, _group(session), address)
        return sessions.begin(session, now, account, SessionKind.PERSISTENT, AGENT, HOST)


def _group(session: Session) -> Group:
    found = select(Group).join(Tenant, Tenant.id == Group.tenant_id).where(Tenant.slug == "kommun")
    return session.scalar(found) or create_tenant(session, "kommun", "Kommunen")[1]


def _account(session: Session, group: Group, address: str) -> UUID:
    values = {"tenant_id": group.tenant_id, "group_id": group.id, "address": address}
    now = SystemClock().now()
    account = Account(id=new_id(), group_since=now, tenant_since=now, **values)
    session.add(account)
    session.flush()
    return account.id


# The messages page


Ask = Callable[[UUID], object]
"""Asks for the messages page of an account."""


def page_data(database: Database) -> Ask:
    """What the page is made of: the list of threads, and the newest one opened."""

    def ask(account_id: UUID) -> object:
        with database.unit_of_work() as session:
            listed = inbox.threads(session, account_id)
            return listed, conversation.open_thread(session, account_id, listed.threads[0].id)

    return ask


@dataclass(frozen=True)
class Compared:
    """Medians in seconds for the account with many threads and the one with few, and the statements that each took."""

    many: float
    few: float
    statements: tuple[list[str], list[str]]

    @property
    def ratio(self) -> float:
        """How much dearer many threads are."""
        return self.many / self.few


def two_accounts(database: Database, many: int = MANY, few: int = FEW, each: int = 10) -> tuple[UUID, UUID]:
    """An account with many threads and one with few, over two years, with `each` messages a thread."""
    now = SystemClock().now()
    made = []
    for threads in (many, few):
        with database.unit_of_work() as session:
            group = _group(session)
            account = _account(session, group, f"tradar{threads}@kommun.example")
        amount = {"threads": threads, "messages": threads * each}
        give_history(database, now, group, account, **amount, span=timedelta(days=730))
        made.append(account)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    return made[0], made[1]


def compare(ask: Ask, database: Database, accounts: tuple[UUID, UUID], rounds: int) -> Compared:
    """Ask for both accounts' pages in turns. `database` is where `ask` gets them from; its statements are watched once."""
    took: tuple[list[float], list[float]] = ([], [])
    for n in range(rounds + 10):
        for account, times in zip(accounts, took, strict=True):
            begin = time.perf_counter()
            ask(account)
            if n >= 10:  # by then every statement is prepared
                times.append(time.perf_counter() - begin)
    seen: list[list[str]] = []
    for account in accounts:
        with statements(database.engine) as executed:
            ask(account)
        seen.append([statement.text for statement in executed])
    return Compared(statistics.median(took[0]), statistics.median(took[1]), (seen[0], seen[1]))


# In `make bench`


def report(server_url: str, pages: int = PAGES, seconds: float = 65.0, rounds: int = 200) -> None:
    """Measure both and print. A minute and some, since each session is asked for anew once a minute."""
    with database_of(server_url, "template1") as url:
        upgrade(url)
        database = Database(make_engine(url))
        with database.unit_of_work() as session:
            ensure_free_tenant(session, SystemClock().now())
        compared = compare(page_data(database), database, two_accounts(database), rounds)
        database.close()
        shares = open_pages(url, pages, seconds)
    [platform], [bare] = shares.platform, shares.bare
    assert compared.statements[0] == compared.statements[1]
    print(
        f"  {platform:8.1%} of a core for {pages} open pages (aim {SHARE_AIM * pages / PAGES:.1%});", end=""
    )
    print(f" {platform / bare:.1f} times a bare application on the same server ({bare:.1%})")
    print(
        f"  {compared.ratio:8.2f} times as long for the messages of {MANY} threads as of {FEW} (aim {RATIO_AIM});",
        end="",
    )
    took = f"{compared.many * 1e3:.2f} ms, {compared.few * 1e3:.2f} ms"
    print(f" {took}, {len(compared.statements[0])} statements each")


def main() -> None:
    """One of the processes."""
    match sys.argv[1:]:
        case ["pages", port, path, seconds, times]:
            ask_for_news(int(port), path, float(seconds), int(times), json.load(sys.stdin))
        case ["serve" | "bare" as what, port]:
            _serve(int(port), what == "bare")


if __name__ == "__main__":
    main()
