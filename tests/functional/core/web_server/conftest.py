"""A server of the small application, and connections to it."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterator

import pytest

from messa_platform.core.web_server import (
    WebServer,
)
from tests.support.processes import HOST
from tests.support.served import App, Connect, serving


@pytest.fixture
def app() -> App:
    """The application."""
    return App()


@pytest.fixture
def server(app: App) -> Iterator[WebServer]:
    """A server of the application."""
    with serving(app) as running:
        yield running


@pytest.fixture
def connect(server: WebServer) -> Iterator[Connect]:
    """Opens connections; all are closed in the end."""
    with contextlib.ExitStack() as stack:

        def opened() -> http.client.HTTPConnection:
            return stack.enter_context(
                contextlib.closing(http.client.HTTPConnection(HOST, server.port, timeout=20))
            )

        yield opened
