"""Exports whose workers die, stop or are called off (spec L2)."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from messa_platform.messaging.log.export_models import Format
from messa_platform.messaging.log.export_work import FOLDER
from messa_platform.messaging.log.exports import Stage
from tests.functional.messaging.log.conftest import Ordering, Town
from tests.support.export_worker import an_exporter
from tests.support.exports_at_work import MANY, Write, instead, many, messages_in, stands, stored
from tests.support.observe import together
from tests.support.processes import Child, wait_for


def ask_by_the_machines_clock(ordering: Ordering, **more: Any) -> UUID:
    """Ask for an export that workers with that clock make at once."""
    export_id = ordering.ask(**more)
    ordering.town.world.run("UPDATE export SET next_attempt_at = now()")
    return export_id


# Whatever dies


@pytest.fixture
def workers(town: Town, database_url: str, tmp_path: Path) -> Iterator[Callable[[], Child]]:
    """Starts workers in processes of their own, each holding an export for a second at a time."""
    started: list[Child] = []

    def start() -> Child:
        command = [sys.executable, "-m", "tests.support.export_worker", database_url, "1", str(tmp_path)]
        started.append(Child(command, tmp_path / f"worker-{len(started)}.log"))
        return started[-1]

    yield start
    for child in started:
        with suppress(ProcessLookupError):
            child.kill()


@pytest.mark.parametrize("kind", Format)
def test_after_kill_9_in_the_middle_another_worker_makes_the_whole_file(
    ordering: Ordering, town: Town, workers: Callable[[], Child], tmp_path: Path, kind: Format
) -> None:
    many(town, 60_000 if kind is Format.TEXT else MANY)
    export_id = ask_by_the_machines_clock(ordering, format=kind)
    first = workers()
    wait_for(lambda: stands(town, export_id).done > 0, 120, "some of it")
    first.kill()
    row = stands(town, export_id)
    assert (row.finished_at, row.state, stored(town, export_id)) == (None, "leased", [])
    assert list(tmp_path.glob(f"{FOLDER}*"))
    workers()
    wait_for(lambda: stands(town, export_id).finished_at, 240, "the whole of it")
    row = stands(town, export_id)
    assert (row.attempts, row.fault) == (2, None)
    assert messages_in(ordering.file(export_id), kind) == row.done == row.total
    wait_for(lambda: not list(tmp_path.glob(f"{FOLDER}*")), 20, "nothing left of the dead worker's")


def test_two_workers_do_not_make_one_export_twice(
    ordering: Ordering, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []

    def counted(write: Write) -> Write:
        def counting(*given: Any) -> int:
            written.append(1)
            time.sleep(2.5)  # longer than the lease, which is renewed meanwhile
            return write(*given)

        return counting

    instead(monkeypatch, counted)
    export_id = ask_by_the_machines_clock(ordering)
    ours, theirs = (an_exporter(town.world.database, 1) for _ in range(2))
    made = threading.Event()

    def look_again_and_again() -> None:
        while not made.is_set():
            theirs.run()
            time.sleep(0.05)

    def make() -> None:
        ours.run()
        made.set()

    together([make, look_again_and_again])
    assert len(written) == 1
    assert stands(town, export_id).attempts == 1
    assert len(stored(town, export_id)) == 1


def test_who_has_lost_an_export_leaves_nothing_of_it(
    ordering: Ordering, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(write: Write) -> Write:
        def losing(*given: Any) -> int:
            count = write(*given)
            town.world.run(
                "UPDATE export SET lease_id = gen_random_uuid(), next_attempt_at = now() + interval '1 h'"
            )
            return count

        return losing

    instead(monkeypatch, lost)
    export_id = ordering.ask()
    ordering.runtime.exporter.run()
    row = stands(town, export_id)
    assert (row.state, row.finished_at, row.size, row.fault) == ("leased", None, None, None)
    assert stored(town, export_id) == []


def test_one_that_is_called_off_while_it_is_made_ends_and_leaves_nothing(
    ordering: Ordering, town: Town, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    many(town)
    seen = []

    def called_off(write: Write) -> Write:
        def calling(*given: Any) -> int:
            *others, progress = given

            def look(done: int) -> None:
                if done == 6000:
                    assert ordering.cancel(export_id)
                seen.append(done)
                progress(done)

            return write(*others, look)

        return calling

    instead(monkeypatch, called_off)
    export_id = ordering.ask(format=Format.XLSX)
    ordering.work()
    assert seen[-1] == 8000  # the next time that it is told how far it has come
    row = stands(town, export_id)
    assert (row.state, row.finished_at, row.last_error) == ("done", None, None)
    assert ordering.get(export_id).stage is Stage.CANCELLED
    assert stored(town, export_id) == []


def test_a_worker_that_is_to_stop_lays_it_down_and_the_next_begins_at_once(
    ordering: Ordering, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = ordering.runtime.stopping

    def stopped(write: Write) -> Write:
        def stop(*given: Any) -> int:
            stopping.set()
            return write(*given)

        return stop

    with monkeypatch.context() as patched:
        instead(patched, stopped)
        export_id = ordering.ask()
        ordering.runtime.exporter.run()
    row = stands(town, export_id)
    assert (row.state, row.attempts, row.lease_id) == ("ready", 0, None)
    assert not ordering.runtime.exporter.run()  # nothing new is begun
    stopping.clear()
    assert ordering.made(export_id).done == 5


def test_what_dead_workers_left_is_swept_away_and_nothing_else(
    town: Town, ordering: Ordering, tmp_path: Path
) -> None:
    exporter = an_exporter(town.world.database, 60, tmp_path)
    export_id = ask_by_the_machines_clock(ordering)
    old, same, young, other = (
        tmp_path / name for name in (f"{FOLDER}1", f"{FOLDER}{export_id}-x", f"{FOLDER}2", "openpyxl.1")
    )
    for folder in (old, same, young, other):
        folder.mkdir()
        (folder / "1.xml").write_text("x")
    for folder in (old, other):
        os.utime(folder, (0, 0))
    assert exporter.run()
    assert {path.name for path in tmp_path.iterdir()} >= {young.name, other.name}
    assert not old.exists() and not same.exists()
