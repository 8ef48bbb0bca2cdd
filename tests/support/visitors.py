"""People with browsers at the web application of a process of one's own: no sockets, all else as it is."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from argon2.profiles import CHEAPEST
from pyramid.router import Router
from webtest import TestApp, TestResponse

from messa_platform.application import layered, make_app
from messa_platform.core.clock import FixedClock
from messa_platform.core.web import WsgiApp
from messa_platform.runtime import Runtime, build, read_settings
from messa_platform.tenants.access.passwords import Passwords
from tests.support.kept_pools import POOLS
from tests.support.processes import HOST, free_port

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
HOME, CAFE = "198.51.100.7", "203.0.113.9"
PASSWORD = "korrekt häst batteri"
ANNA, KARIN = "anna@kommunen.example", "karin@kommun.example"


_routers: list[Router] = []


def pages(runtime: Runtime) -> Router:
    """The pages, which are put together once a worker, since that takes longer than most tests; they ask the runtime that was handed in last."""
    if not _routers:
        _routers.append(make_app(runtime))
    _routers[0].registry["messa.runtime"] = runtime
    return _routers[0]


def web(runtime: Runtime) -> WsgiApp:
    """The web application of a process: `pages` with the layers that stand before them."""
    return layered(pages(runtime), runtime)


@contextlib.contextmanager
def a_runtime(url: str, key_file: Any, clock: FixedClock | None = None, **settings: str) -> Iterator[Runtime]:
    """The parts of a process on this database; its actors run when they are told to."""
    values = {"security.key_file": str(key_file), **settings}
    kept = POOLS.of(url, "runtime") if POOLS.knows(url) else None
    read = read_settings(values, {"MESSA_DATABASE_URL": url})
    runtime = build(read, reads_queue=False, clock=clock, database=kept)
    try:
        # what Argon2 costs is measured elsewhere
        yield replace(runtime, passwords=Passwords(2, CHEAPEST))
    finally:
        runtime.close()


def nowhere() -> str:
    """The address of a database that is not there, for `a_runtime`."""
    return f"postgresql+psycopg://nobody@{HOST}:{free_port()}/nothing"


@dataclass
class Visitor:
    """A browser: its name, its address, and whether it takes cookies."""

    runtime: Runtime
    agent: str = FIREFOX
    address: str = HOME
    cookies: bool = True
    app: TestApp = field(init=False)

    def __post_init__(self) -> None:
        environ = {"REMOTE_ADDR": self.address, "HTTP_USER_AGENT": self.agent}
        self.app = TestApp(web(self.runtime), extra_environ=environ)

    def _forget(self) -> None:
        if not self.cookies:
            self.app.reset()

    def get(self, path: str, **more: Any) -> TestResponse:
        """Ask for a page; any status will do."""
        more.setdefault("status", "*")
        answer = self.app.get(path, **more)
        self._forget()
        return answer

    def post(self, path: str, fields: dict[str, str], **more: Any) -> TestResponse:
        """Send a form; any status will do."""
        more.setdefault("status", "*")
        answer = self.app.post(path, fields, **more)
        self._forget()
        return answer

    def send(self, page: str, fields: dict[str, str], to: str | None = None) -> TestResponse:
        """Open a page with a form, and send that filled in, to its own address or another."""
        token = token_of(self.get(page))
        return self.post(to or page, {"csrf_token": token, **fields})

    def sign_in(
        self, address: str, password: str = PASSWORD, remember: bool = False, **more: str
    ) -> TestResponse:
        """Fill in the sign-in page."""
        fields = {"email": address, "password": password, **({"remember": "1"} if remember else {}), **more}
        return self.send("/sign-in", fields)

    def follow(self, answer: TestResponse) -> TestResponse:
        """Go where a redirect leads, as far as it leads."""
        while 300 <= answer.status_int < 400:
            answer = self.get(answer.location.replace("http://localhost", ""))
        return answer


def signed_in(runtime: Runtime, address: str, agent: str = FIREFOX) -> Visitor:
    """Somebody's browser, signed in."""
    visitor = Visitor(runtime, agent)
    assert visitor.sign_in(address).status_int == 303
    return visitor


def token_of(page: TestResponse) -> str:
    """The form token that a page holds."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found, f"no form on the page: {page.status}"
    return found[1]


def path_of(answer: TestResponse) -> str:
    """Where a redirect leads, without the server's name."""
    return str(answer.location).replace("http://localhost", "")
