"""Starts a simulator as a process of its own, and waits until it listens.

For tests, benches and `make run`.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Self

from messa_platform.providers.simulator.process import ADDRESSES_FILE, Addresses

START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10.0
ASK_SECONDS: Final = 10.0


class DidNotStart(Exception):
    """The process ended, or listened to nobody in time; the text says which."""


class Refused(Exception):
    """The simulator did not do what it was asked; the text has its answer."""


class Running:
    """A simulator's process and its addresses."""

    def __init__(self, process: subprocess.Popen[bytes], addresses: Addresses) -> None:
        self._process = process
        self.addresses = addresses

    @classmethod
    def start(cls, journal: Path, *arguments: str) -> Self:
        """Start one on free ports of loopback, with more command-line arguments if given.

        Raises `DidNotStart`.
        """
        command: Sequence[str] = (
            *(sys.executable, "-m", "messa_platform.providers.simulator", "--journal", str(journal)),
            *("--http-port", "0", "--gateway-port", "0", "--smtp-port", "0", "--smpp-port", "0"),
            *arguments,
        )
        # The child finds the package where we found it, installed or not.
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        process = subprocess.Popen(  # noqa: S603 our own module
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        try:
            return cls(process, _wait_for_addresses(process, journal))
        except BaseException:
            process.kill()
            process.wait()
            raise

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask its HTTP interface, `body` as JSON; the answer's JSON.

        Raises `Refused` on anything but a 2xx, `OSError` where it cannot be reached.
        """
        addresses = self.addresses
        connection = http.client.HTTPConnection(addresses.host, addresses.http_port, timeout=ASK_SECONDS)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            content = answer.read().decode("utf-8")
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise Refused(f"{method} {path}: {answer.status} {content}")
        return json.loads(content)

    def stop(self) -> int:
        """End it in peace; its exit code. Killed if it does not."""
        self._process.terminate()
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def running(journal: Path, *arguments: str) -> Iterator[Running]:
    """A simulator for the length of the block. Raises `DidNotStart`."""
    simulator = Running.start(journal, *arguments)
    try:
        yield simulator
    finally:
        simulator.kill()


def _wait_for_addresses(process: subprocess.Popen[bytes], journal: Path) -> Addresses:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DidNotStart(f"the simulator ended with code {process.returncode}")
        with contextlib.suppress(OSError, ValueError):
            told: dict[str, Any] = json.loads((journal / ADDRESSES_FILE).read_text(encoding="utf-8"))
            # A simulator that was killed leaves its file behind.
            if told["pid"] == process.pid:
                return Addresses(**{name: told[name] for name in Addresses.__slots__})
        time.sleep(0.02)
    raise DidNotStart(f"the simulator did not listen within {START_SECONDS:g} s")
