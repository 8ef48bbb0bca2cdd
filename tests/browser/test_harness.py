"""The harness itself: what goes wrong in a browser is caught, and what is measured is right."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.support.browser import Chromium, Visitors, axe, fits, press, shot, tab_to, weight
from tests.support.platform import Platform
from tests.support.processes import HOST, free_port

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src *; font-src 'self'; form-action 'self'"
)
PAGE = """<!doctype html><html lang="sv"><head><title>Sidan</title><meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/style.css">{head}</head><body><main><h1>Sidan</h1>{body}</main></body></html>"""
STYLE = """@font-face { font-family: x; src: url(/font.woff2) }
body { background: #fff; color: #222 } .font { font-family: x }
.faint { color: #ddd } .unseen:focus { outline: none } .wide { width: 900px }
@media (prefers-color-scheme: dark) { body, .night { background: #111 } body, a { color: #eee } .night { color: #222 } }"""

FORM = '<form><button>Ett</button> <a href="/?two">Två</a> <button tabindex="-1">Tre</button> <a class="unseen" href="/">Fyra</a></form>'
PAGES = {
    "/": PAGE.format(head="", body=FORM),
    "/contrast": PAGE.format(head="", body='<p class="faint">Syns knappt</p>'),
    "/night": PAGE.format(head="", body='<p class="night">Syns om dagen</p>'),
    "/style": PAGE.format(head="", body='<p style="color: red">Egen stil</p>'),
    "/script": PAGE.format(head="", body="<script>document.title = 'Kapad'</script>"),
    "/says": PAGE.format(head='<script src="/says.js"></script>', body="<noscript>Utan skript</noscript>"),
    "/throws": PAGE.format(head='<script src="/throws.js"></script>', body=""),
    "/picture": PAGE.format(head="", body='<img alt="" src="{picture}">'),
    "/wide": PAGE.format(head="", body='<p class="wide">Bred</p>'),
    "/font": PAGE.format(head="", body='<p class="font">Med typsnitt</p>'),
    "/style.css": STYLE,
    "/says.js": "console.warn('bara en varning'); console.error('det gick snett')",
    "/throws.js": "throw new Error('inte fångat')",
    "/font.woff2": "x" * 50_000,
}
KINDS = {".css": "text/css", ".js": "text/javascript", ".woff2": "font/woff2"}


class Site(BaseHTTPRequestHandler):
    """A site with faults, under a strict policy. `/cookie` sets a cookie and says which it got."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        text = PAGES.get(path)
        if path == "/cookie":
            text = PAGE.format(head="", body=f"<p>{self.headers.get('Cookie') or 'ingen'}</p>")
        body = (text or "finns inte").replace("{picture}", f"http://{HOST}:{free_port()}/").encode()
        self.send_response(200 if text else 404)
        kind = KINDS.get(Path(path).suffix, "text/html")
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Set-Cookie", "kaka=1; Path=/")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer((HOST, 0), Site)
    threading.Thread(target=server.serve_forever).start()
    yield f"http://{HOST}:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def planted(browser: Chromium, site: str, tmp_path: Path) -> Visitors:
    """Visitors whose leaving the test itself looks at."""
    return Visitors(browser, site, tmp_path / "planted")


def opened(visitors: Visitors, path: str) -> Page:
    page = visitors()
    page.goto(path)
    page.wait_for_load_state("networkidle")
    return page


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("/says", "console: det gick snett"),
        ("/throws", "script: inte fångat"),
        ("/style", "violates the following Content Security Policy directive 'style-src 'self''"),
        ("/script", "violates the following Content Security Policy directive 'script-src 'self''"),
        ("/picture", "net::ERR_CONNECTION_REFUSED"),
        ("/nowhere", "404"),
    ],
)
def test_what_goes_wrong_in_the_browser_fails_the_test_unless_it_was_expected(
    planted: Visitors, path: str, fault: str
) -> None:
    opened(planted, path)
    with pytest.raises(AssertionError) as failure:
        planted.leave()
    assert fault in str(failure.value)
    assert "varning" not in str(failure.value)
    opened(planted, path)
    planted.expect(fault)
    if path == "/picture":
        planted.expect("Failed to load resource")
    planted.leave()


def test_what_was_expected_to_go_wrong_and_did_not_fails_the_test(planted: Visitors) -> None:
    opened(planted, "/")
    planted.expect("429")
    with pytest.raises(AssertionError, match=r"did not: .*429"):
        planted.leave()


def test_a_good_page_is_quiet_and_axe_finds_nothing_under_a_strict_policy(visitor: Visitors) -> None:
    axe(opened(visitor, "/"))


@pytest.mark.parametrize(
    ("path", "violation"),
    [("/contrast", "color-contrast (serious, light)"), ("/night", "color-contrast (serious, dark)")],
)
def test_axe_finds_what_is_hard_to_read_by_day_and_by_night(
    visitor: Visitors, path: str, violation: str
) -> None:
    with pytest.raises(AssertionError) as failure:
        axe(opened(visitor, path))
    assert violation in str(failure.value)
    assert "<p class=" in str(failure.value)


def test_axe_looks_also_where_scripts_are_off_and_those_of_the_page_stay_off(visitor: Visitors) -> None:
    page = visitor(javascript=False)
    page.goto("/says")
    axe(page)
    fits(page)
    assert page.locator("noscript").is_visible()
    page.goto("/contrast")
    with pytest.raises(AssertionError, match="color-contrast"):
        axe(page)


@pytest.mark.parametrize("cookies", [True, False])
def test_a_browser_that_refuses_cookies_sends_none(visitor: Visitors, cookies: bool) -> None:
    page = visitor(cookies=cookies)
    page.goto("/")
    page.goto("/cookie")
    assert page.get_by_role("paragraph").inner_text() == ("kaka=1" if cookies else "ingen")
    assert bool(page.context.cookies()) == cookies


def test_visitors_share_nothing(visitor: Visitors) -> None:
    first, second = visitor(language="en", user_agent="Telefonen/1"), visitor()
    first.goto("/")
    second.goto("/cookie")
    assert second.get_by_role("paragraph").inner_text() == "ingen"
    assert first.evaluate("[navigator.language, navigator.userAgent]") == ["en-GB", "Telefonen/1"]
    assert second.evaluate("navigator.language") == "sv-SE"


def test_the_weight_is_that_of_all_that_came_but_fonts(visitor: Visitors) -> None:
    page = opened(visitor, "/font")
    known = len(PAGES["/font"].encode()) + len(PAGES["/style.css"])
    assert known < weight(page) < known + 1000
    page.goto("/?again")
    page.wait_for_load_state("networkidle")
    assert weight(page) < len(PAGES["/"].encode()) + len(PAGES["/style.css"]) + 1000


def test_a_page_wider_than_the_window_does_not_fit(visitor: Visitors) -> None:
    page = visitor(width=360)
    page.goto("/")
    fits(page)
    page.goto("/wide")
    with pytest.raises(AssertionError, match=r'is 9.. px wide in a window of 360.*class="wide"'):
        fits(page)


def test_by_keyboard_one_reaches_what_has_a_place_and_sees_where_one_is(visitor: Visitors) -> None:
    page = opened(visitor, "/")
    press(page, page.get_by_role("link", name="Två"))
    page.wait_for_url("**/?two")
    with pytest.raises(AssertionError, match=r"Tab does not lead to .*it led to .*button Ett"):
        tab_to(page, page.get_by_role("button", name="Tre"), steps=10)
    with pytest.raises(AssertionError, match="nobody sees"):
        tab_to(page, page.get_by_role("link", name="Fyra"))


def test_pictures_are_taken_where_somebody_wants_them(
    visitor: Visitors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = visitor(width=360, scheme="dark")
    page.goto("/")
    monkeypatch.delenv("MESSA_SCREENSHOTS", raising=False)
    shot(page, "ingen")
    monkeypatch.setenv("MESSA_SCREENSHOTS", str(tmp_path / "shots"))
    shot(page, "sidan")
    (picture,) = (tmp_path / "shots").iterdir()
    assert picture.name == "sidan.sv.360.dark.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_platform_is_visited(browser: Chromium, platform: Platform, tmp_path: Path) -> None:
    with Visitors(browser, f"http://{HOST}:{platform.web_port}", tmp_path / "profiles") as visitor:
        page = visitor()
        answer = page.goto("/healthz")
        assert answer is not None
        assert (answer.status, page.get_by_text("ok").count()) == (200, 1)
        for language in ("sv", "en"):
            page.goto(f"/simulator?lang={language}")
            assert page.locator("html").get_attribute("lang") == language
            axe(page)
            shot(page, "simulator")
