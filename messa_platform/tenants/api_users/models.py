"""Table of the keys. An API user itself is an `Account` of the kind `api`: it obeys the same rules (spec A5)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, ForeignKey, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column

from messa_platform.core.db import Base
from messa_platform.core.ids import new_id
from messa_platform.core.work import enum_text


class KeyKind(StrEnum):
    """Which door a key opens."""

    SESSION = "session"
    """`api.aspx`, whose manual calls it the session key."""
    V2 = "v2"


class Scope(StrEnum):
    """What a key of v2 may be used for, in its API user's group and everything below it (spec V2)."""

    MESSAGES_SEND = "messages:send"
    MESSAGES_READ = "messages:read"
    GROUPS_READ = "groups:read"
    GROUPS_WRITE = "groups:write"
    PEOPLE_READ = "people:read"
    PEOPLE_WRITE = "people:write"
    API_USERS_READ = "api_users:read"
    API_USERS_WRITE = "api_users:write"
    """Gives out keys: never of more than the key itself has (`keys.make`)."""
    DOMAINS_READ = "domains:read"
    DOMAINS_WRITE = "domains:write"
    CHANNELS_READ = "channels:read"
    CHANNELS_WRITE = "channels:write"
    """Decides by which providers the organisation's texts leave."""
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    USAGE_READ = "usage:read"
    AUDIT_READ = "audit:read"
    BILLING_READ = "billing:read"


class ApiKey(Base):
    """A key of an API user. Only its digest (SHA-256) is kept, and its last letters (`hint`), by which people tell keys apart.

    Several live at once, so that they can be rotated: the old one then works until `expires_at`. `last_used_at` is told to the minute.
    """

    __tablename__ = "api_key"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenant.id"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    kind: Mapped[KeyKind] = mapped_column(enum_text(KeyKind))
    name: Mapped[str] = mapped_column(default="", server_default="")
    digest: Mapped[bytes] = mapped_column(unique=True)
    hint: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String), default=list, server_default=text("'{}'"))
    created_by: Mapped[str] = mapped_column(default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index("ix_api_key_tenant_id", "tenant_id"),)
