"""v2: idempotency keys, clients' own words, by which door a sending came in, API users as those who change something

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op
from messa_platform.core.row_security import protect, role_name

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "idempotency_key",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("answer", sa.JSON(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index(op.f("ix_idempotency_key_at"), "idempotency_key", ["at"])
    op.add_column("message", sa.Column("client_ref", sa.String(), nullable=True))
    op.add_column("sending", sa.Column("client_ref", sa.String(), nullable=True))
    op.add_column("sending", sa.Column("door", sa.String(32), server_default="portal", nullable=False))
    op.create_check_constraint(
        op.f("ck_sending_door"), "sending", "door IN ('mail', 'portal', 'legacy', 'v2', 'provider')"
    )
    _actors("'admin', 'operator', 'owner', 'system', 'api'")
    role = role_name(op.get_bind().execute(sa.text("SELECT current_database()")).scalar_one())
    for statement in protect("idempotency_key", role):
        op.execute(statement)


def _actors(words: str) -> None:
    for table in ("audit_entry", "task", "export"):
        op.drop_constraint(op.f(f"ck_{table}_actor"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_actor"), table, f"actor IN ({words})")


def downgrade() -> None:
    for table in ("audit_entry", "task", "export"):
        op.execute(f"UPDATE {table} SET actor = 'admin' WHERE actor = 'api'")
    _actors("'admin', 'operator', 'owner', 'system'")
    op.drop_column("sending", "door")
    op.drop_column("sending", "client_ref")
    op.drop_column("message", "client_ref")
    op.drop_table("idempotency_key")
