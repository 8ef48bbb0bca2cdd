"""Tables of the events to the outside. None of them holds words of a message: those are read when they are sent (spec L4)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from messa_platform.core.db import Base
from messa_platform.core.ids import new_id
from messa_platform.core.work import OPEN_SQL, WorkColumns, enum_text


class EndpointKind(StrEnum):
    """How an endpoint is told."""

    WEBHOOK = "webhook"
    """A group's: JSON, signed by the Standard Webhooks convention."""
    API_URL = "api_url"
    """An API user's: a form, as the manual of the legacy API has it."""


class EndpointState(StrEnum):
    """Whether an endpoint is told at all."""

    ACTIVE = "active"
    DISABLED = "disabled"


class DisabledWhy(StrEnum):
    """Why an endpoint is told nothing any more."""

    GONE = "gone"
    """It answered 410."""
    FAILING = "failing"
    """It took nothing for days."""
    ADMIN = "admin"


class Endpoint(Base):
    """An address that is told of messages: a webhook, of a group and all below it, or an `api_url`, of one API user.

    `event_types` that it wants; empty means all. `secret` is sealed; after a rotation the one before it signs as well until
    `old_secret_until`. `failures` counts those since the last success, which began at `failing_since`; until `paused_until` it is told nothing.
    """

    __tablename__ = "event_endpoint"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenant.id"))
    group_id: Mapped[UUID | None] = mapped_column(ForeignKey("group.id"))
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    kind: Mapped[EndpointKind] = mapped_column(enum_text(EndpointKind))
    url: Mapped[str]
    description: Mapped[str] = mapped_column(default="", server_default="")
    event_types: Mapped[list[str]] = mapped_column(ARRAY(String), default=list, server_default=text("'{}'"))
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    old_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    old_secret_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    state: Mapped[EndpointState] = mapped_column(
        enum_text(EndpointState), default=EndpointState.ACTIVE, server_default="active"
    )
    disabled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    disabled_why: Mapped[DisabledWhy | None] = mapped_column(enum_text(DisabledWhy))
    failing_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    paused_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        CheckConstraint("num_nonnulls(group_id, account_id) = 1", name="one_owner"),
        Index("ix_event_endpoint_tenant_id", "tenant_id"),
        Index("ix_event_endpoint_group_id", "group_id"),
        Index("uq_event_endpoint_account_id", "account_id", unique=True),
    )


class EventDelivery(Base, WorkColumns):
    """One event on its way to one endpoint; `id` is the `webhook-id`, the same at each try. Of a test, there is no message.

    No foreign keys: history outlives what it names, and the hot way is spared the look-ups.
    """

    __tablename__ = "event_delivery"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[UUID]
    endpoint_id: Mapped[UUID]
    type: Mapped[str]
    message_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(default="", server_default="")
    code: Mapped[str] = mapped_column(default="", server_default="")
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        # with the id, so that the first few of a great many that have waited equally long are found without sorting them
        Index(
            "ix_event_delivery_due", "endpoint_id", "next_attempt_at", "id", postgresql_where=text(OPEN_SQL)
        ),
        # of one message an endpoint hears in order: what waits behind an earlier one is found here
        Index("ix_event_delivery_order", "endpoint_id", "message_id", "id", postgresql_where=text(OPEN_SQL)),
        Index("ix_event_delivery_endpoint", "endpoint_id", "id"),
    )


class DeliveryAttempt(Base):
    """One try: what the endpoint answered (`status`, of HTTP), or why there was no answer (`fault`), and how long it took."""

    __tablename__ = "delivery_attempt"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[UUID]
    endpoint_id: Mapped[UUID]
    delivery_id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    status: Mapped[int | None]
    fault: Mapped[str | None]
    milliseconds: Mapped[int]

    __table_args__ = (Index("ix_delivery_attempt_delivery", "delivery_id", "id"),)
