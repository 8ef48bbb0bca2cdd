"""How long sessions live, by themselves and when they are used (spec I2)."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.tenants.access import sessions
from messa_platform.tenants.access.models import SessionKind
from tests.functional.tenants.access.sessions.conftest import (
    BROWSER,
    DAY,
    HOUR,
    MINUTE,
    PERSISTENT,
    URL,
    Browsers,
)
from tests.support.world import World

IDLE = {PERSISTENT: 30 * DAY, BROWSER: 12 * HOUR, URL: 20 * MINUTE}
IN_ALL = {BROWSER: 7 * DAY, URL: 12 * HOUR}


@pytest.mark.parametrize("kind", SessionKind)
def test_a_session_that_is_not_used_ends(
    browsers: Browsers, clock: FixedClock, anna: UUID, kind: SessionKind
) -> None:
    token = browsers.begin(anna, kind)
    clock.move(IDLE[kind] - timedelta(seconds=1))
    assert browsers.ask(token, touch=False) is not None
    clock.move(timedelta(seconds=1))
    assert browsers.ask(token, touch=False) is None
    assert browsers.ask(token) is None


@pytest.mark.parametrize("kind", SessionKind)
def test_what_is_asked_for_keeps_a_session_alive(
    browsers: Browsers, clock: FixedClock, anna: UUID, kind: SessionKind
) -> None:
    token = browsers.begin(anna, kind)
    for _ in range(3):
        clock.move(IDLE[kind] * 0.9)
        identity = browsers.ask(token)
        assert identity is not None
        assert identity.expires_at == clock.now() + IDLE[kind] == browsers.known(token).expires_at


@pytest.mark.parametrize("kind", SessionKind)
def test_an_open_page_that_asks_for_news_keeps_no_session_alive(
    browsers: Browsers, clock: FixedClock, anna: UUID, kind: SessionKind
) -> None:
    token = browsers.begin(anna, kind)
    for _ in range(10):
        clock.move(IDLE[kind] / 11)
        assert browsers.ask(token, touch=False) is not None
    clock.move(IDLE[kind] / 10)
    assert browsers.ask(token) is None


@pytest.mark.parametrize("kind", [BROWSER, URL])
def test_a_session_that_is_used_all_the_time_ends_all_the_same(
    browsers: Browsers, clock: FixedClock, anna: UUID, kind: SessionKind
) -> None:
    token = browsers.begin(anna, kind)
    end = clock.now() + IN_ALL[kind]
    while clock.now() + IDLE[kind] * 0.75 < end:
        clock.move(IDLE[kind] * 0.75)
        identity = browsers.ask(token)
        assert identity is not None
        assert identity.expires_at <= end
    clock.move(end - clock.now() - timedelta(seconds=1))
    assert browsers.ask(token) is not None
    clock.move(timedelta(seconds=1))
    assert browsers.ask(token) is None


def test_a_session_that_is_remembered_renews_itself_for_years(
    browsers: Browsers, clock: FixedClock, anna: UUID
) -> None:
    token = browsers.begin(anna, PERSISTENT)
    for _ in range(30):
        clock.move(29 * DAY)
        assert browsers.ask(token) is not None


def test_sessions_that_are_over_are_forgotten(
    browsers: Browsers, world: World, clock: FixedClock, anna: UUID
) -> None:
    for kind in SessionKind:
        browsers.begin(anna, kind)
    kept = []
    for step in (20 * MINUTE, 12 * HOUR, 30 * DAY):
        clock.move(step)
        with world.database.unit_of_work() as session:
            sessions.forget_old(session, clock.now())
        kept.append({row.kind for row in world.rows("SELECT kind FROM web_session")})
    assert kept == [{"persistent", "browser"}, {"persistent"}, set()]
