"""Sessions, their tokens and codes in the wrong hands."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pyotp
import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.runtime import Runtime
from messa_platform.tenants.access import second_factor
from tests.support.portal import School, field_of
from tests.support.visitors import ANNA, CAFE, PASSWORD, Visitor, a_runtime, path_of, token_of

TOKEN = "A" * 43


# Sessions


def test_what_is_loaded_under_the_address_of_a_session_is_kept_by_nobody(runtime: Runtime) -> None:
    answer = Visitor(runtime).get(f"/~{TOKEN}/static/messa.css")
    assert answer.status_int == 404 or answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "onward", ["//evil.example/", "///evil.example", "/%2fevil.example", "/%5cevil.example"]
)
def test_the_end_of_a_session_in_the_address_leads_nobody_elsewhere(runtime: Runtime, onward: str) -> None:
    answer = Visitor(runtime).get(f"/~{TOKEN}{onward}")
    assert not answer.location or answer.location.startswith("http://localhost/")
    assert not path_of(answer).startswith(("//", "/\\"))


def test_a_cookie_and_a_strangers_prefix_at_once_give_nobody_the_strangers_pages(
    school: School, stranger: Visitor
) -> None:
    token = stranger.app.cookies["messa_session"]
    answer = school.visitor.get(f"/~{token}/account")
    assert path_of(answer) == "/account"
    assert "olle@annan.example" not in school.visitor.follow(answer).text


def test_a_forms_token_is_worthless_in_another_session_of_the_same_account(
    school: School, runtime: Runtime
) -> None:
    other = Visitor(runtime)
    other.sign_in(ANNA)
    token = token_of(other.get("/account/password"))
    assert school.visitor.post("/sign-out", {"csrf_token": token}).status_int == 400


def test_cookies_are_for_https_alone_where_the_site_is(
    database_url: str, tmp_path: Path, clock: FixedClock, school: School
) -> None:
    with a_runtime(
        database_url, tmp_path / "key", clock, **{"messa.public_url": "https://sms.example"}
    ) as runtime:
        visitor = Visitor(runtime)
        first = visitor.get("/sign-in")
        probe = first.headers["Set-Cookie"]
        # WebTest speaks http, and so would keep none of them
        visitor.app.set_cookie("__Host-messa_probe", probe.partition("=")[2].partition(";")[0])
        shown = visitor.get("/sign-in")
        answer = visitor.post(
            "/sign-in", {"csrf_token": token_of(shown), "email": ANNA, "password": PASSWORD}
        )
        assert answer.status_int == 303
        for cookie in (probe, answer.headers["Set-Cookie"]):
            assert cookie.startswith("__Host-messa_") and "Path=/" in cookie and "Domain" not in cookie
            assert "secure" in cookie.lower() and "HttpOnly" in cookie
        assert first.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.fixture
def app(school: School, runtime: Runtime, clock: FixedClock) -> pyotp.TOTP:
    """Anna's second factor."""
    with runtime.database.unit_of_work() as session:
        enrolment = second_factor.begin(session, runtime.keys, school.account_id)
        assert enrolment
        app = pyotp.TOTP(enrolment.secret)
        assert second_factor.confirm(
            session, clock.now(), runtime.keys, school.account_id, app.at(clock.now())
        )
    clock.move(timedelta(seconds=60))
    return app


def test_a_password_that_was_changed_meanwhile_is_not_half_a_sign_in_any_more(
    school: School, runtime: Runtime, clock: FixedClock, app: pyotp.TOTP
) -> None:
    thief = Visitor(runtime, address=CAFE)
    page = thief.follow(thief.sign_in(ANNA))
    stamp = field_of(page, "stamp")
    new = "en helt annan mening"
    assert school.send("/account/password", current=PASSWORD, password=new, repeat=new).status_int == 303
    code = app.at(clock.now())
    thief.post("/sign-in-code", {"csrf_token": token_of(page), "stamp": stamp, "code": code})
    assert thief.get("/messages").status_int == 303


def test_a_code_is_taken_once_by_whomever(
    school: School, runtime: Runtime, clock: FixedClock, app: pyotp.TOTP
) -> None:
    code, inside = app.at(clock.now()), []
    for _ in range(2):
        visitor = Visitor(runtime)
        page = visitor.follow(visitor.sign_in(ANNA))
        fields = {"csrf_token": token_of(page), "stamp": field_of(page, "stamp"), "code": code}
        inside.append(visitor.post("/sign-in-code", fields).status_int)
    assert inside == [303, 401]
