"""Tables of the log: who has sent from where, and how many messages there are of each kind.

The database's own triggers on `message` write to them, in the same transaction as whatever changes a message, so no way in can forget it.
A day is one of Stockholm's calendar, as for quotas and bills, and is that of the message's id.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from messa_platform.core.db import Base


class MessageSender(Base):
    """An account that has ever had a message in a group, with its address as it was then: it outlives the account (spec D4, L1)."""

    __tablename__ = "message_sender"

    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    address: Mapped[str] = mapped_column(String(collation="C"))

    __table_args__ = (Index("ix_message_sender_address", "tenant_id", "address", "account_id"),)


class MessageDelta(Base):
    """So many messages more, or fewer, of a kind; folded into the tables below every now and then (`summary.fold`)."""

    __tablename__ = "message_delta"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(index=True)
    group_id: Mapped[UUID]
    day: Mapped[date]
    direction: Mapped[str]
    status: Mapped[str]
    parts: Mapped[int] = mapped_column(SmallInteger)
    channel_id: Mapped[UUID]
    messages: Mapped[int] = mapped_column(BigInteger)


class _Counted:
    """So many messages of a kind on a day. `parts` are those of each; `channel_id` is nil where there was none."""

    day: Mapped[date] = mapped_column(primary_key=True)
    direction: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(primary_key=True)
    parts: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    channel_id: Mapped[UUID] = mapped_column(primary_key=True)
    messages: Mapped[int] = mapped_column(BigInteger, sort_order=1)


class _OfGroup(_Counted):
    group_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-1)
    tenant_id: Mapped[UUID]


class _OfTenant(_Counted):
    tenant_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-1)


def _none(table: str, column: str) -> Index:
    """Where there are none any more: what is to be swept away."""
    return Index(f"ix_{table}_none", column, postgresql_where=text("messages = 0"))


class MessageDay(_OfGroup, Base):
    """How many messages of a kind a group had on a day."""

    __tablename__ = "message_day"
    __table_args__ = (
        Index("ix_message_day_status", "tenant_id", "status", "day", "group_id"),
        _none("message_day", "group_id"),
    )


class MessageMonth(_OfGroup, Base):
    """The same for a month; `day` is its first."""

    __tablename__ = "message_month"
    __table_args__ = (_none("message_month", "group_id"),)


class TenantDay(_OfTenant, Base):
    """How many messages of a kind a tenant as a whole had on a day."""

    __tablename__ = "tenant_day"
    __table_args__ = (_none("tenant_day", "tenant_id"),)


class TenantMonth(_OfTenant, Base):
    """The same for a month; `day` is its first."""

    __tablename__ = "tenant_month"
    __table_args__ = (_none("tenant_month", "tenant_id"),)
