"""Brokers of a test's own."""

from __future__ import annotations

import contextlib
import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

from tests.support.processes import HOST, Child, free_port, listens, program, wait_for


@contextlib.contextmanager
def redis(directory: Path) -> Iterator[str]:
    """A Redis of our own; its URL."""
    port = free_port()
    server = Child(
        [
            *(program("redis-server", "redis-server"), "--port", str(port), "--bind", HOST),
            *("--dir", str(directory), "--save", "", "--appendonly", "no"),
        ],
        directory / "redis.log",
    )
    try:
        server.until(lambda: listens(port))
        yield f"redis://{HOST}:{port}/0"
    finally:
        server.end()


@contextlib.contextmanager
def rabbitmq(directory: Path) -> Iterator[str]:
    """A RabbitMQ of our own, with a port mapper of its own, which Erlang would else leave behind; its URL."""
    port, distribution, mapper = free_port(), free_port(), free_port()
    environment = _prepared(directory, port, distribution, mapper)
    names = Child(
        [program("epmd", "erlang-base"), "-port", str(mapper), "-address", HOST], directory / "epmd.log"
    )
    # Debian's wrapper of the same name would become another user, who cannot come here
    binary = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    assert binary.exists(), "RabbitMQ is missing, which this test needs: apt-get install rabbitmq-server"
    server = None
    try:
        names.until(lambda: listens(mapper))
        server = Child([str(binary)], directory / "rabbitmq.log", environment)
        server.until(lambda: "Starting broker... completed" in server.said or listens(port), 90)
        wait_for(lambda: listens(port), 60, "RabbitMQ listens")
        yield f"amqp://guest:guest@{HOST}:{port}/"
    finally:
        if server is not None:
            os.killpg(server.process.pid, signal.SIGKILL)  # with its helpers; nothing of it is worth keeping
            server.process.wait()
        names.end()


def _prepared(directory: Path, port: int, distribution: int, mapper: int) -> dict[str, str]:
    """Files for a RabbitMQ that shares nothing with the machine's own; gives its environment."""
    (directory / "plugins").write_text("[].\n")
    cookie = directory / ".erlang.cookie"
    cookie.write_text(uuid.uuid4().hex)
    cookie.chmod(0o400)
    return {
        "HOME": str(directory),
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": HOST,
        "RABBITMQ_NODENAME": f"messa-{uuid.uuid4().hex[:8]}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": HOST,
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
        "RABBITMQ_LOG_BASE": str(directory / "log"),
        "RABBITMQ_PID_FILE": str(directory / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
        "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(directory / "advanced"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        # in place of the shell, so that the signal comes to it
        "RABBITMQ_ALLOW_INPUT": "1",
        "RABBITMQ_SERVER_START_ARGS": "-noinput",
    }
