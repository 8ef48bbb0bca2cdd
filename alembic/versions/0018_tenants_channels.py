"""Tenants have channels of their own: names are unique for each owner, and channels that are removed stay for what they carried

Revision ID: 0018
Revises: 0017
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("channel", sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("channel", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.drop_constraint("uq_channel_name", "channel", type_="unique")
    op.create_index(
        "uq_channel_name",
        "channel",
        ["tenant_id", "name"],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
        postgresql_nulls_not_distinct=True,
    )


def downgrade() -> None:
    op.drop_index("uq_channel_name", table_name="channel")
    # names were unique over all, so that all but the first of each gets its id behind it
    op.execute(
        "UPDATE channel c SET name = c.name || ' ' || c.id WHERE EXISTS (SELECT FROM channel d WHERE d.name = c.name AND d.id < c.id)"
    )
    op.create_unique_constraint("uq_channel_name", "channel", ["name"])
    op.drop_column("channel", "version")
    op.drop_column("channel", "removed_at")
