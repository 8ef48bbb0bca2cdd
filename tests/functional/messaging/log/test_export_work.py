"""Exports made by workers that are killed, stopped, overtaken and in need of turns: each file is there once and whole, or not at all."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.messaging.log import files
from messa_platform.messaging.log.export_models import Fault, Format
from messa_platform.messaging.log.export_work import FOLDER, QUEUE
from messa_platform.messaging.log.exports import ACTOR, Stage
from messa_platform.runtime import Runtime
from messa_platform.runtime.jobs import ACTORS, looks
from tests.functional.messaging.log.conftest import MONDAY, Ordering, Town
from tests.support.export_worker import an_exporter
from tests.support.log_rows import Sent, store
from tests.support.observe import together
from tests.support.platform import Child, wait_for

MANY = 12_000
SECOND = timedelta(seconds=1)
Write = Callable[..., int]


def many(town: Town, count: int = MANY) -> None:
    """So many messages more."""
    anna = town.people["anna"]
    store(town.world, [Sent(MONDAY + n * SECOND, town.school, anna) for n in range(count)])


def stands(town: Town, export_id: UUID) -> Any:
    """The export's row as it is."""
    [row] = town.world.rows("SELECT * FROM export WHERE id = :id", id=export_id)
    return row


def stored(town: Town, export_id: UUID) -> list[int]:
    """The sizes of the pieces that are stored."""
    rows = town.world.rows(
        "SELECT octet_length(data) AS size FROM export_chunk WHERE export_id = :id ORDER BY place",
        id=export_id,
    )
    return [row.size for row in rows]


def ask_by_the_machines_clock(ordering: Ordering, **more: Any) -> UUID:
    """Ask for an export that workers with that clock make at once."""
    export_id = ordering.ask(**more)
    ordering.town.world.run("UPDATE export SET next_attempt_at = now()")
    return export_id


def instead(monkeypatch: pytest.MonkeyPatch, write: Callable[[Write], Write]) -> None:
    """Put something before the writing of files."""
    monkeypatch.setattr(files, "write", write(files.write))


# Made


@pytest.mark.parametrize("kind", Format)
def test_the_file_is_whole_in_pieces_of_a_mebibyte(
    ordering: Ordering, town: Town, kind: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("messa_platform.messaging.log.export_work.PIECE", 10_000)
    many(town, 500)
    made = ordering.made(ordering.ask(format=kind))
    sizes = stored(town, made.id)
    assert set(sizes[:-1]) == {10_000} and 0 < sizes[-1] <= 10_000
    file = ordering.file(made.id)
    assert len(file) == sum(sizes) == made.size
    assert messages_in(file, kind) == made.done == made.total == 505


def messages_in(file: bytes, kind: Format) -> int:
    if kind is Format.TEXT:
        return file.decode().count("\n") - 1
    sheet = openpyxl.load_workbook(BytesIO(file), read_only=True)["Logg"]
    return sum(1 for _ in sheet.iter_rows()) - 2


def test_it_speaks_the_language_that_was_asked_for(ordering: Ordering) -> None:
    for language, heading in (("sv", b"Datum\tGrupp"), ("en", b"Date\tGroup")):
        assert ordering.file(ordering.made(ordering.ask(language=language)).id).startswith(heading)


def test_how_far_it_has_come_is_seen_meanwhile(
    ordering: Ordering, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(town)
    seen = []

    def watched(write: Write) -> Write:
        def watching(*given: Any) -> int:
            *others, progress = given

            def look(done: int) -> None:
                progress(done)
                row = stands(town, export_id)
                seen.append((row.done, row.total, stored(town, export_id)))

            return write(*others, look)

        return watching

    instead(monkeypatch, watched)
    export_id = ordering.ask()
    ordering.made(export_id)
    assert [done for done, _, _ in seen] == [0, 4000, 4000, 8000, 8000, 12_000, 12_000]
    assert {total for _, total, _ in seen} == {MANY + 5}
    assert not any(pieces for _, _, pieces in seen)  # before it is whole there is nothing of it


def test_it_is_woken_by_its_queue(ordering: Ordering, runtime: Runtime) -> None:
    def woken() -> list[tuple[str, ...]]:
        with runtime.database.unit_of_work() as session:
            return [key for look in looks() for key in look(session, runtime.clock.now())]

    assert (ACTOR,) not in woken()
    ordering.ask()
    assert (ACTOR,) in woken()
    [spec] = [spec for spec in ACTORS if spec.name == ACTOR]
    assert spec.run(runtime, lambda: False)
    assert not spec.run(runtime, lambda: False)
    assert (ACTOR,) not in woken()


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


# What goes wrong


def failing(times: int) -> Callable[[Write], Write]:
    """Fail so often."""
    left = [times]

    def fails(write: Write) -> Write:
        def fail(*given: Any) -> int:
            left[0] -= 1
            if left[0] >= 0:
                raise OSError("No space left on device")
            return write(*given)

        return fail

    return fails


def test_what_failed_is_tried_again_after_a_while(
    ordering: Ordering, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead(monkeypatch, failing(2))
    export_id = ordering.ask()
    ordering.work()
    assert ordering.get(export_id).stage is Stage.WAITING
    for pause in QUEUE.pauses:
        clock.move(pause)
        ordering.work()
    assert ordering.get(export_id).stage is Stage.READY


def test_what_fails_for_good_says_so_and_can_be_asked_for_again(
    ordering: Ordering, town: Town, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        instead(patched, failing(99))
        export_id = ordering.ask()
        for _ in range(9):
            ordering.work()
            clock.move(timedelta(hours=1))
    failed = ordering.get(export_id)
    assert (failed.stage, failed.fault, failed.is_open) == (Stage.FAILED, Fault.BROKEN, False)
    assert stands(town, export_id).attempts == len(QUEUE.pauses) + 1
    assert stored(town, export_id) == []
    assert ordering.made(ordering.ask()).id != export_id


def test_of_a_group_that_has_been_removed_there_is_nothing_to_make(ordering: Ordering, town: Town) -> None:
    export_id = ordering.ask(group=town.care)
    town.world.run('UPDATE "group" SET removed_at = now() WHERE id = :id', id=town.care.id)
    ordering.work()
    row = stands(town, export_id)
    assert (row.state, row.fault, row.attempts) == ("parked", Fault.GROUP_GONE, 1)


def test_a_worker_sees_no_other_tenants_messages_whatever_was_asked_for(
    ordering: Ordering, town: Town
) -> None:
    other = town.world.tenant("annan", "Annan kommun")
    olle = town.world.account(other, "olle@annan.example")
    store(town.world, [Sent(MONDAY, other, olle)])
    export_id = ordering.ask(asked=town.asked(account_id=olle))
    assert ordering.made(export_id).done == 0
    ours = ordering.made(ordering.ask(format=Format.TEXT))
    assert b"olle@annan.example" not in ordering.file(ours.id)


# In turn


def test_tenants_take_turns_however_many_one_has_waiting(
    ordering: Ordering, town: Town, clock: FixedClock
) -> None:
    other = town.world.tenant("annan", "Annan kommun")
    waiting = {ordering.ask(asked=town.asked(until=MONDAY + n * SECOND)): f"ours {n}" for n in (1, 2, 3)}
    waiting |= {
        ordering.ask(group=other, format=kind): f"theirs {kind}" for kind in (Format.TEXT, Format.XLSX)
    }
    order = []
    while ordering.runtime.exporter.run():
        clock.move(SECOND)
        done = town.world.rows(
            "SELECT id FROM export WHERE finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT 1"
        )
        order.append(waiting[done[0].id])
    assert order == ["ours 1", "theirs text", "ours 2", "theirs xlsx", "ours 3"]


def test_no_tenant_has_more_than_some_being_made_at_once(ordering: Ordering, town: Town) -> None:
    for n in (1, 2, 3):
        ordering.ask(asked=town.asked(until=MONDAY + n * SECOND))
    of_others = ordering.ask(group=town.world.tenant("annan", "Annan kommun"))
    at_work = (
        "UPDATE export SET state = 'leased', lease_id = id, next_attempt_at = :until WHERE id IN (SELECT id"
    )
    at_work += " FROM export ORDER BY id LIMIT 2)"
    town.world.run(at_work, until=ordering.runtime.clock.now() + timedelta(minutes=1))
    ordering.work()
    made = town.world.rows("SELECT id FROM export WHERE finished_at IS NOT NULL")
    assert [row.id for row in made] == [of_others]
    town.world.run(
        "UPDATE export SET state = 'done', finished_at = now(), expires_at = now() WHERE state = 'leased'"
    )
    ordering.work()
    assert town.world.value("SELECT count(*) FROM export WHERE state = 'ready'") == 0
