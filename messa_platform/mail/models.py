"""Tables of the mail room: arrived mails, which are their own queue, and what their senders were told."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, Computed, DateTime, Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from messa_platform.core.db import Base
from messa_platform.core.ids import new_id
from messa_platform.core.work import WorkColumns, due_index, enum_text


class MailOutcome(StrEnum):
    """What became of a mail. `reason` beside it says why it was dropped or not understood."""

    SUBMITTED = "submitted"
    REPEATED = "repeated"
    DROPPED = "dropped"
    REFUSED = "refused"


class InboundMail(Base, WorkColumns):
    """A mail that was answered 250: envelope, raw bytes, and what became of it. `raw` is emptied after the days that the settings say."""

    __tablename__ = "inbound_mail"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    peer: Mapped[str]
    helo: Mapped[str]
    envelope_sender: Mapped[str]
    recipients: Mapped[list[str]] = mapped_column(ARRAY(Text))
    size: Mapped[int | None] = mapped_column(Computed("octet_length(raw)", persisted=True))
    raw: Mapped[bytes | None] = mapped_column(LargeBinary)
    outcome: Mapped[MailOutcome | None] = mapped_column(enum_text(MailOutcome))
    reason: Mapped[str | None]
    tenant_id: Mapped[UUID | None]
    account_id: Mapped[UUID | None]
    left_out: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")

    __table_args__ = (
        due_index("inbound_mail"),
        # what an account is shown: the mails of its own that sent nothing
        Index(
            "ix_inbound_mail_unsent",
            "account_id",
            "id",
            postgresql_where=text("outcome IN ('dropped', 'refused')"),
        ),
        # what is still to be emptied, oldest first
        Index("ix_inbound_mail_raw", "id", postgresql_where=text("state = 'done' AND raw IS NOT NULL")),
    )


class FailureNotice(Base):
    """When a sender was last told of a cause; at most once an hour (spec M10)."""

    __tablename__ = "failure_notice"

    address: Mapped[str] = mapped_column(primary_key=True)
    cause: Mapped[str] = mapped_column(primary_key=True)
    told_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
