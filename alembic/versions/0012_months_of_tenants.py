"""The log: how many messages of a kind a tenant as a whole had in a month

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op
from messa_platform.core.row_security import OF_TENANT, protect, role_name

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_OF_DAYS = (
    "INSERT INTO tenant_month (tenant_id, day, direction, status, parts, channel_id, messages)"
    " SELECT tenant_id, date_trunc('month', day)::date, direction, status, parts, channel_id, sum(messages)"
    " FROM tenant_day GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2"
)
# What 0004 has made counts all but these.
_REBUILD = (
    "CREATE FUNCTION messa_rebuild_summaries() RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$ BEGIN"
    f" PERFORM messa_rebuild_days(); TRUNCATE tenant_month; {_OF_DAYS}; END $$"
)
_KEY = ("day", "direction", "status", "parts", "channel_id")


def upgrade() -> None:
    op.create_table(
        "tenant_month",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("parts", sa.SmallInteger(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", *_KEY, name=op.f("pk_tenant_month")),
    )
    op.create_index(
        "ix_tenant_month_none", "tenant_month", ["tenant_id"], postgresql_where=sa.text("messages = 0")
    )
    # no fold comes between the days and their months
    op.execute("LOCK TABLE tenant_day IN SHARE ROW EXCLUSIVE MODE")
    op.execute(_OF_DAYS)
    op.execute("ALTER FUNCTION messa_rebuild_summaries() RENAME TO messa_rebuild_days")
    op.execute(_REBUILD)
    role = role_name(op.get_bind().execute(sa.text("SELECT current_database()")).scalar_one())
    for statement in protect("tenant_month", role, OF_TENANT, "SELECT"):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP FUNCTION messa_rebuild_summaries()")
    op.execute("ALTER FUNCTION messa_rebuild_days() RENAME TO messa_rebuild_summaries")
    op.drop_table("tenant_month")
