"""Tables of the price lists."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from messa_platform.core.db import Base
from messa_platform.core.ids import new_id


class PriceList(Base):
    """What a channel's provider charges us (`channel_id`, a *cost*), or what we charge (a *sale list*, which has a `name`).

    `is_standard`: the sale list that holds where no other was agreed on; there is one at the most.
    """

    __tablename__ = "price_list"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    channel_id: Mapped[UUID | None] = mapped_column(ForeignKey("channel.id", ondelete="CASCADE"), unique=True)
    name: Mapped[str | None] = mapped_column(unique=True)
    is_standard: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        CheckConstraint("(channel_id IS NULL) <> (name IS NULL)", name="of_a_channel_or_named"),
        Index("ix_price_list_standard", "is_standard", unique=True, postgresql_where=text("is_standard")),
    )


class PriceVersion(Base):
    """The prices of a list from a day on, at Stockholm's midnight, until the next version's day. What an id names never changes: a version
    that is replaced before it holds gives way to one with another id."""

    __tablename__ = "price_version"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    list_id: Mapped[UUID] = mapped_column(ForeignKey("price_list.id", ondelete="CASCADE"))
    valid_from: Mapped[date]
    prices: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (UniqueConstraint("list_id", "valid_from"),)


class PriceRow(Base):
    """What a part costs to numbers that begin with `prefix` (digits of E.164), in millionths of a krona. `name` is a country's or network's,
    for the reader."""

    __tablename__ = "price"

    version_id: Mapped[UUID] = mapped_column(
        ForeignKey("price_version.id", ondelete="CASCADE"), primary_key=True
    )
    prefix: Mapped[str] = mapped_column(primary_key=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(default="", server_default="")

    __table_args__ = (CheckConstraint("amount >= 0", name="not_negative"),)
