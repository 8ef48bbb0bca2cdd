"""API users and their keys

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op
from messa_platform.core.row_security import OF_TENANT, protect, role_name

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_BY_NAME = "CASE a.kind WHEN 'api' THEN a.display_name ELSE a.address END"
"""What the log shows as an account's e-mail: an API user has its name there (spec L1)."""

_PEOPLE_LIKE = (
    "CREATE OR REPLACE FUNCTION messa_accounts_like(pattern text, groups uuid[], after text, most integer) RETURNS TABLE (id uuid)"
    " LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$"
    " SELECT a.id FROM account a WHERE a.tenant_id = NULLIF(current_setting('messa.tenant', true), '')::uuid"
    " AND a.removed_at IS NULL{kind} AND lower(a.address || ' ' || a.display_name) LIKE pattern"
    " AND (groups IS NULL OR a.group_id = ANY(groups)) AND a.address > after ORDER BY a.address LIMIT most $$"
)

_RENAMED = (
    "CREATE FUNCTION messa_api_user_renamed() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp SECURITY DEFINER AS $$"
    " BEGIN UPDATE message_sender SET address = NEW.display_name WHERE tenant_id = NEW.tenant_id AND account_id = NEW.id;"
    " RETURN NULL; END $$"
)


def upgrade() -> None:
    op.add_column(
        "account",
        sa.Column(
            "kind",
            sa.Enum(
                "person", "api", name="accountkind", native_enum=False, create_constraint=False, length=32
            ),
            server_default="person",
            nullable=False,
        ),
    )
    op.create_check_constraint(op.f("ck_account_accountkind"), "account", "kind IN ('person', 'api')")
    op.create_index(
        "ix_account_api_users",
        "account",
        ["tenant_id", "group_id"],
        postgresql_where=sa.text("kind = 'api' AND removed_at IS NULL"),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("session", "v2", name="keykind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("name", sa.String(), server_default="", nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("hint", sa.String(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.String()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_by", sa.String(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_api_key_account_id_account")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_api_key_tenant_id_tenant")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_key_digest")),
    )
    op.create_index(op.f("ix_api_key_account_id"), "api_key", ["account_id"])
    op.create_index("ix_api_key_tenant_id", "api_key", ["tenant_id"])
    _show(_BY_NAME)
    op.execute(_PEOPLE_LIKE.format(kind=" AND a.kind = 'person'"))
    op.execute(_RENAMED)
    op.execute(
        "CREATE TRIGGER api_user_renamed AFTER UPDATE OF display_name ON account FOR EACH ROW"
        " WHEN (NEW.kind = 'api' AND OLD.display_name IS DISTINCT FROM NEW.display_name) EXECUTE FUNCTION messa_api_user_renamed()"
    )
    role = role_name(op.get_bind().execute(sa.text("SELECT current_database()")).scalar_one())
    for statement in protect("api_key", role, OF_TENANT):
        op.execute(statement)


def _show(shown: str) -> None:
    """Let what the log keeps up by triggers (0004) tell otherwise who sent."""
    bind = op.get_bind()
    for name in ("messa_message_added", "messa_rebuild_summaries"):
        definition: str = bind.execute(
            sa.text("SELECT pg_get_functiondef(CAST(:name AS regproc))"), {"name": name}
        ).scalar_one()
        for known in ("a.address", _BY_NAME):
            definition = definition.replace(f"coalesce({known}, '')", f"coalesce({shown}, '')")
        bind.execute(sa.text(definition.replace(":", r"\:")))


def downgrade() -> None:
    op.execute("DROP TRIGGER api_user_renamed ON account")
    op.execute("DROP FUNCTION messa_api_user_renamed()")
    op.execute(_PEOPLE_LIKE.format(kind=""))
    _show("a.address")
    op.drop_table("api_key")
    op.drop_index("ix_account_api_users", table_name="account")
    op.drop_constraint(op.f("ck_account_accountkind"), "account", type_="check")
    op.drop_column("account", "kind")
