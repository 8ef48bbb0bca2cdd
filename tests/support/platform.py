"""The platform as it runs: real processes, a real database, a simulator, and what a person would do with them.

Everything is started on free ports and ended by its process id.
"""

from __future__ import annotations

import contextlib
import smtplib
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from pathlib import Path
from typing import Any, Self, TypeVar

import psycopg
from sqlalchemy import text
from sqlalchemy.engine import make_url

from messa_platform import demo
from messa_platform.core.clock import SystemClock
from messa_platform.core.db import Database, make_engine
from messa_platform.providers.simulator.launch import Running, running
from messa_platform.providers.simulator.process import Addresses
from tests.support.dns_server import DnsServer, a_dns_server
from tests.support.processes import (
    HOST,
    Answer,
    Child,
    ask,
    free_port,
    wait_for,
)

T = TypeVar("T")

MESSA = (sys.executable, "-m", "messa_platform.cli")
USER = "user@demo.example"
ANNA = "0701740605@messa.example"
ANNAS_PHONE = "+46701740605"


@contextlib.contextmanager
def database_of(server: str, template: str) -> Iterator[str]:
    """A copy of the template database for the length of the block; its URL."""
    name = f"platform_{uuid.uuid4().hex}"
    plain = server.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())


def mail(
    body: str = "Från e-post till sms",
    subject: str = "Hej",
    sender: str = USER,
    to: str = ANNA,
    **headers: str,
) -> EmailMessage:
    """A mail as an ordinary program writes it; `headers` with `_` for `-`."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = to
    if subject:
        message["Subject"] = subject
    message["Message-ID"] = make_msgid(domain="demo.example")
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(body + "\n")
    return message


def send_mail(port: int, message: EmailMessage | bytes, *recipients: str, sender: str = USER) -> float:
    """Hand a mail over by SMTP; when it was answered 250, by the monotonic clock."""
    with smtplib.SMTP(HOST, port, timeout=30) as smtp:
        refused = smtp.sendmail(sender, recipients or (ANNA,), bytes(message))
        assert not refused, refused
        return time.monotonic()


class Platform:
    """The platform's processes, a simulator and a DNS server, over one database. Nothing runs before `start`."""

    def __init__(
        self, url: str, directory: Path, simulator: Running, dns: DnsServer, ports: tuple[int, int]
    ) -> None:
        self.url, self.directory, self.simulator, self.dns = url, directory, simulator, dns
        self.web_port, self.smtp_port = ports
        self.database = Database(make_engine(url, pool_size=2))
        addresses = simulator.addresses
        self.environment = {
            "DATABASE_URL": url,
            "MESSA_WEB_PORT": str(self.web_port),
            "MESSA_SMTP_PORT": str(self.smtp_port),
            "MESSA_RELAY_PORT": str(addresses.smtp_port),
            "MESSA_WEB_SIMULATOR_URL": addresses.http,
            "MESSA_MESSA_PUBLIC_URL": f"http://{HOST}:{self.web_port}",
            "MESSA_DNS_RESOLVER": dns.resolver,
        }
        self.children: list[Child] = []

    def run(self, *arguments: str, settings: str = "development.ini", log: str = "messa.log") -> Child:
        """Start a `messa` command; it is ended with the platform."""
        return self.run_program(*MESSA, "--settings", settings, *arguments, log=log)

    def run_program(self, *command: str, log: str) -> Child:
        """Start a program with the platform's settings; it is ended with the platform."""
        child = Child(command, self.directory / log, self.environment)
        self.children.append(child)
        return child

    def start(self, **settings: str) -> Self:
        """Start `messa serve`, with more settings from the environment, and wait until it is ready."""
        self.environment.update(settings)
        self.run("serve").until(self.is_ready)
        return self

    def is_ready(self) -> bool:
        """Whether /readyz says so."""
        try:
            return self.get("/readyz").status == 200
        except OSError:
            return False

    def stop(self) -> None:
        """End every process of the platform in peace, the last one first; the simulator stays."""
        while self.children:
            self.children.pop().end()

    def kill(self) -> None:
        """End every process of the platform at once with -9; the simulator stays."""
        for child in self.children:
            child.process.kill()
        while self.children:
            self.children.pop().process.wait()

    def restart(self) -> None:
        """Kill the platform and start it again."""
        self.kill()
        self.start()

    def get(self, path: str, **headers: str) -> Answer:
        """GET from the platform's web server."""
        return ask(self.web_port, "GET", path, None, **headers)

    def send(self, message: EmailMessage | bytes, *recipients: str, sender: str = USER) -> float:
        """Hand a mail over by SMTP; when it was answered 250, by the monotonic clock."""
        return send_mail(self.smtp_port, message, *recipients, sender=sender)

    def until(self, what: Callable[[], T | None], seconds: float = 15.0, says: str = "it") -> T:
        """Wait as `wait_for` does; a failure shows what the processes said last."""
        try:
            return wait_for(what, seconds, says)
        except AssertionError as failure:
            logs = "\n".join(f"{child.log.name}: {child.said[-3000:]}" for child in self.children)
            raise AssertionError(f"{failure}\n{logs}") from None

    def phone(self, number: str = ANNAS_PHONE) -> list[dict[str, Any]]:
        """The texts that a phone has received, oldest first."""
        texts: list[dict[str, Any]] = self.simulator.ask("GET", f"/simulator/phones/{number}")
        return texts

    def texts(self, number: str = ANNAS_PHONE) -> list[str]:
        """What they say."""
        return [received["text"] for received in self.phone(number)]

    def until_on_phone(
        self, content: str, number: str = ANNAS_PHONE, seconds: float = 15.0
    ) -> dict[str, Any]:
        """Wait until a phone has a text that says `content`; gives it."""
        return self.until(
            lambda: next((t for t in self.phone(number) if t["text"] == content), None),
            seconds,
            f"{content!r} on {number}",
        )

    def reply(self, content: str, to: str, phone: str = ANNAS_PHONE) -> None:
        """Answer from a phone."""
        self.simulator.ask("POST", f"/simulator/phones/{phone}/replies", {"to": to, "text": content})

    def mails(self, to: str) -> list[dict[str, Any]]:
        """The mails that the platform has sent to an address, oldest first."""
        sent: list[dict[str, Any]] = self.simulator.ask("GET", f"/simulator/mails?to={to}")
        return sent

    def until_mails(self, to: str, count: int = 1, seconds: float = 15.0) -> list[dict[str, Any]]:
        """Wait until so many mails to an address have been sent; gives them."""
        return self.until(
            lambda: mails if len(mails := self.mails(to)) >= count else None,
            seconds,
            f"{count} mails to {to}",
        )

    def statuses(self, content: str) -> list[str]:
        """The statuses that the message with this text has passed, in order."""
        return [row.status for row in self.rows(_STATUSES, content=content)]

    def rows(self, statement: str, **parameters: Any) -> list[Any]:
        """The rows of a query, or of a statement that returns some."""
        with self.database.unit_of_work() as session:
            return list(session.execute(text(statement), parameters))

    def do(self, statement: str, **parameters: Any) -> None:
        """Run a statement."""
        with self.database.unit_of_work() as session:
            session.execute(text(statement), parameters)

    def value(self, statement: str, **parameters: Any) -> Any:
        """The one value of a query."""
        return self.rows(statement, **parameters)[0][0]

    def settled(self, seconds: float = 20.0) -> None:
        """Wait until every mail has been read, every text sent and every mail of ours delivered."""
        self.until(lambda: self.value(_NOTHING_OPEN), seconds, "all work done")

    @contextlib.contextmanager
    def without_database(self) -> Iterator[None]:
        """Nobody reaches the database within the block, and who had reached it is cut off."""
        self.database.close()
        url = make_url(self.url)
        other = url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
        with psycopg.connect(other, autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS false'.encode())
            cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(cut, [url.database])
            try:
                yield
            finally:
                connection.execute(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS true'.encode())

    def close(self) -> None:
        """End what still runs."""
        try:
            self.stop()
        finally:
            for child in self.children:
                child.kill()
            self.database.close()


_NOTHING_OPEN = (
    "SELECT NOT EXISTS (SELECT FROM inbound_mail WHERE state IN ('ready', 'leased')) AND NOT EXISTS (SELECT FROM dispatch_queue)"
    " AND NOT EXISTS (SELECT FROM outgoing_mail WHERE state IN ('ready', 'leased'))"
)


_STATUSES = "SELECT e.status FROM message_event e JOIN message m ON m.id = e.message_id WHERE m.text = :content AND e.changed ORDER BY e.id"


@contextlib.contextmanager
def a_platform(server: str, template: str, directory: Path) -> Iterator[Platform]:
    """A platform with the demo in a database of its own and a simulator; not started yet, ended with the block."""
    web_port, smtp_port = free_port(), free_port()
    callbacks = f"http://{HOST}:{web_port}/providers/simulator"
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(database_of(server, template))
        simulator = stack.enter_context(
            running(directory / "simulator", "--callback-url", callbacks, "--delivery-ms", "50")
        )
        dns = stack.enter_context(a_dns_server())
        platform = Platform(url, directory, simulator, dns, (web_port, smtp_port))
        stack.callback(platform.close)
        with platform.database.unit_of_work() as session:
            demo.load(session, SystemClock().now())
        point_channels_at(platform, simulator.addresses)
        yield platform


def point_channels_at(platform: Platform, addresses: Addresses) -> None:
    """Make the demo's channels speak to the simulator that listens there."""
    for plugin, port in (("simulator", addresses.gateway_port), ("smpp", addresses.smpp_port)):
        platform.do(
            "UPDATE channel SET settings = settings || jsonb_build_object('port', CAST(:port AS int)) WHERE plugin = :plugin",
            port=port,
            plugin=plugin,
        )
