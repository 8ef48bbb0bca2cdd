"""Where an embedded server keeps its things, and whose they are."""

from __future__ import annotations

import hashlib
import logging
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from messa_platform.core.embedded.errors import EmbeddedError
from messa_platform.core.embedded.locks import folder_alone
from messa_platform.core.embedded.users import (
    User,
    is_known,
    may_enter,
    myself,
    owner,
    roots_home,
    unprivileged,
)

log = logging.getLogger(__name__)

# Where root's data goes when the server's user cannot reach the folder that was asked for.
_ELSEWHERE = (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108  (a folder of root's own inside it, checked below)
_ELSEWHERE_NAME = "messa-embedded"
_POINTER = "moved-to"  # in the folder that was asked for: where its data lies
_ORIGIN = "origin"  # beside the data: for which folder it lies there

# Not $TMPDIR, which may differ between two holders and is long on macOS; a socket's whole path has 107 bytes
# on Linux and 103 on macOS (sockaddr_un).
_SOCKETS = Path("/tmp")  # noqa: S108  (a folder of our own inside it, checked in `check_sockets`)


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of one embedded server.

    `keeper` owns the locks, the log and the password, `server` owns the data. The two differ only when root
    lends the server somebody else: what root writes to then lies where that somebody cannot plant links.
    """

    base: Path
    keeper: User
    server: User

    @property
    def cluster(self) -> Path:
        """PostgreSQL's data folder."""
        return self.base / "pgdata"

    @property
    def password(self) -> Path:
        """Holds the database user's password."""
        return self.base / "password"

    @property
    def log(self) -> Path:
        """What the server and its watchdog say."""
        return self.base / "server.log"

    @property
    def starting(self) -> Path:
        """Lock: whoever starts, joins, leaves or stops the server does so alone."""
        return self.base / "starting.lock"

    @property
    def holders(self) -> Path:
        """Lock: each holder has a share."""
        return self.base / "holders.lock"

    @property
    def watchdog(self) -> Path:
        """Lock: the watchdog has it."""
        return self.base / "watchdog.lock"

    @property
    def running(self) -> Path:
        """Lock: the server's processes inherit it."""
        return self.base / "running.lock"

    @property
    def sockets(self) -> Path:
        """The folder of the server's socket, short whatever the length of `base`."""
        return _SOCKETS / f"messa-{self.server.uid}-{_short(self.base)}"


def find(data_dir: Path) -> Place:
    """The place of the server for `data_dir`, made if need be. Raises EmbeddedError where it cannot be."""
    asked = data_dir.resolve()
    place = _for_root(asked) if os.geteuid() == 0 else _for_myself(asked)
    for path in (place.starting, place.holders, place.watchdog, place.running):
        write_new(path, b"", place.keeper)
    return place


def write_new(path: Path, content: bytes, keeper: User, mode: int = 0o600) -> bool:
    """Writes a file of `keeper`'s, durably; False, and no change, where there is one already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "wb") as file:
        if keeper != myself():
            os.fchown(file.fileno(), keeper.uid, keeper.gid)
        file.write(content)
        file.flush()
        if content:
            os.fsync(file.fileno())
    return True


def make_folder(path: Path, user: User, mode: int) -> None:
    """Makes a folder of `user`'s with exactly these permissions; one that is there already stays as it is."""
    try:
        path.mkdir()
    except FileExistsError:
        return
    path.chmod(mode)
    if user != myself():
        os.chown(path, user.uid, user.gid, follow_symlinks=False)


def make_sockets(place: Place) -> None:
    """Makes the folder for the socket. Raises EmbeddedError as `check_sockets` does."""
    folder = place.sockets
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() != place.server.uid:
        # Ours, just made or left by a start that was ended here; /tmp lets nobody else replace it.
        os.chown(folder, place.server.uid, place.server.gid, follow_symlinks=False)
    check_sockets(place)


def check_sockets(place: Place) -> None:
    """Raises EmbeddedError when the folder of the socket is not the server's own and private.

    /tmp is everybody's, so a stranger may have been there first and could stand between us and the server.
    """
    found = place.sockets.lstat()
    private = stat.S_ISDIR(found.st_mode) and not stat.S_IMODE(found.st_mode) & 0o077
    if not private or found.st_uid != place.server.uid:
        raise EmbeddedError(
            f"{place.sockets} is to hold the database's socket, but it is not a private folder of the user"
            f" with id {place.server.uid} (it belongs to id {found.st_uid}, {stat.filemode(found.st_mode)})."
            " Somebody else made it, or it was changed: look at it, remove it and start again."
        )


def _for_myself(asked: Path) -> Place:
    me = myself()
    if (asked / _POINTER).exists():
        raise EmbeddedError(
            f"The database for {asked} was made by root and lies in {(asked / _POINTER).read_text().strip()}."
            " Run as root to use it, or choose another folder."
        )
    asked.mkdir(parents=True, exist_ok=True, mode=0o700)
    holder = owner(asked)
    if holder.uid != me.uid:
        raise EmbeddedError(
            f"{asked} belongs to the user with id {holder.uid} and this is the user with id {me.uid}."
            " Run as that user, or choose another folder."
        )
    return Place(asked, keeper=me, server=me)


def _for_root(asked: Path) -> Place:
    if (asked / "pgdata" / "PG_VERSION").exists():
        return _kept_in(asked)
    asked.parent.mkdir(parents=True, exist_ok=True)
    # Alone, for two that come at once must not see the folder half made and decide differently.
    with folder_alone(asked.parent):
        if moved := _pointed_to(asked):
            return _kept_in(moved)
        if _suits(asked):
            make_folder(asked, myself(), 0o711)
            return _kept_in(asked)
        return _kept_in(_moved(asked))


def _kept_in(base: Path) -> Place:
    keeper, cluster = owner(base), base / "pgdata"
    lent = owner(cluster) if cluster.exists() else _lent_by(keeper)
    if lent.uid == 0:
        raise EmbeddedError(
            f"{cluster} belongs to root, as whom PostgreSQL does not run. Give it to another user."
        )
    return Place(base, keeper, lent)


def _lent_by(keeper: User) -> User:
    # An ordinary user's own folder stays that user's, so that both root and the user can go on with it.
    return keeper if keeper.uid != 0 and is_known(keeper) else unprivileged()


def _suits(asked: Path) -> bool:
    """Whether the server's user can have its data in this folder, which may not exist yet."""
    home = roots_home()
    if home is not None and asked.is_relative_to(home):
        return False
    if not asked.exists():
        return may_enter(unprivileged(), asked.parent)
    return may_enter(_lent_by(owner(asked)), asked)


def _pointed_to(asked: Path) -> Path | None:
    """Where an earlier start put the data of this folder."""
    try:
        target = Path((asked / _POINTER).read_text().strip())
        origin = Path((target / _ORIGIN).read_text().strip())
    except FileNotFoundError:
        return None
    if target.parent not in {folder / _ELSEWHERE_NAME for folder in _ELSEWHERE}:
        return None  # not written by us
    if origin != asked:
        if origin.exists():
            return None  # the folder was copied: the data stays with the one it was made for
        (target / _ORIGIN).write_text(f"{asked}\n")  # it was moved, and its data comes along
    return target


def _moved(asked: Path) -> Path:
    folder = next(folder for folder in _ELSEWHERE if folder.is_dir()) / _ELSEWHERE_NAME
    make_folder(folder, myself(), 0o711)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or stat.S_IMODE(found.st_mode) & 0o022:
        raise EmbeddedError(
            f"{folder} is to hold databases, but it is not a folder that only root can write in."
        )
    target = folder / _short(asked)
    make_folder(target, myself(), 0o711)
    make_folder(asked, myself(), 0o755)
    for path, says in ((target / _ORIGIN, asked), (asked / _POINTER, target)):
        path.unlink(missing_ok=True)
        write_new(path, f"{says}\n".encode(), myself(), 0o644)
    log.warning("The database for %s lies in %s: its user cannot reach the former.", asked, target)
    return target


def _short(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
