"""A browser that refuses cookies: the session is in the address, and nowhere else (spec I2)."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from webtest import TestResponse

from messa_platform.core.clock import FixedClock
from messa_platform.portal.prefix import PREFIX
from messa_platform.runtime import Runtime
from tests.support.visitors import ANNA, CAFE, HOME, Visitor, a_runtime, path_of
from tests.support.world import World

PAGES = (
    "/messages",
    "/messages/new",
    "/messages/many",
    "/messages/lists",
    "/account",
    "/account/password",
    "/account/sessions",
)


@pytest.fixture
def visitor(runtime: Runtime, anna: UUID) -> Visitor:
    return Visitor(runtime, cookies=False)


def prefix_of(answer: TestResponse) -> str:
    path = path_of(answer)
    assert path.startswith(PREFIX), path
    return path[: path.index("/", 1)]


def test_a_browser_without_cookies_gets_its_session_in_the_address(visitor: Visitor) -> None:
    answer = visitor.sign_in(ANNA)
    prefix = prefix_of(answer)
    assert path_of(answer) == f"{prefix}/messages"
    assert "messa_session" not in str(answer.headers)
    assert visitor.get(f"{prefix}/messages").status_int == 200


def test_ticking_keep_me_signed_in_changes_nothing_for_it(visitor: Visitor) -> None:
    assert path_of(visitor.sign_in(ANNA, remember=True)).startswith(PREFIX)


def test_a_browser_with_cookies_never_gets_one(runtime: Runtime, anna: UUID) -> None:
    visitor = Visitor(runtime)
    assert path_of(visitor.sign_in(ANNA)) == "/messages"
    token = visitor.app.cookies["messa_session"]
    other = Visitor(runtime)
    assert other.get(f"{PREFIX}{token}/messages").status_int == 303, "a cookie's token is none for an address"


def test_an_addresss_token_is_none_for_a_cookie(visitor: Visitor, runtime: Runtime) -> None:
    token = prefix_of(visitor.sign_in(ANNA))[len(PREFIX) :]
    other = Visitor(runtime)
    other.app.set_cookie("messa_session", token)
    assert other.get("/messages").status_int == 303


@pytest.mark.parametrize("page", PAGES)
def test_every_link_and_form_of_every_page_stays_inside_and_static_files_outside(
    visitor: Visitor, page: str
) -> None:
    prefix = prefix_of(visitor.sign_in(ANNA))
    text = visitor.get(prefix + page).text
    leads = re.findall(r'(?:href|action|src|data-live|data-count)="([^"#][^"]*)"', text)
    assert len(leads) > 5
    for lead in leads:
        if lead.startswith("/static/"):
            continue
        assert lead.startswith((f"{prefix}/", "mailto:", "https://", "data:", "?")) or lead == prefix, lead


def test_a_link_to_pass_on_is_without_it(visitor: Visitor, world: World, anna: UUID) -> None:
    world.channel()
    world.submit(anna, ["0701740605"], "Kom till expeditionen")
    thread = world.value("SELECT id FROM thread")
    prefix = prefix_of(visitor.sign_in(ANNA))
    page = visitor.get(f"{prefix}/messages/{thread}?edit=1")
    assert f'<code id="link">http://127.0.0.1:6543/messages/{thread}</code>' in page.text


@pytest.mark.parametrize("page", PAGES)
def test_nothing_of_it_is_kept_or_sent_on(visitor: Visitor, page: str) -> None:
    prefix = prefix_of(visitor.sign_in(ANNA))
    headers = visitor.get(prefix + page).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_from_another_browser_it_is_refused(visitor: Visitor, runtime: Runtime) -> None:
    prefix = prefix_of(visitor.sign_in(ANNA))
    thief = Visitor(runtime, agent="curl/8.5", cookies=False)
    answer = thief.get(f"{prefix}/messages")
    assert (answer.status_int, path_of(answer)) == (303, "/messages")
    assert visitor.get(f"{prefix}/messages").status_int == 200, "the owner's goes on"


def test_from_another_network_it_is_refused_and_from_a_neighbouring_address_not(
    visitor: Visitor, runtime: Runtime
) -> None:
    prefix = prefix_of(visitor.sign_in(ANNA))
    assert Visitor(runtime, address=CAFE, cookies=False).get(f"{prefix}/messages").status_int == 303
    assert HOME == "198.51.100.7"
    assert Visitor(runtime, address="198.51.100.8", cookies=False).get(f"{prefix}/messages").status_int == 200


def test_it_ends_after_20_idle_minutes_and_not_while_it_is_used(visitor: Visitor, clock: FixedClock) -> None:
    prefix = prefix_of(visitor.sign_in(ANNA))
    for _ in range(3):
        clock.move(timedelta(minutes=19))
        assert visitor.get(f"{prefix}/messages").status_int == 200
    clock.move(timedelta(minutes=21))
    assert visitor.get(f"{prefix}/messages").status_int == 303


def test_a_page_that_only_asks_for_news_does_not_keep_it_alive(visitor: Visitor, clock: FixedClock) -> None:
    prefix = prefix_of(visitor.sign_in(ANNA))
    for _ in range(2):
        clock.move(timedelta(minutes=11))
        visitor.get(f"{prefix}/messages/live", headers={"X-Messa-Live": "1"})
    assert visitor.get(f"{prefix}/messages").status_int == 303


def test_each_sign_in_gets_a_fresh_one_and_signing_out_ends_it(visitor: Visitor) -> None:
    first, second = prefix_of(visitor.sign_in(ANNA)), prefix_of(visitor.sign_in(ANNA))
    assert first != second
    answer = visitor.send(f"{second}/messages", {}, to=f"{second}/sign-out")
    assert path_of(answer) == "/?said=signed-out"
    assert visitor.get(f"{second}/messages").status_int == 303
    assert visitor.get(f"{first}/messages").status_int == 200


def test_forms_work_with_their_tokens_and_not_without(visitor: Visitor, world: World) -> None:
    prefix = prefix_of(visitor.sign_in(ANNA))
    assert visitor.post(f"{prefix}/sign-out", {}).status_int == 400
    assert visitor.get(f"{prefix}/messages").status_int == 200
    assert visitor.send(f"{prefix}/messages", {}, to=f"{prefix}/sign-out").status_int == 303


def test_only_the_digest_of_the_token_is_stored(visitor: Visitor, world: World) -> None:
    token = prefix_of(visitor.sign_in(ANNA))[len(PREFIX) :]
    stored = world.rows("SELECT row_to_json(s)::text AS all FROM web_session s")
    assert len(stored) == 1 and token not in stored[0].all


def test_where_the_operator_has_switched_it_off_the_page_asks_for_cookies(
    database_url: str, tmp_path: Path, clock: FixedClock, anna: UUID
) -> None:
    with a_runtime(database_url, tmp_path / "key", clock, **{"messa.cookieless_login": "false"}) as runtime:
        visitor = Visitor(runtime, cookies=False)
        assert path_of(visitor.sign_in(ANNA)) == "/sign-in?said=needs-cookies"
        assert Visitor(runtime).sign_in(ANNA).status_int == 303


def test_no_log_line_holds_the_token(
    visitor: Visitor, runtime: Runtime, capfd: pytest.CaptureFixture[str]
) -> None:
    prefix = prefix_of(visitor.sign_in(ANNA))
    visitor.get(f"{prefix}/messages")
    visitor.get(f"{prefix}/nothing")
    Visitor(runtime, agent="curl/8.5", cookies=False).get(f"{prefix}/messages")
    visitor.send(f"{prefix}/messages", {}, to=f"{prefix}/sign-out")
    said = capfd.readouterr()
    assert "url_session" in said.out + said.err, "the refusal itself is told"
    assert prefix[len(PREFIX) :] not in said.out + said.err
