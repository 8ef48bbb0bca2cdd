"""Sessions as their owner sees and ends them, which is told to all (spec I2, U2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg

from messa_platform.core.clock import FixedClock
from messa_platform.core.ids import new_id
from messa_platform.tenants.access import sessions
from messa_platform.tenants.access.models import SessionKind
from messa_platform.tenants.models import Group
from tests.functional.tenants.access.sessions.conftest import (
    BROWSER,
    CAFE,
    CHROME,
    FIREFOX,
    HOME,
    HOUR,
    PERSISTENT,
    URL,
    Browsers,
)
from tests.support.observe import statements
from tests.support.world import World


@contextmanager
def told(url: str) -> Iterator[list[str]]:
    """The ids of the sessions whose end is told within the block."""
    heard: list[str] = []
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as connection:
        connection.execute("LISTEN messa_session")
        yield heard
        connection.execute("SELECT 1")
        heard += [notification.payload for notification in connection.notifies(timeout=0.2)]


def test_a_session_that_has_ended_is_recognised_no_more_and_told_to_all(
    browsers: Browsers, world: World, database_url: str, anna: UUID
) -> None:
    token, other = browsers.begin(anna), browsers.begin(anna)
    session_id = browsers.known(token).session_id
    with told(database_url) as heard, world.database.unit_of_work() as session:
        sessions.end(session, session_id)
    assert heard == [str(session_id)]
    assert browsers.ask(token) is None
    assert browsers.ask(other) is not None


def test_an_owner_ends_sessions_of_the_own_account_alone(
    browsers: Browsers, world: World, database_url: str, master: Group, anna: UUID
) -> None:
    bo = world.account(master, "bo@kommun.example")
    token = browsers.begin(anna)
    session_id = browsers.known(token).session_id
    with told(database_url) as heard, world.database.unit_of_work() as session:
        assert not sessions.end_own(session, bo, session_id)
        assert not sessions.end_own(session, anna, new_id())
    assert heard == []
    assert browsers.ask(token) is not None
    with told(database_url) as heard, world.database.unit_of_work() as session:
        assert sessions.end_own(session, anna, session_id)
    assert heard == [str(session_id)]
    assert browsers.ask(token) is None


def test_all_sessions_of_an_account_end_or_all_but_one_in_one_statement_each(
    browsers: Browsers, world: World, database_url: str, master: Group, anna: UUID
) -> None:
    bos = browsers.begin(world.account(master, "bo@kommun.example"))
    kept, *others = [browsers.begin(anna, kind) for kind in (*SessionKind, URL)]
    identities = [browsers.known(token) for token in (kept, *others)]
    ids = [str(identity.session_id) for identity in identities]
    with told(database_url) as heard, world.database.unit_of_work() as session:
        with statements(world.database.engine) as seen:
            assert sessions.end_others(session, anna, identities[0].session_id) == 3
        assert len(seen) == 1
    assert sorted(heard) == sorted(ids[1:])
    assert [browsers.ask(token) is None for token in (kept, *others, bos)] == [False, True, True, True, False]
    with told(database_url) as heard, world.database.unit_of_work() as session:
        assert sessions.end_all(session, anna) == 1
    assert heard == ids[:1]
    assert [browsers.ask(token) is None for token in (kept, bos)] == [True, False]


def test_an_owner_sees_the_sessions_in_force_and_not_those_of_others(
    browsers: Browsers, world: World, clock: FixedClock, master: Group, anna: UUID
) -> None:
    begun = clock.now()
    browsers.begin(world.account(master, "bo@kommun.example"))
    browsers.begin(anna, URL)
    long_one = browsers.begin(anna, PERSISTENT, CHROME, CAFE)
    clock.move(HOUR)
    browsers.begin(anna)
    clock.move(HOUR)
    browsers.ask(long_one)
    with world.database.unit_of_work() as session:
        rows = sessions.listed(session, clock.now(), anna)
    shown = [(r.kind, r.user_agent, r.address, r.created_at, r.seen_at) for r in rows]
    assert shown == [
        (PERSISTENT, CHROME, CAFE, begun, begun + 2 * HOUR),
        (BROWSER, FIREFOX, HOME, begun + HOUR, begun + HOUR),
    ]
