"""Organisations run themselves: admins, audit, tasks, domains' proofs; and row-level security

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op
from messa_platform.core.row_security import (
    OF_ACCOUNT,
    OF_EITHER,
    OF_TENANT,
    THIS_TENANT,
    protect,
    role_name,
    role_statements,
)

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

READ = "SELECT"
READ_AND_ADD = "SELECT, INSERT"
ADD = "INSERT"
ALL = "SELECT, INSERT, UPDATE, DELETE"

# a subselect is itself held by the policies of the table that it asks
_ITS_ACCOUNT = "EXISTS (SELECT 1 FROM account a WHERE a.id = account_id)"
_ITS_SCOPE = '(EXISTS (SELECT 1 FROM "group" g WHERE g.id = scope_id) OR EXISTS (SELECT 1 FROM account a WHERE a.id = scope_id))'

SEEN = {
    "account": (OF_TENANT, "SELECT, INSERT, UPDATE"),
    "account_token": (_ITS_ACCOUNT, "SELECT, INSERT, DELETE, UPDATE"),
    "alembic_version": ("", ""),
    "audit_entry": (OF_TENANT, READ_AND_ADD),
    "channel": ("", ""),
    "client_reference": (OF_ACCOUNT, READ),
    "consent_request": (OF_TENANT, ALL),
    "dispatch_queue": ("", ""),
    "domain": (OF_TENANT, ALL),
    "early_receipt": ("", ""),
    "external_identity": (_ITS_ACCOUNT, ALL),
    "failure_notice": ("", ""),
    "group": (OF_TENANT, "SELECT, INSERT, UPDATE"),
    "group_admin": (OF_TENANT, ALL),
    "group_setting": (OF_TENANT, ALL),
    "identity_provider": (OF_TENANT, ALL),
    "inbound_mail": (OF_ACCOUNT, READ),
    "known_network": (_ITS_ACCOUNT, ALL),
    "link_request": ("", ""),
    "listed_recipient": ("EXISTS (SELECT 1 FROM recipient_list l WHERE l.id = list_id)", ALL),
    "message": (OF_EITHER, READ),
    "message_event": (OF_TENANT, READ),
    "number": (_ITS_ACCOUNT, READ),
    "number_lending": (OF_TENANT, "SELECT, INSERT, UPDATE"),
    "number_range": ("true", READ),
    "opt_out": (OF_EITHER, ALL),
    "outgoing_mail": (OF_TENANT, ADD),
    "provider_reference": ("", ""),
    "quota_counter": (_ITS_SCOPE, READ),
    "quota_usage": (_ITS_SCOPE, READ),
    "recent_text": (OF_ACCOUNT, READ),
    "recipient_list": (OF_EITHER, ALL),
    "recovery_code": (_ITS_ACCOUNT, ALL),
    "scheduled_text": (OF_EITHER, READ),
    "sending": (OF_EITHER, ALL),
    "sending_outcome": ("EXISTS (SELECT 1 FROM sending s WHERE s.id = sending_id)", READ),
    "sending_work": ("EXISTS (SELECT 1 FROM sending s WHERE s.id = sending_work.id)", ALL),
    "sign_in_throttle": ("", ""),
    "task": (OF_TENANT, ALL),
    "task_line": (OF_TENANT, ALL),
    "task_work": (OF_TENANT, "SELECT, INSERT"),
    "tenant": (f"id = {THIS_TENANT}", "SELECT, UPDATE"),
    "thread": (OF_EITHER, ALL),
    "web_session": (_ITS_ACCOUNT, "SELECT, UPDATE, DELETE"),
}
"""What a tenant's role sees of each table, and what it may do there."""


def _words(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _at(name: str, *, null: bool = True, now: bool = False) -> sa.Column[object]:
    default = sa.text("now()") if now else None
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null, server_default=default)


def _uuid(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), nullable=null)


def _text(name: str, *, null: bool = False, default: str | None = None) -> sa.Column[object]:
    return sa.Column(name, sa.String(), nullable=null, server_default=default)


def _flag(name: str, default: str) -> sa.Column[object]:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.text(default))


def _version() -> sa.Column[object]:
    return sa.Column("version", sa.Integer(), nullable=False, server_default="1")


def _foreign(table: str, column: str, other: str, **options: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, **options)


def _actor(table: str) -> list[sa.Column[object]]:
    kind = sa.Column("actor", _words("actor", "admin", "operator", "owner", "system"), nullable=False)
    return [
        kind,
        _uuid("actor_id", null=True),
        _text("actor_address", default=""),
        _uuid("actor_group_id", null=True),
    ]


def upgrade() -> None:
    _widen()
    _group_admins()
    _audit()
    _tasks()
    _consents()
    _search()
    _row_security()


def _widen() -> None:
    op.add_column("tenant", _flag("demands_second_factor", "false"))
    op.add_column("tenant", _text("time_zone", default="Europe/Stockholm"))
    op.add_column("tenant", _version())
    op.add_column("group", _version())
    op.create_index(
        "ix_group_children",
        "group",
        ["tenant_id", "parent_id", "sort_key"],
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_index(op.f("ix_group_tenant_id"), "group", ["tenant_id"])
    op.execute("CREATE SEQUENCE group_setting_version")
    op.add_column(
        "group_setting",
        sa.Column(
            "version",
            sa.BigInteger(),
            nullable=False,
            server_default=sa.text("nextval('group_setting_version')"),
        ),
    )
    op.add_column("group_setting", _uuid("authority_id", null=True))
    # whoever set it so far was at Master
    op.execute(
        'UPDATE group_setting s SET authority_id = m.id FROM "group" m WHERE m.tenant_id = s.tenant_id AND m.parent_id IS NULL'
    )
    op.alter_column("group_setting", "authority_id", nullable=False)
    op.create_index("ix_group_setting_tenant", "group_setting", ["tenant_id", "key", "set_at"])
    op.create_foreign_key(
        op.f("fk_group_setting_authority_id_group"), "group_setting", "group", ["authority_id"], ["id"]
    )
    op.add_column("domain", sa.Column("proof", _words("proof", "dns", "parent", "operator"), nullable=True))
    op.execute("UPDATE domain SET proof = 'operator' WHERE state = 'verified'")
    token = sa.Column(
        "token", sa.String(), nullable=False, server_default=sa.text("md5(gen_random_uuid()::text)")
    )
    op.add_column("domain", token)
    op.add_column("domain", _uuid("requested_by", null=True))
    for name in ("checked_at", "check_at", "failing_since", "told_at"):
        op.add_column("domain", _at(name))
    op.add_column("domain", _text("fault", null=True))
    op.create_index(
        "ix_domain_check", "domain", ["check_at"], postgresql_where=sa.text("check_at IS NOT NULL")
    )
    op.add_column("identity_provider", _uuid("group_id", null=True))
    op.execute("UPDATE identity_provider p SET group_id = d.group_id FROM domain d WHERE d.id = p.domain_id")
    op.alter_column("identity_provider", "group_id", nullable=False)
    op.create_foreign_key(
        op.f("fk_identity_provider_group_id_group"), "identity_provider", "group", ["group_id"], ["id"]
    )
    op.add_column("account", _flag("placed_by_hand", "false"))
    op.add_column("account", _version())
    op.add_column("account", _at("tenant_since", null=False, now=True))
    op.execute("UPDATE account SET tenant_since = group_since")
    living = sa.text("removed_at IS NULL")
    op.create_index("ix_account_of_group", "account", ["group_id", "address"], postgresql_where=living)
    op.create_index("ix_account_of_tenant", "account", ["tenant_id", "address"], postgresql_where=living)
    backwards = sa.text("reverse(split_part(address, '@', 2)) text_pattern_ops")
    op.create_index("ix_account_domain", "account", [backwards])
    # who may see their own tenant's alone must not learn of the others by the time that it takes
    op.create_index("ix_account_tenant_domain", "account", ["tenant_id", backwards], postgresql_where=living)
    op.drop_index(op.f("ix_account_group_id"), table_name="account")
    op.add_column("number_range", _flag("is_open", "true"))
    op.add_column("number_range", _at("told_at"))


def _group_admins() -> None:
    op.create_table(
        "group_admin",
        _uuid("group_id"),
        _uuid("account_id"),
        _uuid("tenant_id"),
        _at("since", null=False, now=True),
        _foreign("group_admin", "group_id", "group"),
        _foreign("group_admin", "account_id", "account"),
        _foreign("group_admin", "tenant_id", "tenant"),
        sa.PrimaryKeyConstraint("group_id", "account_id", name=op.f("pk_group_admin")),
    )
    op.create_index(op.f("ix_group_admin_account_id"), "group_admin", ["account_id"])


def _audit() -> None:
    op.create_table(
        "audit_entry",
        _uuid("id"),
        _uuid("tenant_id", null=True),
        _uuid("group_id", null=True),
        _at("at", null=False),
        *_actor("audit_entry"),
        _text("action"),
        _text("subject", default=""),
        _uuid("subject_id", null=True),
        sa.Column("before", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("after", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index("ix_audit_entry_group", "audit_entry", ["group_id", "id"])
    op.create_index("ix_audit_entry_tenant", "audit_entry", ["tenant_id", "id"])
    of_platform = sa.text("actor = 'operator' OR tenant_id IS NULL")
    op.create_index("ix_audit_entry_platform", "audit_entry", ["id"], postgresql_where=of_platform)


def _tasks() -> None:
    kinds = _words("taskkind", "take_domain", "undo_take", "add_people", "recall_numbers")
    op.create_table(
        "task",
        _uuid("id"),
        _uuid("tenant_id"),
        _uuid("group_id"),
        sa.Column("kind", kinds, nullable=False),
        sa.Column("parameters", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("total", sa.Integer(), server_default="0", nullable=False),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("result", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        *_actor("task"),
        _at("created_at", null=False),
        _at("finished_at"),
        _foreign("task", "tenant_id", "tenant"),
        _foreign("task", "group_id", "group"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
    )
    op.create_index("ix_task_group", "task", ["group_id", "id"])
    op.create_index("ix_task_created", "task", ["created_at"])
    op.create_table(
        "task_work",
        _uuid("id"),
        _uuid("tenant_id"),
        sa.Column(
            "state",
            _words("workstate", "ready", "leased", "done", "parked"),
            server_default="ready",
            nullable=False,
        ),
        _at("next_attempt_at", null=False, now=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        _uuid("lease_id", null=True),
        _text("last_error", null=True),
        _foreign("task_work", "id", "task", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_work")),
    )
    due = sa.text("state IN ('ready', 'leased')")
    op.create_index("ix_task_work_due", "task_work", ["next_attempt_at"], postgresql_where=due)
    op.create_table(
        "task_line",
        _uuid("task_id"),
        sa.Column("place", sa.BigInteger(), nullable=False),
        _uuid("tenant_id"),
        _text("address"),
        _uuid("account_id", null=True),
        _text("word"),
        _uuid("from_tenant_id", null=True),
        _uuid("from_group_id", null=True),
        _at("from_since"),
        _at("from_tenant_since"),
        sa.Column("from_by_hand", sa.Boolean(), nullable=True),
        _foreign("task_line", "task_id", "task", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("task_id", "place", name=op.f("pk_task_line")),
    )
    op.create_index("ix_task_line_word", "task_line", ["task_id", "word", "place"])


def _consents() -> None:
    op.create_table(
        "consent_request",
        _uuid("id"),
        _uuid("tenant_id"),
        _uuid("group_id"),
        _text("address"),
        _uuid("account_id", null=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        _uuid("asked_by", null=True),
        _at("asked_at", null=False),
        _at("expires_at", null=False),
        _at("answered_at"),
        sa.Column("accepted", sa.Boolean(), nullable=True),
        _foreign("consent_request", "tenant_id", "tenant"),
        _foreign("consent_request", "group_id", "group"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_request")),
        sa.UniqueConstraint("digest", name=op.f("uq_consent_request_digest")),
    )
    op.create_index("ix_consent_request_group", "consent_request", ["group_id", "asked_at"])
    op.create_index("ix_consent_request_tenant", "consent_request", ["tenant_id", "asked_at"])
    op.create_index("ix_consent_request_address", "consent_request", ["address"])


def _search() -> None:
    """Any part of an address or a name. Under row-level security no index helps LIKE, which is not leakproof: so the tables' owner looks, and
    names the tenant itself."""
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gin")
    op.execute(
        "CREATE INDEX ix_account_words ON account USING gin (tenant_id, lower(address || ' ' || display_name) gin_trgm_ops)"
        " WHERE removed_at IS NULL"
    )
    op.execute(
        "CREATE FUNCTION messa_accounts_like(pattern text, groups uuid[], after text, most integer) RETURNS TABLE (id uuid)"
        " LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$"
        " SELECT a.id FROM account a WHERE a.tenant_id = NULLIF(current_setting('messa.tenant', true), '')::uuid"
        " AND a.removed_at IS NULL AND lower(a.address || ' ' || a.display_name) LIKE pattern"
        " AND (groups IS NULL OR a.group_id = ANY(groups)) AND a.address > after ORDER BY a.address LIMIT most $$"
    )


def _row_security() -> None:
    database = op.get_bind().execute(sa.text("SELECT current_database()")).scalar_one()
    role = role_name(database)
    for statement in role_statements(database):
        op.execute(statement)
    for table, (seen, commands) in SEEN.items():
        for statement in protect(table, role, seen, commands):
            op.execute(statement)
    op.execute(f'GRANT USAGE ON SEQUENCE group_setting_version TO "{role}"')
    # ON CONFLICT (key) wants to read it
    op.execute(f'GRANT SELECT (key) ON outgoing_mail TO "{role}"')
    op.execute(f'CREATE POLICY tenant_select ON outgoing_mail FOR SELECT TO "{role}" USING ({OF_TENANT})')


def downgrade() -> None:
    database = op.get_bind().execute(sa.text("SELECT current_database()")).scalar_one()
    op.execute(f'DROP OWNED BY "{role_name(database)}"')
    for table in SEEN:
        op.execute(f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY')
    op.execute("DROP FUNCTION messa_tenant_role()")
    op.execute("DROP FUNCTION messa_accounts_like(text, uuid[], text, integer)")
    op.drop_index("ix_account_words", table_name="account")
    for table in ("consent_request", "task_line", "task_work", "task", "audit_entry", "group_admin"):
        op.drop_table(table)
    op.drop_column("number_range", "told_at")
    op.drop_column("number_range", "is_open")
    op.create_index(op.f("ix_account_group_id"), "account", ["group_id"])
    for index in (
        "ix_account_domain",
        "ix_account_tenant_domain",
        "ix_account_of_tenant",
        "ix_account_of_group",
    ):
        op.drop_index(index, table_name="account")
    op.drop_column("account", "tenant_since")
    op.drop_column("account", "version")
    op.drop_column("account", "placed_by_hand")
    op.drop_column("identity_provider", "group_id")
    op.drop_index("ix_domain_check", table_name="domain")
    for column in (
        "fault",
        "told_at",
        "failing_since",
        "check_at",
        "checked_at",
        "requested_by",
        "token",
        "proof",
    ):
        op.drop_column("domain", column)
    op.drop_index(op.f("ix_group_tenant_id"), table_name="group")
    op.drop_index("ix_group_setting_tenant", table_name="group_setting")
    op.drop_column("group_setting", "authority_id")
    op.drop_column("group_setting", "version")
    op.execute("DROP SEQUENCE group_setting_version")
    op.drop_index("ix_group_children", table_name="group")
    for table, column in (
        ("group", "version"),
        ("tenant", "version"),
        ("tenant", "time_zone"),
        ("tenant", "demands_second_factor"),
    ):
        op.drop_column(table, column)
