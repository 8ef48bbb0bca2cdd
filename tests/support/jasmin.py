"""Jasmin, a gateway of others: its SMPP server and its HTTP API in front, an SMSC behind, Redis and RabbitMQ beside, all of a test's own.

It comes from PyPI into `.venv-jasmin` (`sh scripts/set-up.sh jasmin`). The layout is the one that it recommends: `dlrlookupd` and `dlrd` are
processes apart from `jasmind`.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import pika
import pika.exceptions

from tests.support.brokers import rabbitmq, redis
from tests.support.processes import HOST, REPOSITORY, Child, free_port, wait_for

ENVIRONMENT = REPOSITORY / ".venv-jasmin"
PYTHON = ENVIRONMENT / "bin" / "python"

USER, PASSWORD = "messa", "secret-8"
"""Of its SMPP server and of its HTTP API; SMPP 3.4 has passwords of 8 characters."""

# Its daemons lock fixed names in /tmp, so that only one could run on a machine, and two of them speak to the system's log alone.
LAUNCHER = """
import lockfile, os, runpy, sys, syslog
real = lockfile.FileLock
lockfile.FileLock = lambda path, *more: real(os.path.join(os.environ["LOG_PATH"], os.path.basename(path)), *more)
syslog.syslog = lambda *said: print(*said, flush=True)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""

# What is not said here is as Jasmin has it, but for its pauses of ten seconds to two minutes after anything that goes wrong.
SETTINGS = """
[smpp-server]
bind = {host}
port = {smpp}
[smpp-server-pb]
bind = {host}
port = {smpp_inner}
[smpp-server-pb-client]
host = {host}
port = {smpp_inner}
[client-management]
bind = {host}
port = {clients}
store_path = {store}
[router]
bind = {host}
port = {router}
store_path = {store}
[http-api]
bind = {host}
port = {http}
[jcli]
bind = {host}
port = {console}
authentication = False
[sm-listener]
submit_retrial_delay_smppc_not_ready = 1
[dlr]
dlr_lookup_retry_delay = 1
dlr_lookup_max_retries = 60
[dlr-thrower]
http_timeout = 5
retry_delay = 1
max_retries = 60
[amqp-broker]
host = {host}
port = {amqp}
spec = {specification}
connection_loss_retry_delay = 1
connection_failure_retry_delay = 1
[redis-client]
host = {host}
port = {redis}
"""


@dataclass
class Jasmin:
    """A running Jasmin."""

    smpp_port: int
    http_port: int
    user: str
    password: str
    directory: Path
    """With its log files."""
    children: list[Child]
    """Its own processes; the brokers' are not among them."""

    def start(self, daemon: str, ready: str) -> None:
        """Start one of its daemons, and wait until it says that it is ready."""
        program = ENVIRONMENT / "bin" / f"{daemon}.py"
        child = Child(
            [str(PYTHON), "-c", LAUNCHER, str(program), "-c", str(self.directory / "jasmin.cfg")],
            self.directory / f"{daemon}.log",
            {"LOG_PATH": str(self.directory), "CONFIG_PATH": str(self.directory)},
        )
        self.children.append(child)
        child.until(lambda: ready in child.said or "Cannot start" in child.said)
        assert "Cannot start" not in child.said, child.said

    def end(self) -> None:
        """End what runs; nothing of it is worth keeping."""
        for child in self.children:
            child.kill()


@contextlib.contextmanager
def running_jasmin(sink_port: int, directory: Path, connectors: int = 4) -> Iterator[Jasmin]:
    """A Jasmin that sends all that comes to the SMSC at `sink_port`, over so many sessions, each with one text on its way.

    Its user may bind its SMPP server any number of times, and send as fast as it can. `directory` is an empty folder.
    """
    assert PYTHON.exists(), (
        f"Jasmin is missing, which this test needs ({PYTHON}): sh scripts/set-up.sh jasmin"
    )
    with contextlib.ExitStack() as stack:
        brokers = _brokers(stack, directory)
        ports = {name: free_port() for name in ("smpp", "smpp_inner", "clients", "router", "http", "console")}
        (directory / "store").mkdir()
        (directory / "jasmin.cfg").write_text(
            SETTINGS.format(
                **ports,
                redis=urlsplit(brokers["redis"]).port,
                amqp=urlsplit(brokers["rabbitmq"]).port,
                host=HOST,
                store=directory / "store",
                specification=_specification(),
            )
        )
        jasmin = Jasmin(ports["smpp"], ports["http"], USER, PASSWORD, directory, [])
        stack.callback(jasmin.end)
        # It may listen before it takes anybody, and Jasmin does not try again where it was refused.
        wait_for(lambda: _takes_connections(brokers["rabbitmq"]), 60, "RabbitMQ takes connections")
        jasmin.start("jasmind", "jCli Started.")
        jasmin.start("dlrlookupd", "DLRLookup Started.")
        jasmin.start("dlrd", "DLRThrower Started.")
        wait_for(lambda: _is_read(brokers["rabbitmq"], "DLRLookup-main"), says="receipts are looked up")
        with Console(ports["console"]) as console:
            _configure(console, sink_port, connectors)
            wait_for(
                lambda: console.say("smppccm -l").count("BOUND_TRX") == connectors, says="Jasmin is bound"
            )
        yield jasmin


def _brokers(stack: contextlib.ExitStack, directory: Path) -> dict[str, str]:
    """Start both at once; their URLs."""
    kinds = {"redis": redis, "rabbitmq": rabbitmq}
    for name in kinds:
        (directory / name).mkdir()
    with ThreadPoolExecutor() as threads:
        starting = {
            name: threads.submit(stack.enter_context, broker(directory / name))
            for name, broker in kinds.items()
        }
    return {name: each.result() for name, each in starting.items()}


def _specification() -> Path:
    """AMQP's, which txAMQP reads at its start; Jasmin's own copy is not installed with it."""
    return next(ENVIRONMENT.glob("lib/python3*/site-packages/txamqp/specs/standard/amqp0-9-1.stripped.xml"))


def _takes_connections(url: str) -> bool:
    """Whether RabbitMQ lets somebody in."""
    try:
        pika.BlockingConnection(pika.URLParameters(url)).close()
    except pika.exceptions.AMQPError:
        return False
    return True


def _is_read(url: str, queue: str) -> bool:
    """Whether somebody takes what comes into a queue of RabbitMQ."""
    with contextlib.closing(pika.BlockingConnection(pika.URLParameters(url))) as connection:
        try:
            return bool(connection.channel().queue_declare(queue, passive=True).method.consumer_count)
        except pika.exceptions.ChannelClosedByBroker:  # there is no such queue yet
            return False


class Console:
    """Its console, `jcli`: a line, and what it says until it asks for the next."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HOST, port), timeout=20)
        self._heard(b"Session ref: ")  # it greets whoever needs no password without asking for a line

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def say(self, line: str) -> str:
        """What it answers, with the line itself."""
        self._socket.sendall(line.encode() + b"\r\n")
        return self._heard(b"jcli : ", b"> ")

    def add(self, command: str, **values: object) -> None:
        """Add something. Fails if that was not done."""
        self.say(f"{command} -a")
        for name, value in values.items():
            self.say(f"{name} {value}")
        told = self.say("ok")
        assert "Successfully added" in told, f"jcli: {command} {values}: {told}"

    def _heard(self, *ends: bytes) -> str:
        heard = b""
        while not heard.rstrip(b"0123456789\r\n").endswith(ends):
            part = self._socket.recv(1 << 14)
            assert part, f"jcli has closed the connection: {heard!r}"
            heard += part
        return heard.decode("latin-1")


def _configure(console: Console, sink_port: int, connectors: int) -> None:
    """The user, the sessions to the sink, and the route to them."""
    console.add("group", gid="all")
    console.add("user", username=USER, password=PASSWORD, gid="all", uid="messa")
    names = [f"sink{number:02d}" for number in range(connectors)]
    for name in names:
        console.add(
            "smppccm",
            **{"cid": name, "host": HOST, "port": sink_port, "username": "jasmin", "password": "secret"},
            **{"submit_throughput": 0, "requeue_delay": 1, "con_loss_delay": 1, "con_fail_delay": 1},
        )
        assert "Successfully started" in (told := console.say(f"smppccm -1 {name}")), told
    console.add("mtrouter", type="DefaultRoute", rate=0.0, connector=f"smppc({names[0]})")
    if connectors > 1:
        console.add("filter", type="TransparentFilter", fid="any")
        console.add(
            "mtrouter",
            **{"type": "RandomRoundrobinMTRoute", "order": 10, "filters": "any", "rate": 0.0},
            connectors=";".join(f"smppc({name})" for name in names),
        )
