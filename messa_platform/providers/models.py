"""Tables of the providers: the channels by which texts leave and come in."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, ForeignKey, Index, LargeBinary, SmallInteger, String, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from messa_platform.core.db import Base
from messa_platform.core.ids import new_id


class Channel(Base):
    """A configured connection to a provider: a plugin's name and its settings. `tenant_id` None: the platform's own. `sealed` are the settings
    that are secrets (see `secrets`). `name` is unique among its owner's.

    One that is removed (`removed_at`) is not `enabled` either; its row stays, since messages name it and receipts still come for them.

    `breaker`, `failing`, `openings` and `probe_at` are its circuit breaker's (see `breaker`).

    `capabilities` names what its plugin can do, `countries` where it leads (see `capabilities`); None: not known yet, so taken for everything.

    `rate` is texts a second (None: no limit); `tokens`, of at most two seconds' worth, are what may leave at once since `refilled_at`.
    """

    __tablename__ = "channel"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[UUID | None] = mapped_column(ForeignKey("tenant.id"))
    name: Mapped[str]
    plugin: Mapped[str]
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    enabled: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    removed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    priority: Mapped[int] = mapped_column(default=0, server_default="0")
    rate: Mapped[float | None]
    tokens: Mapped[float] = mapped_column(default=0.0, server_default="0")
    refilled_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    capabilities: Mapped[list[str] | None] = mapped_column(ARRAY(String))
    countries: Mapped[list[str] | None] = mapped_column(ARRAY(String))

    breaker: Mapped[str] = mapped_column(default="closed", server_default="closed")
    failing: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    openings: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    probe_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index("ix_channel_route", "tenant_id", "priority"),
        Index(
            "uq_channel_name",
            "tenant_id",
            "name",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
            postgresql_nulls_not_distinct=True,
        ),
    )


class ConnectorLease(Base):
    """Which process holds a channel's sessions, and until when if it does not say so again; how they stand: `up` of `wanted`, and the `fault`
    of the last that is not."""

    __tablename__ = "connector_lease"

    channel_id: Mapped[UUID] = mapped_column(ForeignKey("channel.id", ondelete="CASCADE"), primary_key=True)
    holder: Mapped[UUID]
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    up: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    wanted: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    fault: Mapped[str] = mapped_column(default="", server_default="")
