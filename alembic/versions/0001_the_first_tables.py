"""The first tables

Revision ID: 0001
Revises:
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op
from messa_platform.messaging.partitions import PARTITIONED, ahead
from messa_platform.tenants.models import Ltree

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS ltree")
    op.create_table(
        "client_reference",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "reference", name=op.f("pk_client_reference")),
    )
    op.create_index(
        "ix_client_reference_at", "client_reference", ["at"], unique=False, postgresql_using="brin"
    )
    op.create_table(
        "dispatch_queue",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("remote", sa.String(), nullable=False),
        sa.Column("local", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("parts", sa.SmallInteger(), nullable=False),
        sa.Column("doubts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "ready",
                "leased",
                "done",
                "parked",
                name="workstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="ready",
            nullable=False,
        ),
        sa.Column(
            "next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispatch_queue")),
    )
    op.create_index(
        "ix_dispatch_queue_due",
        "dispatch_queue",
        ["channel_id", "next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('ready', 'leased')"),
    )
    op.create_table(
        "early_receipt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_early_receipt")),
    )
    op.create_index("ix_early_receipt_reference", "early_receipt", ["channel_id", "reference"], unique=False)
    op.create_table(
        "failure_notice",
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("address", "cause", name=op.f("pk_failure_notice")),
    )
    op.create_index(op.f("ix_failure_notice_told_at"), "failure_notice", ["told_at"], unique=False)
    op.create_table(
        "inbound_mail",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("helo", sa.String(), nullable=False),
        sa.Column("envelope_sender", sa.String(), nullable=False),
        sa.Column("recipients", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("size", sa.Integer(), sa.Computed("octet_length(raw)", persisted=True), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "submitted",
                "repeated",
                "dropped",
                "refused",
                name="mailoutcome",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("left_out", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "ready",
                "leased",
                "done",
                "parked",
                name="workstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="ready",
            nullable=False,
        ),
        sa.Column(
            "next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_mail")),
    )
    op.create_index(
        "ix_inbound_mail_unsent",
        "inbound_mail",
        ["account_id", "id"],
        unique=False,
        postgresql_where=sa.text("outcome IN ('dropped', 'refused')"),
    )
    op.create_index(
        "ix_inbound_mail_due",
        "inbound_mail",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('ready', 'leased')"),
    )
    op.create_index(
        "ix_inbound_mail_raw",
        "inbound_mail",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'done' AND raw IS NOT NULL"),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("thread_id", sa.Uuid(), nullable=True),
        sa.Column(
            "direction",
            sa.Enum("out", "in", name="direction", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column(
            "door",
            sa.Enum(
                "mail",
                "portal",
                "legacy",
                "v2",
                "provider",
                name="door",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "SCHEDULED",
                "CANCELLED",
                "QUEUED",
                "UNCONFIRMED",
                "SENT",
                "BUFFERED",
                "DELIVERED",
                "UNDELIVERED",
                "UNSENT",
                "INCOMING",
                "no_route",
                "destination_not_allowed",
                "tenant_suspended",
                "sms_already_sent_24H",
                "too_many_parts",
                "sender_not_verified",
                "invalid_number",
                "blocked",
                "Personal",
                "Group",
                "no_sms_left:Personal",
                "no_sms_left:Group",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rule_group_id", sa.Uuid(), nullable=True),
        sa.Column("remote", sa.String(), nullable=False),
        sa.Column("local", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column(
            "encoding",
            sa.Enum("GSM", "UCS2", name="encoding", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("parts", sa.SmallInteger(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=True),
        sa.Column("mail_id", sa.Uuid(), nullable=True),
        sa.Column("quota_buckets", sa.ARRAY(sa.BigInteger()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index("ix_message_account", "message", ["account_id", "id"], unique=False)
    op.create_index("ix_message_group", "message", ["group_id", "id"], unique=False)
    op.create_index("ix_message_thread", "message", ["thread_id", "id"], unique=False)
    op.create_table(
        "message_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "SCHEDULED",
                "CANCELLED",
                "QUEUED",
                "UNCONFIRMED",
                "SENT",
                "BUFFERED",
                "DELIVERED",
                "UNDELIVERED",
                "UNSENT",
                "INCOMING",
                "no_route",
                "destination_not_allowed",
                "tenant_suspended",
                "sms_already_sent_24H",
                "too_many_parts",
                "sender_not_verified",
                "invalid_number",
                "blocked",
                "Personal",
                "Group",
                "no_sms_left:Personal",
                "no_sms_left:Group",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("changed", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("code", sa.String(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_event")),
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index("ix_message_event_message", "message_event", ["message_id"], unique=False)
    op.create_table(
        "number_range",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("next_number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "first <= next_number AND next_number <= last + 1", name=op.f("ck_number_range_order")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_number_range")),
        sa.UniqueConstraint("first", name=op.f("uq_number_range_first")),
    )
    op.create_table(
        "outgoing_mail",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=True),
        sa.Column("envelope_sender", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "ready",
                "leased",
                "done",
                "parked",
                name="workstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="ready",
            nullable=False,
        ),
        sa.Column(
            "next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing_mail")),
        sa.UniqueConstraint("key", name=op.f("uq_outgoing_mail_key")),
    )
    op.create_index(
        "ix_outgoing_mail_due",
        "outgoing_mail",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('ready', 'leased')"),
    )
    op.create_table(
        "provider_reference",
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", "reference", name=op.f("pk_provider_reference")),
    )
    op.create_index(
        "ix_provider_reference_message",
        "provider_reference",
        ["message_id"],
        unique=False,
        postgresql_using="brin",
    )
    op.create_table(
        "quota_counter",
        sa.Column("scope_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("scope_id", name=op.f("pk_quota_counter")),
    )
    op.create_table(
        "quota_usage",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("scope_id", sa.Uuid(), nullable=False),
        sa.Column("bucket", sa.DateTime(timezone=True), nullable=False),
        sa.Column("parts", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("parts >= 0", name=op.f("ck_quota_usage_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quota_usage")),
        sa.UniqueConstraint("scope_id", "bucket", name=op.f("uq_quota_usage_scope_id")),
    )
    op.create_table(
        "recent_text",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("remote", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "remote", "digest", name=op.f("pk_recent_text")),
    )
    op.create_index("ix_recent_text_at", "recent_text", ["at"], unique=False, postgresql_using="brin")
    op.create_index(op.f("ix_recent_text_message_id"), "recent_text", ["message_id"], unique=False)
    op.create_table(
        "tenant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "active",
                "suspended",
                "closed",
                name="tenantstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("is_free", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant")),
        sa.UniqueConstraint("slug", name=op.f("uq_tenant_slug")),
    )
    op.create_index("uq_tenant_free", "tenant", ["is_free"], unique=True, postgresql_where=sa.text("is_free"))
    op.create_table(
        "thread",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("remote", sa.String(), nullable=False),
        sa.Column("display_name", sa.String(), server_default="", nullable=False),
        sa.Column("last_message_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mail_reference", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_thread")),
        sa.UniqueConstraint("account_id", "remote", name=op.f("uq_thread_account_id")),
    )
    op.create_index("ix_thread_latest", "thread", ["account_id", "last_message_at"], unique=False)
    op.create_table(
        "channel",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("plugin", sa.String(), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rate", sa.Double(), nullable=True),
        sa.Column("tokens", sa.Double(), server_default="0", nullable=False),
        sa.Column("refilled_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_channel_tenant_id_tenant")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel")),
        sa.UniqueConstraint("name", name=op.f("uq_channel_name")),
    )
    op.create_index("ix_channel_route", "channel", ["tenant_id", "priority"], unique=False)
    op.create_table(
        "group",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("path", Ltree(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sort_key", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["parent_id"], ["group.id"], name=op.f("fk_group_parent_id_group")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_group_tenant_id_tenant")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group")),
    )
    op.create_index("ix_group_path", "group", ["path"], unique=False, postgresql_using="gist")
    op.create_index(
        "uq_group_slug",
        "group",
        ["tenant_id", "parent_id", "slug"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("group_since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("display_name", sa.String(), server_default="", nullable=False),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column("signature", sa.String(), nullable=True),
        sa.Column("blocked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("address = lower(address)", name=op.f("ck_account_lower")),
        sa.ForeignKeyConstraint(["group_id"], ["group.id"], name=op.f("fk_account_group_id_group")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_account_tenant_id_tenant")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("address", name=op.f("uq_account_address")),
    )
    op.create_index(op.f("ix_account_group_id"), "account", ["group_id"], unique=False)
    op.create_table(
        "domain",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "verified",
                "suspended",
                name="domainstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("name = lower(name)", name=op.f("ck_domain_lower")),
        sa.ForeignKeyConstraint(["group_id"], ["group.id"], name=op.f("fk_domain_group_id_group")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_domain_tenant_id_tenant")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_domain")),
        sa.UniqueConstraint("tenant_id", "name", name="uq_domain_tenant"),
    )
    op.create_index(op.f("ix_domain_tenant_id"), "domain", ["tenant_id"], unique=False)
    op.create_index(
        "uq_domain_verified", "domain", ["name"], unique=True, postgresql_where=sa.text("state = 'verified'")
    )
    op.create_table(
        "group_setting",
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "lock",
            sa.Enum(
                "locked", "subadmin", "all", name="lock", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["group.id"], name=op.f("fk_group_setting_group_id_group")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_group_setting_tenant_id_tenant")),
        sa.PrimaryKeyConstraint("group_id", "key", name=op.f("pk_group_setting")),
    )
    op.create_table(
        "account_token",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("welcome", name="tokenkind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_account_token_account_id_account")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_account_token")),
    )
    op.create_index(op.f("ix_account_token_account_id"), "account_token", ["account_id"], unique=False)
    op.create_table(
        "number",
        sa.Column("msisdn", sa.String(), nullable=False),
        sa.Column("range_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("rests_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(account_id IS NULL) = (rests_until IS NOT NULL)", name=op.f("ck_number_lent_or_resting")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_number_account_id_account")),
        sa.ForeignKeyConstraint(
            ["range_id"], ["number_range.id"], name=op.f("fk_number_range_id_number_range")
        ),
        sa.PrimaryKeyConstraint("msisdn", name=op.f("pk_number")),
        sa.UniqueConstraint("account_id", name=op.f("uq_number_account_id")),
    )
    op.create_index(
        "ix_number_free",
        "number",
        ["rests_until"],
        unique=False,
        postgresql_where=sa.text("account_id IS NULL"),
    )
    op.create_table(
        "number_lending",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("msisdn", sa.String(), nullable=False),
        sa.Column("lent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_number_lending_account_id_account")
        ),
        sa.ForeignKeyConstraint(["group_id"], ["group.id"], name=op.f("fk_number_lending_group_id_group")),
        sa.ForeignKeyConstraint(["msisdn"], ["number.msisdn"], name=op.f("fk_number_lending_msisdn_number")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_number_lending_tenant_id_tenant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_number_lending")),
    )
    op.create_index(op.f("ix_number_lending_account_id"), "number_lending", ["account_id"], unique=False)
    op.create_index(op.f("ix_number_lending_msisdn"), "number_lending", ["msisdn"], unique=False)
    for table in PARTITIONED:
        # what no month has: a clock far off must not make a message fail
        op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
    ahead(op.get_bind(), datetime.now(UTC))
    # Rows live here for seconds and change thrice: room for them on their page, and an early vacuum.
    for queue in ("dispatch_queue", "quota_usage"):
        op.execute(
            f"ALTER TABLE {queue} SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0)"
        )


def downgrade() -> None:
    op.drop_index(op.f("ix_number_lending_msisdn"), table_name="number_lending")
    op.drop_index(op.f("ix_number_lending_account_id"), table_name="number_lending")
    op.drop_table("number_lending")
    op.drop_index("ix_number_free", table_name="number", postgresql_where=sa.text("account_id IS NULL"))
    op.drop_table("number")
    op.drop_index(op.f("ix_account_token_account_id"), table_name="account_token")
    op.drop_table("account_token")
    op.drop_table("group_setting")
    op.drop_index("uq_domain_verified", table_name="domain", postgresql_where=sa.text("state = 'verified'"))
    op.drop_index(op.f("ix_domain_tenant_id"), table_name="domain")
    op.drop_table("domain")
    op.drop_index(op.f("ix_account_group_id"), table_name="account")
    op.drop_table("account")
    op.drop_index(
        "uq_group_slug",
        table_name="group",
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.drop_index("ix_group_path", table_name="group", postgresql_using="gist")
    op.drop_table("group")
    op.drop_index("ix_channel_route", table_name="channel")
    op.drop_table("channel")
    op.drop_index("ix_thread_latest", table_name="thread")
    op.drop_table("thread")
    op.drop_index("uq_tenant_free", table_name="tenant", postgresql_where=sa.text("is_free"))
    op.drop_table("tenant")
    op.drop_index(op.f("ix_recent_text_message_id"), table_name="recent_text")
    op.drop_index("ix_recent_text_at", table_name="recent_text", postgresql_using="brin")
    op.drop_table("recent_text")
    op.drop_table("quota_usage")
    op.drop_table("quota_counter")
    op.drop_index("ix_provider_reference_message", table_name="provider_reference", postgresql_using="brin")
    op.drop_table("provider_reference")
    op.drop_index(
        "ix_outgoing_mail_due",
        table_name="outgoing_mail",
        postgresql_where=sa.text("state IN ('ready', 'leased')"),
    )
    op.drop_table("outgoing_mail")
    op.drop_table("number_range")
    op.drop_index("ix_message_event_message", table_name="message_event")
    op.drop_table("message_event")
    op.drop_index("ix_message_thread", table_name="message")
    op.drop_index("ix_message_group", table_name="message")
    op.drop_index("ix_message_account", table_name="message")
    op.drop_table("message")
    op.drop_index("ix_inbound_mail_raw", table_name="inbound_mail")
    op.drop_index(
        "ix_inbound_mail_due",
        table_name="inbound_mail",
        postgresql_where=sa.text("state IN ('ready', 'leased')"),
    )
    op.drop_index("ix_inbound_mail_unsent", table_name="inbound_mail")
    op.drop_table("inbound_mail")
    op.drop_index(op.f("ix_failure_notice_told_at"), table_name="failure_notice")
    op.drop_table("failure_notice")
    op.drop_index("ix_early_receipt_reference", table_name="early_receipt")
    op.drop_table("early_receipt")
    op.drop_index(
        "ix_dispatch_queue_due",
        table_name="dispatch_queue",
        postgresql_where=sa.text("state IN ('ready', 'leased')"),
    )
    op.drop_table("dispatch_queue")
    op.drop_index("ix_client_reference_at", table_name="client_reference", postgresql_using="brin")
    op.drop_table("client_reference")
