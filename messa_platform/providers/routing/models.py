"""Tables of the routes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    DateTime,
    ForeignKey,
    SmallInteger,
    String,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from messa_platform.core.db import Base
from messa_platform.core.ids import new_id


class RouteRow(Base):
    """By which channels some texts leave. `tenant_id` None: those of all tenants; `prefix` "": to all numbers; `sender_kind` None: as any
    sender. `needs` are capabilities that a channel must have for it. `is_cheapest`: the cheapest of the channels first, not the first.

    The channels are no foreign keys: one that is gone is passed over.
    """

    __tablename__ = "route"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[UUID | None] = mapped_column(ForeignKey("tenant.id"))
    prefix: Mapped[str] = mapped_column(default="", server_default="")
    sender_kind: Mapped[str | None]
    needs: Mapped[list[str]] = mapped_column(ARRAY(String), server_default=text("'{}'"))
    channel_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    is_cheapest: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        UniqueConstraint("tenant_id", "prefix", "sender_kind", postgresql_nulls_not_distinct=True),
    )


class RoutingStamp(Base):
    """One row, whose `stamp` is another after each change of a route or a price list: by it processes know that what they keep is old. None
    is there before the first change."""

    __tablename__ = "routing_stamp"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, server_default="1")
    stamp: Mapped[UUID]

    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)
