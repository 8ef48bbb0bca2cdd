"""Providers that give each part of a text an id of its own, and those that hand long texts over in pieces

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op
from messa_platform.core.row_security import protect, role_name

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("provider_reference", sa.Column("siblings", sa.ARRAY(sa.String()), nullable=True))
    op.add_column("provider_reference", sa.Column("status", sa.String(), nullable=True))
    op.create_table(
        "incoming_piece",
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("grp", sa.String(), nullable=False),
        sa.Column("total", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "channel_id", "sender", "recipient", "grp", "total", "number", name=op.f("pk_incoming_piece")
        ),
    )
    op.create_index(op.f("ix_incoming_piece_at"), "incoming_piece", ["at"])
    role = role_name(op.get_bind().execute(sa.text("SELECT current_database()")).scalar_one())
    for statement in protect("incoming_piece", role):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("incoming_piece")
    op.drop_column("provider_reference", "status")
    op.drop_column("provider_reference", "siblings")
