"""The two kinds of file lock that the embedded server rests on, and why there are two.

Holders and watchdog use POSIX record locks (`fcntl.lockf`). They belong to a process: the kernel frees them
at kill -9, and a forked child does not inherit them, so a child that outlives a holder keeps nothing alive (a
`flock` would live on in the child, with the shared file description). Their price: closing *any* descriptor
of the file in the process frees the lock, and a process never conflicts with itself. So each process opens
such a file at most once at a time, which `server.py` sees to, and nothing else may open it.

The server's own life is a `flock`, for the opposite reason: it is inherited. The watchdog hands the locked
descriptor to the postmaster, which hands it to each of its children, and the lock is free exactly when the
last process of the server is gone, whoever is their parent. Unlike a pid in a file it cannot mean somebody
else.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """A descriptor of an existing lock file. Not inherited by programs that this process starts (PEP 446)."""
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Waits until no other process is inside `alone` for this file. Threads need their own beside it."""
    with opened(path) as descriptor:
        fcntl.lockf(descriptor, fcntl.LOCK_EX)
        yield


def hold(path: Path) -> int:
    """Takes a share of the lock; it lasts until the descriptor that is returned is closed."""
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_SH)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def is_open_file(descriptor: int, path: Path) -> bool:
    """Whether the descriptor is of the file that has this name now."""
    return os.path.samestat(os.fstat(descriptor), path.stat())


def is_only_holder(descriptor: int) -> bool:
    """Whether no other process has a share of the lock that `descriptor` keeps. Ours is kept."""
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    fcntl.lockf(descriptor, fcntl.LOCK_SH)
    return True


def anyone_shares(path: Path) -> bool:
    """Whether another process has a share of the lock; no, when one has the whole of it."""
    with opened(path) as descriptor:
        try:
            # With a share of our own nobody can have the whole, so what the next line meets can only be
            # shares.
            fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return False
        return not is_only_holder(descriptor)


def is_held_by_another(path: Path) -> bool:
    """Whether another process has the record lock of this file."""
    with opened(path) as descriptor:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def is_inherited_by_any(path: Path) -> bool:
    """Whether some process still has the `flock` of this file, from whomever it came."""
    with opened(path) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


@contextmanager
def folder_alone(folder: Path) -> Iterator[None]:
    """Waits until no other process is inside `folder_alone` for this folder, which needs no file in it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
