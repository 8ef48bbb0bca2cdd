"""What tests do to code from the outside: run it in many threads at once, watch its statements, ask for its plans."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Engine, event, text

from messa_platform.core.db import Database

T = TypeVar("T")


def together(actions: Sequence[Callable[[], T]]) -> list[T]:
    """Run actions at once, each in a thread of its own; gives what they gave, in order, and raises what one raised."""
    gate = threading.Barrier(len(actions))

    def run(action: Callable[[], T]) -> T:
        gate.wait(30)
        return action()

    with ThreadPoolExecutor(len(actions)) as threads:
        return [future.result() for future in [threads.submit(run, action) for action in actions]]


_BLOCKED = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def wait_until_blocked(database: Database, transactions: int = 1) -> None:
    """Wait until so many transactions wait for a lock of another."""
    deadline = time.monotonic() + 30
    while True:
        with database.unit_of_work() as session:
            blocked: int = session.execute(_BLOCKED).scalar_one()
        if blocked >= transactions:
            return
        assert time.monotonic() < deadline, f"only {blocked} wait"
        time.sleep(0.01)


@contextmanager
def dawdling(engine: Engine, seconds: float) -> Iterator[None]:
    """Within the block every statement of `engine` begins `seconds` late, so that others come between."""

    def wait(*_: Any) -> None:
        time.sleep(seconds)

    event.listen(engine, "before_cursor_execute", wait)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", wait)


@dataclass(frozen=True)
class Statement:
    """A statement as the driver got it."""

    text: str
    parameters: Any


@contextmanager
def statements(engine: Engine) -> Iterator[list[Statement]]:
    """The statements that are executed within the block, in order."""
    seen: list[Statement] = []

    def note(_connection: Any, _cursor: Any, sql: str, parameters: Any, _context: Any, _many: bool) -> None:
        seen.append(Statement(sql, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def generic_plan(url: str, statement: Statement) -> dict[str, Any]:
    """Execute a statement as one that was prepared long ago, whose plan knows no values, and give that plan with what was done by it.

    What it changed is rolled back.
    """
    names = list(dict.fromkeys(_PLACEHOLDER.findall(statement.text)))
    numbered = _PLACEHOLDER.sub(lambda match: f"${names.index(match[1]) + 1}", statement.text)
    dsn = url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(dsn, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute("SET plan_cache_mode = force_generic_plan")
        connection.execute(f"PREPARE it AS {numbered}".encode())
        marks = ", ".join(["%s"] * len(names))
        row = connection.execute(
            f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE it ({marks})".encode(),
            [statement.parameters[name] for name in names],
        ).fetchone()
        connection.rollback()
    assert row is not None
    return _root(row[0])


def plan(url: str, statement: Statement) -> dict[str, Any]:
    """The plan of a statement with its values known; nothing is executed."""
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        row = connection.execute(
            f"EXPLAIN (FORMAT JSON) {statement.text}".encode(), statement.parameters
        ).fetchone()
        connection.rollback()
    assert row is not None
    return _root(row[0])


def _root(explained: Any) -> dict[str, Any]:
    plans = json.loads(explained) if isinstance(explained, str) else explained
    root: dict[str, Any] = plans[0]["Plan"]
    return root


def nodes(root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every node of a plan."""
    yield root
    for child in root.get("Plans", []):
        yield from nodes(child)


def scanned(root: dict[str, Any]) -> set[str]:
    """The tables that a plan reads; those that an execution turned out not to need are left out."""
    return {
        node["Relation Name"]
        for node in nodes(root)
        if "Relation Name" in node and node.get("Actual Loops", 1) and node["Node Type"] != "ModifyTable"
    }
