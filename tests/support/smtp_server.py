"""A running SMTP server, what is said to it, and what it has stored."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from sqlalchemy import text

from messa_platform.core.db import Database
from messa_platform.mail.server import SmtpServer
from tests.support.processes import HOST

SENDER = "anna@kommun.example"
LOOPBACK = (ip_network("127.0.0.0/8"),)


@dataclass
class Served:
    """A running server, and the database that its mails go to."""

    server: SmtpServer
    database: Database
    stored: list[None]

    @property
    def port(self) -> int:
        return self.server.address[1]

    def connect(self) -> smtplib.SMTP:
        """A connection that has said EHLO."""
        smtp = smtplib.SMTP(HOST, self.port, timeout=20)
        smtp.ehlo("mx.kommun.example")
        return smtp

    def rows(self) -> list[Any]:
        """The mails that are on disk, in the order of their arrival."""
        with self.database.unit_of_work() as session:
            return list(session.execute(text("SELECT * FROM inbound_mail ORDER BY id")))


Serve = Callable[..., Served]


def rcpt(served: Served, address: str, sender: str = SENDER) -> tuple[int, str]:
    """What is answered to RCPT."""
    with served.connect() as smtp:
        assert smtp.docmd(f"MAIL FROM:<{sender}>")[0] == 250
        code, answer = smtp.docmd(f"RCPT TO:<{address}>")
        return code, answer.decode()
