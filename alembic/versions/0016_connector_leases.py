"""One process at a time holds a channel's sessions

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "connector_lease",
        sa.Column("channel_id", sa.Uuid(), sa.ForeignKey("channel.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("holder", sa.Uuid(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("up", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("wanted", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("fault", sa.String(), nullable=False, server_default=""),
    )
    op.execute("ALTER TABLE connector_lease ENABLE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.drop_table("connector_lease")
