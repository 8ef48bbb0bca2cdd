"""Exports of the log: what was asked for, and the files

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op
from messa_platform.core.row_security import OF_TENANT, protect, role_name

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SEEN = {
    "export": "SELECT, INSERT, UPDATE",
    "export_chunk": "SELECT",
}
"""What a tenant's role may do with its own rows; files are written and removed by workers."""


def _words(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _at(name: str, *, null: bool = True, now: bool = False) -> sa.Column[object]:
    default = sa.text("now()") if now else None
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null, server_default=default)


def _uuid(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), nullable=null)


def _text(name: str, *, null: bool = False, default: str | None = None) -> sa.Column[object]:
    return sa.Column(name, sa.String(), nullable=null, server_default=default)


def _foreign(table: str, column: str, other: str, **options: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, **options)


def upgrade() -> None:
    op.create_table(
        "export",
        _uuid("id"),
        _uuid("tenant_id"),
        _uuid("group_id"),
        sa.Column("actor", _words("actor", "admin", "operator", "owner", "system"), nullable=False),
        _uuid("actor_id", null=True),
        _text("actor_address", default=""),
        _uuid("actor_group_id"),
        sa.Column("asked", postgresql.JSONB(), nullable=False),
        sa.Column("format", _words("format", "xlsx", "text"), nullable=False),
        _text("language"),
        _text("time_zone"),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("fault", _words("fault", "group_gone", "broken"), nullable=True),
        _at("created_at", null=False),
        _at("started_at"),
        _at("cancelled_at"),
        _at("finished_at"),
        _at("expires_at"),
        sa.Column(
            "state",
            _words("workstate", "ready", "leased", "done", "parked"),
            server_default="ready",
            nullable=False,
        ),
        _at("next_attempt_at", null=False, now=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        _uuid("lease_id", null=True),
        _text("last_error", null=True),
        _foreign("export", "tenant_id", "tenant"),
        _foreign("export", "group_id", "group"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export")),
    )
    due = sa.text("state IN ('ready', 'leased')")
    op.create_index("ix_export_due", "export", ["next_attempt_at"], postgresql_where=due)
    op.create_index("ix_export_group", "export", ["group_id", "id"])
    op.create_index("ix_export_tenant", "export", ["tenant_id", "started_at"])
    op.create_index("ix_export_created", "export", ["created_at"])
    op.create_table(
        "export_chunk",
        _uuid("export_id"),
        sa.Column("place", sa.Integer(), nullable=False),
        _uuid("tenant_id"),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        _foreign("export_chunk", "export_id", "export", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("export_id", "place", name=op.f("pk_export_chunk")),
    )
    role = role_name(op.get_bind().execute(sa.text("SELECT current_database()")).scalar_one())
    for table, commands in SEEN.items():
        for statement in protect(table, role, OF_TENANT, commands):
            op.execute(statement)


def downgrade() -> None:
    op.drop_table("export_chunk")
    op.drop_table("export")
