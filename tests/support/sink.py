"""The SMSC sink as a process of its own, and what tests ask of it."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.support.processes import HOST, Child, free_port, listens
from tests.support.sink_journal import Taken, read_journal
from tests.support.sink_receipts import Options


@dataclass
class Sink:
    """A running sink."""

    port: int
    control_port: int
    journal_path: Path
    process: Child

    def journal(self) -> list[Taken]:
        """Every submit_sm that it took, in the order in which they came."""
        return read_journal(self.journal_path)

    def statistics(self) -> dict[str, int]:
        """By the names of `smsc_sink.Statistics`, and `receipts_waiting`."""
        return self._say("statistics")

    def cut(self) -> None:
        """Drop every connection, as a network does."""
        self._say("cut")

    def _say(self, command: str) -> dict[str, int]:
        with socket.create_connection((HOST, self.control_port), timeout=20) as connection:
            connection.sendall(command.encode() + b"\n")
            with connection.makefile("rb") as answer:
                told: dict[str, int] = json.loads(answer.readline())
                return told


@contextlib.contextmanager
def running_sink(directory: Path, options: Options | None = None) -> Iterator[Sink]:
    """A sink on free ports, whose journal and log are in `directory`."""
    port, control = free_port(), free_port()
    journal = directory / "sink.journal"
    told = [f"--{name.replace('_', '-')}={value}" for name, value in asdict(options or Options()).items()]
    process = Child(
        [
            *(sys.executable, "-m", "tests.support.smsc_sink", "--port", str(port)),
            *("--control", str(control), "--journal", str(journal), *told),
        ],
        directory / "sink.log",
    )
    try:
        process.until(lambda: listens(control))
        yield Sink(port, control, journal, process)
    finally:
        process.end()
