"""Alembic's way to the database: the URL is handed in by `messa_platform.core.migrations`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.dialects.postgresql.base import ischema_names

from alembic import context
from messa_platform.core.db import Base
from messa_platform.messaging.partitions import PARTITIONED
from messa_platform.models import ROOMS
from messa_platform.tenants.models import Ltree

assert ROOMS  # importing it declares every table
ischema_names["ltree"] = Ltree


OVER_EXPRESSIONS = {"ix_account_domain", "ix_account_tenant_domain", "ix_account_words"}
"""Indexes whose operator classes the comparison cannot read."""


def include(_object: Any, name: str | None, kind: str, reflected: bool, _compare_to: Any) -> bool:
    """Monthly partitions are made by the running service, not by migrations."""
    if kind == "index" and name in OVER_EXPRESSIONS:
        return False
    is_partition = kind == "table" and reflected and any(str(name).startswith(f"{t}_2") for t in PARTITIONED)
    return not is_partition and name not in {f"{t}_default" for t in PARTITIONED}


def run() -> None:
    """Run the migrations in one transaction; two processes that start at once take turns."""
    engine = create_engine(context.config.attributes["url"], hide_parameters=True)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(hashtext('messa.migrations'))"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_object=include,
            compare_type=True,
            compare_server_default=False,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    engine.dispose()


run()
