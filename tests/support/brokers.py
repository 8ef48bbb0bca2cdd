"""Brokers of a test's own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.support.processes import HOST, Child, free_port, listens, program


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
