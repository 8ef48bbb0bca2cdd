"""As whom the server runs. PostgreSQL refuses to run as root, so root has to lend it somebody else."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# "_postgres" is Apple's name for it.
_UNPRIVILEGED = ("postgres", "_postgres", "nobody")

# What the server's programs get to see: no PGDATA, PGPORT or PGOPTIONS of the caller, and messages in one
# language.
PLAIN_ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class User:
    """A user of the system, by number, and the group that goes with it."""

    uid: int
    gid: int


def myself() -> User:
    """The user that this process runs as."""
    return User(os.geteuid(), os.getegid())


def owner(path: Path) -> User:
    """Whom a file or folder belongs to."""
    found = path.stat()
    return User(found.st_uid, found.st_gid)


def is_known(user: User) -> bool:
    """Whether the system has a name for the user; initdb will not run without one."""
    try:
        pwd.getpwuid(user.uid)
    except KeyError:
        return False
    return True


def unprivileged() -> User:
    """The user that root lends the server."""
    for name in _UNPRIVILEGED:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return User(found.pw_uid, found.pw_gid)
    return User(65534, 65534)  # what Linux calls "nobody", on a system that gives it no name


def roots_home() -> Path | None:
    """Root's home; None where that is the whole file system, as in some containers."""
    try:
        home = Path(pwd.getpwuid(0).pw_dir).resolve()
    except KeyError:
        return None
    return home if home != Path("/") else None


def run_as(
    user: User, command: Sequence[str | Path], timeout: float = 30
) -> subprocess.CompletedProcess[str]:
    """Runs a program as `user` (when we are root; else as ourselves) and returns what it said.

    A program that the user may not even start ends with 126, as in a shell (POSIX.1-2017, 2.8.2).
    """
    lend = os.geteuid() == 0 and user.uid != 0
    try:
        return subprocess.run(  # noqa: S603  (PostgreSQL's programs and the shell, no text from outside)
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            cwd="/",
            env=PLAIN_ENVIRONMENT,
            umask=0o077,
            user=user.uid if lend else None,
            group=user.gid if lend else None,
            extra_groups=[] if lend else None,
        )
    except PermissionError as error:
        return subprocess.CompletedProcess(list(map(str, command)), 126, "", str(error))


def may_enter(user: User, folder: Path) -> bool:
    """Whether `user` can reach the folder. Tried, not computed: access lists and mounts have a say too."""
    return run_as(user, ["/bin/sh", "-c", 'cd -- "$1"', "sh", folder]).returncode == 0
