"""Sessions in a real browser: what is in the address stays in the address, and pages learn by themselves what happens."""

from __future__ import annotations

import re
import statistics
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_pages import sign_in
from tests.support.browser import Visitors
from tests.support.platform import Platform
from tests.support.processes import HOST, free_port

SUB, USER = "sub@demo.example", "user@demo.example"
SOON = 3.0
"""Seconds within which a page shows by itself what has happened (the issue's word)."""


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str | None]]]:
    """Another site; its address, and the Referers that it was sent."""
    referers: list[str | None] = []

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            referers.append(self.headers["Referer"])
            body = b"<!doctype html><title>Annan</title>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer((HOST, free_port()), Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://{HOST}:{server.server_port}/", referers
    server.shutdown()
    server.server_close()
    thread.join(5)


def token_of(page: Page) -> str:
    found = re.search(r"/~([A-Za-z0-9_-]+)/", page.url)
    assert found, page.url
    return found[1]


def test_the_token_of_an_address_goes_nowhere_else(
    platform: Platform, visitor: Visitors, elsewhere: tuple[str, list[str | None]]
) -> None:
    address, referers = elsewhere
    page = visitor(cookies=False)
    told: list[str] = []
    page.on("request", lambda request: told.append(request.headers.get("referer", "")))
    sign_in(page, SUB)
    token = token_of(page)
    for path in ("messages/new", "account", "account/sessions"):
        page.goto(
            re.sub(r"/messages.*", f"/{path}", page.url) if "/messages" in page.url else f"/~{token}/{path}"
        )
        expect(page.locator("h1")).to_be_visible()
    page.evaluate(
        "address => { const a = document.createElement('a'); a.href = address; document.body.append(a); a.click(); }",
        address,
    )
    expect(page).to_have_title("Annan")
    assert referers[0] is None
    assert set(told) == {""}
    page.go_back()
    page.get_by_role("button", name="Logga ut").click()
    expect(page).to_have_url(re.compile("signed-out"))
    assert token not in "".join(child.said for child in platform.children)


def test_an_address_that_was_passed_on_shows_nothing(visitor: Visitors) -> None:
    owner = visitor(cookies=False)
    sign_in(owner, SUB)
    stolen = owner.url
    thief = visitor(user_agent="Mozilla/5.0 (Windows NT 10.0) Annan/1.0")
    thief.goto(stolen)
    expect(thief.get_by_role("heading", level=1)).to_have_text("Logga in")
    assert "/~" not in thief.url
    owner.reload()
    expect(owner.locator("a.thread").first).to_be_visible()


def test_refusing_cookies_is_noticed_and_keeping_them_too(visitor: Visitors) -> None:
    with_cookies, without = visitor(), visitor(cookies=False)
    assert "/~" not in sign_in(with_cookies, SUB).url
    assert "/~" in sign_in(without, SUB).url


def test_a_session_that_is_ended_elsewhere_says_so_on_the_open_page(visitor: Visitors) -> None:
    left_open, other = visitor(), visitor()
    sign_in(left_open, USER)
    sign_in(other, USER)
    other.goto("/account/sessions")
    other.get_by_role("button", name=re.compile("Logga ut överallt|alla andra", re.I)).click()
    expect(left_open.locator("#live-notices")).to_contain_text("utloggad", timeout=8_000)


def test_what_happens_is_seen_within_three_seconds(platform: Platform, visitor: Visitors) -> None:
    page = visitor()
    sign_in(page, USER)
    page.goto("/messages/new")
    phone = "+46701740890"
    page.locator("#to").fill("070-174 08 90")
    page.locator("#text").fill("Hur länge dröjer det?")
    page.get_by_role("button", name="Skicka", exact=True).click()
    expect(page.locator(".bubble.out")).to_contain_text("Levererat", timeout=8_000)
    number = platform.until_on_phone("Hur länge dröjer det?", phone)["from"]
    page.wait_for_timeout(9_000)  # the page has become calm: it no longer asks as often as after a send
    took = []
    for n in range(5):
        began = time.monotonic()
        platform.reply(f"Så här länge {n}", to=number, phone=phone)
        expect(page.locator(".bubble.in", has_text=f"Så här länge {n}")).to_be_visible(timeout=10_000)
        took.append(time.monotonic() - began)
        page.wait_for_timeout(300 * n)
    assert statistics.median(took) < SOON, took
    assert max(took) < SOON + 1, took  # one poll may fall into a moment when the machine is busy elsewhere
