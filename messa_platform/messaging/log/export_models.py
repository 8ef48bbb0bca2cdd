"""Tables of exports: what was asked for and how far it has come, and the files themselves, so that any machine hands out what any has made."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from messa_platform.core.db import Base
from messa_platform.core.ids import new_id
from messa_platform.core.work import WorkColumns, due_index, enum_text
from messa_platform.tenants.admin_models import Actor


class Format(StrEnum):
    """What kind of file; the words of an address's `as`."""

    XLSX = "xlsx"
    TEXT = "text"


class Fault(StrEnum):
    """Why an export came to nothing."""

    GROUP_GONE = "group_gone"
    """Its group has been removed meanwhile."""
    BROKEN = "broken"
    """Something is wrong on our side; it was tried again and again."""


def _at() -> Mapped[datetime]:
    return mapped_column(DateTime(timezone=True))


def _at_last() -> Mapped[datetime | None]:
    return mapped_column(DateTime(timezone=True))


class Export(Base, WorkColumns):
    """A file of a group's log that is made in the background, and the queue's row of it.

    `actor…` is who asked, `actor_group_id` the group by whose adminship. `asked` is the search, in `export_rows.written`. `total` and
    `done` count messages; `total` None: not counted yet. `size`, in bytes, comes with `finished_at`, as does `expires_at`, from when on
    the file is not handed out any more.
    """

    __tablename__ = "export"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenant.id"))
    group_id: Mapped[UUID] = mapped_column(ForeignKey("group.id"))
    actor: Mapped[Actor] = mapped_column(enum_text(Actor))
    actor_id: Mapped[UUID | None]
    actor_address: Mapped[str] = mapped_column(server_default="")
    actor_group_id: Mapped[UUID]
    asked: Mapped[Any] = mapped_column(JSONB)
    format: Mapped[Format] = mapped_column(enum_text(Format))
    language: Mapped[str]
    time_zone: Mapped[str]
    total: Mapped[int | None] = mapped_column(BigInteger)
    done: Mapped[int] = mapped_column(BigInteger, server_default="0")
    size: Mapped[int | None] = mapped_column(BigInteger)
    fault: Mapped[Fault | None] = mapped_column(enum_text(Fault))
    created_at: Mapped[datetime] = _at()
    started_at: Mapped[datetime | None] = _at_last()
    cancelled_at: Mapped[datetime | None] = _at_last()
    finished_at: Mapped[datetime | None] = _at_last()
    expires_at: Mapped[datetime | None] = _at_last()

    __table_args__ = (
        due_index("export"),
        Index("ix_export_group", "group_id", "id"),
        Index("ix_export_tenant", "tenant_id", "started_at"),
        Index("ix_export_created", "created_at"),
    )


class ExportChunk(Base):
    """A piece of a finished file, a mebibyte at the most; `place` counts from 0."""

    __tablename__ = "export_chunk"

    export_id: Mapped[UUID] = mapped_column(ForeignKey("export.id", ondelete="CASCADE"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    data: Mapped[bytes]
