"""A log that is too large to come at once: asked for, watched while it is made, fetched, called off; and what a subadmin sees of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from messa_platform.core.clock import FixedClock, SystemClock
from messa_platform.tenants.models import Account, Group
from tests.browser.admin_steps import Desk
from tests.browser.test_pages import sign_in
from tests.support.browser import Visitors
from tests.support.log_rows import Sent, store
from tests.support.platform import Platform, a_platform
from tests.support.world import World

ADMIN, SUB, HEAD = "admin@demo.example", "sub@demo.example", "rektor.bjork@demo.example"
SCHOOLS = "/t/demo/skolan"
MANY = 40_000
"""Messages of the schools' March, which take some seconds to write."""
MARCH = "from=2026-03-01&to=2026-03-31"
PATIENCE = 240_000
"""Milliseconds to wait for the file."""


@pytest.fixture(scope="module")
def platform(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The platform with the demo, in whose schools much was sent in March."""
    with a_platform(server, template, tmp_path_factory.mktemp("platform")) as made:
        world = World(made.database, FixedClock(SystemClock().now()))
        with made.database.unit_of_work() as session:
            sub = session.scalars(select(Account).where(Account.address == SUB)).one()
            group = session.get_one(Group, sub.group_id)
        start, step = datetime(2026, 3, 2, 7, tzinfo=UTC), timedelta(seconds=60)
        for first in range(0, MANY, 20_000):
            store(world, [Sent(start + n * step, group, sub.id) for n in range(first, first + 20_000)])
        yield made.start()


@pytest.fixture(params=[("sv", 1280), ("en", 360)], ids=lambda p: f"{p[0]}-{p[1]}")
def way(request: pytest.FixtureRequest, platform: Platform) -> tuple[str, int]:
    """The language of whoever comes, and how wide the window is."""
    language: str
    language, width = request.param
    who = [ADMIN, SUB, HEAD]
    platform.do(
        "UPDATE account SET language = :language WHERE address = ANY(:who)", language=language, who=who
    )
    return language, width


def desk(visitor: Visitors, way: tuple[str, int], who: str, *, javascript: bool = True) -> Desk:
    page = sign_in(visitor(*way, javascript=javascript), who)
    return Desk(page, way[0], "export")


def written(page: Page) -> int:
    """How many messages the page says are written."""
    return int(page.locator("#progress").get_attribute("value") or 0)


def rows_of(document: Path) -> int:
    with closing(openpyxl.load_workbook(document, read_only=True)) as book:
        return sum(1 for _ in book.worksheets[0].iter_rows())


@pytest.mark.timeout(600)
def test_a_large_log_is_watched_while_it_is_made_and_fetched(
    visitor: Visitors, way: tuple[str, int], tmp_path: Path
) -> None:
    at = desk(visitor, way, SUB)
    page = at.page
    page.goto(f"{SCHOOLS}/@@logs?{MARCH}")
    at.look("log")
    at.press("#main a[href*='as=xlsx']")
    expect(page).to_have_url(re.compile("/@@export/"))
    here = page.url
    expect(page.locator("#progress")).to_have_attribute("value", re.compile("^[1-9]"), timeout=PATIENCE)
    first = written(page)
    at.look("going")
    expect(page.locator("#ready")).to_be_visible(
        timeout=PATIENCE
    )  # by itself, without the page being opened anew
    assert page.url == here
    assert 0 < first < MANY
    expect(page.locator("#said")).to_have_text(re.compile(r"\w"))
    at.reads(page.locator("#ready"), "The file is ready. 40,000 messages")
    at.look("ready")
    with page.expect_download() as fetched:
        page.locator("#fetch a").click()
    assert fetched.value.suggested_filename == "messa-log-skolan-2026-03-01--2026-03-31.xlsx"
    document = tmp_path / "log.xlsx"
    fetched.value.save_as(document)
    assert rows_of(document) == MANY + 2
    at.press("#main a[href$='@@exports']")
    expect(page.locator("#main tbody tr").first.locator(".badge")).to_have_text(re.compile(r"\w"))
    at.look("list")


@pytest.mark.timeout(600)
def test_without_scripts_a_link_tells_how_far_it_has_come(visitor: Visitors, way: tuple[str, int]) -> None:
    at = desk(visitor, way, SUB, javascript=False)
    page = at.page
    page.goto(f"{SCHOOLS}/@@logs?as=xlsx&from=2026-03-01&to=2026-03-30")
    while page.locator("#going").count():
        at.press("#going a")
        expect(page.locator("#going, #ready")).to_have_count(1)
    expect(page.locator("#fetch a")).to_be_visible()
    at.look("no-script")


def test_one_is_called_off_and_asked_for_again(visitor: Visitors, way: tuple[str, int]) -> None:
    at = desk(visitor, way, SUB)
    page = at.page
    page.goto(f"{SCHOOLS}/@@logs?as=xlsx&from=2026-03-01&to=2026-03-29&order=asc")
    at.press("#cancel button")
    at.reads(page.locator("#over"), "Called off.")
    at.look("called-off")
    before = page.url
    at.press("#again button")
    expect(page).not_to_have_url(before)
    at.press("#cancel button")
    page.goto(f"{SCHOOLS}/@@exports")
    at.look("list-called-off")


def test_what_came_to_nothing_says_why(visitor: Visitors, way: tuple[str, int], platform: Platform) -> None:
    at = desk(visitor, way, SUB)
    at.page.goto(f"{SCHOOLS}/@@logs?as=text&{MARCH}&order=asc")
    platform.do(
        "UPDATE export SET state = 'parked', lease_id = NULL, fault = 'broken', finished_at = NULL WHERE id = :id",
        id=at.page.url.rpartition("/")[2],
    )
    at.page.reload()
    at.reads(at.page.locator("#over"), "Something is wrong on our side.")
    at.look("failed")


def test_an_address_that_was_sent_on_gives_nobody_more_than_is_theirs(
    visitor: Visitors, way: tuple[str, int], platform: Platform
) -> None:
    at = desk(visitor, way, ADMIN)
    at.page.goto(f"{SCHOOLS}/@@logs?as=text&{MARCH}&order=asc")
    address = at.page.url
    expect(at.page.locator("#ready")).to_be_visible(timeout=PATIENCE)
    visitor.expect("404")
    for who in (SUB, HEAD):
        other = desk(visitor, way, who)
        answer = other.page.goto(address)
        assert answer is not None and answer.status == 404
    head = desk(visitor, way, HEAD)
    head.page.goto(f"{SCHOOLS}/bjorkskolan/@@exports")
    head.look("none")
