"""Makes PostgreSQL's data folder and says with which settings the server runs."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from pathlib import Path

from messa_platform.core.embedded.binaries import Binaries
from messa_platform.core.embedded.errors import EmbeddedError
from messa_platform.core.embedded.place import Place, write_new
from messa_platform.core.embedded.users import is_known, myself, run_as

USER = "messa"
DATABASE = "messa"
PORT = 5432  # no TCP: only the last part of the socket's name

_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "fsync": "on",
    "timezone": "UTC",
    "password_encryption": "scram-sha-256",
    # The watchdog keeps the log, and its size.
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    # A failed statement and its details hold telephone numbers and texts, which do not belong in a log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}

# The first that initdb takes. Sorting is by code point in all of them (Swedish order comes from a stored
# key); they differ in what lower() knows of å. The builtin provider came with 17; not every system has a
# locale C.UTF-8.
_BUILTIN_LOCALES = (["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"],)
_SYSTEM_LOCALES = (["--locale=C.UTF-8"], ["--locale=C"])


def major_of(place: Place) -> int | None:
    """The major version that made the cluster; None where there is none yet."""
    try:
        return int((place.cluster / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def password_of(place: Place) -> str:
    """The password of the database user. Raises EmbeddedError when its file is missing."""
    try:
        return place.password.read_text()
    except FileNotFoundError:
        raise EmbeddedError(
            f"{place.password} is missing: without it nobody can sign in to the database beside it."
            " Put it back from a backup, or move the folder away if nothing in it is needed."
        ) from None


def command(place: Place, binaries: Binaries) -> list[str]:
    """The command line that runs the server."""
    settings = _SETTINGS | {"unix_socket_directories": str(place.sockets)}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [str(binaries.folder / "postgres"), "-D", str(place.cluster), *options]


def make(place: Place, binaries: Binaries) -> None:
    """Makes the cluster, whole or not at all. Raises EmbeddedError, with initdb's own words, when it fails."""
    if not is_known(place.server):
        raise EmbeddedError(
            f"initdb needs a name for the user that it runs as, and the user with id {place.server.uid} has none."
            " Give it a line in /etc/passwd, or set DATABASE_URL to a PostgreSQL that runs elsewhere."
        )
    write_new(place.password, secrets.token_hex(24).encode(), place.keeper)
    # Made under another name: whoever is ended half-way leaves nothing that looks like a cluster.
    for left in place.base.glob("pgdata.unfinished-*"):
        shutil.rmtree(left, ignore_errors=True)
    for left in place.base.glob("password.for-*"):
        left.unlink()
    unfinished = Path(tempfile.mkdtemp(prefix="pgdata.unfinished-", dir=place.base))
    _give(unfinished, place)
    # The server's user cannot read the password that is kept.
    password = place.base / f"password.for-{unfinished.name}"
    try:
        write_new(password, place.password.read_bytes(), place.server)
        _initdb(place, binaries, unfinished, password)
        unfinished.rename(place.cluster)
        _sync(place.base)
    finally:
        password.unlink(missing_ok=True)
        shutil.rmtree(unfinished, ignore_errors=True)


def _initdb(place: Place, binaries: Binaries, folder: Path, password: Path) -> None:
    said = ""
    for locale in (*(_BUILTIN_LOCALES if binaries.major >= 17 else ()), *_SYSTEM_LOCALES):
        made = run_as(
            place.server,
            [
                binaries.folder / "initdb",
                f"--pgdata={folder}",
                f"--username={USER}",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--lc-messages=C",
                "--data-checksums",
                *locale,
            ],
            timeout=300,
        )
        if made.returncode == 0:
            return
        said = f"{made.stderr.strip()}"
        if "locale" not in said:
            break
    raise EmbeddedError(f"initdb could not make the database in {place.base}: {said}")


def _give(folder: Path, place: Place) -> None:
    if place.server != myself():
        os.chown(folder, place.server.uid, place.server.gid, follow_symlinks=False)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
