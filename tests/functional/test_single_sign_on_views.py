"""Signing in with one's organisation, as a browser goes through it (spec I3), with a real provider on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID

import pytest
from structlog.testing import capture_logs
from webtest import TestResponse

from messa_platform.core.clock import FixedClock
from messa_platform.core.i18n import speech
from messa_platform.portal.single_sign_on import SENTENCES, code_of
from messa_platform.runtime import Runtime
from messa_platform.tenants.access.single_sign_on import Reason, configure
from messa_platform.tenants.models import Group
from tests.support.oidc_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    Canned,
    Lie,
    OidcProvider,
    oidc_provider,
    visit,
)
from tests.support.visitors import CAFE, Visitor, a_runtime, path_of
from tests.support.world import World

ANNA = "anna@kommunen.example"
CALLBACK = "http://sms.kommunen.example/sso/callback"


@pytest.fixture
def idp(clock: FixedClock) -> Iterator[OidcProvider]:
    with oidc_provider(CALLBACK) as provider:
        provider.now = lambda: clock.now().timestamp()
        provider.knows(ANNA, name="Anna Lindqvist")
        yield provider


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Runtime]:
    settings = {"messa.public_url": "http://sms.kommunen.example/", "outbound.allow_private": "true"}
    with a_runtime(database_url, tmp_path / "key", clock, **settings) as made:
        yield made


@pytest.fixture
def master(world: World, runtime: Runtime, idp: OidcProvider) -> Group:
    """A municipality whose domain has a provider."""
    group = world.tenant("kommunen", "Kommunen")
    world.domain(group, "kommunen.example")
    domain_id = world.value("SELECT id FROM domain")
    with runtime.database.unit_of_work() as session:
        secrets = (CLIENT_ID, CLIENT_SECRET)
        configure(session, runtime.keys, domain_id, "Kommunens inloggning", idp.issuer, *secrets)
    return group


@pytest.fixture
def browser(runtime: Runtime, master: Group) -> Visitor:
    return Visitor(runtime)


def begin(browser: Visitor, **asked: str) -> TestResponse:
    """Open the sign-in page, and go on to the organisation's."""
    browser.get("/sign-in")
    return browser.get(f"/sso/start?{urlencode({'address': ANNA, 'go': '1', **asked})}")


def finish(browser: Visitor, started: TestResponse, **changed: str) -> TestResponse:
    """Let the provider send the browser back, perhaps with something else than it meant to."""
    assert started.status_int == 303, started.text
    back = visit(started.location) | changed
    return browser.get(f"/sso/callback?{urlencode(back)}")


def said(answer: TestResponse) -> tuple[str, dict[str, str]]:
    """Where somebody was sent back to, and with what."""
    assert answer.status_int == 303
    parts = urlsplit(path_of(answer))
    assert parts.netloc == ""
    return parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}


def refused(reason: Reason, email: str = ANNA) -> tuple[str, dict[str, str]]:
    return "/sign-in", {"said": code_of(reason)} | ({"email": email} if email else {})


def signed_in_as(world: World) -> list[Any]:
    """The sessions there are: kinds and addresses."""
    rows = world.rows("SELECT s.kind, a.address FROM web_session s JOIN account a ON a.id = s.account_id")
    return [tuple(row) for row in rows]


# The way in


def test_somebody_is_signed_in_by_their_organisation(browser: Visitor, world: World) -> None:
    answer = finish(browser, begin(browser))
    assert said(answer) == ("/messages", {})
    assert browser.get("/messages").status_int == 200
    assert signed_in_as(world) == [("browser", ANNA)]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_what_was_ticked_and_where_one_wanted_to_go_is_kept(browser: Visitor, world: World) -> None:
    answer = finish(browser, begin(browser, remember="1", next="/account?x=1"))
    assert said(answer) == ("/account", {"x": "1"})
    assert signed_in_as(world) == [("persistent", ANNA)]


def test_nobody_is_sent_on_to_somebody_elses_site(browser: Visitor) -> None:
    assert said(finish(browser, begin(browser, next="https://annan.example/"))) == ("/messages", {})


def test_the_provider_sends_people_back_to_the_public_address(browser: Visitor) -> None:
    asked = parse_qs(urlsplit(begin(browser).location).query)
    assert asked["redirect_uri"] == [CALLBACK]
    assert asked["login_hint"] == [ANNA]


def test_a_second_factor_that_the_owner_has_turned_on_is_asked_for_all_the_same(
    browser: Visitor, world: World, master: Group, runtime: Runtime
) -> None:
    world.account(master, ANNA, totp_secret=runtime.keys.seal(b"x"), totp_since=runtime.clock.now())
    path, asked = said(finish(browser, begin(browser)))
    assert path == "/sign-in-code" and asked.keys() == {"stamp"}
    assert signed_in_as(world) == []


def test_a_browser_without_cookies_gets_a_session_in_its_address(
    runtime: Runtime, master: Group, world: World
) -> None:
    lynx = Visitor(runtime, agent="Lynx/2.9", cookies=False)
    answer = finish(lynx, begin(lynx))
    path, _ = said(answer)
    assert path.startswith("/~")
    assert path.endswith("/messages")
    assert lynx.get(path).status_int == 200
    assert signed_in_as(world) == [("url", ANNA)]


def test_where_that_is_switched_off_it_is_told_before_it_goes_away(
    database_url: str, tmp_path: Path, clock: FixedClock, master: Group
) -> None:
    off = {"messa.cookieless_login": "false", "outbound.allow_private": "true"}
    with a_runtime(database_url, tmp_path / "key", clock, **off) as runtime:
        assert said(begin(Visitor(runtime, cookies=False)))[1]["said"] == "needs-cookies"
        assert begin(Visitor(runtime)).location.startswith("http://127.0.0.1:")


def test_a_page_on_the_way_ends_what_a_form_has_begun(browser: Visitor) -> None:
    page = browser.get(f"/sso/start?address={ANNA}&remember=1")
    assert page.status_int == 200
    onward = page.headers["Refresh"].removeprefix("0; url=")
    assert parse_qs(urlsplit(onward).query) == {"address": [ANNA], "remember": ["1"], "go": ["1"]}
    assert page.html.find("a", class_="button")["href"] == onward
    # it has tried meanwhile whether the browser takes cookies
    assert "messa_probe=" in page.headers["Set-Cookie"]
    assert said(finish(browser, browser.get(onward))) == ("/messages", {})


def test_who_is_signed_in_already_goes_on(browser: Visitor) -> None:
    finish(browser, begin(browser))
    assert said(begin(browser, next="/account")) == ("/account", {})


# The sign-in page


def button(page: TestResponse) -> str | None:
    """Where the sign-in page's button for one's organisation leads."""
    found = page.html.find("a", href=lambda href: href and href.startswith("/sso/start"))
    return None if found is None else str(found["href"])


def test_the_sign_in_page_leads_to_the_organisation_of_a_typed_address(browser: Visitor) -> None:
    page = browser.sign_in(ANNA, "fel lösenord", remember=True, next="/account")
    link = button(page)
    assert link is not None
    assert parse_qs(urlsplit(link).query) == {
        "address": [ANNA],
        "next": ["/account"],
        "remember": ["1"],
        "go": ["1"],
    }
    assert said(finish(browser, browser.get(link))) == ("/account", {})


def test_the_button_tells_nothing_of_who_has_an_account(
    browser: Visitor, world: World, master: Group
) -> None:
    world.account(master, ANNA)
    for address in (ANNA, "ingen@kommunen.example", "blockerad@kommunen.example"):
        assert button(browser.get(f"/sign-in?email={address}"))
    assert button(browser.get("/sign-in?email=anna@annan.example")) is None
    assert button(browser.get("/sign-in")) is None


# What comes to nothing


def test_a_domain_without_a_provider_is_told(browser: Visitor) -> None:
    other = "x@annan.example"
    assert said(begin(browser, address=other)) == refused(Reason.NO_PROVIDER, other)
    assert said(begin(browser, address="")) == refused(Reason.NO_PROVIDER, "")


def test_a_callback_in_another_browser_signs_nobody_in(
    browser: Visitor, runtime: Runtime, world: World
) -> None:
    started = begin(browser)
    victim = Visitor(runtime)
    assert said(finish(victim, started)) == refused(Reason.OTHER_BROWSER, "")
    victim.get("/sign-in")
    assert said(finish(victim, started)) == refused(Reason.OTHER_BROWSER, "")
    assert signed_in_as(world) == []


def test_a_callback_without_cookies_must_come_from_where_it_began(runtime: Runtime, master: Group) -> None:
    began = Visitor(runtime, cookies=False)
    elsewhere = Visitor(runtime, cookies=False, address=CAFE)
    started = begin(began)
    assert said(finish(elsewhere, started)) == refused(Reason.OTHER_BROWSER, "")
    assert said(finish(began, started))[0].startswith("/~")


def test_a_state_of_nobody_is_refused(browser: Visitor) -> None:
    for query in ("", "state=x&code=y", "code=y", "state=%FF", "%FF=x&state=1"):
        assert said(browser.get(f"/sso/callback?{query}")) == refused(Reason.TOO_LATE, "")


def test_a_query_that_is_no_utf_8_starts_nothing(browser: Visitor) -> None:
    assert browser.get("/sso/start?address=%FF&go=1").status_int == 200


def test_the_same_answer_twice_signs_in_once(browser: Visitor, world: World) -> None:
    back = urlencode(visit(begin(browser).location))
    assert said(browser.get(f"/sso/callback?{back}")) == ("/messages", {})
    assert said(browser.get(f"/sso/callback?{back}")) == refused(Reason.TOO_LATE)
    assert len(signed_in_as(world)) == 1


def test_a_session_that_was_planted_before_is_worthless_after(browser: Visitor, runtime: Runtime) -> None:
    stranger = Visitor(runtime)
    finish(stranger, begin(stranger))
    planted = stranger.app.cookies["messa_session"]
    started = begin(browser)
    browser.app.set_cookie("messa_session", planted)
    answer = finish(browser, started)
    assert said(answer) == ("/messages", {})
    assert f"messa_session={planted}" not in answer.headers["Set-Cookie"]
    assert "messa_session=" in answer.headers["Set-Cookie"]
    assert stranger.get("/messages").status_int == 303


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lie": Lie.NO_SIGNATURE}, Reason.WRONG),
        ({"lie": Lie.EXPIRED}, Reason.WRONG),
        ({"canned": {"/token": Canned(503, b"<html>")}}, Reason.DOWN),
        ({"canned": {"/token": Canned(200, b"not json")}}, Reason.DOWN),
    ],
)
def test_a_provider_in_trouble_leads_back_to_the_sign_in_page(
    browser: Visitor, idp: OidcProvider, change: dict[str, Any], reason: Reason
) -> None:
    for name, value in change.items():
        setattr(idp, name, value)
    answer = finish(browser, begin(browser))
    assert said(answer) == refused(reason)
    page = browser.follow(answer)
    assert page.status_int == 200
    assert speech("sv").gettext(SENTENCES[reason]) in page.html.get_text()
    assert button(page) is not None


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"email": "chef@annan.example"}, Reason.OTHER_ADDRESS),
        ({"email_verified": False}, Reason.NO_ADDRESS),
    ],
)
def test_whom_a_provider_does_not_speak_for_is_not_signed_in(
    browser: Visitor, world: World, idp: OidcProvider, claims: dict[str, Any], reason: Reason
) -> None:
    idp.knows(ANNA, **claims)
    assert said(finish(browser, begin(browser))) == refused(reason)
    assert signed_in_as(world) == []


def test_who_is_blocked_is_told_kindly(browser: Visitor, world: World, master: Group) -> None:
    world.account(master, ANNA, blocked=True)
    assert said(finish(browser, begin(browser))) == refused(Reason.NOT_WELCOME)


def test_each_outcome_is_said_in_both_languages(browser: Visitor) -> None:
    for reason in Reason:
        for language in ("sv", "en"):
            page = browser.get(f"/sign-in?said={code_of(reason)}&lang={language}")
            assert speech(language).gettext(SENTENCES[reason]) in page.html.get_text()


def test_nothing_that_ties_a_sign_in_together_is_logged(browser: Visitor, idp: OidcProvider) -> None:
    with capture_logs() as logs:
        back = visit(begin(browser).location)
        idp.lie = Lie.WRONG_NONCE
        browser.get(f"/sso/callback?{urlencode(back)}")
    assert [line["reason"] for line in logs if line["event"] == "sign_on_refused"] == ["wrong"]
    assert not [each for each in (back["code"], back["state"], ANNA) if each in repr(logs)]


def test_an_account_is_found_by_its_subject_from_then_on(
    browser: Visitor, world: World, runtime: Runtime, master: Group, idp: OidcProvider
) -> None:
    anna: UUID = world.account(master, ANNA)
    finish(browser, begin(browser))
    idp.knows(ANNA, email="anna.berg@kommunen.example")
    later = Visitor(runtime)
    assert said(finish(later, begin(later))) == ("/messages", {})
    assert world.value("SELECT array_agg(DISTINCT account_id) FROM web_session") == [anna]
