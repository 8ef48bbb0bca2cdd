"""Price lists with dates, routes by prefix and sender, and why a text went its way

Revision ID: 0017
Revises: 0016
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op
from messa_platform.core.row_security import protect, role_name

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_NOW = sa.text("now()")


def upgrade() -> None:
    op.add_column("channel", sa.Column("capabilities", sa.ARRAY(sa.String()), nullable=True))
    op.add_column("channel", sa.Column("countries", sa.ARRAY(sa.String()), nullable=True))
    op.add_column("message", sa.Column("way", sa.String(), nullable=True))
    _prices()
    _routes()
    role = role_name(op.get_bind().execute(sa.text("SELECT current_database()")).scalar_one())
    for table in ("price_list", "price_version", "price", "route", "routing_stamp"):
        for statement in protect(table, role):
            op.execute(statement)


def _prices() -> None:
    op.create_table(
        "price_list",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("is_standard", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=_NOW),
        sa.CheckConstraint(
            "(channel_id IS NULL) <> (name IS NULL)", name=op.f("ck_price_list_of_a_channel_or_named")
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channel.id"], name=op.f("fk_price_list_channel_id_channel"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_list")),
        sa.UniqueConstraint("channel_id", name=op.f("uq_price_list_channel_id")),
        sa.UniqueConstraint("name", name=op.f("uq_price_list_name")),
    )
    op.create_index(
        "ix_price_list_standard",
        "price_list",
        ["is_standard"],
        unique=True,
        postgresql_where=sa.text("is_standard"),
    )
    op.create_table(
        "price_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("prices", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=_NOW),
        sa.ForeignKeyConstraint(
            ["list_id"],
            ["price_list.id"],
            name=op.f("fk_price_version_list_id_price_list"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_version")),
        sa.UniqueConstraint("list_id", "valid_from", name=op.f("uq_price_version_list_id")),
    )
    op.create_table(
        "price",
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False, server_default=""),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_price_not_negative")),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["price_version.id"],
            name=op.f("fk_price_version_id_price_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version_id", "prefix", name=op.f("pk_price")),
    )


def _routes() -> None:
    op.create_table(
        "route",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=True),
        sa.Column("prefix", sa.String(), nullable=False, server_default=""),
        sa.Column("sender_kind", sa.String(), nullable=True),
        sa.Column("needs", sa.ARRAY(sa.String()), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("channel_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("is_cheapest", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=_NOW),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_route_tenant_id_tenant")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_route")),
        sa.UniqueConstraint(
            "tenant_id",
            "prefix",
            "sender_kind",
            name=op.f("uq_route_tenant_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "routing_stamp",
        sa.Column("id", sa.SmallInteger(), nullable=False, server_default="1"),
        sa.Column("stamp", sa.Uuid(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_routing_stamp_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routing_stamp")),
    )


def downgrade() -> None:
    for table in ("routing_stamp", "route", "price", "price_version", "price_list"):
        op.drop_table(table)
    op.drop_column("message", "way")
    op.drop_column("channel", "countries")
    op.drop_column("channel", "capabilities")
