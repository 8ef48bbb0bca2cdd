"""The embedded PostgreSQL as tests see it from outside: processes that hold it, what runs for a folder, and questions to it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil
import psycopg

import messa_platform
from messa_platform.core.embedded import Binaries, Held, attach, find_binaries

AS_ROOT = os.geteuid() == 0
FOUND = find_binaries()
T = TypeVar("T")
WITHIN = 15.0  # seconds that a busy machine may take for what takes tenths of one

PACKAGE = str(Path(messa_platform.__file__).parent)
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

# The package by hand, without its composition root: that would import the whole platform into each process.
HOLDER = """
import sys, types
from pathlib import Path
package = sys.modules["messa_platform"] = types.ModuleType("messa_platform")
package.__path__ = [sys.argv[5]]
from messa_platform.core.embedded import Binaries, attach
from messa_platform.core.embedded.binaries import Origin

folder, version, origin = sys.argv[2:5]
held = attach(Path(sys.argv[1]), binaries=[Binaries(Path(folder), version, Origin(origin))])
"""

STAY = """
print(held.dsn, flush=True)
sys.stdin.readline()
held.close()
print("closed", flush=True)
"""


@dataclass
class Holder:
    """A process that holds the server until it is told to close, or killed."""

    process: subprocess.Popen[str]

    def dsn(self) -> str:
        """Waits until it holds."""
        assert self.process.stdout is not None
        said = self.process.stdout.readline().strip()
        assert said.startswith("postgresql:"), "the holder did not get the server"
        return said

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        said, _ = self.process.communicate("\n", timeout=60)
        assert said == "closed\n"


@contextmanager
def public_folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="messa-test-")).resolve()
    made.chmod(0o755)
    try:
        yield made
    finally:
        for process in of_folder(made):
            process.kill()
        shutil.rmtree(made)


def of_folder(folder: Path) -> list[psutil.Process]:
    """The servers and watchdogs whose data lies in the folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = " ".join(process.info["cmdline"] or ())
        if f"{folder}/" in line and ("watch.py" in line or "/postgres " in line):
            found.append(process)
    return found


def the_watchdog(folder: Path) -> psutil.Process:
    (found,) = [process for process in of_folder(folder) if "watch.py" in " ".join(process.cmdline())]
    return found


def postmaster(folder: Path) -> int:
    """The pid of the server of `folder / "db"`."""
    return int((folder / "db" / "pgdata" / "postmaster.pid").read_text().split()[0])


def lives(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        # The first thread may be a zombie while others are still about to go, with the files and locks of all.
        return bool(process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1)
    except psutil.NoSuchProcess:
        return False


def in_time(true: Callable[[], T]) -> T:
    """What it gives as soon as that is true or not empty, or when the time is up."""
    deadline = time.monotonic() + WITHIN
    while not (found := true()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def nothing_runs(folder: Path) -> bool:
    """Whether neither server nor watchdog are left, which is so a moment after the last holder is gone."""
    return in_time(lambda: not of_folder(folder))


def ask(dsn: str, question: str) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(question.encode()).fetchone()
        assert row is not None
        return row[0]


def tell(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(statement.encode())


def attach_here(folder: Path, binaries: Binaries) -> Held:
    return attach(folder / "db", binaries=[binaries])
