"""An SMTP server on a real socket, with a real database behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.db import Database
from messa_platform.mail.committer import Committer
from messa_platform.mail.gatekeeper import Gatekeeper
from messa_platform.mail.server import Handler, SmtpServer
from messa_platform.mail.settings import SmtpSettings
from tests.support.smtp_server import LOOPBACK, Serve, Served


@pytest.fixture
def serve(database: Database, clock: FixedClock) -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(trusted: Any = LOOPBACK, at: Database = database, **values: Any) -> Served:
            settings = SmtpSettings(port=0, **values)
            stored: list[None] = []
            committer = Committer(at.engine, lambda: stored.append(None))
            gatekeeper = Gatekeeper(at, "messa.example", trusted)
            server = SmtpServer(Handler(gatekeeper, committer, clock, settings), settings, "messa.example")
            server.start()
            stack.callback(committer.close)
            stack.callback(server.close)
            return Served(server, database, stored)

        yield start


@pytest.fixture
def served(serve: Serve) -> Served:
    return serve()
