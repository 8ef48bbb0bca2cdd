"""The work-queue pattern, written once: a table that is its own queue.

A table gets the columns of `WorkColumns` and a `WorkQueue` that names it. A row is `ready` until a worker *claims* it: in one statement, over a
partial index of what is due, without waiting for rows that others hold. The claim moves the row's `next_attempt_at` to the end of
its lease, so that a row whose worker died becomes due again by itself; what takes longer *renews* its lease. A row is then *finished*,
*retried* after a growing pause, or *parked* with its reason once its tries are used up. A parked row waits for a person and is never dropped.

Each claim writes a `lease_id`; whoever lost its lease to another can no longer finish the row (`LeaseLost`), so the effects that were
to be committed with it are rolled back.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Enum,
    Index,
    Table,
    TextClause,
    and_,
    bindparam,
    func,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from messa_platform.core.bulk import as_parameter, given
from messa_platform.core.clock import Clock
from messa_platform.core.db import Database
from messa_platform.core.ids import new_id
from messa_platform.core.logs import logger

log = logger(__name__)


class WorkState(StrEnum):
    """Where a row of a queue stands."""

    READY = "ready"
    LEASED = "leased"
    DONE = "done"
    PARKED = "parked"


OPEN = (WorkState.READY, WorkState.LEASED)
OPEN_SQL = "state IN ('ready', 'leased')"


def enum_text(kind: type[StrEnum]) -> Enum:
    """A closed set kept as text with a check, so that a new word needs no ALTER TYPE."""
    return Enum(
        kind,
        native_enum=False,
        length=32,
        create_constraint=True,
        values_callable=lambda e: [m.value for m in e],
        name=kind.__name__.lower(),
    )


class WorkColumns:
    """The columns that make a table a queue."""

    state: Mapped[WorkState] = mapped_column(
        enum_text(WorkState), default=WorkState.READY, server_default="ready"
    )
    next_attempt_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    lease_id: Mapped[UUID | None]
    last_error: Mapped[str | None]


def due_index(table_name: str, *before: str) -> Index:
    """The partial index of what is ready, by time; `before` are columns that a claim always names."""
    return Index(f"ix_{table_name}_due", *before, "next_attempt_at", postgresql_where=text(OPEN_SQL))


class LeaseLost(Exception):
    """Another worker has taken the rows over; what was to be committed with them must not be."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A claimed row: its values, and whether it was found with a lease that had run out, that is after a worker's death."""

    row: Any
    lease_id: UUID
    orphaned: bool

    @property
    def id(self) -> UUID:
        identifier: UUID = self.row.id
        return identifier


@cache
def _finish(table: Table, columns: tuple[str, ...]) -> TextClause:
    name = table.name
    also = "".join(f", {c} = given.{c}" for c in columns)
    return text(
        f"UPDATE {name} SET state = 'done', lease_id = NULL{also} FROM {given(table, ('id', *columns))}"
        f" WHERE {name}.id = given.id AND {name}.lease_id = :lease"
    )


@dataclass(frozen=True)
class WorkQueue:
    """A table as a queue. `pauses` are waited between tries, the last of them used up parks; `lease` is the longest a worker may take.

    A claim does not read the columns named in `heavy`: a hundred rows of ten megabytes would be a gigabyte at once.
    """

    name: str
    table: Table
    lease: timedelta
    pauses: tuple[timedelta, ...]
    heavy: tuple[str, ...] = ()

    def claim(self, session: Session, now: datetime, limit: int, *where: ColumnElement[bool]) -> list[Claim]:
        """Take up to `limit` due rows, oldest first, each for `lease` from `now`."""
        t = self.table
        due = (
            select(t.c.id, t.c.state)
            .where(text(OPEN_SQL), t.c.next_attempt_at <= bindparam("now"), *where)
            .order_by(t.c.next_attempt_at)
            .limit(bindparam("most"))
            .with_for_update(skip_locked=True)
            .cte("due")
        )
        statement = (
            update(t)
            .where(t.c.id == due.c.id)
            .values(
                state=WorkState.LEASED,
                next_attempt_at=bindparam("until"),
                lease_id=bindparam("lease"),
                attempts=t.c.attempts + 1,
            )
            .returning(
                *(c for c in t.c if c.name not in self.heavy),
                (due.c.state == WorkState.LEASED).label("was_leased"),
            )
        )
        lease_id = new_id()
        rows = session.execute(
            statement, {"now": now, "until": now + self.lease, "lease": lease_id, "most": limit}
        ).all()
        # RETURNING gives no order; ids are made in the order of arrival
        return sorted((Claim(row, lease_id, row.was_leased) for row in rows), key=lambda claim: claim.id)

    def _of(self, claims: Sequence[Claim]) -> ColumnElement[bool]:
        return and_(
            self.table.c.id == func.any([c.id for c in claims]), self.table.c.lease_id == claims[0].lease_id
        )

    def finish(
        self, session: Session, claims: Sequence[Claim], rows: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        """Mark claims of one batch as done, in the transaction of what they did; `rows` are values to write beside, one mapping a claim.

        Raises `LeaseLost` if any is another's by now.
        """
        if not claims:
            return
        written = [{"id": c.id, **row} for c, row in zip(claims, rows or [{}] * len(claims), strict=True)]
        columns = tuple(written[0])[1:]
        parameters = {"rows": as_parameter(written), "lease": claims[0].lease_id}
        done = session.execute(_finish(self.table, columns), parameters)
        if done.rowcount != len(claims):  # type: ignore[attr-defined]
            raise LeaseLost(self.name)

    def renew(self, session: Session, claim: Claim, now: datetime, **values: object) -> bool:
        """Hold a claim for another `lease` from `now`, for what takes longer, and write `values` beside; False if it is another's by now."""
        held = {"next_attempt_at": now + self.lease, **values}
        done = session.execute(update(self.table).where(self._of([claim])).values(held))
        return bool(done.rowcount)  # type: ignore[attr-defined]

    def give_back(self, session: Session, claim: Claim, now: datetime) -> None:
        """Lay a claim down untried, since its worker is to stop; whoever is there next takes it up at once."""
        untried = {
            "state": WorkState.READY,
            "next_attempt_at": now,
            "lease_id": None,
            "attempts": self.table.c.attempts - 1,
        }
        session.execute(update(self.table).where(self._of([claim])).values(untried))

    def put_back(self, session: Session, claim: Claim, now: datetime, error: str) -> bool:
        """Try a claim again after its pause, or park it if its tries are used up; True if this parked it. One whose lease is lost is let be."""
        if claim.row.attempts > len(self.pauses):
            return self.park(session, claim, error)
        pause = self.pauses[claim.row.attempts - 1]
        ready = {
            "state": WorkState.READY,
            "next_attempt_at": now + pause,
            "lease_id": None,
            "last_error": error[:2000],
        }
        session.execute(update(self.table).where(self._of([claim])).values(ready))
        return False

    def park(self, session: Session, claim: Claim, reason: str) -> bool:
        """Lay a claim aside for a person, with its reason; False if it is another's by now."""
        parked = {"state": WorkState.PARKED, "lease_id": None, "last_error": reason[:2000]}
        done = session.execute(update(self.table).where(self._of([claim])).values(parked))
        return bool(done.rowcount)  # type: ignore[attr-defined]

    def is_due(self, session: Session, now: datetime) -> bool:
        """Whether anything waits to be claimed."""
        found = session.execute(
            select(literal(1))
            .where(text(OPEN_SQL), self.table.c.next_attempt_at <= now)
            .select_from(self.table)
            .limit(1)
        )
        return found.first() is not None


MOST_DEATHS = 10
"""Workers that may die with a row in their hands before it is parked: it may be what kills them."""

Handler = Callable[[Session, Sequence[Claim]], None]
Parked = Callable[[Session, Claim, str], None]


def work_off(
    database: Database,
    queue: WorkQueue,
    clock: Clock,
    handle: Handler,
    *,
    batch: int,
    rounds: int = 50,
    on_parked: Parked | None = None,
) -> bool:
    """Claim and handle batches until nothing is due or `rounds` are done; True if more may wait.

    `handle` does a whole batch in one transaction and finishes its claims in it. When a batch fails, its rows are handled one by one, so
    that one bad row holds up no other; the bad one is put back or parked, `on_parked` being told in the same transaction.
    """
    for _ in range(rounds):
        with database.unit_of_work() as session:
            claims = queue.claim(session, clock.now(), batch)
        if not claims:
            return False
        # a row that has already killed or failed a worker must not take its neighbours along again
        fresh = [c for c in claims if not c.orphaned and c.row.attempts == 1]
        alone = [[c] for c in claims if c.orphaned or c.row.attempts > 1]
        random.shuffle(alone)  # behind one that kills its worker none would ever get its turn
        for group in [fresh, *alone] if fresh else alone:
            if group[0].row.attempts > len(queue.pauses) + MOST_DEATHS:
                _park_killer(database, queue, group[0], on_parked)
            else:
                _settle(database, queue, clock, group, handle, on_parked)
        if len(claims) < batch:
            return False
    return True


def _settle(
    database: Database,
    queue: WorkQueue,
    clock: Clock,
    claims: list[Claim],
    handle: Handler,
    on_parked: Parked | None,
) -> None:
    try:
        with database.unit_of_work() as session:
            handle(session, claims)
    except LeaseLost:
        log.warning("lease_lost", queue=queue.name, rows=len(claims))
    except Exception as error:
        if len(claims) > 1:
            log.warning("batch_failed", queue=queue.name, rows=len(claims), error=type(error).__name__)
            for claim in claims:
                _settle(database, queue, clock, [claim], handle, on_parked)
            return
        _put_back(database, queue, clock, claims[0], error, on_parked)


def _park_killer(database: Database, queue: WorkQueue, claim: Claim, on_parked: Parked | None) -> None:
    log.error("work_parked", queue=queue.name, row=str(claim.id), attempt=claim.row.attempts)
    with database.unit_of_work() as session:
        if queue.park(session, claim, "its workers died") and on_parked:
            on_parked(session, claim, "its workers died")


def _put_back(
    database: Database,
    queue: WorkQueue,
    clock: Clock,
    claim: Claim,
    error: Exception,
    on_parked: Parked | None,
) -> None:
    log.exception("work_failed", queue=queue.name, row=str(claim.id), attempt=claim.row.attempts)
    # the class only: an exception's text may quote what somebody wrote
    reason = type(error).__name__
    with database.unit_of_work() as session:
        if queue.put_back(session, claim, clock.now(), reason) and on_parked:
            on_parked(session, claim, reason)


def pauses(*seconds: float) -> tuple[timedelta, ...]:
    """Growing pauses, in seconds."""
    return tuple(timedelta(seconds=s) for s in seconds)
