"""What takes several pages, by keyboard alone, and the states on the way: each without a violation, and with its picture."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_pages import PASSWORD, look, sign_in
from tests.support.browser import Visitors, press
from tests.support.platform import Platform

JOUR, ADMIN = "jour@demo.example", "admin@demo.example"
NEW = "sju sjösjuka sjömän"


def type_into(page: Page, selector: str, words: str) -> None:
    """Reach a field by Tab, and type."""
    press(page, page.locator(selector), "End")
    page.keyboard.type(words)


@pytest.mark.parametrize("width", [1280, 360])
def test_a_second_factor_is_turned_on_and_asked_for(visitor: Visitors, width: int) -> None:
    page = visitor(width=width)
    who = ADMIN if width == 360 else JOUR
    sign_in(page, who)
    page.goto("/account/second-factor")
    type_into(page, "main input[type=password]", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#secret")).to_be_visible()
    look(page, "second-factor-scan")
    app = pyotp.TOTP(page.locator("#secret").inner_text().replace(" ", ""))
    type_into(page, "#code", app.now())
    page.keyboard.press("Enter")
    expect(page.locator("#recovery-codes li")).to_have_count(10)
    look(page, "second-factor-codes")
    press(page, page.get_by_role("link", name="Jag har sparat dem"))
    expect(page.get_by_role("heading", name="Reservkoder")).to_be_visible()
    look(page, "second-factor-on")
    press(page, page.get_by_role("button", name="Logga ut"))
    expect(page).to_have_url(re.compile("said=signed-out"))
    page.goto("/sign-in")
    type_into(page, "#email", who)
    type_into(page, "#password", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#code")).to_be_visible()
    look(page, "sign-in-code")
    # a code is taken once; the next one is good already, as it is from a phone whose clock is ahead
    type_into(page, "#code", app.at(datetime.now(UTC), counter_offset=1))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/messages"))


@pytest.mark.parametrize("width", [1280, 360])
def test_a_forgotten_password_and_its_link(platform: Platform, visitor: Visitors, width: int) -> None:
    who = "admin@other.example" if width == 360 else "user@demo.example"
    page = visitor(width=width)
    page.goto("/forgot")
    type_into(page, "#email", who)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").last).to_contain_text(who)
    look(page, "forgot-asked")

    def link() -> str | None:
        found = re.search(r"http\S+(/reset/\S+)", "\n".join(m["text"] for m in platform.mails(who)))
        return found[1] if found else None

    path = platform.until(link, says="the mail with the link")
    page.goto(path)
    look(page, "choose-password")
    type_into(page, "#password", NEW)
    type_into(page, "#repeat", NEW)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/messages"))
    visitor.expect("410")
    page.goto(path)
    expect(page.get_by_role("heading", level=1)).to_contain_text("redan använd")
    look(page, "link-used")


@pytest.mark.parametrize("width", [1280, 360])
def test_a_list_is_made_and_sent_to(platform: Platform, visitor: Visitors, width: int) -> None:
    page = visitor(width=width)
    sign_in(page, "vikarie@demo.example")
    page.goto("/messages/lists/new")
    name = f"Provlista {width}"
    type_into(page, "#name", name)
    type_into(page, "main textarea", f"070-174 0{width // 200} 01 Vidar\n070-174 0{width // 200} 02 Fatima")
    press(page, page.locator("main form button").first)
    expect(page).to_have_url(re.compile("/messages/lists"))
    page.goto("/messages/lists")
    press(page, page.get_by_role("link", name=name, exact=True))
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    look(page, "list")
    page.goto("/messages/many")
    press(page, page.locator("#list"), "End")
    page.locator("#list").select_option(label=f"{name} (2 nummer)")
    type_into(page, "#text", f"Kan du jobba i morgon? {width}")
    press(page, page.locator("form[enctype] button").last)
    expect(page).to_have_url(re.compile("/messages/sendings/"))
    press(page, page.get_by_role("button", name=re.compile("^Skicka")))
    expect(page.locator("#finished")).to_be_visible(timeout=10_000)
    look(page, "sending-finished")
    signed = f"Kan du jobba i morgon? {width}\n/Demo kommun, skolan"  # the schools' signature is locked
    platform.until_on_phone(signed, f"+46701740{width // 200}01")


def test_a_form_that_came_too_late_gives_back_what_was_written(visitor: Visitors) -> None:
    page = visitor()
    sign_in(page, "vikarie@demo.example")
    page.goto("/messages/new")
    type_into(page, "#to", "0701740605")
    type_into(page, "#text", "Det här får inte försvinna")
    page.evaluate("document.querySelectorAll('[name=csrf_token]').forEach(f => f.value = 'x')")
    visitor.expect("400")
    press(page, page.get_by_role("button", name="Skicka", exact=True))
    expect(page.locator("textarea")).to_have_value("Det här får inte försvinna")
    look(page, "form-too-late")
