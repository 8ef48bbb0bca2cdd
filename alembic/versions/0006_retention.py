"""Words that are kept for some days only: how far they are removed, and which of them were passed over

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op
from messa_platform.core.row_security import protect, role_name

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = ("text_retention", "held_text")


def upgrade() -> None:
    op.create_table(
        "text_retention",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("done_to", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "place", name=op.f("pk_text_retention")),
    )
    op.create_table(
        "held_text",
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_held_text")),
    )
    op.create_index(op.f("ix_held_text_tenant_id"), "held_text", ["tenant_id"])
    # a text may be empty: NULL is one that was removed
    op.alter_column("message", "text", existing_type=sa.String(), nullable=True)
    op.create_index(
        "ix_sending_words", "sending", ["tenant_id", "id"], postgresql_where=sa.text("text <> ''")
    )
    role = role_name(op.get_bind().execute(sa.text("SELECT current_database()")).scalar_one())
    for table in TABLES:
        for statement in protect(table, role):
            op.execute(statement)


def downgrade() -> None:
    op.drop_index("ix_sending_words", table_name="sending")
    op.execute("UPDATE message SET text = '' WHERE text IS NULL")
    op.alter_column("message", "text", existing_type=sa.String(), nullable=False)
    for table in reversed(TABLES):
        op.drop_table(table)
