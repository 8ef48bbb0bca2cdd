"""The whole way of a new user in a real browser: with cookies and without, with JavaScript and without, on a phone and at a desk."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Visitors, fits, press, shot
from tests.support.platform import Platform, mail

PASSWORD = "fyra gröna grisar"
PATIENCE = 8_000
"""Milliseconds to wait for what a page shows by itself; how soon it does is measured in test_live_pages."""


@dataclass(frozen=True)
class Words:
    """What the buttons and statuses say."""

    sign_out: str
    save_password: str
    new_password: str
    again: str
    send: str
    text: str
    delivered: str
    edit: str
    name: str
    save_name: str
    cancel: str


SPOKEN = {
    "sv": Words(
        sign_out="Logga ut", save_password="Spara och logga in", new_password="Nytt lösenord",
        again="Samma lösenord igen", send="Skicka", text="Text", delivered="Levererat", edit="Redigera", name="Namn",
        save_name="Spara namnet", cancel="Avbryt",
    ),
    "en": Words(
        sign_out="Sign out", save_password="Save and sign in", new_password="New password",
        again="The same password again", send="Send", text="Text", delivered="Delivered", edit="Edit", name="Name",
        save_name="Save the name", cancel="Cancel",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Way:
    """How somebody comes."""

    language: str
    width: int
    cookies: bool = True
    javascript: bool = True

    @property
    def label(self) -> str:
        cookies = "cookies" if self.cookies else "no cookies"
        return f"{self.language}-{self.width}-{cookies}-{'script' if self.javascript else 'no script'}"


WAYS = (
    Way("sv", 1280),
    Way("en", 360),
    Way("sv", 360, cookies=False),
    Way("en", 1280, cookies=False),
    Way("sv", 1280, javascript=False),
    Way("en", 360, cookies=False, javascript=False),
)


def _show_news(page: Page, way: Way) -> None:
    """Without JavaScript a page tells what is new when it is loaded again."""
    if not way.javascript:
        page.wait_for_timeout(1_000)
        page.reload()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.label)
def test_a_new_user_comes_by_mail_and_goes_the_whole_way(
    platform: Platform, visitor: Visitors, way: Way
) -> None:
    words = SPOKEN[way.language]
    place = WAYS.index(way)
    address, phone = f"lena.{place}@nyskolan.example", f"+467017408{place:02d}"
    page = visitor(way.language, way.width, cookies=way.cookies, javascript=way.javascript)

    _first_mail(platform, way, address, phone)
    _choose_password(platform, page, words, address)
    assert ("/~" in page.url) == (not way.cookies)
    _open_thread(page, phone)
    fits(page)
    text = f"Välkommen på föräldramöte, sal {place}"
    page.locator("#text").fill(text)
    page.get_by_role("button", name=words.send, exact=True).click()
    platform.until_on_phone(text, phone)
    _show_news(page, way)
    last = page.locator(".bubble.out", has_text=text)
    expect(last).to_contain_text(words.delivered, timeout=PATIENCE)
    shot(page, "walk-delivered")

    number = platform.phone(phone)[-1]["from"]
    platform.reply(f"Tack, vi kommer {place}", to=number, phone=phone)
    _show_news(page, way)
    expect(page.locator(".bubble.in", has_text=f"Tack, vi kommer {place}")).to_be_visible(timeout=PATIENCE)

    _rename(page, words, f"Noras pappa {place}")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Noras pappa {place}")
    page.get_by_role("button", name=words.sign_out).click()
    expect(page).to_have_url(re.compile(r"/\?said=signed-out$"))
    assert "/~" not in page.url


def _first_mail(platform: Platform, way: Way, address: str, phone: str) -> None:
    sender = f"Lena Ek <{address}>"
    message = mail("Kan du hämta Nora i dag?", "Hej", sender=sender, Accept_Language=way.language)
    platform.send(message, f"{phone.removeprefix('+')}@messa.example", sender=address)
    platform.until(lambda: platform.texts(phone), says="the first text")


def _choose_password(platform: Platform, page: Page, words: Words, address: str) -> None:
    def link() -> str | None:
        found = re.search(r"http\S+(/welcome/\S+)", "\n".join(m["text"] for m in platform.mails(address)))
        return found[1] if found else None

    page.goto(platform.until(link, says="the welcome mail"))
    shot(page, "welcome")
    page.get_by_label(words.new_password, exact=True).fill(PASSWORD)
    page.get_by_label(words.again, exact=True).fill(PASSWORD)
    page.get_by_role("button", name=words.save_password).click()
    expect(page).to_have_url(re.compile("/messages$"))


def _open_thread(page: Page, phone: str) -> None:
    page.locator("a.thread").first.click()
    expect(page).to_have_url(re.compile(r"/messages/[0-9a-f-]{36}"))
    expect(page.locator(".bubble.out").first).to_contain_text("Kan du hämta Nora i dag?")


def _rename(page: Page, words: Words, name: str) -> None:
    page.get_by_role("link", name=re.compile(f"^{words.edit}")).click()
    page.get_by_label(re.compile(f"^{words.name}")).fill(name)
    page.get_by_role("button", name=words.save_name).click()


@pytest.mark.parametrize("language", ["sv", "en"])
def test_the_same_by_keyboard_alone(platform: Platform, visitor: Visitors, language: str) -> None:
    words = SPOKEN[language]
    address, phone = (
        f"tangent.{language}@nyskolan.example",
        "+46701740850" if language == "sv" else "+46701740851",
    )
    page = visitor(language)
    _first_mail(platform, Way(language, 1280), address, phone)
    _choose_password(platform, page, words, address)
    press(page, page.locator("a.thread").first)
    expect(page.locator(".bubble.out").first).to_be_visible()
    press(page, page.locator("#text"), "a")
    page.keyboard.type("ntligen, utan mus")
    press(page, page.get_by_role("button", name=words.send, exact=True))
    platform.until_on_phone("antligen, utan mus", phone)
    press(page, page.get_by_role("link", name=re.compile(f"^{words.edit}")))
    expect(page.locator("#display_name")).to_be_focused()
    page.keyboard.type("Alvas mamma")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Alvas mamma")
    press(page, page.get_by_role("button", name=words.sign_out))
    expect(page).to_have_url(re.compile(r"said=signed-out"))
