"""v2: a tenant's groups and lendings of numbers, in the order in which its pages have them

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_group_tenant", "group", ["tenant_id", "id"])
    op.drop_index("ix_group_tenant_id", table_name="group")
    op.create_index("ix_number_lending_tenant", "number_lending", ["tenant_id", "id"])


def downgrade() -> None:
    op.drop_index("ix_number_lending_tenant", table_name="number_lending")
    op.create_index("ix_group_tenant_id", "group", ["tenant_id"])
    op.drop_index("ix_group_tenant", table_name="group")
