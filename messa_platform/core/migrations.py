"""The database's shape: brought up to date by alembic, and asked whether it is."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from alembic import command

DIRECTORY = Path(__file__).parents[2] / "alembic"
"""Beside the package, as in the repository."""


def config(url: str = "") -> Config:
    """Alembic's configuration for a database."""
    made = Config()
    made.set_main_option("script_location", str(DIRECTORY))
    made.attributes["url"] = url
    return made


@cache
def _heads() -> frozenset[str]:
    return frozenset(ScriptDirectory.from_config(config()).get_heads())


def at_head(connection: Connection) -> bool:
    """Whether every migration has been run."""
    return set(MigrationContext.configure(connection).get_current_heads()) == _heads()


def upgrade(url: str) -> None:
    """Run what migrations there are to run."""
    command.upgrade(config(url), "head")
