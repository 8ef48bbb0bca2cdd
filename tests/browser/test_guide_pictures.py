"""The user guide's pictures: taken from the demo by `make screenshots`, small enough to lie in the repository, and all there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_pages import ACCOUNTS, sign_in
from tests.support.browser import Visitors
from tests.support.platform import Platform
from tests.support.processes import REPOSITORY

FOLDER = REPOSITORY / "messa_platform/static/guide"
NAMES = ("messages", "new-message", "many", "account", "phone")
MOST_BYTES = 90_000


@pytest.fixture(scope="module", autouse=True)
def english(platform: Platform) -> None:
    platform.do("UPDATE account SET language = 'en' WHERE address = :address", address=ACCOUNTS["en"])


def picture(page: Page, name: str, language: str) -> None:
    """What the window shows; kept for the guide where pictures are asked for."""
    if os.environ.get("MESSA_SCREENSHOTS"):
        FOLDER.mkdir(exist_ok=True)
        page.screenshot(path=FOLDER / f"{name}.{language}.png", animations="disabled", caret="hide")


@pytest.mark.parametrize("language", ["sv", "en"])
def test_the_guides_pictures_can_be_taken(visitor: Visitors, language: str) -> None:
    page = visitor(language, 900)
    page.set_viewport_size({"width": 900, "height": 540})
    sign_in(page, ACCOUNTS[language])
    page.locator("a.thread").first.click()
    expect(page.locator(".bubble").first).to_be_visible()
    picture(page, "messages", language)
    page.goto("/messages/new")
    page.locator("#to").fill("070-174 06 05")
    page.locator("#text").fill(
        {"sv": "Elias har glömt sin gympapåse.", "en": "Elias has left his gym bag at home."}[language]
    )
    expect(page.locator("#text-count")).to_contain_text("sms" if language == "sv" else "SMS")
    picture(page, "new-message", language)
    page.goto("/messages/many")
    picture(page, "many", language)
    page.goto("/account")
    picture(page, "account", language)
    phone = visitor(language, 360)
    phone.set_viewport_size({"width": 360, "height": 520})
    sign_in(phone, ACCOUNTS[language])
    phone.locator("a.thread").first.click()
    expect(phone.locator(".bubble").first).to_be_visible()
    picture(phone, "phone", language)


@pytest.mark.parametrize("language", ["sv", "en"])
@pytest.mark.parametrize("name", NAMES)
def test_every_picture_is_there_and_small(name: str, language: str) -> None:
    file = FOLDER / f"{name}.{language}.png"
    assert file.is_file(), "make screenshots takes it"
    assert file.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert file.stat().st_size < MOST_BYTES


@pytest.mark.parametrize("language", ["sv", "en"])
def test_the_guide_shows_them(visitor: Visitors, language: str) -> None:
    page = visitor(language)
    page.goto("/guide")
    shown = [
        Path(str(image.get_attribute("src")).partition("?")[0]).name
        for image in page.locator("figure img").all()
    ]
    assert sorted(shown) == sorted(f"{name}.{language}.png" for name in NAMES)
    for image in page.locator("figure img").all():
        image.scroll_into_view_if_needed()
        expect(image).to_have_js_property("complete", True)
        assert image.evaluate("image => image.naturalWidth") > 0
