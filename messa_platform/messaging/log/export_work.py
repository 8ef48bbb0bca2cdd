"""Exports made (spec L2): one at a time in a process, tenants in turn.

The file grows on the disk of the machine that makes it, and is stored in one transaction with its being ready: so there is no half one,
whatever dies. A worker holds its export by a lease that it renews while it lives; once that has run out another begins anew.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from sqlalchemy import ColumnElement, insert, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from messa_platform.core.clock import Clock, zone_called
from messa_platform.core.db import Database
from messa_platform.core.i18n import speech, spoken
from messa_platform.core.logs import logger
from messa_platform.core.row_security import Confinement, confine
from messa_platform.core.work import Claim, LeaseLost, WorkQueue, pauses, work_off
from messa_platform.messaging.log import files, kept, stream
from messa_platform.messaging.log.export_models import ExportChunk, Fault, Format
from messa_platform.messaging.log.exports import TABLE
from messa_platform.messaging.log.settings import ExportSettings
from messa_platform.messaging.log.told import Asking
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.places import Place, place_of

log = logger(__name__)

PIECE = 2**20
"""Bytes of a file that are stored in a row."""
PROGRESS = 4_000
"""Messages after which it is told how far it has come."""
FOLDER = "messa-export-"
"""How the folders begin in which files grow."""
LEFT_OVER = timedelta(days=1)
"""So old, a folder is a dead worker's."""

_TAKE_TURNS = text("SELECT pg_advisory_xact_lock(hashtext('messa.exports'))")
# Of the tenants that have fewest at work, the one that was served longest ago; those have their turns that have been served least.
_NEXT = text(
    "SELECT e.id FROM export e CROSS JOIN LATERAL (SELECT max(o.started_at) AS served, count(*) FILTER (WHERE o.state = 'leased'"
    " AND o.next_attempt_at > :now) AS running FROM export o WHERE o.tenant_id = e.tenant_id) t"
    " WHERE e.state IN ('ready', 'leased') AND e.next_attempt_at <= :now AND t.running < :most"
    " ORDER BY t.running, t.served NULLS FIRST, e.next_attempt_at, e.id LIMIT 1"
)
_STARTED = text("UPDATE export SET started_at = :now, done = 0 WHERE id = :id")


@dataclass(frozen=True)
class _Queue(WorkQueue):
    """The queue of exports, in which tenants take turns and none has more than `most` at work."""

    most: int = 1

    def claim(self, session: Session, now: datetime, limit: int, *where: ColumnElement[bool]) -> list[Claim]:
        session.execute(_TAKE_TURNS)
        chosen = session.execute(_NEXT, {"now": now, "most": self.most}).scalar()
        if chosen is None:
            return []
        claims = super().claim(session, now, limit, self.table.c.id == chosen, *where)
        for claim in claims:
            session.execute(_STARTED, {"id": claim.id, "now": now})
        return claims


QUEUE = WorkQueue("export", TABLE, timedelta(seconds=60), pauses(5, 60))
"""As others see it."""


class _Stopped(Exception):
    """The process is to stop. Never leaves this module."""


class _Grip:
    """Holds a claim as long as its worker lives: a thread renews the lease, whatever the worker waits for."""

    def __init__(self, database: Database, queue: WorkQueue, clock: Clock, claim: Claim) -> None:
        self._database, self._queue, self._clock, self._claim = database, queue, clock, claim
        self._done = threading.Event()
        self._lost = False
        self._thread = threading.Thread(target=self._run, name="export-lease", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Renew no more."""
        self._done.set()
        self._thread.join()

    def note(self, **values: object) -> None:
        """Write values of the export's. Raises `LeaseLost` if it is another's by now, or was called off."""
        with self._database.unit_of_work() as session:
            if self._lost or not self._queue.renew(session, self._claim, self._clock.now(), **values):
                raise LeaseLost(self._queue.name)

    def _run(self) -> None:
        while not self._done.wait(self._queue.lease.total_seconds() / 3):
            try:
                self.note()
            except LeaseLost:
                self._lost = True
                return
            except SQLAlchemyError as error:  # a database that is away comes back, perhaps in time
                log.warning("lease_not_renewed", queue=self._queue.name, error=type(error).__name__)


@dataclass(frozen=True)
class Exporter:
    """What making exports needs of its process. `base` is where files grow; None: where the machine has its temporary ones."""

    database: Database
    clock: Clock
    settings: ExportSettings
    stopping: threading.Event
    base: Path | None = None

    @cached_property
    def _queue(self) -> _Queue:
        lease = timedelta(seconds=self.settings.lease_seconds)
        return _Queue(QUEUE.name, TABLE, lease, QUEUE.pauses, most=self.settings.running_per_tenant)

    def run(self) -> bool:
        """Make one export, if any waits; True if more may."""
        if self.stopping.is_set():
            return False
        return work_off(
            self.database, self._queue, self.clock, self._make, batch=1, rounds=1, on_parked=_broken
        )

    def _make(self, session: Session, claims: Sequence[Claim]) -> None:
        [claim] = claims
        try:
            with _Grip(self.database, self._queue, self.clock, claim) as grip, self._folder(claim) as folder:
                self._write_and_store(session, claim, grip, folder)
        except _Stopped:
            self._queue.give_back(session, claim, self.clock.now())

    def _write_and_store(self, session: Session, claim: Claim, grip: _Grip, folder: Path) -> None:
        """`session` is the one in which the file becomes ready; until then it is not used, and so holds no connection."""
        with (folder / "file").open("w+b") as out:
            count = self._write(claim.row, out, folder, grip)
            if count is None:
                grip.end()
                _give_up(session, self._queue, claim, Fault.GROUP_GONE)
                return
            size = _store(session, claim.row, out)
        grip.end()
        now = self.clock.now()
        ready = {"total": count, "done": count, "size": size, "finished_at": now}
        self._queue.finish(
            session, [claim], [{**ready, "expires_at": now + timedelta(days=self.settings.keep_days)}]
        )
        log.info("export_made", export=str(claim.id), format=claim.row.format, messages=count, bytes=size)

    def _write(self, row: Any, out: BinaryIO, folder: Path, grip: _Grip) -> int | None:
        """Write the file; None if the group is gone."""
        with self._confined(row) as session:
            place = place_of(session, row.tenant_id, row.group_id)
            if place is None:
                return None
            asked = kept.unkeep(session, place, row.asked)
            grip.note(total=stream.count(session, asked), done=0)
            told_at = 0

            def progress(done: int) -> None:
                nonlocal told_at
                if self.stopping.is_set():
                    raise _Stopped
                if done - told_at >= PROGRESS:
                    told_at = done
                    grip.note(done=done)

            manner = replace(speech(spoken(row.language)), zone=zone_called(row.time_zone))
            asking = _asking(session, row, place)
            return files.write(session, asked, asking, Format(row.format), manner, out, folder, progress)

    @contextmanager
    def _confined(self, row: Any) -> Iterator[Session]:
        """A session that sees the tenant's rows alone."""
        with self.database.sessions() as session:
            confine(session, Confinement(row.tenant_id, None))
            with session.begin():
                yield session

    @contextmanager
    def _folder(self, claim: Claim) -> Iterator[Path]:
        """A folder that goes with the block; those of dead workers, of this export and long ago, go first."""
        base = self.base or Path(tempfile.gettempdir())
        _sweep(base, self.clock.now() - LEFT_OVER, str(claim.id))
        with tempfile.TemporaryDirectory(prefix=f"{FOLDER}{claim.id}-", dir=base) as folder:
            yield Path(folder)


def _sweep(base: Path, before: datetime, export: str) -> None:
    for left in base.glob(f"{FOLDER}*"):
        try:
            found = left.stat()
        except OSError:  # another worker's, which has just gone
            continue
        is_old = found.st_mtime < before.timestamp() or left.name.startswith(f"{FOLDER}{export}-")
        if is_old and found.st_uid == os.getuid():
            shutil.rmtree(left, ignore_errors=True)


_ORGANISATION = text("SELECT name FROM tenant WHERE id = :id")


def _asking(session: Session, row: Any, place: Place) -> Asking:
    organisation = session.execute(_ORGANISATION, {"id": row.tenant_id}).scalar_one()
    by = "" if row.actor is Actor.OPERATOR else row.actor_address
    return Asking(organisation, place, by, row.created_at)


def _store(session: Session, row: Any, out: BinaryIO) -> int:
    """Store the file in pieces; gives its size."""
    out.seek(0)
    size = place = 0
    while piece := out.read(PIECE):
        values = {"export_id": row.id, "place": place, "tenant_id": row.tenant_id, "data": piece}
        session.execute(insert(ExportChunk), values)
        size, place = size + len(piece), place + 1
    return size


_FAULT = text("UPDATE export SET fault = :fault WHERE id = :id")


def _give_up(session: Session, queue: WorkQueue, claim: Claim, fault: Fault) -> None:
    if queue.park(session, claim, fault.value):
        session.execute(_FAULT, {"id": claim.id, "fault": fault.value})


def _broken(session: Session, claim: Claim, _reason: str) -> None:
    session.execute(_FAULT, {"id": claim.id, "fault": Fault.BROKEN.value})
