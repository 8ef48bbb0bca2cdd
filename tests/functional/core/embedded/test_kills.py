"""Holders, servers and watchdogs that are killed, with real processes and real kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg

from messa_platform.core.embedded import Binaries
from tests.support.embedded_server import (
    AS_ROOT,
    HOLDER,
    Holder,
    ask,
    attach_here,
    in_time,
    lives,
    nothing_runs,
    of_folder,
    postmaster,
    tell,
    the_watchdog,
)

# The child closes what is the parent's, to no effect, and outlives it.
FORK = """
import os, time
if os.fork() == 0:
    held.close()
    Path(sys.argv[1]).with_name("child has closed").touch()
    os.closerange(0, 3)
    time.sleep(60)
"""


def test_killing_the_only_holder_ends_the_server(folder: Path, holder: Callable[..., Holder]) -> None:
    only = holder()
    only.dsn()
    server = postmaster(folder)
    only.kill()
    assert in_time(lambda: not lives(server))
    assert nothing_runs(folder)


def test_killing_one_of_two_holders_keeps_the_server(folder: Path, holder: Callable[..., Holder]) -> None:
    first, second = holder(), holder()
    first.dsn()
    dsn = second.dsn()
    server = postmaster(folder)
    first.kill()
    time.sleep(1)  # long enough for it to end, if it were to
    assert lives(server)
    assert ask(dsn, "SELECT 1") == 1
    second.kill()
    assert nothing_runs(folder)


def test_killing_all_holders_at_once_ends_the_server(folder: Path, holder: Callable[..., Holder]) -> None:
    holders = [holder() for _ in range(3)]
    for each in holders:
        each.dsn()
    for each in holders:
        each.process.send_signal(signal.SIGKILL)
    assert nothing_runs(folder)


def test_server_and_watchdog_have_sessions_of_their_own_and_end_in_good_order(
    folder: Path, holder: Callable[..., Holder]
) -> None:
    only = holder()
    only.dsn()
    watchdog = the_watchdog(folder).pid
    assert {os.getsid(watchdog), os.getsid(postmaster(folder))} == {watchdog, postmaster(folder)}
    only.kill()
    assert nothing_runs(folder)
    assert "database system is shut down" in (folder / "db" / "server.log").read_text()


def test_a_forked_child_that_outlives_a_holder_does_not_keep_the_server(
    folder: Path, holder: Callable[..., Holder]
) -> None:
    parent = holder(script=HOLDER + FORK)
    dsn = parent.dsn()
    (child,) = in_time(lambda: psutil.Process(parent.process.pid).children())
    assert in_time(lambda: (folder / "child has closed").exists())
    assert ask(dsn, "SELECT 1") == 1
    parent.kill()
    assert nothing_runs(folder)
    assert lives(child.pid)
    child.kill()


def test_a_program_that_a_holder_started_does_not_keep_the_server(folder: Path, binaries: Binaries) -> None:
    held = attach_here(folder, binaries)
    with subprocess.Popen(["sleep", "60"], close_fds=False) as program:
        held.close()
        assert not of_folder(folder)
        program.kill()


def test_a_killed_server_starts_again_by_itself_with_its_data(folder: Path, binaries: Binaries) -> None:
    with attach_here(folder, binaries) as held:
        tell(held.dsn, "CREATE TABLE recovered AS SELECT 'åäö' AS word")
        server = postmaster(folder)
        os.kill(server, signal.SIGKILL)
        with attach_here(folder, binaries) as again:
            assert ask(again.dsn, "SELECT word FROM recovered") == "åäö"
        assert postmaster(folder) != server
        assert "ended unexpectedly (exit code -9)" in held.log.read_text()
    assert not of_folder(folder)


def test_a_holder_that_does_nothing_gets_a_killed_server_back(folder: Path, binaries: Binaries) -> None:
    with attach_here(folder, binaries) as held:
        os.kill(postmaster(folder), signal.SIGKILL)

        def answers() -> bool:
            try:
                return ask(held.dsn, "SELECT 1") == 1
            except psycopg.OperationalError:
                return False

        assert in_time(answers)


def test_everything_killed_at_once_loses_nothing_that_was_committed(
    folder: Path, binaries: Binaries, holder: Callable[..., Holder]
) -> None:
    only = holder()
    tell(only.dsn(), "CREATE TABLE survived AS SELECT 1 AS number")
    the_watchdog(folder).kill()
    os.kill(postmaster(folder), signal.SIGKILL)
    only.kill()
    with attach_here(folder, binaries) as held:
        assert ask(held.dsn, "SELECT number FROM survived") == 1
    assert not of_folder(folder)


def test_the_next_to_attach_replaces_a_killed_watchdog(
    folder: Path, binaries: Binaries, holder: Callable[..., Holder]
) -> None:
    first = holder()
    first.dsn()
    server, watchdog = postmaster(folder), the_watchdog(folder)
    watchdog.kill()
    assert in_time(lambda: not lives(watchdog.pid))
    with attach_here(folder, binaries):
        assert postmaster(folder) == server
        assert the_watchdog(folder).pid != watchdog.pid
    assert lives(server)
    first.kill()
    assert in_time(lambda: not lives(server))
    assert nothing_runs(folder)


def test_the_last_to_leave_replaces_a_killed_watchdog_and_the_server_ends(
    folder: Path, binaries: Binaries
) -> None:
    held = attach_here(folder, binaries)
    server, watchdog = postmaster(folder), the_watchdog(folder)
    watchdog.kill()
    assert in_time(lambda: not lives(watchdog.pid))
    held.close()
    assert in_time(lambda: not lives(server))  # it has given up its lock, and is about to leave the table
    assert not [process for process in of_folder(folder) if process.pid != server]


def test_a_server_taken_over_is_started_again_when_it_is_killed(folder: Path, binaries: Binaries) -> None:
    with attach_here(folder, binaries):
        watchdog = the_watchdog(folder)
        watchdog.kill()
        assert in_time(lambda: not lives(watchdog.pid))
        with attach_here(folder, binaries):
            server = postmaster(folder)
            os.kill(server, signal.SIGKILL)
            assert in_time(lambda: not lives(server))
            with attach_here(folder, binaries) as held:
                assert ask(held.dsn, "SELECT 1") == 1
    assert not of_folder(folder)


def test_a_server_stopped_by_hand_is_started_by_the_next_to_attach(folder: Path, binaries: Binaries) -> None:
    with attach_here(folder, binaries):
        server = postmaster(folder)
        os.kill(server, signal.SIGINT)
        assert in_time(lambda: not lives(server))
        with attach_here(folder, binaries) as held:
            assert ask(held.dsn, "SELECT 1") == 1
    assert not of_folder(folder)


def test_a_pid_file_that_names_another_process_does_not_prevent_the_start(
    folder: Path, binaries: Binaries
) -> None:
    held = attach_here(folder, binaries)
    owner = held.cluster.stat()
    lines = (held.cluster / "postmaster.pid").read_text().splitlines()
    held.close()
    # As after a crash of the machine: the number is now another process's of the same user.
    with subprocess.Popen(["sleep", "60"], user=owner.st_uid if AS_ROOT else None) as stranger:
        left = held.cluster / "postmaster.pid"
        left.write_text("\n".join([str(stranger.pid), *lines[1:], ""]))
        os.chown(left, owner.st_uid, owner.st_gid)
        with attach_here(folder, binaries) as again:
            assert ask(again.dsn, "SELECT 1") == 1
        assert stranger.poll() is None
        stranger.kill()
