"""Real Chromium, and what tests do in it beside Playwright's own: who visits, what must not go wrong, what is measured and looked at.

A visitor has a browser context of its own. What goes wrong in it (a console error, which is also how Chromium tells of a violated
Content-Security-Policy and of an answer of 400 or more; an exception in a script; a request that failed) is noted, and fails the test
when its visitors leave, unless `Visitors.expect` said that it would happen.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self
from weakref import WeakKeyDictionary

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Playwright,
    Request,
    sync_playwright,
)

from tests.support.processes import REPOSITORY

FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
LOCALES = {"sv": "sv-SE", "en": "en-GB"}
HEIGHTS = {360: 740}
"""The window's height, of a phone and of anything else."""
TIMEOUT_MS = 15_000


def executable() -> str:
    """Where Chromium lies: MESSA_CHROMIUM, else Debian's, else one in PATH, else macOS's. Fails, naming the package, where it is missing."""
    named = os.environ.get("MESSA_CHROMIUM")
    debian = "/usr/bin/chromium"
    found = named or next((p for p in (debian, *APPLICATIONS) if Path(p).exists()), None)
    found = found or next((p for p in map(shutil.which, PROGRAMS) if p), None)
    assert found, (
        "Chromium is missing, which this test needs: apt-get install chromium, or set MESSA_CHROMIUM"
    )
    return found


@dataclass(frozen=True)
class Chromium:
    """A browser that runs."""

    playwright: Playwright
    browser: Browser

    def context(self, **options: Any) -> BrowserContext:
        """A browser's state of its own; options as Playwright's `new_context`."""
        return self.browser.new_context(**options)

    def context_without_cookies(self, profile: Path, **options: Any) -> BrowserContext:
        """The same in a browser that is set to refuse cookies, and so the other stores of sites too.

        That is a setting of a profile, which Playwright's own contexts do not have: it takes a browser of its own, half a second.
        """
        settings = {"profile": {"default_content_setting_values": {"cookies": 2}}}  # 2: block
        (profile / "Default").mkdir(parents=True)
        (profile / "Default" / "Preferences").write_text(json.dumps(settings), "utf-8")
        return self.playwright.chromium.launch_persistent_context(profile, **_launch(), **options)


def _launch() -> dict[str, Any]:
    # Chromium's sandbox does not start as root
    sandbox = ("--no-sandbox",) if sys.platform != "darwin" and os.geteuid() == 0 else ()
    return {"executable_path": executable(), "args": [*FLAGS, *sandbox], "headless": True}


@contextlib.contextmanager
def chromium() -> Iterator[Chromium]:
    """A browser for the length of the block. Playwright's event loop is in this thread as long: no `asyncio.run` beside it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**_launch())
        try:
            yield Chromium(playwright, browser)
        finally:
            browser.close()


@dataclass
class Visit:
    """One visitor's context, and what was noted in it."""

    width: int
    scheme: Scheme
    javascript: bool
    faults: list[str] = field(default_factory=list)
    finished: dict[Page, list[Request]] = field(default_factory=dict)

    def watch(self, context: BrowserContext) -> None:
        """Note from now on."""
        context.on("console", self._said)
        context.on("weberror", lambda error: self.faults.append(f"script: {error.error}"))
        context.on("requestfailed", self._failed)
        context.on("request", self._asked)
        context.on("requestfinished", self._finished)

    def _said(self, message: ConsoleMessage) -> None:
        source = message.location["url"]
        # what a page does not name the browser asks for by itself, now and then
        if message.type == "error" and not source.endswith("/favicon.ico"):
            self.faults.append(f"console: {message.text} ({source})")

    def _failed(self, request: Request) -> None:
        # aborted: by the page itself or by leaving it, as a poll is that is under way, or turned into a download
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"request: {request.method} {request.url}: {request.failure}")

    def _asked(self, request: Request) -> None:
        page = _page_of(request)
        navigates = request.is_navigation_request() and request.redirected_from is None
        if page and navigates and request.frame == page.main_frame:
            self.finished[page] = []

    def _finished(self, request: Request) -> None:
        if page := _page_of(request):
            self.finished.setdefault(page, []).append(request)


def _page_of(request: Request) -> Page | None:
    try:
        return request.frame.page
    except Error:  # a window that is just being opened has none yet
        return None


_VISITS: WeakKeyDictionary[BrowserContext, Visit] = WeakKeyDictionary()


class Visitors:
    """Makes the visitors of a test: `visitors(language="en", width=360)` is a page that nobody has opened anything in."""

    def __init__(self, chromium: Chromium, site: str, profiles: Path) -> None:
        self.chromium, self.site, self.profiles = chromium, site, profiles
        self.contexts: list[BrowserContext] = []
        self.expected: list[str] = []

    def __call__(
        self,
        language: str = "sv",
        width: int = 1280,
        *,
        cookies: bool = True,
        javascript: bool = True,
        scheme: Scheme = "light",
        user_agent: str | None = None,
    ) -> Page:
        """A visitor. `width` in pixels; addresses without a host are the site's."""
        options: dict[str, Any] = {
            "base_url": self.site,
            "locale": LOCALES[language],
            "timezone_id": "Europe/Stockholm",
            "viewport": {"width": width, "height": HEIGHTS.get(width, 900)},
            "color_scheme": scheme,
            "reduced_motion": "reduce",
            "java_script_enabled": javascript,
            **({"user_agent": user_agent} if user_agent else {}),
        }
        if cookies:
            context = self.chromium.context(**options)
        else:
            profile = self.profiles / f"profile-{len(self.contexts)}"
            context = self.chromium.context_without_cookies(profile, **options)
        self.contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        visit = _VISITS[context] = Visit(width, scheme, javascript)
        visit.watch(context)
        return context.pages[0] if context.pages else context.new_page()

    def expect(self, text: str) -> None:
        """A fault that says `text` is going to be noted, once or more: it must be, and does not fail the test."""
        self.expected.append(text)

    def leave(self) -> None:
        """Close what the visitors have open. Fails with what was noted and not expected, or was expected and not noted."""
        noted = [fault for context in self.contexts for fault in _VISITS[context].faults]
        for context in self.contexts:
            context.close()
        self.contexts.clear()
        wrong = [fault for fault in noted if not any(text in fault for text in self.expected)]
        missing = [text for text in self.expected if not any(text in fault for fault in noted)]
        assert not wrong, "went wrong in the browser:\n" + "\n".join(wrong)
        assert not missing, f"expected to go wrong in the browser, and did not: {missing}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()


def widen(page: Page, width: int) -> None:
    """Give the window another width, as somebody does who turns a phone; the page stays as it is."""
    _VISITS[page.context].width = width
    page.set_viewport_size({"width": width, "height": HEIGHTS.get(width, 900)})


# What is measured and looked at


def weight(page: Page) -> int:
    """Bytes that came over the line, headers and all, since the page's address was last opened, without fonts; polls count."""
    finished = _VISITS[page.context].finished.get(page, [])
    sizes = [request.sizes() for request in finished if request.resource_type != "font"]
    return sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)


def shot(page: Page, name: str) -> None:
    """With MESSA_SCREENSHOTS set, a picture of the whole page in that folder: `<name>.<language>.<width>.<scheme>.png`."""
    folder = os.environ.get("MESSA_SCREENSHOTS")
    if not folder:
        return
    visit = _VISITS[page.context]
    language = page.locator("html").get_attribute("lang")
    path = REPOSITORY / folder / f"{name}.{language}.{visit.width}.{visit.scheme}.png"
    # Playwright would hold the page still by an inline style, which our policy refuses now and then: we use a sheet made
    # by script instead, which no policy speaks of
    page.evaluate(_HOLD_STILL)
    page.screenshot(path=path, full_page=True, caret="initial")
    page.evaluate("document.adoptedStyleSheets.pop()")


# what sticks to the window's edge would lie across the middle of the page
_HOLD_STILL = """() => {
    const still = new CSSStyleSheet();
    still.replaceSync(`.bar {position: static !important}
        *, ::before, ::after {animation: none !important; transition: none !important; caret-color: transparent !important}`);
    document.adoptedStyleSheets.push(still);
}"""


def fits(page: Page) -> None:
    """The page is not wider than its window (WCAG 1.4.10: nobody has to scroll sideways)."""
    wide, window = page.evaluate("[document.scrollingElement.scrollWidth, window.innerWidth]")
    assert wide <= window, f"{page.url} is {wide} px wide in a window of {window}: {page.evaluate(_WIDEST)}"


_WIDEST = """() => [...document.querySelectorAll("body *")]
    .filter(e => e.getBoundingClientRect().right > window.innerWidth + 1)
    .slice(0, 5).map(e => e.outerHTML.slice(0, 120))"""

AXE_OPTIONS = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"target-size": {"enabled": True}},  # WCAG 2.2's, which axe leaves out by itself
    "resultTypes": ["violations"],
}
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
"""What may be well in one scheme and wrong in the other; nothing else of a page of ours depends on colours."""
_OPTIONS: dict[Scheme, dict[str, Any]] = {
    "light": AXE_OPTIONS,
    "dark": {"runOnly": {"type": "rule", "values": COLOUR_RULES}, "resultTypes": ["violations"]},
}


def axe(page: Page) -> None:
    """axe finds no violation of WCAG 2.0 to 2.2, A and AA, nor of its best practices, in the light and in the dark scheme."""
    visit, found = _VISITS[page.context], []
    if not visit.javascript:
        page.evaluate(_NO_TIMERS)
    # evaluated by the debugger, so the page's Content-Security-Policy has no say in it
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.evaluate("document.getAnimations().forEach(a => { try { a.finish() } catch {} })")
        result = page.evaluate("options => axe.run(document, options)", _OPTIONS[scheme])
        found += [_in_words(scheme, violation) for violation in result["violations"]]
    page.emulate_media(color_scheme=visit.scheme)
    assert not found, f"axe on {page.url}:\n" + "\n".join(found)


# Where scripts are off timers never come, but the debugger's promises do.
_NO_TIMERS = """window.setTimeout = (f, ms, ...rest) => {
    Promise.resolve().then(() => typeof f === "function" && f(...rest));
    return 0;
}"""


def _in_words(scheme: str, violation: dict[str, Any]) -> str:
    lines = [f"- {violation['id']} ({violation['impact']}, {scheme}): {violation['help']}"]
    for node in violation["nodes"]:
        checks = [check["message"] for kind in ("any", "all", "none") for check in node[kind]]
        lines.append(f"    {node['html'][:160]}")
        lines += [f"      {message}" for message in checks]
    return "\n".join(lines)


# By keyboard alone

_FOCUSED = """() => {
    const e = document.activeElement;
    if (!e || e === document.body) return null;
    const name = e.getAttribute("aria-label") || (e.labels && e.labels[0] && e.labels[0].innerText) || e.innerText || e.name || e.id;
    return `${e.tagName.toLowerCase()} ${(name || "").trim().slice(0, 60)}`;
}"""

_FOCUS_IS_SEEN = """e => [e, e.parentElement, e.nextElementSibling].some(x => {
    const style = x && getComputedStyle(x);
    return style && ((style.outlineStyle !== "none" && style.outlineWidth !== "0px") || style.boxShadow !== "none");
})"""


def tab_to(page: Page, control: Locator, steps: int = 120) -> None:
    """Press Tab until `control` has the focus, and see that one sees it has. Fails, with what was passed, if it is not reached."""
    passed: list[str | None] = []
    for _ in range(steps):
        if control.evaluate("e => e === document.activeElement"):
            assert control.evaluate(_FOCUS_IS_SEEN), f"nobody sees that {control} has the focus"
            return
        page.keyboard.press("Tab")
        passed.append(page.evaluate(_FOCUSED))
    raise AssertionError(f"Tab does not lead to {control}; it led to {list(dict.fromkeys(passed))}")


def press(page: Page, control: Locator, key: str = "Enter") -> None:
    """Reach a control by Tab and press a key on it."""
    tab_to(page, control)
    page.keyboard.press(key)
