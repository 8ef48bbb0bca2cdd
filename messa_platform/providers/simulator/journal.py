"""The journal: an append-only file of JSON lines, from which the network knows all again after a restart.

A line is handed to the operating system before anybody hears of what it says, so it outlives the process,
however that is killed. It is brought to the disk in the background a few times a second: a power failure may
take the last moments.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Self

from messa_platform.providers.simulator import wire
from messa_platform.providers.simulator.records import Kind

FILE_NAME: Final = "journal.jsonl"
_VERSION: Final = 1


class JournalDamaged(Exception):
    """The journal holds what no simulator wrote; a network that forgot must not testify, so none starts."""


class Journal:
    """An open journal.

    `identity` is random and the same for the file's whole life; references are built on it.
    """

    def __init__(self, path: Path, descriptor: int, identity: str) -> None:
        self._path = path
        self._descriptor = descriptor
        self._dirty = False
        self.identity = identity

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Open the journal in `directory`, or begin one. Raises `JournalDamaged`, `OSError`."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / FILE_NAME
        if path.exists():
            _drop_torn_tail(path)
        binary = getattr(os, "O_BINARY", 0)  # Windows would turn newlines into CRLF without it
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | binary, 0o600)
        try:
            if os.fstat(descriptor).st_size == 0:
                _write(descriptor, _heading())
            return cls(path, descriptor, _identity(path))
        except BaseException:
            os.close(descriptor)
            raise

    def read(self) -> Iterator[dict[str, Any]]:
        """Every entry from the beginning, the heading left out. Raises `JournalDamaged`."""
        for number, line in enumerate(self.lines(), start=2):
            entry = wire.decode(line)
            if entry is None:
                raise JournalDamaged(f"{self._path}, line {number}: not a JSON object")
            yield entry

    def read_kind(self, kind: Kind, holding: str = "") -> Iterator[dict[str, Any]]:
        """The entries of one kind that have `holding` somewhere in them; the others are not even parsed."""
        mark = wire.encode({"kind": kind})[:-2]
        needle = wire.encode_text(holding)[1:-1].encode("ascii")
        for line in self.lines():
            if line.startswith(mark) and needle in line:
                yield wire.decode(line) or {}

    def lines(self) -> Iterator[bytes]:
        """Every raw line after the heading; safe in a thread while others append."""
        with self._path.open("rb") as file:
            next(file, None)
            for line in file:
                # What is being appended at this very moment is not there yet.
                if line.endswith(b"\n"):
                    yield line

    def append(self, lines: Iterable[bytes]) -> None:
        """Hand whole lines to the operating system; when this returns they outlive the process.

        Raises `OSError`.
        """
        _write(self._descriptor, b"".join(lines))
        self._dirty = True

    def sync(self) -> None:
        """Bring what was appended to the disk."""
        if self._dirty:
            self._dirty = False
            os.fsync(self._descriptor)

    async def keep_synced(self, every_ms: int) -> None:
        """`sync` again and again, in a thread, until cancelled."""
        while True:
            await asyncio.sleep(every_ms / 1000)
            await asyncio.to_thread(self.sync)

    def close(self) -> None:
        """Sync and close."""
        self.sync()
        os.close(self._descriptor)


def _heading() -> bytes:
    return wire.encode({"kind": Kind.JOURNAL, "version": _VERSION, "identity": secrets.token_hex(4)})


def _identity(path: Path) -> str:
    with path.open("rb") as file:
        heading = wire.decode(file.readline()) or {}
    identity = heading.get("identity")
    if (
        heading.get("kind") != Kind.JOURNAL
        or heading.get("version") != _VERSION
        or not isinstance(identity, str)
    ):
        raise JournalDamaged(
            f"{path}, line 1: not the heading of a simulator's journal of version {_VERSION}"
        )
    return identity


def _drop_torn_tail(path: Path) -> None:
    """Cut off a last line without its newline: the process died amid it, so nobody was told of it."""
    with path.open("r+b") as file:
        size = end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - 65_536)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            file.truncate(end)


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
