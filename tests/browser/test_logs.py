"""The log in a browser: an admin narrows, sorts and pages it, and sends its address to a subadmin, who sees their part alone."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.admin_steps import Desk
from tests.browser.test_pages import sign_in
from tests.support.browser import Visitors, tab_to
from tests.support.platform import Platform

ADMIN, SUB, TEACHER, NIGHT = (
    f"{name}@demo.example" for name in ("admin", "sub", "larare.4a", "jour")
)  # fmt: skip
LOG, SCHOOLS_LOG = "/t/demo/@@logs", "/t/demo/skolan/@@logs"


@pytest.fixture(params=[("sv", 1280), ("en", 360)], ids=lambda p: f"{p[0]}-{p[1]}")
def way(request: pytest.FixtureRequest, platform: Platform) -> tuple[str, int]:
    """The language of whoever comes, and how wide the window is."""
    language, width = request.param
    platform.do(
        "UPDATE account SET language = :language WHERE address = ANY(:who)",
        language=language,
        who=[ADMIN, SUB],
    )
    return language, width


def rows(page: Page) -> Locator:
    return page.locator(".log tbody tr")


def cells(page: Page, place: int) -> list[str]:
    """A column of the log, the first one 1."""
    return page.locator(f".log tbody td:nth-child({place})").all_inner_texts()


def query(page: Page) -> dict[str, str]:
    return {name: value[0] for name, value in parse_qs(urlsplit(page.url).query).items()}


def test_an_admin_narrows_sorts_pages_and_shares(visitor: Visitors, way: tuple[str, int]) -> None:
    desk = Desk(sign_in(visitor(*way), ADMIN), way[0], "logs")
    page = desk.page
    page.goto("/t/demo/@@settings")
    desk.tab("logs")
    expect(rows(page)).to_have_count(50)
    desk.look("first")
    _pages(desk)
    _narrows(desk)
    _sorts(desk)
    _looks_at_a_message(desk)
    _shares(visitor, way, page)


def _pages(desk: Desk) -> None:
    """On to older messages, and back."""
    page, first = desk.page, cells(desk.page, 1)
    desk.press("a[rel=next]")
    assert max(cells(page, 1)) <= min(first)
    desk.look("older")
    desk.press("a[rel=prev]")
    assert cells(page, 1) == first


def _narrows(desk: Desk) -> None:
    """By what is completed while it is written, and by what is in a list."""
    page = desk.page
    desk.write("email", "LAR")
    expect(page.locator(f"#email-list option[value='{TEACHER}']")).to_be_attached()
    desk.enter()
    expect(page.locator("#email")).to_have_value(TEACHER)
    assert set(cells(page, 3)) == {TEACHER}
    tab_to(page, page.locator("#direction"))
    page.locator("#direction").select_option("out")
    desk.press("#log-search button")
    assert (query(page)["email"], query(page)["direction"]) == (TEACHER, "out")
    expect(rows(page)).to_have_count(6)
    assert "no_sms_left:Personal:Björkskolan" in cells(page, 6)
    desk.look("narrowed")


def _sorts(desk: Desk) -> None:
    """By status, and the other way round."""
    page = desk.page
    heading = page.locator("th", has=page.locator("a[href*='sort=status']"))
    for state, order in (("ascending", sorted), ("descending", lambda found: sorted(found)[::-1])):
        desk.follow(heading.locator("a"))
        heading = page.locator("th[aria-sort]")
        expect(heading).to_have_attribute("aria-sort", state)
        assert cells(page, 6) == order(cells(page, 6))
    desk.look("sorted")


def _looks_at_a_message(desk: Desk) -> None:
    """One that a limit has stopped: what that was, and where it is set."""
    page, before = desk.page, desk.page.url
    desk.follow(rows(page).first.locator("a"))
    expect(page.locator("#status")).to_have_text("no_sms_left:Personal:Björkskolan")
    expect(page.locator("#rule a")).to_have_attribute(
        "href", re.compile(r"/t/demo/skolan/bjorkskolan/@@settings$")
    )
    desk.look("message")
    page.goto(before)


def _shares(visitor: Visitors, way: tuple[str, int], page: Page) -> None:
    """A search of the whole organisation, opened by who administers the schools."""
    page.goto(f"{LOG}?status=DELIVERED&sort=email")
    assert {ADMIN, NIGHT} <= set(cells(page, 3))
    shared = urlsplit(page.url).query
    sub = Desk(sign_in(visitor(*way), SUB), way[0], "logs-shared")
    sub.page.goto(f"{SCHOOLS_LOG}?{shared}")
    expect(rows(sub.page).first).to_be_visible()
    assert set(cells(sub.page, 6)) == {"DELIVERED"}
    words = sub.page.locator("body").inner_text()
    for beyond in ("Omsorgen", "Master", NIGHT, ADMIN):
        assert beyond not in words
    sub.look("theirs")
    visitor.expect("404")
    answer = sub.page.goto(f"{LOG}?{shared}")
    assert answer is not None
    assert answer.status == 404


def test_what_may_be_meant_is_there_to_choose_and_what_is_wrong_is_told(
    visitor: Visitors, way: tuple[str, int]
) -> None:
    desk = Desk(sign_in(visitor(*way), ADMIN), way[0], "logs")
    visitor.expect("422")
    desk.page.goto(f"{LOG}?email=demo")
    expect(desk.page.locator("#email-error")).to_be_visible()
    desk.look("several")
    desk.follow(desk.page.locator("#email-options a").first)
    expect(rows(desk.page).first).to_be_visible()
    desk.page.goto(f"{LOG}?from=2026-13-01&status=x&group=finns+inte")
    for name in ("from", "status", "group"):
        expect(desk.page.locator(f"#{name}-error")).to_be_visible()
    desk.look("wrong")


def test_without_javascript_what_is_written_is_looked_for(visitor: Visitors) -> None:
    visitor.expect("422")
    page = visitor("sv", 360, javascript=False)
    sign_in(page, SUB)
    page.goto(SCHOOLS_LOG)
    page.locator("#email").fill("larare.4a")
    page.locator("#number").fill("070-174 06")
    page.locator("#log-search button").click()
    expect(page.locator("#number-error")).to_be_visible()
    page.locator("#number-options a").first.click()
    expect(rows(page).first).to_be_visible()
    assert set(cells(page, 3)) == {TEACHER}
