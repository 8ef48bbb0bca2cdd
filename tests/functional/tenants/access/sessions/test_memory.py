"""Sessions kept in memory for a while, and forgotten there as soon as they have ended (spec I2)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from messa_platform.core.client import binding_of
from messa_platform.core.clock import FixedClock
from messa_platform.core.ids import new_id
from messa_platform.core.listen import Listener
from messa_platform.tenants.access import sessions
from messa_platform.tenants.access.models import SessionKind
from messa_platform.tenants.access.sessions import Identity, SessionCache
from tests.functional.tenants.access.sessions.conftest import (
    BROWSER,
    CAFE,
    CHROME,
    FIREFOX,
    HOME,
    HOUR,
    MINUTE,
    URL,
    Browsers,
)
from tests.support.observe import together
from tests.support.world import World


class Ear:
    """A listener that hears what a test says."""

    def __init__(self, since: datetime | None) -> None:
        self.listening_since = since
        self.callbacks: dict[str, Callable[[str], None]] = {}

    def subscribe(self, channel: str, callback: Callable[[str], None]) -> None:
        self.callbacks[channel] = callback

    def hear(self, session_id: UUID) -> None:
        self.callbacks["messa_session"](str(session_id))


@pytest.fixture
def ear(clock: FixedClock) -> Ear:
    """A listener that has listened for an hour."""
    return Ear(clock.now() - HOUR)


def identity_of(clock: FixedClock, kind: SessionKind = BROWSER, **values: Any) -> Identity:
    """An identity as the database gives it now."""
    identity = Identity(
        session_id=new_id(),
        account_id=new_id(),
        tenant_id=new_id(),
        address="anna@kommun.example",
        display_name="",
        language="sv",
        kind=kind,
        csrf=b"",
        is_operator=False,
        expires_at=clock.now() + HOUR,
        binding=binding_of(FIREFOX, HOME) if kind is URL else None,
        read_at=clock.now(),
    )
    return replace(identity, **values)


BOUND = binding_of(FIREFOX, HOME)


def test_an_identity_is_known_from_memory_for_a_minute(ear: Ear, clock: FixedClock) -> None:
    cache, identity = SessionCache(ear), identity_of(clock)
    assert cache.get("token", BOUND, clock.now()) is None
    cache.put("token", identity)
    clock.move(MINUTE)
    assert cache.get("token", BOUND, clock.now()) == identity
    assert cache.get("another", BOUND, clock.now()) is None
    assert cache.get("\udcff", BOUND, clock.now()) is None
    clock.move(timedelta(seconds=1))
    assert cache.get("token", BOUND, clock.now()) is None


def test_memory_keeps_no_token(ear: Ear, clock: FixedClock) -> None:
    cache = SessionCache(ear)
    cache.put("a-token-of-a-browser", identity_of(clock))
    assert "a-token-of-a-browser" not in repr(vars(cache))


def test_an_ended_session_is_forgotten_at_once_and_no_other(ear: Ear, clock: FixedClock) -> None:
    cache, ended, other = SessionCache(ear), identity_of(clock), identity_of(clock)
    cache.put("ended", ended)
    cache.put("other", other)
    ear.hear(ended.session_id)
    ear.hear(new_id())
    assert cache.get("ended", BOUND, clock.now()) is None
    assert cache.get("other", BOUND, clock.now()) == other


def test_what_was_read_before_a_session_ended_does_not_bring_it_back(ear: Ear, clock: FixedClock) -> None:
    cache, identity = SessionCache(ear), identity_of(clock)
    ear.hear(identity.session_id)
    cache.put("token", identity)
    assert cache.get("token", BOUND, clock.now()) is None


def test_who_has_not_listened_all_the_time_believes_no_memory(ear: Ear, clock: FixedClock) -> None:
    cache, identity = SessionCache(ear), identity_of(clock)
    cache.put("token", identity)
    ear.listening_since = None
    assert cache.get("token", BOUND, clock.now()) is None
    clock.move(timedelta(seconds=5))
    ear.listening_since = clock.now()  # what was told meanwhile nobody knows
    assert cache.get("token", BOUND, clock.now()) is None
    cache.put("token", replace(identity, read_at=clock.now()))
    assert cache.get("token", BOUND, clock.now()) is not None


def test_an_identity_of_unknown_age_is_not_believed(ear: Ear, clock: FixedClock) -> None:
    cache, identity = SessionCache(ear), identity_of(clock)
    fields = {name: getattr(identity, name) for name in Identity.__slots__ if name != "read_at"}
    cache.put("token", Identity(**fields))
    assert cache.get("token", BOUND, clock.now()) is None


def test_memory_knows_when_a_session_ends_by_itself(ear: Ear, clock: FixedClock) -> None:
    cache = SessionCache(ear)
    cache.put("token", identity_of(clock, expires_at=clock.now() + timedelta(seconds=30)))
    clock.move(timedelta(seconds=29))
    assert cache.get("token", BOUND, clock.now()) is not None
    clock.move(timedelta(seconds=1))
    assert cache.get("token", BOUND, clock.now()) is None


def test_memory_gives_a_url_session_to_its_own_browser_alone(ear: Ear, clock: FixedClock) -> None:
    cache = SessionCache(ear)
    cache.put("url", identity_of(clock, URL))
    cache.put("cookie", identity_of(clock))
    others = [binding_of(CHROME, HOME), binding_of(FIREFOX, CAFE), b""]
    assert cache.get("url", BOUND, clock.now()) is not None
    assert [cache.get("url", other, clock.now()) for other in others] == [None] * 3
    assert [cache.get("cookie", other, clock.now()) is None for other in others] == [False] * 3


def test_memory_holds_what_was_read_last(ear: Ear, clock: FixedClock) -> None:
    cache, first = SessionCache(ear), identity_of(clock)
    cache.put("token", first)
    clock.move(50 * timedelta(seconds=1))
    second = replace(first, read_at=clock.now(), language="en")
    cache.put("token", second)
    clock.move(50 * timedelta(seconds=1))
    assert cache.get("token", BOUND, clock.now()) == second


def test_memory_is_bounded(ear: Ear, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_KEPT", 10)
    cache = SessionCache(ear)
    identities = [identity_of(clock) for _ in range(25)]
    for i, identity in enumerate(identities):
        cache.put(f"token{i}", identity)
        ear.hear(new_id())
    kept = [i for i in range(25) if cache.get(f"token{i}", BOUND, clock.now()) is not None]
    assert kept == list(range(15, 25))
    ear.hear(identities[20].session_id)
    assert cache.get("token20", BOUND, clock.now()) is None


def test_many_threads_may_ask_and_put_at_once(ear: Ear, clock: FixedClock) -> None:
    cache = SessionCache(ear)
    identities = [identity_of(clock) for _ in range(50)]

    def work(offset: int) -> int:
        found = 0
        for i in range(500):
            identity = identities[(i + offset) % 50]
            cache.put(str(identity.session_id), identity)
            found += cache.get(str(identity.session_id), BOUND, clock.now()) == identity
            if i % 10 == 0:
                ear.hear(new_id())
        return found

    assert together([lambda o=o: work(o) for o in range(8)]) == [500] * 8  # type: ignore[misc]


def test_with_the_real_listener_an_ended_session_is_forgotten(
    browsers: Browsers, world: World, clock: FixedClock, database_url: str, anna: UUID
) -> None:
    listener = Listener(database_url, clock)
    cache = SessionCache(listener)
    listener.start()
    try:
        deadline = 200
        while listener.listening_since is None and deadline:
            deadline -= 1
            time.sleep(0.05)
        token = browsers.begin(anna)
        identity = browsers.known(token)
        cache.put(token, identity)
        assert cache.get(token, BOUND, clock.now()) == identity
        with world.database.unit_of_work() as session:
            sessions.end(session, identity.session_id)
        while cache.get(token, BOUND, clock.now()) is not None and deadline:
            deadline -= 1
            time.sleep(0.05)
        assert cache.get(token, BOUND, clock.now()) is None
        assert deadline
    finally:
        listener.close()
