"""Tables of administration: admins, the audit log, tasks that take a while, and consents asked for."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from messa_platform.core.db import Base
from messa_platform.core.ids import new_id
from messa_platform.core.work import WorkColumns, due_index, enum_text


class Actor(StrEnum):
    """As what somebody changed something."""

    ADMIN = "admin"
    OPERATOR = "operator"
    OWNER = "owner"
    """Of the account that was changed."""
    SYSTEM = "system"
    API = "api"
    """An API user, by a key whose scopes allow it (spec V5)."""


class TaskKind(StrEnum):
    """What a task does."""

    TAKE_DOMAIN = "take_domain"
    """Move a verified domain's accounts to its group (spec D4)."""
    UNDO_TAKE = "undo_take"
    ADD_PEOPLE = "add_people"
    """Put many addresses into a group (spec G11)."""
    RECALL_NUMBERS = "recall_numbers"
    """Take back the numbers of accounts that may no longer receive (spec G5, R5)."""


def _created() -> Mapped[datetime]:
    return mapped_column(DateTime(timezone=True), server_default=func.now())


class GroupAdmin(Base):
    """An account that administers a group and everything below it; it is a member of that tree itself (spec G10)."""

    __tablename__ = "group_admin"

    group_id: Mapped[UUID] = mapped_column(ForeignKey("group.id"), primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True, index=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenant.id"))
    since: Mapped[datetime] = _created()


class AuditEntry(Base):
    """One change: who, when, what, from, to (spec G12). Never changed itself.

    `group_id` is where it shows: to the admins of that group and of those above it. `actor_group_id` is the group by whose adminship it was
    done; who may not see that group is not told who it was. `subject` is what was changed: an address, a domain, a setting's key, a group's
    name. Groups stand in `subject_id`, `before` and `after` by their ids, since who reads may not see them all, and then reads no name of
    theirs. `tenant_id` None: of the platform itself.
    """

    __tablename__ = "audit_entry"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[UUID | None]
    group_id: Mapped[UUID | None]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    actor: Mapped[Actor] = mapped_column(enum_text(Actor))
    actor_id: Mapped[UUID | None]
    actor_address: Mapped[str] = mapped_column(server_default="")
    actor_group_id: Mapped[UUID | None]
    action: Mapped[str]
    subject: Mapped[str] = mapped_column(server_default="")
    subject_id: Mapped[UUID | None]
    before: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))

    __table_args__ = (
        Index("ix_audit_entry_group", "group_id", "id"),
        Index("ix_audit_entry_tenant", "tenant_id", "id"),
        Index(
            "ix_audit_entry_platform", "id", postgresql_where=text("actor = 'operator' OR tenant_id IS NULL")
        ),
    )


class Task(Base):
    """Something that takes a while: what to do, how far it has come, and what became of it. Its `TaskWork` is the queue's row.

    `total` and `done` count lines or accounts. `parameters` and `result` are the kind's own. A task without a `TaskWork` is a draft that
    waits for its author's yes.
    """

    __tablename__ = "task"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenant.id"))
    group_id: Mapped[UUID] = mapped_column(ForeignKey("group.id"))
    kind: Mapped[TaskKind] = mapped_column(enum_text(TaskKind))
    parameters: Mapped[Any] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    total: Mapped[int] = mapped_column(default=0, server_default="0")
    done: Mapped[int] = mapped_column(default=0, server_default="0")
    result: Mapped[Any] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    actor: Mapped[Actor] = mapped_column(enum_text(Actor))
    actor_id: Mapped[UUID | None]
    actor_address: Mapped[str] = mapped_column(server_default="")
    actor_group_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index("ix_task_group", "group_id", "id"), Index("ix_task_created", "created_at"))


class TaskWork(Base, WorkColumns):
    """A task on its way through the queue; the row has the task's id."""

    __tablename__ = "task_work"

    id: Mapped[UUID] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"), primary_key=True)
    tenant_id: Mapped[UUID]

    __table_args__ = (due_index("task_work"),)


class TaskLine(Base):
    """One address of a task: what is planned for it and what became of it (`word`), and where its account was before, for undoing."""

    __tablename__ = "task_line"

    task_id: Mapped[UUID] = mapped_column(ForeignKey("task.id", ondelete="CASCADE"), primary_key=True)
    place: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    tenant_id: Mapped[UUID]
    address: Mapped[str]
    account_id: Mapped[UUID | None]
    word: Mapped[str]
    from_tenant_id: Mapped[UUID | None]
    from_group_id: Mapped[UUID | None]
    from_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    from_tenant_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    from_by_hand: Mapped[bool | None]

    __table_args__ = (Index("ix_task_line_word", "task_id", "word", "place"),)


class ConsentRequest(Base):
    """An address asked whether it wants to move to a group (spec G11). Only the digest (SHA-256) of the link's word is kept.

    `accepted` None: not answered. `account_id` None: the address had no account when it was asked.
    """

    __tablename__ = "consent_request"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenant.id"))
    group_id: Mapped[UUID] = mapped_column(ForeignKey("group.id"))
    address: Mapped[str]
    account_id: Mapped[UUID | None]
    digest: Mapped[bytes] = mapped_column(unique=True)
    asked_by: Mapped[UUID | None]
    asked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    answered_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    accepted: Mapped[bool | None]

    __table_args__ = (
        Index("ix_consent_request_group", "group_id", "asked_at"),
        Index("ix_consent_request_tenant", "tenant_id", "asked_at"),
        Index("ix_consent_request_address", "address"),
    )
