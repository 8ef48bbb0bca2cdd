"""Behind a reverse proxy: whose word on the client's address counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from messa_platform.core.site import WebSettings
from messa_platform.core.web_server import WebServer
from messa_platform.serve import proxy_adjustments
from tests.support.processes import HOST, ask


def tells(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answers with what it knows of the client."""
    start("200 OK", [("Content-Type", "text/plain")])
    forwarded = environ.get("HTTP_X_FORWARDED_FOR", "-")
    return [f"{environ['REMOTE_ADDR']} {environ['wsgi.url_scheme']} {forwarded}".encode()]


@pytest.mark.parametrize(
    ("proxy", "known"),
    [
        ("", "127.0.0.1 http -"),
        ("192.0.2.1", "127.0.0.1 http -"),
        ("127.0.0.1", "198.51.100.7 https 198.51.100.7"),
    ],
    ids=["none is named", "another one is named", "it is named"],
)
def test_only_the_proxy_that_is_named_may_say_who_the_client_is(proxy: str, known: str) -> None:
    server = WebServer(tells, HOST, 0, 1, **proxy_adjustments(WebSettings(trusted_proxy=proxy)))
    server.start()
    try:
        said = {"X_Forwarded_For": "198.51.100.7", "X_Forwarded_Proto": "https"}
        assert ask(server.port, "GET", "/", None, **said).body.decode().startswith(known)
    finally:
        server.close()
