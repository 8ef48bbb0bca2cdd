"""The databases of the tests: each test finds one as new, whatever the one before did to it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import with_database
from tests.support.clean_database import Databases


@pytest.fixture
def pool(server: str, template: str) -> Iterator[Databases]:
    made = Databases(server, template)
    yield made
    made.close()


def connect(server: str, name: str) -> psycopg.Connection:
    url = with_database(server, name).replace("postgresql+psycopg", "postgresql")
    return psycopg.connect(url, autocommit=True)


def test_rows_that_were_added_changed_and_removed_are_as_before(server: str, pool: Databases) -> None:
    with pool.one() as name, connect(server, name) as before:
        free = before.execute("SELECT * FROM tenant").fetchall()
        before.execute("UPDATE tenant SET name = 'Another', slug = 'another'")
        before.execute("INSERT INTO quota_counter SELECT gen_random_uuid()")
        before.execute("INSERT INTO quota_usage (scope_id, bucket, parts) SELECT gen_random_uuid(), now(), 1")
    with pool.one() as again, connect(server, again) as after:
        assert again == name
        assert after.execute("SELECT * FROM tenant").fetchall() == free
        assert after.execute("SELECT count(*) FROM quota_counter").fetchall() == [(0,)]
        made = "INSERT INTO quota_usage (scope_id, bucket, parts) SELECT gen_random_uuid(), now(), 1 RETURNING id"
        assert after.execute(made).fetchall() == [(1,)]


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE thread RENAME TO thread_away",
        "ALTER TABLE account DROP COLUMN mobile",
        "CREATE TABLE left_behind ()",
        "ALTER TABLE message DISABLE TRIGGER message_added",
        "ALTER TABLE thread DISABLE ROW LEVEL SECURITY",
        "DROP INDEX ix_thread_latest",
        "DROP POLICY tenant_select ON thread",
        "CREATE OR REPLACE FUNCTION messa_tenant_role() RETURNS text LANGUAGE sql AS $$ SELECT 'nobody' $$",
    ],
)
def test_one_whose_shape_was_changed_is_not_used_again(server: str, pool: Databases, change: str) -> None:
    with pool.one() as name, connect(server, name) as connection:
        connection.execute(change.encode())
    with pool.one() as other:
        assert other != name


def test_one_that_has_become_large_is_not_used_again(server: str, pool: Databases) -> None:
    with pool.one() as name, connect(server, name) as connection:
        connection.execute(
            "INSERT INTO quota_counter SELECT gen_random_uuid() FROM generate_series(1, 120000)"
        )
    with pool.one() as other:
        assert other != name


def test_whoever_still_holds_a_connection_is_sent_away(server: str, pool: Databases) -> None:
    with pool.one() as name:
        lingering = connect(server, name)
        lingering.execute("BEGIN; INSERT INTO quota_counter SELECT gen_random_uuid()")
    with pool.one() as again:
        assert again == name
        with pytest.raises(psycopg.OperationalError):
            lingering.execute("COMMIT")
