"""Every page, at a desk and on a phone, in both languages: no violation, no sideways scrolling, no more bytes than allowed, and its picture."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Visitors, axe, fits, shot, weight
from tests.support.platform import Platform

PASSWORD = "messa-demo-2026"
ACCOUNTS = {"sv": "sub@demo.example", "en": "vikarie@demo.example"}
MOST_BYTES = 100_000
"""Of a page without fonts (the issue's word)."""

PUBLIC = {
    "front": "/",
    "guide": "/guide",
    "sign-in": "/sign-in",
    "forgot": "/forgot",
    "link-unknown": "/reset/x",
    "missing": "/finns/inte",
}
SIGNED_IN = {
    "messages": "/messages",
    "messages-search": "/messages?q=070",
    "messages-nothing-found": "/messages?q=finns+inte",
    "new-message": "/messages/new",
    "many": "/messages/many",
    "sendings": "/messages/sendings",
    "lists": "/messages/lists",
    "list-new": "/messages/lists/new",
    "account": "/account",
    "account-password": "/account/password",
    "account-sessions": "/account/sessions",
    "account-second-factor": "/account/second-factor",
}
FAULTS = {"missing": "404", "link-unknown": "404"}


@pytest.fixture(scope="module", autouse=True)
def english(platform: Platform) -> None:
    platform.do("UPDATE account SET language = 'en' WHERE address = :address", address=ACCOUNTS["en"])


def sign_in(page: Page, address: str) -> Page:
    """Fill in the sign-in page."""
    page.goto("/sign-in")
    page.locator("#email").fill(address)
    page.locator("#password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/messages"))
    return page


_axe_saw: set[tuple[str, int, str]] = set()
"""Pages by name, how wide they were, and their paths. axe takes more of the tests' time than all else in them, and finds in one language what it
would in the other: what a page is made of."""


def look(page: Page, name: str) -> None:
    """What holds for every page."""
    fits(page)
    width = page.viewport_size["width"] if page.viewport_size else 0
    seen = (name, width, urlsplit(page.url).path)
    if seen not in _axe_saw:
        axe(page)
        _axe_saw.add(seen)
    assert weight(page) < MOST_BYTES, f"{name} weighs {weight(page)} bytes"
    shot(page, name)


@pytest.fixture(params=[("sv", 1280), ("sv", 360), ("en", 1280), ("en", 360)], ids=lambda p: f"{p[0]}-{p[1]}")
def guest(request: pytest.FixtureRequest, visitor: Visitors) -> Page:
    """Somebody signed out."""
    language, width = request.param
    return visitor(language, width)


@pytest.fixture
def member(guest: Page, request: pytest.FixtureRequest) -> Page:
    """Somebody signed in, in the language of the account."""
    language = "en" if "[en" in request.node.name else "sv"
    return sign_in(guest, ACCOUNTS[language])


def test_public_pages(guest: Page, visitor: Visitors) -> None:
    for name, path in PUBLIC.items():
        if name in FAULTS:
            visitor.expect(FAULTS[name])
        guest.goto(path)
        look(guest, name)


def test_pages_of_somebody_signed_in(member: Page) -> None:
    for name, path in SIGNED_IN.items():
        member.goto(path)
        look(member, name)


def test_a_conversation_and_its_states(member: Page) -> None:
    member.goto("/messages")
    member.locator("a.thread").first.click()
    expect(member.locator(".bubble").first).to_be_visible()
    look(member, "conversation")
    member.goto(re.sub(r"\?.*", "", member.url) + "?edit=1")
    look(member, "conversation-rename")
    member.locator("#text").fill("Text med emoji 🙂 som kostar fler sms")
    expect(member.locator("#text-count")).to_contain_text("🙂")
    look(member, "conversation-counter")


def test_sending_to_many_step_by_step(member: Page) -> None:
    member.goto("/messages/many")
    sheet = b"Mobil;Namn;Tid\n070-174 06 71;Elias;8.20\n070-174 06 72;Nora;9.40\n12;Fel;1\n"
    member.locator("#sheet").set_input_files({"name": "tider.csv", "mimeType": "text/csv", "buffer": sheet})
    member.locator("#text").fill("Hej {Namn}! Tiden är {Tid}.")
    member.locator("form[enctype] button").last.click()
    expect(member).to_have_url(re.compile("/messages/sendings/"))
    expect(member.locator("main")).to_contain_text("Hej Elias! Tiden är 8.20.")
    look(member, "sending-preview")


def test_a_form_with_faults(guest: Page, visitor: Visitors) -> None:
    visitor.expect("422")
    guest.goto("/forgot")
    guest.evaluate("document.querySelectorAll('form').forEach(f => f.noValidate = true)")
    guest.locator("#email").fill("anna")
    guest.keyboard.press("Enter")
    expect(guest.locator("#email-error")).to_be_visible()
    look(guest, "form-with-faults")


def test_a_wrong_password(guest: Page, visitor: Visitors) -> None:
    visitor.expect("401")
    guest.goto("/sign-in")
    guest.locator("#email").fill("nobody@demo.example")
    guest.locator("#password").fill("något helt annat")
    guest.keyboard.press("Enter")
    expect(guest.get_by_role("alert")).to_be_visible()
    look(guest, "sign-in-wrong")
