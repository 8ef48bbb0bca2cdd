"""Row-level security, the second lock: what acts for a tenant sees the rows of that tenant alone, whatever its queries forget.

Every table has it switched on. The tables' owner, as which workers and servers run, is not held by it. What is `confined` runs as the
role that `messa_tenant_role()` names: a table without a policy shows it nothing. Roles belong to the whole cluster, so the name holds the
database's. Policies are made by migrations, with `protect`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

_CONFINED = "messa.confined"

# In a subselect each is asked once a statement, not once a row. After a transaction the setting is '', not NULL.
THIS_TENANT = "(SELECT NULLIF(current_setting('messa.tenant', true), '')::uuid)"
"""In SQL: the tenant for which is acted."""
THIS_ACCOUNT = "(SELECT NULLIF(current_setting('messa.account', true), '')::uuid)"
"""In SQL: the account that acts."""

OF_TENANT = f"tenant_id = {THIS_TENANT}"
OF_ACCOUNT = f"account_id = {THIS_ACCOUNT}"
OF_EITHER = f"({OF_TENANT} OR {OF_ACCOUNT})"
"""An account that moves between tenants takes its own threads along, for itself (spec P1, G13)."""


@dataclass(frozen=True, slots=True)
class Confinement:
    """For which tenant is acted, and by which of its accounts, if any."""

    tenant_id: UUID
    account_id: UUID | None


_ENTER = text(
    "SELECT set_config('role', messa_tenant_role(), true), set_config('messa.tenant', :tenant, true),"
    " set_config('messa.account', :account, true),"
    # a plan made for a large tenant, and kept, would be a small one's, too
    " set_config('plan_cache_mode', 'force_custom_plan', true)"
)


def confine(session: Session, confinement: Confinement) -> None:
    """Let `session`, which has not begun yet, see and change only what is the tenant's, in this and its later transactions."""
    if session.in_transaction():
        raise RuntimeError("the session has begun already, and has seen more")
    session.info[_CONFINED] = confinement


def is_confined(session: Session) -> bool:
    """Whether the session sees one tenant only."""
    return _CONFINED in session.info


def enter(session: Session, _transaction: Any, connection: Connection) -> None:
    """For SQLAlchemy's `after_begin`: the role holds to the transaction's end."""
    confinement: Confinement | None = session.info.get(_CONFINED)
    if confinement is not None:
        account = "" if confinement.account_id is None else str(confinement.account_id)
        connection.execute(_ENTER, {"tenant": str(confinement.tenant_id), "account": account})


def role_statements(database: str) -> tuple[str, ...]:
    """What makes the role of a database, for its first migration that needs one."""
    role = role_name(database)
    return (
        # roles outlive databases, so it may be there from one of the same name
        f"DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE \"{role}\" NOLOGIN; END IF; END $$",
        f'GRANT "{role}" TO CURRENT_USER',
        f"CREATE FUNCTION messa_tenant_role() RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT '{role}' $$",
        f'GRANT USAGE ON SCHEMA public TO "{role}"',
    )


def role_name(database: str) -> str:
    """The name of a database's role; names have at most 63 bytes."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in database)
    return f"messa_tenant_{plain}"[:63]


def protect(
    table: str, role: str, seen: str = "", commands: str = "SELECT, INSERT, UPDATE, DELETE"
) -> tuple[str, ...]:
    """What switches row-level security on for a table; `seen` is the condition of what the role sees of it, "" if nothing."""
    switch = f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY'
    if not seen:
        return (switch,)
    policies = (
        f'CREATE POLICY tenant_{command.lower()} ON "{table}" FOR {command} TO "{role}" {_clauses(command, seen)}'
        for command in commands.split(", ")
    )
    return (switch, f'GRANT {commands} ON "{table}" TO "{role}"', *policies)


def _clauses(command: str, seen: str) -> str:
    using = "" if command == "INSERT" else f"USING ({seen})"
    check = f"WITH CHECK ({seen})" if command in ("INSERT", "UPDATE") else ""
    return f"{using} {check}".strip()
