"""Each channel has a circuit breaker

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("channel", sa.Column("breaker", sa.String(), nullable=False, server_default="closed"))
    op.add_column("channel", sa.Column("failing", sa.SmallInteger(), nullable=False, server_default="0"))
    op.add_column("channel", sa.Column("openings", sa.SmallInteger(), nullable=False, server_default="0"))
    op.add_column("channel", sa.Column("probe_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for column in ("probe_at", "openings", "failing", "breaker"):
        op.drop_column("channel", column)
