"""v2: what a client chose for its texts to go out as

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("sending", "scheduled_text"):
        op.add_column(table, sa.Column("sender_id", sa.String(), nullable=True))


def downgrade() -> None:
    for table in ("sending", "scheduled_text"):
        op.drop_column(table, "sender_id")
