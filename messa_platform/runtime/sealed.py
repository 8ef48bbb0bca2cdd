"""Everything that the database keeps sealed with the deployment's keys, and how it is sealed anew after a new key has come first."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from messa_platform.core.crypto import Keys
from messa_platform.core.db import Database

COLUMNS = (
    ("channel", "sealed"),
    ("event_endpoint", "secret"),
    ("event_endpoint", "old_secret"),
    ("identity_provider", "client_secret"),
    ("account", "totp_secret"),
)
"""Tables with an `id`, and their sealed columns."""


def reseal(database: Database, keys: Keys) -> dict[str, int]:
    """Seal everything with the first key, so that the others can be taken away; a transaction a column. Gives how much there was of each. What
    none of the keys opens stays as it is, and is counted under a name with `, lost`."""
    done: dict[str, int] = {}
    for table, column in COLUMNS:
        with database.unit_of_work() as session:
            _reseal(session, keys, table, column, done)
    return done


def _reseal(session: Session, keys: Keys, table: str, column: str, done: dict[str, int]) -> None:
    rows = session.execute(
        text(f"SELECT id, {column} AS sealed FROM {table} WHERE {column} IS NOT NULL ORDER BY id FOR UPDATE")
    ).all()
    keep = text(f"UPDATE {table} SET {column} = :sealed WHERE id = :id")
    for row in rows:
        opened = keys.unseal(bytes(row.sealed))
        name = f"{table}.{column}" + ("" if opened is not None else ", lost")
        done[name] = done.get(name, 0) + 1
        if opened is not None:
            session.execute(keep, {"sealed": keys.seal(opened), "id": row.id})
