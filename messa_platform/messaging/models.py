"""Tables of the messages.

`message` and `message_event` are partitioned by month on their UUIDv7, so an id tells its partition and a range of dates is a range of ids.
They have no foreign keys: history outlives the accounts and groups that it names (spec G13), and four look-ups a row are spared on the hot way.
What is looked up by another key than the id has a narrow table beside them, unpartitioned.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from messa_platform.core.db import Base
from messa_platform.core.ids import new_id
from messa_platform.core.segments import Encoding
from messa_platform.core.work import WorkColumns, due_index, enum_text
from messa_platform.messaging.statuses import Direction, Status


class Door(StrEnum):
    """By which door a message came in."""

    MAIL = "mail"
    PORTAL = "portal"
    LEGACY = "legacy"
    V2 = "v2"
    PROVIDER = "provider"


def _at() -> Mapped[datetime]:
    return mapped_column(DateTime(timezone=True), server_default=func.now())


class Thread(Base):
    """All messages between one account and one remote mobile number. `mail_reference` is the Message-ID that a reply mail answers.

    `unread` counts the incoming texts since the thread was last opened.
    """

    __tablename__ = "thread"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[UUID]
    account_id: Mapped[UUID]
    remote: Mapped[str]
    display_name: Mapped[str] = mapped_column(default="", server_default="")
    last_message_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_message_id: Mapped[UUID | None]
    unread: Mapped[int] = mapped_column(default=0, server_default="0")
    mail_reference: Mapped[str | None]

    __table_args__ = (
        UniqueConstraint("account_id", "remote"),
        Index("ix_thread_latest", "account_id", "last_message_at"),
    )


class Message(Base):
    """One outgoing text to one recipient, or one incoming text. `parts` is *Antal*: what is charged, 0 for incoming and refused ones.

    `send_at` is the time that was chosen for a text that was to be sent later (spec P2). `text` is None once it was removed (spec L4).
    `client_ref` is a client's own word for it (spec V3). `way` says why it leaves by its channel (see `providers.routing.way`).
    """

    __tablename__ = "message"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[UUID]
    group_id: Mapped[UUID]
    account_id: Mapped[UUID]
    thread_id: Mapped[UUID | None]
    direction: Mapped[Direction] = mapped_column(enum_text(Direction))
    door: Mapped[Door] = mapped_column(enum_text(Door))
    status: Mapped[Status] = mapped_column(enum_text(Status))
    status_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    rule_group_id: Mapped[UUID | None]
    remote: Mapped[str]
    local: Mapped[str]
    text: Mapped[str | None]
    encoding: Mapped[Encoding] = mapped_column(enum_text(Encoding))
    parts: Mapped[int] = mapped_column(SmallInteger)
    channel_id: Mapped[UUID | None]
    way: Mapped[str | None]
    mail_id: Mapped[UUID | None]
    quota_buckets: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    send_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    client_ref: Mapped[str | None]
    created_at: Mapped[datetime] = _at()

    __table_args__ = (
        Index("ix_message_thread", "thread_id", "id"),
        Index("ix_message_account", "account_id", "id"),
        Index("ix_message_group", "group_id", "id"),
        Index("ix_message_tenant", "tenant_id", "id"),
        Index("ix_message_remote", "tenant_id", "remote", "id"),
        {"postgresql_partition_by": "RANGE (id)"},
    )


class MessageEvent(Base):
    """One change of a message, or one word of a provider that changed nothing (`changed` is then false)."""

    __tablename__ = "message_event"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    message_id: Mapped[UUID]
    tenant_id: Mapped[UUID]
    status: Mapped[Status] = mapped_column(enum_text(Status))
    changed: Mapped[bool] = mapped_column(server_default=text("true"))
    code: Mapped[str] = mapped_column(server_default="")
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index("ix_message_event_message", "message_id"),
        {"postgresql_partition_by": "RANGE (id)"},
    )


class DispatchItem(Base, WorkColumns):
    """What waits to leave, with all that a send needs: a claim is one statement. `id` is the message's; the row goes with the outcome."""

    __tablename__ = "dispatch_queue"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    channel_id: Mapped[UUID]
    remote: Mapped[str]
    local: Mapped[str]
    text: Mapped[str]
    parts: Mapped[int] = mapped_column(SmallInteger)
    doubts: Mapped[int] = mapped_column(SmallInteger, server_default="0")

    __table_args__ = (due_index("dispatch_queue", "channel_id"),)


class ProviderReference(Base):
    """By which id a provider knows a message: receipts find their message, and a repeated incoming text is known.

    `siblings` are the references of all parts of a text, where the provider gives each an id of its own, and `status` is what became of
    this one in the end.
    """

    __tablename__ = "provider_reference"

    channel_id: Mapped[UUID] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(primary_key=True)
    message_id: Mapped[UUID]
    siblings: Mapped[list[str] | None] = mapped_column(ARRAY(String))
    status: Mapped[str | None]

    __table_args__ = (Index("ix_provider_reference_message", "message_id", postgresql_using="brin"),)


class IncomingPiece(Base):
    """A piece of a long incoming text whose other pieces have not all come yet. `message_id` is the id that the text gets if this is its
    first."""

    __tablename__ = "incoming_piece"

    channel_id: Mapped[UUID] = mapped_column(primary_key=True)
    sender: Mapped[str] = mapped_column(primary_key=True)
    recipient: Mapped[str] = mapped_column(primary_key=True)
    grp: Mapped[str] = mapped_column(primary_key=True)
    total: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    message_id: Mapped[UUID]
    reference: Mapped[str]
    text: Mapped[str]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)


class EarlyReceipt(Base):
    """A receipt that came before our own record of the send; applied when that is written (spec S7)."""

    __tablename__ = "early_receipt"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    channel_id: Mapped[UUID]
    reference: Mapped[str]
    status: Mapped[str | None]
    code: Mapped[str]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index("ix_early_receipt_reference", "channel_id", "reference"),)


class RecentText(Base):
    """The 24-hour guard: who has sent which text (its SHA-256) to which number, and when last (spec M9)."""

    __tablename__ = "recent_text"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    remote: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    message_id: Mapped[UUID] = mapped_column(index=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    # in the order of time, so that a block range index is enough for forgetting the old, and costs nothing to keep up
    __table_args__ = (Index("ix_recent_text_at", "at", postgresql_using="brin"),)


class ClientReference(Base):
    """What a client calls its submission, so that one handed in twice is one: for mail its Message-ID and envelope (spec M9)."""

    __tablename__ = "client_reference"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(primary_key=True)
    message_id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index("ix_client_reference_at", "at", postgresql_using="brin"),)


class ScheduledText(Base, WorkColumns):
    """A message that is to be sent later; `id` is the message's, `next_attempt_at` its time. The row goes when it is sent or cancelled.

    `sender_id` is what was chosen for it to go out as, None where that is left to the rules.
    """

    __tablename__ = "scheduled_text"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    account_id: Mapped[UUID]
    remote: Mapped[str]
    sender_id: Mapped[str | None]

    __table_args__ = (
        due_index("scheduled_text"),
        Index("ix_scheduled_text_account", "account_id", "remote"),
    )


class OptOut(Base):
    """A remote number that has answered STOP to an account (spec R4); gone once it says START. `message_id` is the text that said so."""

    __tablename__ = "opt_out"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    remote: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    message_id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class RecipientList(Base):
    """A saved list of recipients, an account's own."""

    __tablename__ = "recipient_list"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[UUID]
    account_id: Mapped[UUID]
    name: Mapped[str]
    created_at: Mapped[datetime] = _at()

    __table_args__ = (UniqueConstraint("account_id", "name"),)


class ListedRecipient(Base):
    """A number of a saved list, E.164, in its place; `name` is for the reader alone."""

    __tablename__ = "listed_recipient"

    list_id: Mapped[UUID] = mapped_column(
        ForeignKey("recipient_list.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[int]
    name: Mapped[str] = mapped_column(default="", server_default="")


_HAS_WORDS = text("text <> ''")


class Sending(Base):
    """A text to many, put together and looked at before it is sent. `rows` are its recipients, `{"number": …, "fields": {…}}` each.

    `text` may hold `{field}` for what differs, and is "" once it was removed (spec L4). Of `total` recipients `done` were handled so far;
    `accepted` of them were taken in for sending. `guard`: the 24-hour guard is asked. `confirmed_at` is None while it is only looked at.
    `door` is that by which it came in, `client_ref` a client's own word for it, `sender_id` what it chose to go out as (spec V3).
    """

    __tablename__ = "sending"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[UUID]
    account_id: Mapped[UUID] = mapped_column(index=True)
    door: Mapped[Door] = mapped_column(enum_text(Door), default=Door.PORTAL, server_default="portal")
    client_ref: Mapped[str | None]
    sender_id: Mapped[str | None]
    text: Mapped[str]
    rows: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    total: Mapped[int]
    done: Mapped[int] = mapped_column(default=0, server_default="0")
    accepted: Mapped[int] = mapped_column(default=0, server_default="0")
    guard: Mapped[bool] = mapped_column(default=True, server_default=true())
    send_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = _at()
    confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index("ix_sending_words", "tenant_id", "id", postgresql_where=_HAS_WORDS),)


class SendingOutcome(Base):
    """What became of one row of a sending; `word` is the status as shown at that time."""

    __tablename__ = "sending_outcome"

    sending_id: Mapped[UUID] = mapped_column(ForeignKey("sending.id", ondelete="CASCADE"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    recipient: Mapped[str]
    word: Mapped[str]
    message_id: Mapped[UUID | None]


class SendingWork(Base, WorkColumns):
    """A confirmed sending that waits to be worked off; `id` is the sending's."""

    __tablename__ = "sending_work"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]

    __table_args__ = (due_index("sending_work"),)
