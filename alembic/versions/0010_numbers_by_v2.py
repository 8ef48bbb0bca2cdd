"""v2: a tenant's lendings of numbers, in the order in which its pages have them

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_number_lending_tenant", "number_lending", ["tenant_id", "id"])


def downgrade() -> None:
    op.drop_index("ix_number_lending_tenant", table_name="number_lending")
