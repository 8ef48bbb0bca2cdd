"""Sessions: begun, recognised, and bound to their browser if their token is in the URL (spec I2, U2)."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from uuid import UUID

import pytest
import structlog
from sqlalchemy import text

from messa_platform.core.client import binding_of
from messa_platform.core.clock import FixedClock
from messa_platform.tenants.access import sessions
from messa_platform.tenants.access.models import SessionKind
from messa_platform.tenants.access.sessions import Identity
from messa_platform.tenants.models import Group
from tests.functional.tenants.access.sessions.conftest import (
    BROWSER,
    CAFE,
    CHROME,
    FIREFOX,
    HOME,
    HOUR,
    MINUTE,
    PERSISTENT,
    URL,
    Browsers,
)
from tests.support.observe import statements
from tests.support.world import World


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
