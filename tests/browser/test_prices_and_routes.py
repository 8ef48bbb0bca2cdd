"""The operator's prices and routes by keyboard: a file with faults, then a good one, a number looked up, a route made and tried."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from messa_platform.core.clock import SystemClock, stockholm_day
from tests.browser.admin_steps import Desk
from tests.browser.test_pages import sign_in
from tests.support.browser import Visitors
from tests.support.platform import Platform

OPERATOR, PRICES, ROUTES = "operator@messa.example", "/operator/prices", "/operator/routes"
BROKEN = "Prefix;Pris;Land\n070;gratis;Sverige\n46;0,35;Sverige\n+46;0,36;" + "Enlångtledningsfri" * 5 + "\n"
GOOD = "Prefix;Pris;Land eller nät\n46;0,35;Sverige\n4670;0,301234;Sverige, mobil\n"


@pytest.fixture
def tidy(platform: Platform) -> Iterator[None]:
    """What the walk makes is gone after it."""
    yield
    platform.do("DELETE FROM price_list WHERE name = 'Storkund'")
    platform.do("DELETE FROM route WHERE prefix = '4670'")
    platform.do("UPDATE routing_stamp SET stamp = gen_random_uuid()")


@pytest.mark.parametrize(
    ("language", "width", "javascript"), [("sv", 1280, True), ("sv", 360, True), ("en", 360, False)]
)
def test_prices_and_a_route_are_put_there_and_tried(
    visitor: Visitors,
    platform: Platform,
    tidy: None,
    tmp_path: Path,
    language: str,
    width: int,
    javascript: bool,
) -> None:
    platform.do(
        "UPDATE account SET language = :language WHERE address = :who", language=language, who=OPERATOR
    )
    page = sign_in(visitor(language, width, javascript=javascript), OPERATOR)
    desk = Desk(page, language, "prices" if javascript else "prices-bare")
    put_prices(desk, visitor, tmp_path)
    look_up(desk)
    put_route(desk)
    try_route(desk)


def put_prices(desk: Desk, visitor: Visitors, folder: Path) -> None:
    """Make a sale list, first by a file with faults."""
    page = desk.page
    broken, good = folder / "trasig.csv", folder / "bra.csv"
    broken.write_text(BROKEN, "utf-8")
    good.write_text(GOOD, "utf-8-sig")
    page.goto("/operator/tenants")
    desk.press(f".tabs a[href='{PRICES}']")
    desk.reads(desk.main, "Price lists", "Standard")
    desk.look("lists")
    desk.press(f"a[href='{PRICES}/@@new']")
    visitor.expect("422")
    for file in (broken, good):
        page.locator("#of").select_option("new")
        desk.write("name", "Storkund")
        page.locator("#valid_from").fill(tomorrow())
        page.locator("#file").set_input_files(file)
        desk.save("@@new")
        if file is broken:
            expect(page.locator("#faults tbody tr")).to_have_count(3)
            desk.reads(page.locator("#faults"), "begins with 0", "070")
            desk.look("faults")
    desk.said("prices-added")


def tomorrow() -> str:
    return (stockholm_day(SystemClock().now()) + timedelta(days=1)).isoformat()


def look_up(desk: Desk) -> None:
    """What a part costs to a number."""
    desk.write("number", "070-174 06 05")
    desk.page.locator("#day").fill(tomorrow())
    desk.press("#main form[method=get] button >> nth=0")
    row = desk.page.locator("#found tbody tr", has_text="Storkund")
    for words in ("4670", "0.301234" if desk.language == "en" else "0,301234"):
        expect(row).to_contain_text(words)
    desk.look("found")


def put_route(desk: Desk) -> None:
    """Let texts to a prefix go by the first channel."""
    desk.press(f".tabs a[href='{ROUTES}']")
    desk.press(f"a[href='{ROUTES}/@@new']")
    desk.write("prefix", "+46 70")
    place = str(desk.page.locator("input[id^=place-]").first.get_attribute("id"))
    desk.write(place, "1")
    desk.tick("cheapest", on=True)
    desk.look("route")
    desk.save("@@new")
    desk.said("route-added")
    expect(desk.page.locator("#routes tbody tr", has_text="+4670…")).to_contain_text("simulator")


def try_route(desk: Desk) -> None:
    """Which way a text would go."""
    desk.write("to", "070-174 06 05")
    desk.write("from", "user@demo.example")
    desk.press("#main form[method=get] button >> nth=0")
    desk.reads(desk.page.locator("#way"), "The route for all organisations")
    expect(desk.page.locator("#way tbody tr").first).to_contain_text("simulator")
    expect(desk.page.locator("#way tbody tr", has_text="Norrtext AB")).to_contain_text("–")
    desk.look("way")
