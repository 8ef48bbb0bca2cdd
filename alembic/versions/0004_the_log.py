"""The log: who has sent from where, summaries of messages kept up by triggers, indexes, and for how long texts are kept

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op
from messa_platform.core.row_security import OF_TENANT, protect, role_name

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SUMMARIES = ("message_delta", "message_day", "message_month", "tenant_day")
SEEN = ("message_sender", *SUMMARIES)

# An id of ours begins with the 48 bits of its millisecond (RFC 9562, 5.7).
_TIME_OF = (
    "CREATE FUNCTION messa_time_of(id uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS"
    " $$ SELECT to_timestamp(('x0000' || left(id::text, 8) || substr(id::text, 10, 4))::bit(64)::bigint / 1000.0) $$"
)
_DAY_OF = (
    "CREATE FUNCTION messa_day_of(id uuid) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS"
    " $$ SELECT (messa_time_of(id) AT TIME ZONE 'Europe/Stockholm')::date $$"
)
_KIND = "tenant_id, group_id, messa_day_of(id), direction, status, parts, coalesce(channel_id, '00000000-0000-0000-0000-000000000000')"
_DELTA = (
    "INSERT INTO message_delta (tenant_id, group_id, day, direction, status, parts, channel_id, messages)"
)
# In one order, so that two transactions that meet a new sender at once do not wait for each other in a ring.
_SENDERS = (
    "INSERT INTO message_sender (tenant_id, group_id, account_id, address)"
    " SELECT n.tenant_id, n.group_id, n.account_id, coalesce(a.address, '')"
    " FROM (SELECT DISTINCT tenant_id, group_id, account_id FROM {rows}) n LEFT JOIN account a ON a.id = n.account_id"
    " WHERE NOT EXISTS (SELECT FROM message_sender s WHERE s.group_id = n.group_id AND s.account_id = n.account_id)"
    " ORDER BY n.group_id, n.account_id ON CONFLICT DO NOTHING"
)
_BODIES = {
    "added": (
        f"{_DELTA} SELECT {_KIND}, count(*) FROM new_rows GROUP BY 1, 2, 3, 4, 5, 6, 7; {_SENDERS.format(rows='new_rows')};"
    ),
    "changed": (
        f"{_DELTA} SELECT tenant_id, group_id, day, direction, status, parts, channel_id, sum(n) FROM"
        f" (SELECT {_KIND}, 1 FROM new_rows UNION ALL SELECT {_KIND}, -1 FROM old_rows)"
        " AS k (tenant_id, group_id, day, direction, status, parts, channel_id, n)"
        " GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING sum(n) <> 0;"
    ),
    "removed": f"{_DELTA} SELECT {_KIND}, -count(*) FROM old_rows GROUP BY 1, 2, 3, 4, 5, 6, 7;",
}
_TRIGGERS = {
    "added": ("INSERT", "NEW TABLE AS new_rows"),
    "changed": ("UPDATE", "OLD TABLE AS old_rows NEW TABLE AS new_rows"),
    "removed": ("DELETE", "OLD TABLE AS old_rows"),
}
_REBUILD = (
    "CREATE FUNCTION messa_rebuild_summaries() RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$ BEGIN"
    " LOCK TABLE message IN SHARE ROW EXCLUSIVE MODE;"
    " TRUNCATE message_delta, message_day, message_month, tenant_day;"
    " INSERT INTO message_day (tenant_id, group_id, day, direction, status, parts, channel_id, messages)"
    f" SELECT {_KIND}, count(*) FROM message GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 2, 3;"
    " INSERT INTO message_month (tenant_id, group_id, day, direction, status, parts, channel_id, messages)"
    " SELECT tenant_id, group_id, date_trunc('month', day)::date, direction, status, parts, channel_id, sum(messages)"
    " FROM message_day GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 2, 3;"
    " INSERT INTO tenant_day (tenant_id, day, direction, status, parts, channel_id, messages)"
    " SELECT tenant_id, day, direction, status, parts, channel_id, sum(messages) FROM message_day GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2;"
    f" {_SENDERS.format(rows='message')}; END $$"
)


def _uuid(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), nullable=False)


def _words(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.String(), nullable=False)


def _kind(*first: str) -> list[sa.Column[object]]:
    return [
        *(_uuid(name) for name in first),
        sa.Column("day", sa.Date(), nullable=False),
        _words("direction"),
        _words("status"),
        sa.Column("parts", sa.SmallInteger(), nullable=False),
        _uuid("channel_id"),
        sa.Column("messages", sa.BigInteger(), nullable=False),
    ]


_KEY = ("day", "direction", "status", "parts", "channel_id")


def upgrade() -> None:
    _tables()
    op.create_index("ix_message_tenant", "message", ["tenant_id", "id"])
    op.create_index("ix_message_remote", "message", ["tenant_id", "remote", "id"])
    op.add_column("tenant", sa.Column("keep_text_days", sa.Integer(), nullable=True))
    op.execute(_TIME_OF)
    op.execute(_DAY_OF)
    op.execute(_REBUILD)
    op.execute("SELECT messa_rebuild_summaries()")
    for name, (event, rows) in _TRIGGERS.items():
        op.execute(
            f"CREATE FUNCTION messa_message_{name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp"
            f" AS $$ BEGIN {_BODIES[name]} RETURN NULL; END $$"
        )
        op.execute(
            f"CREATE TRIGGER message_{name} AFTER {event} ON message REFERENCING {rows}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION messa_message_{name}()"
        )
    role = role_name(op.get_bind().execute(sa.text("SELECT current_database()")).scalar_one())
    for table in SEEN:
        for statement in protect(table, role, OF_TENANT, "SELECT"):
            op.execute(statement)


def _tables() -> None:
    op.create_table(
        "message_sender",
        _uuid("group_id"),
        _uuid("account_id"),
        _uuid("tenant_id"),
        sa.Column("address", sa.String(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "account_id", name=op.f("pk_message_sender")),
    )
    op.create_index("ix_message_sender_address", "message_sender", ["tenant_id", "address", "account_id"])
    op.create_table(
        "message_delta",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        *_kind("tenant_id", "group_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_delta")),
    )
    op.create_index(op.f("ix_message_delta_tenant_id"), "message_delta", ["tenant_id"])
    none = sa.text("messages = 0")
    for table in ("message_day", "message_month"):
        op.create_table(
            table,
            *_kind("group_id", "tenant_id"),
            sa.PrimaryKeyConstraint("group_id", *_KEY, name=op.f(f"pk_{table}")),
        )
        op.create_index(f"ix_{table}_none", table, ["group_id"], postgresql_where=none)
    op.create_index("ix_message_day_status", "message_day", ["tenant_id", "status", "day", "group_id"])
    op.create_table(
        "tenant_day",
        *_kind("tenant_id"),
        sa.PrimaryKeyConstraint("tenant_id", *_KEY, name=op.f("pk_tenant_day")),
    )
    op.create_index("ix_tenant_day_none", "tenant_day", ["tenant_id"], postgresql_where=none)
    # rows that come and go within seconds
    op.execute(
        "ALTER TABLE message_delta SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0)"
    )


def downgrade() -> None:
    for name in _TRIGGERS:
        op.execute(f"DROP TRIGGER message_{name} ON message")
        op.execute(f"DROP FUNCTION messa_message_{name}()")
    op.execute("DROP FUNCTION messa_rebuild_summaries()")
    op.execute("DROP FUNCTION messa_day_of(uuid)")
    op.execute("DROP FUNCTION messa_time_of(uuid)")
    op.drop_column("tenant", "keep_text_days")
    op.drop_index("ix_message_remote", table_name="message")
    op.drop_index("ix_message_tenant", table_name="message")
    for table in reversed(SEEN):
        op.drop_table(table)
