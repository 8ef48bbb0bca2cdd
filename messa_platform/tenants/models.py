"""Tables of the tenants: organisations, their trees of groups, accounts, domains, settings, quotas and numbers.

Every table that belongs to a tenant carries `tenant_id`, so that each query can name it and row-level security can check it.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Sequence,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from messa_platform.core.db import Base
from messa_platform.core.ids import new_id
from messa_platform.core.work import enum_text


class Ltree(UserDefinedType[str]):
    """PostgreSQL's `ltree`: a path of labels, here the hexadecimal ids of groups from Master down."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "ltree"


class TenantState(StrEnum):
    """Whether a tenant may send."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class DomainState(StrEnum):
    """Whether a domain is proven to be its tenant's (spec D1)."""

    WAITING = "waiting"
    VERIFIED = "verified"
    SUSPENDED = "suspended"


class Proof(StrEnum):
    """By what a domain is known to be its tenant's (spec D1)."""

    DNS = "dns"
    PARENT = "parent"
    """A domain above it is."""
    OPERATOR = "operator"


class Lock(StrEnum):
    """Who below may change a setting (spec G3, G8)."""

    LOCKED = "locked"
    SUBADMIN = "subadmin"
    ALL = "all"


class AccountKind(StrEnum):
    """What an account is."""

    PERSON = "person"
    """An e-mail address."""
    API = "api"
    """An API user: it sends by an interface (spec A4), and no mail reaches it."""


class TokenKind(StrEnum):
    """What a mailed link is good for."""

    WELCOME = "welcome"
    RESET = "reset"


SETTING_VERSION = Sequence("group_setting_version", metadata=Base.metadata)


def _created() -> Mapped[datetime]:
    return mapped_column(DateTime(timezone=True), server_default=func.now())


class Tenant(Base):
    """An organisation. The platform's own tenant, `is_free`, holds the accounts that belong to none.

    `demands_second_factor`: of its admins (spec I3). `time_zone`: of the times that its people see (spec W1).
    `keep_text_days`: after so many days the words of its messages are purged; None: they are kept (spec L4).
    """

    __tablename__ = "tenant"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    state: Mapped[TenantState] = mapped_column(enum_text(TenantState), default=TenantState.ACTIVE)
    language: Mapped[str] = mapped_column(default="sv")
    is_free: Mapped[bool] = mapped_column(default=False)
    demands_second_factor: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    time_zone: Mapped[str] = mapped_column(default="Europe/Stockholm", server_default="Europe/Stockholm")
    keep_text_days: Mapped[int | None]
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    created_at: Mapped[datetime] = _created()

    __table_args__ = (Index("uq_tenant_free", "is_free", unique=True, postgresql_where=text("is_free")),)


class Group(Base):
    """A node of a tenant's tree; the Master group has no parent. A removed group stays as a tombstone, since messages name it.

    `version` counts its renamings and moves, so that of two who change it at once the second is told.
    """

    __tablename__ = "group"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenant.id"))
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("group.id"))
    path: Mapped[str] = mapped_column(Ltree)
    slug: Mapped[str]
    name: Mapped[str]
    sort_key: Mapped[str]
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    created_at: Mapped[datetime] = _created()
    removed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index("ix_group_path", "path", postgresql_using="gist"),
        Index("ix_group_tenant", "tenant_id", "id"),
        Index("ix_group_children", "tenant_id", "parent_id", "sort_key", postgresql_where=text("removed_at IS NULL")),
        Index(
            "uq_group_slug", "tenant_id", "parent_id", "slug", unique=True, postgresql_nulls_not_distinct=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
    )  # fmt: skip


class GroupSetting(Base):
    """A setting that a group has set itself; what is not here is inherited. Keys and types stand in `group_settings`.

    `authority_id` is the group by whose adminship it was set, the group itself or one above it: a lock binds every admin whose own
    authority begins below that group (spec G3). `version` is unlike any that the setting ever had.
    """

    __tablename__ = "group_setting"

    group_id: Mapped[UUID] = mapped_column(ForeignKey("group.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenant.id"))
    value: Mapped[Any] = mapped_column(JSONB(none_as_null=False))
    lock: Mapped[Lock] = mapped_column(enum_text(Lock), default=Lock.SUBADMIN)
    authority_id: Mapped[UUID] = mapped_column(ForeignKey("group.id"))
    version: Mapped[int] = mapped_column(
        BigInteger, SETTING_VERSION, server_default=SETTING_VERSION.next_value()
    )
    set_at: Mapped[datetime] = _created()

    __table_args__ = (Index("ix_group_setting_tenant", "tenant_id", "key", "set_at"),)


class Domain(Base):
    """A mail domain tied to a group; addresses match the longest verified one (spec D3).

    `token` is what its DNS has to show. `check_at` is when it is looked at next, None: never. `failing_since` is since when the proof is
    missing, `fault` what was found instead, `told_at` when its group's admins were last told of it.
    """

    __tablename__ = "domain"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenant.id"), index=True)
    group_id: Mapped[UUID] = mapped_column(ForeignKey("group.id"))
    name: Mapped[str]
    state: Mapped[DomainState] = mapped_column(enum_text(DomainState), default=DomainState.WAITING)
    created_at: Mapped[datetime] = _created()
    verified_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    proof: Mapped[Proof | None] = mapped_column(enum_text(Proof))
    token: Mapped[str] = mapped_column(
        default=lambda: secrets.token_hex(16), server_default=text("md5(gen_random_uuid()::text)")
    )
    requested_by: Mapped[UUID | None]
    checked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    check_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    failing_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    fault: Mapped[str | None]
    told_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index("ix_domain_check", "check_at", postgresql_where=text("check_at IS NOT NULL")),
        # two tenants may ask for a name; only one can have proven it
        Index("uq_domain_verified", "name", unique=True, postgresql_where=text("state = 'verified'")),
        UniqueConstraint("tenant_id", "name", name="uq_domain_tenant"),
        CheckConstraint("name = lower(name)", name="lower"),
    )


class Account(Base):
    """An e-mail address that may send; in exactly one group. `group_since` is when it came there, `tenant_since` when it came to its tenant from
    another one, or was made: what it sent before counts for no limit of this tenant that has no window. Neither is changed by its removal.

    `mobile` is the owner's own ordinary mobile (spec U1), E.164. `password_hash` is None until a password is chosen. `totp_secret` is sealed
    (`core.crypto`) and in force once `totp_since` is set; `totp_step` is the last time step whose code was used (RFC 6238, 5.2).
    `is_operator`: one of the platform's owners (spec O1). `placed_by_hand`: an admin has put it where it is, so that a domain that the same
    tenant verifies later leaves it there (spec D4). An API user's name is its `display_name`; its `address` is none (see `api_users`).
    """

    __tablename__ = "account"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[AccountKind] = mapped_column(
        enum_text(AccountKind), default=AccountKind.PERSON, server_default="person"
    )
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenant.id"))
    group_id: Mapped[UUID] = mapped_column(ForeignKey("group.id"))
    group_since: Mapped[datetime] = _created()
    tenant_since: Mapped[datetime] = _created()
    address: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str] = mapped_column(default="", server_default="")
    language: Mapped[str | None]
    signature: Mapped[str | None]
    mobile: Mapped[str | None]
    password_hash: Mapped[str | None]
    totp_secret: Mapped[bytes | None]
    totp_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    totp_step: Mapped[int | None] = mapped_column(BigInteger)
    is_operator: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    blocked: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    placed_by_hand: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    created_at: Mapped[datetime] = _created()
    removed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint("address = lower(address)", name="lower"),
        Index(
            "ix_account_api_users",
            "tenant_id",
            "group_id",
            postgresql_where=text("kind = 'api' AND removed_at IS NULL"),
        ),
        Index("ix_account_of_group", "group_id", "address", postgresql_where=text("removed_at IS NULL")),
        Index("ix_account_of_tenant", "tenant_id", "address", postgresql_where=text("removed_at IS NULL")),
        # ix_account_domain, ix_account_tenant_domain and ix_account_words, over expressions, stand in migration 0003 alone
    )


class AccountToken(Base):
    """A link mailed to an account. Only the digest (SHA-256) is kept."""

    __tablename__ = "account_token"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    kind: Mapped[TokenKind] = mapped_column(enum_text(TokenKind))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class QuotaCounter(Base):
    """The row that a reservation locks: one for each group and account that has ever reserved. `scope_id` is the group's or account's id."""

    __tablename__ = "quota_counter"

    scope_id: Mapped[UUID] = mapped_column(primary_key=True)


class QuotaUsage(Base):
    """Parts used by a group (with all below) or an account in one bucket of time.

    A bucket begins at a Stockholm midnight or, on the day a limit without a window was set, at that instant; so both "today and the N-1 days
    before" and "since the limit was set" are exact sums of whole buckets (spec G6).
    """

    __tablename__ = "quota_usage"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    scope_id: Mapped[UUID]
    bucket: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    parts: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        UniqueConstraint("scope_id", "bucket"),
        CheckConstraint("parts >= 0", name="not_negative"),
    )


class NumberRange(Base):
    """Numbers that the platform may lend: `first` to `last`, E.164 digits without `+`; `next_number` is the first never lent.

    Only from an open one are numbers lent. `told_at` is when the operator was last told that it runs low.
    """

    __tablename__ = "number_range"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    first: Mapped[int] = mapped_column(BigInteger, unique=True)
    last: Mapped[int] = mapped_column(BigInteger)
    next_number: Mapped[int] = mapped_column(BigInteger)
    is_open: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    told_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (CheckConstraint("first <= next_number AND next_number <= last + 1", name="order"),)


class Number(Base):
    """A number that is or was lent. Returned, it rests until `rests_until` before it is lent again (spec R5)."""

    __tablename__ = "number"

    msisdn: Mapped[str] = mapped_column(primary_key=True)
    range_id: Mapped[UUID] = mapped_column(ForeignKey("number_range.id"))
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), unique=True)
    rests_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index("ix_number_free", "rests_until", postgresql_where=text("account_id IS NULL")),
        CheckConstraint("(account_id IS NULL) = (rests_until IS NOT NULL)", name="lent_or_resting"),
    )


class NumberLending(Base):
    """Who held a number, and when; what the monthly number fee is billed from (spec B3)."""

    __tablename__ = "number_lending"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenant.id"))
    group_id: Mapped[UUID] = mapped_column(ForeignKey("group.id"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    msisdn: Mapped[str] = mapped_column(ForeignKey("number.msisdn"), index=True)
    lent_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    returned_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index("ix_number_lending_tenant", "tenant_id", "id"),)
