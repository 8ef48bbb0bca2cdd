"""Errands: a work queue on a table of the tests' own, and a look at its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from messa_platform.core.db import Database
from messa_platform.core.ids import new_id
from messa_platform.core.work import Claim, WorkColumns, WorkQueue, due_index, pauses


class OwnBase(DeclarativeBase):
    """Of the tests, so that the platform's own tables stay what they are."""


class Errand(OwnBase, WorkColumns):
    """Something to be done."""

    __tablename__ = "errand"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(default="post")
    result: Mapped[str | None]

    __table_args__ = (due_index("errand"),)


TABLE = cast(Table, Errand.__table__)
LEASE = timedelta(seconds=60)
QUEUE = WorkQueue("errands", TABLE, LEASE, pauses(10, 60))
SECOND, MOMENT = timedelta(seconds=1), timedelta(microseconds=1)

Put = Callable[..., list[UUID]]


def claim(database: Database, now: datetime, limit: int = 100) -> list[Claim]:
    with database.unit_of_work() as session:
        return QUEUE.claim(session, now, limit)


def finish(database: Database, claims: Sequence[Claim], rows: Sequence[dict[str, str]] = ()) -> None:
    with database.unit_of_work() as session:
        QUEUE.finish(session, claims, rows)


def errand(database: Database, identifier: UUID) -> Any:
    with database.unit_of_work() as session:
        return session.execute(text("SELECT * FROM errand WHERE id = :id"), {"id": identifier}).one()


def states(database: Database) -> dict[UUID, str]:
    with database.unit_of_work() as session:
        return {row.id: row.state for row in session.execute(text("SELECT id, state FROM errand"))}


def ids(claims: Sequence[Claim]) -> list[UUID]:
    return [c.id for c in claims]
