"""Tables of signing in (spec I1-I3, U2)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index, Integer, LargeBinary, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from messa_platform.core.db import Base
from messa_platform.core.ids import new_id
from messa_platform.core.work import WorkColumns, due_index, enum_text


class SessionKind(StrEnum):
    """Where a session's token is kept (spec I2)."""

    PERSISTENT = "persistent"
    """A cookie of 30 days that renews itself: *Håll mig inloggad* was ticked."""
    BROWSER = "browser"
    """A cookie that ends with the browser."""
    URL = "url"
    """The path's prefix: the browser refuses cookies."""


def _created() -> Mapped[datetime]:
    return mapped_column(DateTime(timezone=True), server_default=func.now())


class WebSession(Base):
    """A signed-in browser. Only the digest (SHA-256) of its token is kept; `binding` ties a URL session to user agent and network.

    `csrf` is the secret from which its forms' tokens are made. `seen_at` is when a page was last asked for, to the minute or so.
    """

    __tablename__ = "web_session"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[UUID]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    kind: Mapped[SessionKind] = mapped_column(enum_text(SessionKind))
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    csrf: Mapped[bytes] = mapped_column(LargeBinary)
    binding: Mapped[bytes | None] = mapped_column(LargeBinary)
    user_agent: Mapped[str] = mapped_column(server_default="")
    address: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = _created()
    seen_at: Mapped[datetime] = _created()
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index("ix_web_session_expires", "expires_at"),)


class RecoveryCode(Base):
    """A code that stands in for a lost second factor, once. Only its digest is kept."""

    __tablename__ = "recovery_code"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Throttle(Base):
    """Failures under one key (the digest of an address, a network, or both) and until when the next try is refused."""

    __tablename__ = "sign_in_throttle"

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    failures: Mapped[int] = mapped_column(Integer)
    last_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    blocked_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index("ix_sign_in_throttle_last", "last_at"),)


class KnownNetwork(Base):
    """A network from which an account has signed in before: who guesses from elsewhere does not slow its owner there."""

    __tablename__ = "known_network"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    network: Mapped[str] = mapped_column(primary_key=True)
    last_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class LinkRequest(Base, WorkColumns):
    """Somebody asked for a link to a new password. Worked off outside the request, so that its time tells nothing of the address."""

    __tablename__ = "link_request"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    address: Mapped[str]
    requested_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    __table_args__ = (due_index("link_request"),)


class IdentityProvider(Base):
    """An OpenID Connect provider that signs in the addresses of one verified domain. `client_secret` is sealed (`core.crypto`).

    `group_id` is the group for which it was set up: its domain's then. It reaches no further than that one's tree (`access.reach`).
    """

    __tablename__ = "identity_provider"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[UUID]
    domain_id: Mapped[UUID] = mapped_column(ForeignKey("domain.id"), unique=True)
    group_id: Mapped[UUID] = mapped_column(ForeignKey("group.id"))
    name: Mapped[str]
    issuer: Mapped[str]
    client_id: Mapped[str]
    client_secret: Mapped[bytes] = mapped_column(LargeBinary)
    enabled: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    created_at: Mapped[datetime] = _created()


class ExternalIdentity(Base):
    """Who of an identity provider is which account: its `subject` there does not change when a person's address does."""

    __tablename__ = "external_identity"

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("identity_provider.id"), primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    linked_at: Mapped[datetime] = _created()

    __table_args__ = (UniqueConstraint("provider_id", "account_id"),)
