"""Signing in with a password: what it gives, what it does not tell, and what it leaves behind (spec I1-I3)."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.runtime import Runtime
from tests.support.visitors import ANNA, CAFE, PASSWORD, Visitor, path_of, token_of
from tests.support.world import World

EVA = "eva@kommunen.example"


def test_the_right_password_leads_to_the_messages(visitor: Visitor, anna: UUID) -> None:
    answer = visitor.sign_in(ANNA)
    assert (answer.status_int, path_of(answer)) == (303, "/messages")
    assert visitor.get("/messages").status_int == 200


def test_the_address_may_be_written_in_any_case(visitor: Visitor, anna: UUID) -> None:
    assert visitor.sign_in(f"  {ANNA.upper()} ").status_int == 303


def test_unticked_the_cookie_ends_with_the_browser(visitor: Visitor, anna: UUID) -> None:
    cookie = visitor.sign_in(ANNA).headers["Set-Cookie"]
    assert cookie.startswith("messa_session=")
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert "Max-Age" not in cookie and "expires" not in cookie


def test_ticked_it_lasts_30_days_and_renews_itself(visitor: Visitor, anna: UUID, clock: FixedClock) -> None:
    cookie = visitor.sign_in(ANNA, remember=True).headers["Set-Cookie"]
    assert f"Max-Age={30 * 86_400}" in cookie
    for _ in range(3):
        clock.move(timedelta(days=20))
        renewed = visitor.get("/messages")
        assert renewed.status_int == 200
        assert f"Max-Age={30 * 86_400}" in renewed.headers["Set-Cookie"]
    clock.move(timedelta(days=31))
    assert visitor.get("/messages").status_int == 303


def test_a_wrong_password_and_an_unknown_address_are_answered_alike(visitor: Visitor, anna: UUID) -> None:
    answers = [visitor.sign_in(ANNA, "fel lösenord här"), visitor.sign_in(EVA, "fel lösenord här")]
    assert [a.status_int for a in answers] == [401, 401]
    pages = [re.sub(r'value="[^"]*"', "", a.text).replace(ANNA, "").replace(EVA, "") for a in answers]
    assert re.sub(r"email=[^\"]*", "", pages[0]) == re.sub(r"email=[^\"]*", "", pages[1])
    assert "fel lösenord här" not in answers[0].text


def test_what_is_left_out_is_said_beside_its_field(visitor: Visitor) -> None:
    answer = visitor.sign_in("", "")
    assert answer.status_int == 422
    assert 'id="email-error"' in answer.text and 'id="password-error"' in answer.text


def test_a_session_that_was_fixed_before_sign_in_is_worthless_after(visitor: Visitor, anna: UUID) -> None:
    planted = "planted-planted-planted-planted-planted"
    visitor.app.set_cookie("messa_session", planted)
    visitor.sign_in(ANNA)
    assert visitor.app.cookies["messa_session"] != planted
    stranger = Visitor(visitor.runtime, address=CAFE)
    stranger.app.set_cookie("messa_session", planted)
    assert stranger.get("/messages").status_int == 303


def test_signing_in_again_ends_the_session_before(visitor: Visitor, anna: UUID) -> None:
    visitor.sign_in(ANNA)
    former = visitor.app.cookies["messa_session"]
    token = token_of(visitor.get("/account/password"))
    visitor.post("/sign-in", {"email": ANNA, "password": PASSWORD, "csrf_token": token})
    assert visitor.app.cookies["messa_session"] != former
    stale = Visitor(visitor.runtime)
    stale.app.set_cookie("messa_session", former)
    assert stale.get("/messages").status_int == 303


def test_signing_out_ends_the_session_for_good(visitor: Visitor, anna: UUID) -> None:
    visitor.sign_in(ANNA)
    former = visitor.app.cookies["messa_session"]
    answer = visitor.send("/messages", {}, to="/sign-out")
    assert (answer.status_int, path_of(answer)) == (303, "/?said=signed-out")
    assert "messa_session" not in visitor.app.cookies
    visitor.app.set_cookie("messa_session", former)
    assert visitor.get("/messages").status_int == 303


def test_who_is_not_signed_in_is_asked_to_and_then_led_on(visitor: Visitor, anna: UUID) -> None:
    answer = visitor.get("/account/sessions")
    assert path_of(answer).startswith("/sign-in?next=%2Faccount%2Fsessions")
    assert path_of(visitor.sign_in(ANNA, next="/account/sessions")) == "/account/sessions"


@pytest.mark.parametrize(
    "onward",
    [
        "//evil.example/",
        "https://evil.example/",
        "/\\evil.example",
        "/sign-out",
        "/~token-of-somebody/x",
        "javascript:x",
        "/a\nb",
    ],
)
def test_nobody_is_led_on_to_somewhere_else(visitor: Visitor, anna: UUID, onward: str) -> None:
    assert path_of(visitor.sign_in(ANNA, next=onward)) == "/messages"


def test_a_form_without_a_token_does_nothing(visitor: Visitor, anna: UUID) -> None:
    visitor.get("/sign-in")
    answer = visitor.post("/sign-in", {"email": ANNA, "password": PASSWORD})
    assert answer.status_int == 400
    assert "messa_session" not in visitor.app.cookies


@pytest.mark.parametrize("cookies", [True, False])
def test_another_browsers_token_is_no_good(runtime: Runtime, anna: UUID, cookies: bool) -> None:
    mine = token_of(Visitor(runtime, address=CAFE).get("/sign-in"))
    victim = Visitor(runtime, cookies=cookies)
    victim.get("/sign-in")
    answer = victim.post("/sign-in", {"email": ANNA, "password": PASSWORD, "csrf_token": mine})
    assert answer.status_int == 400


def test_a_form_that_another_site_sends_is_refused(visitor: Visitor, anna: UUID) -> None:
    token = token_of(visitor.get("/sign-in"))
    fields = {"email": ANNA, "password": PASSWORD, "csrf_token": token}
    assert visitor.post("/sign-in", fields, headers={"Sec-Fetch-Site": "cross-site"}).status_int == 400
    assert visitor.post("/sign-in", fields, headers={"Sec-Fetch-Site": "same-origin"}).status_int == 303


def test_a_token_from_before_sign_in_is_no_good_after_it(visitor: Visitor, anna: UUID) -> None:
    before = token_of(visitor.get("/sign-in"))
    visitor.sign_in(ANNA)
    assert visitor.post("/sign-out", {"csrf_token": before}).status_int == 400
    assert visitor.get("/messages").status_int == 200


def test_what_was_written_is_shown_again_when_the_session_has_ended(
    visitor: Visitor, anna: UUID, clock: FixedClock
) -> None:
    visitor.sign_in(ANNA)
    token = token_of(visitor.get("/messages/new"))
    clock.move(timedelta(days=3))
    answer = visitor.post(
        "/messages/new", {"csrf_token": token, "to": "0701740605", "text": "Föräldramöte <kl 18>"}
    )
    assert answer.status_int == 400
    assert "Föräldramöte &lt;kl 18&gt;" in answer.text


def test_a_removed_or_blocked_account_is_out_at_once(visitor: Visitor, world: World, anna: UUID) -> None:
    visitor.sign_in(ANNA)
    world.run("UPDATE account SET blocked = true WHERE id = :id", id=anna)
    assert visitor.get("/messages").status_int == 303
    assert visitor.sign_in(ANNA).status_int == 401


def test_guessing_is_slowed_and_says_when_to_come_back(runtime: Runtime, anna: UUID) -> None:
    guesser = Visitor(runtime, address=CAFE)
    statuses = [guesser.sign_in(ANNA, f"gissning nummer {n}").status_int for n in range(10)]
    assert statuses[0] == 401 and statuses[-1] == 429
    refused = guesser.sign_in(ANNA)
    assert refused.status_int == 429, "not even the right one is looked at"
    assert int(refused.headers["Retry-After"]) >= 1


def test_guessing_does_not_slow_the_owner_where_they_have_signed_in_before(
    runtime: Runtime, anna: UUID
) -> None:
    owner = Visitor(runtime)
    owner.sign_in(ANNA)
    guesser = Visitor(runtime, address=CAFE)
    for n in range(10):
        guesser.sign_in(ANNA, f"gissning nummer {n}")
    assert owner.get("/messages").status_int == 200
    assert Visitor(runtime).sign_in(ANNA).status_int == 303


def test_guessing_at_an_address_without_account_is_slowed_alike(runtime: Runtime, anna: UUID) -> None:
    guesser = Visitor(runtime, address=CAFE)
    known = [guesser.sign_in(ANNA, f"gissning nummer {n}").status_int for n in range(10)]
    unknown = [guesser.sign_in(EVA, f"gissning nummer {n}").status_int for n in range(10)]
    assert known == unknown


@pytest.mark.parametrize("path", ["/", "/guide", "/sign-in", "/forgot", "/welcome/x", "/nothing-here"])
def test_every_page_has_the_security_headers(visitor: Visitor, path: str) -> None:
    headers = visitor.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "'unsafe" not in policy
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_pages_of_somebody_signed_in_are_kept_by_nobody(visitor: Visitor, anna: UUID) -> None:
    visitor.sign_in(ANNA)
    for path in ("/messages", "/account", "/"):
        assert visitor.get(path).headers["Cache-Control"] == "no-store"
