"""Processes that tests start, and what they say to them over ports of this machine.

Whoever waits, waits for something to come true, with a deadline.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

T = TypeVar("T")

REPOSITORY = Path(__file__).parents[2]
HOST = "127.0.0.1"

START_SECONDS = 60.0
STOP_SECONDS = 30.0


def wait_for(what: Callable[[], T | None], seconds: float = 15.0, says: str = "it") -> T:
    """Ask until the answer is true; gives that answer. Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = what()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{says} did not come true within {seconds:g} s; last: {answer!r}"
        time.sleep(0.02)


def never(what: Callable[[], Any], seconds: float) -> None:
    """Ask for a while; fails as soon as the answer is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = what()
        assert not answer, answer
        time.sleep(0.02)


def free_port() -> int:
    """A port that nobody listens on, outside the range from which the system hands out ports to others."""
    while True:
        port = random.SystemRandom().randrange(15_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((HOST, port))
                return port


def listens(port: int) -> bool:
    """Whether somebody takes connections on a port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def program(name: str, package: str) -> str:
    """Where a program lies. Fails, naming the Debian package that has it, where it is missing."""
    found = shutil.which(
        name, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin{os.pathsep}/usr/lib/rabbitmq/bin"
    )
    assert found, f"{name} is missing, which this test needs: apt-get install {package}"
    return found


class Child:
    """A process that a test started, in a session of its own; what it says goes into a file."""

    def __init__(
        self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.command, self.log = command, log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """All that it has written."""
        return self.log.read_text("utf-8", "replace")

    @property
    def runs(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def until(self, ready: Callable[[], bool], seconds: float = START_SECONDS) -> Self:
        """Wait until it is ready; fails, with its last words, if it ends before or is not ready in time."""

        def check() -> bool:
            assert self.runs, f"{self.command} ended with {self.process.returncode}"
            return ready()

        try:
            wait_for(check, seconds, " ".join(self.command))
        except AssertionError as error:
            self.kill()
            raise AssertionError(f"{error}\n{self.said[-4000:]}") from None
        except BaseException:
            self.kill()
            raise
        return self

    def end(self, number: int = signal.SIGTERM) -> int:
        """End it in peace; its exit code. Fails if it does not end."""
        if self.runs:
            self.process.send_signal(number)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.command} did not end:\n{self.said[-4000:]}") from None

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()


@dataclass
class Answer:
    """What an HTTP server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def ask(port: int, method: str, path: str, body: bytes | None, /, **headers: str) -> Answer:
    """One HTTP request to this machine. Raises OSError if nobody answers."""
    connection = http.client.HTTPConnection(HOST, port, timeout=20)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()
