"""Sessions: begun, recognised, bound, ended, and kept in memory for a while (spec I2, U2)."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
import structlog
from sqlalchemy import text

from messa_platform.core.client import binding_of
from messa_platform.core.clock import FixedClock
from messa_platform.core.ids import new_id
from messa_platform.core.listen import Listener
from messa_platform.tenants.access import sessions
from messa_platform.tenants.access.models import SessionKind
from messa_platform.tenants.access.sessions import Identity, SessionCache
from messa_platform.tenants.models import Group
from tests.support.observe import statements, together
from tests.support.world import World

FIREFOX, CHROME = "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0", "Mozilla/5.0 (Linux) Chrome/150.0"
HOME, CAFE = "192.0.2.7", "198.51.100.9"
PERSISTENT, BROWSER, URL = SessionKind.PERSISTENT, SessionKind.BROWSER, SessionKind.URL
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Browsers:
    """Browsers that sign in and ask for pages."""

    def __init__(self, world: World) -> None:
        self.world = world

    def begin(
        self, account_id: UUID, kind: SessionKind = BROWSER, agent: str = FIREFOX, address: str = HOME
    ) -> str:
        with self.world.database.unit_of_work() as session:
            return sessions.begin(session, self.world.clock.now(), account_id, kind, agent, address)

    def ask(
        self, token: str, agent: str = FIREFOX, address: str = HOME, *, touch: bool = True
    ) -> Identity | None:
        with self.world.database.unit_of_work() as session:
            now = self.world.clock.now()
            return sessions.recognise(session, now, token, binding_of(agent, address), touch=touch)

    def known(self, token: str) -> Identity:
        """The identity behind a token that must be in force."""
        identity = self.ask(token, touch=False)
        assert identity is not None
        return identity


@pytest.fixture
def browsers(world: World) -> Browsers:
    """The browsers of the test."""
    return Browsers(world)


def test_a_session_knows_who_is_signed_in(
    browsers: Browsers, world: World, anna: UUID, master: Group
) -> None:
    identity = browsers.known(browsers.begin(anna))
    row = world.rows("SELECT * FROM web_session")[0]
    now = world.clock.now()
    assert identity == Identity(
        session_id=row.id,
        account_id=anna,
        tenant_id=master.tenant_id,
        address="anna@kommun.example",
        display_name="Anna Lindqvist",
        language="sv",
        kind=BROWSER,
        csrf=row.csrf,
        is_operator=False,
        expires_at=now + 12 * HOUR,
        binding=None,
        time_zone="Europe/Stockholm",
        read_at=now,
    )
    assert len(identity.csrf) == 32
    assert repr(identity.csrf) not in repr(identity)


def test_an_accounts_language_goes_before_its_tenants(browsers: Browsers, world: World, anna: UUID) -> None:
    token = browsers.begin(anna)
    world.run("UPDATE tenant SET language = 'en'")
    assert browsers.known(token).language == "en"
    world.run("UPDATE account SET language = 'sv', is_operator = true")
    assert (browsers.known(token).language, browsers.known(token).is_operator) == ("sv", True)


def test_a_token_has_256_bits_and_only_its_digest_is_kept(
    browsers: Browsers, world: World, anna: UUID
) -> None:
    tokens = [browsers.begin(anna, kind) for kind in (*SessionKind, BROWSER)]
    assert len(set(tokens)) == 4
    rows = world.rows("SELECT * FROM web_session ORDER BY id")
    for token, row in zip(tokens, rows, strict=True):
        assert len(token) == 43
        assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        assert row.digest == hashlib.sha256(token.encode()).digest()
        assert token not in str(row)
    assert len({row.csrf for row in rows}) == 4


def test_only_a_url_session_is_bound(browsers: Browsers, world: World, anna: UUID) -> None:
    for kind in SessionKind:
        browsers.begin(anna, kind)
    bindings = {row.kind: row.binding for row in world.rows("SELECT kind, binding FROM web_session")}
    assert bindings == {"persistent": None, "browser": None, "url": binding_of(FIREFOX, HOME)}


@pytest.mark.parametrize("token", ["", "x" * 43, "åäö", "\udcff", "\x00", "' OR true --"])
def test_a_strangers_word_is_nobodys_session(browsers: Browsers, anna: UUID, token: str) -> None:
    browsers.begin(anna)
    assert browsers.ask(token) is None


def test_what_a_browser_calls_itself_is_kept_in_one_printable_piece(
    browsers: Browsers, world: World, anna: UUID
) -> None:
    browsers.begin(anna, agent="Fire\x00fox\n\udcff" + "x" * 9999)
    kept = world.value("SELECT user_agent FROM web_session")
    assert kept == "Firefox" + "x" * 393


def test_a_sign_in_makes_its_network_known(browsers: Browsers, world: World, anna: UUID) -> None:
    browsers.begin(anna)
    browsers.begin(anna, address="192.0.2.99")
    browsers.begin(anna, address="2001:db8::1")
    known = {row.network for row in world.rows("SELECT network FROM known_network")}
    assert known == {"192.0.2.0/24", "2001:db8::/64"}


@pytest.mark.parametrize("kind", SessionKind)
@pytest.mark.parametrize("state", ["blocked = true", "removed_at = now()"])
def test_the_session_of_a_blocked_or_removed_account_is_not_recognised(
    browsers: Browsers, world: World, anna: UUID, kind: SessionKind, state: str
) -> None:
    token = browsers.begin(anna, kind)
    assert browsers.ask(token) is not None
    world.run(f"UPDATE account SET {state}")
    assert browsers.ask(token) is None


@pytest.mark.parametrize(
    ("agent", "address"), [(CHROME, HOME), (FIREFOX, CAFE), ("", HOME), (FIREFOX, ""), (FIREFOX, "192.0.3.7")]
)
def test_a_url_session_opened_by_another_browser_or_network_is_refused_and_told_without_its_token(
    browsers: Browsers, world: World, anna: UUID, agent: str, address: str
) -> None:
    token = browsers.begin(anna, URL)
    with structlog.testing.capture_logs() as logs:
        assert browsers.ask(token, agent, address) is None
    session_id = world.value("SELECT id FROM web_session")
    assert [(line["event"], line["session"]) for line in logs] == [("url_session_refused", str(session_id))]
    assert token not in str(logs)
    # the stranger has not ended it, nor kept it alive
    world.clock.move(20 * MINUTE - timedelta(seconds=1))
    assert browsers.ask(token, agent, address) is None
    assert browsers.ask(token, address="192.0.2.200", touch=False) is not None
    world.clock.move(timedelta(seconds=1))
    assert browsers.ask(token) is None


@pytest.mark.parametrize("kind", [PERSISTENT, BROWSER])
def test_a_session_in_a_cookie_follows_its_browser_through_networks_and_updates(
    browsers: Browsers, anna: UUID, kind: SessionKind
) -> None:
    token = browsers.begin(anna, kind)
    assert browsers.ask(token, CHROME, CAFE) is not None


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


@pytest.mark.parametrize("kind", SessionKind)
def test_recognising_is_one_statement_and_a_second_one_once_a_minute(
    browsers: Browsers, world: World, clock: FixedClock, anna: UUID, kind: SessionKind
) -> None:
    token = browsers.begin(anna, kind)

    def count(*, touch: bool = True) -> int:
        with statements(world.database.engine) as seen:
            assert browsers.ask(token, touch=touch) is not None
        return len(seen)

    assert count() == 1
    clock.move(MINUTE + timedelta(seconds=1))
    assert count(touch=False) == 1
    assert (count(), count()) == (2, 1)
    assert world.value("SELECT seen_at FROM web_session") == clock.now()


def test_a_page_does_not_wait_for_another_page_of_its_session(
    browsers: Browsers, world: World, clock: FixedClock, anna: UUID
) -> None:
    token = browsers.begin(anna)
    clock.move(2 * MINUTE)
    with world.database.unit_of_work() as slow:
        slow_one = sessions.recognise(slow, clock.now(), token, b"")
        with world.database.unit_of_work() as quick:
            quick.execute(text("SET LOCAL lock_timeout = '1s'"))
            quick_one = sessions.recognise(quick, clock.now(), token, b"")
    assert slow_one == quick_one is not None


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
