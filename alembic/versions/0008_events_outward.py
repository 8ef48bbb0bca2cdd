"""Events to the outside: endpoints, deliveries and their attempts

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op
from messa_platform.core.row_security import OF_TENANT, protect, role_name

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SEEN = {
    "event_endpoint": "SELECT, INSERT, UPDATE, DELETE",
    "event_delivery": "SELECT, INSERT, UPDATE, DELETE",
    "delivery_attempt": "SELECT",
}
"""What a tenant's role may do with its own rows; attempts are written by workers."""


def _words(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _at(name: str, *, null: bool = True, now: bool = False) -> sa.Column[object]:
    default = sa.text("now()") if now else None
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null, server_default=default)


def _uuid(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), nullable=null)


def _text(name: str, *, null: bool = False, default: str | None = None) -> sa.Column[object]:
    return sa.Column(name, sa.String(), nullable=null, server_default=default)


def _count(name: str, default: str) -> sa.Column[object]:
    return sa.Column(name, sa.Integer(), server_default=default, nullable=False)


def _foreign(column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=op.f(f"fk_event_endpoint_{column}_{other}")
    )


def upgrade() -> None:
    _endpoints()
    _deliveries()
    op.create_table(
        "delivery_attempt",
        _uuid("id"),
        _uuid("tenant_id"),
        _uuid("endpoint_id"),
        _uuid("delivery_id"),
        _at("at", null=False),
        sa.Column("status", sa.Integer(), nullable=True),
        _text("fault", null=True),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_attempt")),
    )
    op.create_index("ix_delivery_attempt_delivery", "delivery_attempt", ["delivery_id", "id"])
    role = role_name(op.get_bind().execute(sa.text("SELECT current_database()")).scalar_one())
    for table, commands in SEEN.items():
        for statement in protect(table, role, OF_TENANT, commands):
            op.execute(statement)


def _endpoints() -> None:
    op.create_table(
        "event_endpoint",
        _uuid("id"),
        _uuid("tenant_id"),
        _uuid("group_id", null=True),
        _uuid("account_id", null=True),
        sa.Column("kind", _words("endpointkind", "webhook", "api_url"), nullable=False),
        _text("url"),
        _text("description", default=""),
        sa.Column(
            "event_types", postgresql.ARRAY(sa.String()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("old_secret", sa.LargeBinary(), nullable=True),
        _at("old_secret_until"),
        sa.Column(
            "state",
            _words("endpointstate", "active", "disabled"),
            server_default="active",
            nullable=False,
        ),
        _at("disabled_at"),
        sa.Column("disabled_why", _words("disabledwhy", "gone", "failing", "admin"), nullable=True),
        _at("failing_since"),
        _count("failures", "0"),
        _at("paused_until"),
        _count("version", "1"),
        _at("created_at", null=False, now=True),
        sa.CheckConstraint(
            "num_nonnulls(group_id, account_id) = 1", name=op.f("ck_event_endpoint_one_owner")
        ),
        _foreign("tenant_id", "tenant"),
        _foreign("group_id", "group"),
        _foreign("account_id", "account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_endpoint")),
    )
    op.create_index("ix_event_endpoint_tenant_id", "event_endpoint", ["tenant_id"])
    op.create_index("ix_event_endpoint_group_id", "event_endpoint", ["group_id"])
    op.create_index("uq_event_endpoint_account_id", "event_endpoint", ["account_id"], unique=True)


def _deliveries() -> None:
    op.create_table(
        "event_delivery",
        _uuid("id"),
        _uuid("tenant_id"),
        _uuid("endpoint_id"),
        _text("type"),
        _uuid("message_id", null=True),
        _text("status", default=""),
        _text("code", default=""),
        _at("at", null=False),
        _at("created_at", null=False, now=True),
        _at("finished_at"),
        sa.Column(
            "state",
            _words("workstate", "ready", "leased", "done", "parked"),
            server_default="ready",
            nullable=False,
        ),
        _at("next_attempt_at", null=False, now=True),
        _count("attempts", "0"),
        _uuid("lease_id", null=True),
        _text("last_error", null=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_delivery")),
    )
    is_open = sa.text("state IN ('ready', 'leased')")
    op.create_index(
        "ix_event_delivery_due",
        "event_delivery",
        ["endpoint_id", "next_attempt_at", "id"],
        postgresql_where=is_open,
    )
    op.create_index(
        "ix_event_delivery_order",
        "event_delivery",
        ["endpoint_id", "message_id", "id"],
        postgresql_where=is_open,
    )
    op.create_index("ix_event_delivery_endpoint", "event_delivery", ["endpoint_id", "id"])


def downgrade() -> None:
    op.drop_table("delivery_attempt")
    op.drop_table("event_delivery")
    op.drop_table("event_endpoint")
