"""The database's shape: one line of migrations, which say exactly what the models say, and can be undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from alembic import command
from messa_platform.core.clock import SystemClock
from messa_platform.core.db import Database, make_engine
from messa_platform.core.migrations import at_head, config, upgrade
from messa_platform.demo import load
from messa_platform.tenants.tree import ensure_free_tenant
from tests.support.platform import database_of


@pytest.fixture
def empty_url(server: str) -> Iterator[str]:
    """A database with nothing in it."""
    with database_of(server, "template1") as url:
        yield url


@pytest.fixture
def settings(empty_url: str) -> Config:
    return config(empty_url)


def tables(url: str) -> set[str]:
    engine = create_engine(url)
    names = set(inspect(engine).get_table_names())
    engine.dispose()
    return names


def at(url: str) -> bool:
    engine = create_engine(url)
    with engine.connect() as connection:
        answer = at_head(connection)
    engine.dispose()
    return answer


def test_there_is_exactly_one_head() -> None:
    assert len(ScriptDirectory.from_config(config()).get_heads()) == 1


def test_the_models_say_what_the_migrations_have_made(database_url: str) -> None:
    command.check(config(database_url))


def test_the_check_would_see_a_difference(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE account DROP COLUMN mobile"))
    engine.dispose()
    with pytest.raises(Exception, match="mobile"):
        command.check(config(database_url))


def test_all_can_be_undone_and_done_again(empty_url: str, settings: Config) -> None:
    assert not at(empty_url)
    upgrade(empty_url)
    assert at(empty_url)
    made = tables(empty_url)
    assert {"message", "inbound_mail", "outgoing_mail", "dispatch_queue"} <= made
    command.downgrade(settings, "base")
    assert tables(empty_url) == {"alembic_version"}
    assert not at(empty_url)
    upgrade(empty_url)
    assert tables(empty_url) == made
    command.check(settings)


def test_it_can_be_undone_with_data_in_it(empty_url: str, settings: Config) -> None:
    upgrade(empty_url)
    database = Database(make_engine(empty_url, pool_size=1))
    with database.unit_of_work() as session:
        ensure_free_tenant(session, SystemClock().now())
        load(session, SystemClock().now())
    database.close()
    command.downgrade(settings, "base")
    assert tables(empty_url) == {"alembic_version"}


def test_migrating_twice_changes_nothing(empty_url: str) -> None:
    upgrade(empty_url)
    before = tables(empty_url)
    upgrade(empty_url)
    assert tables(empty_url) == before


def test_an_index_that_is_missing_is_a_difference(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("DROP INDEX ix_inbound_mail_due"))
    engine.dispose()
    with pytest.raises(Exception, match="ix_inbound_mail_due"):
        command.check(config(database_url))
