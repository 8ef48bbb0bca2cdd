"""What an admin does in the admin pages, without a mouse, and what the pages say then: the steps that walks are made of."""

from __future__ import annotations

import re
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from tests.browser.test_pages import look
from tests.support.browser import press, tab_to
from tests.support.platform import Platform


@dataclass(frozen=True)
class Desk:
    """Somebody at work in the admin pages. Pictures are named `<label>-<station>`."""

    page: Page
    language: str
    label: str

    def reads(self, control: Locator, english: str, *figures: str) -> None:
        """A sentence of the page says this, which is looked at in English, and in any language these names and numbers in order."""
        expect(control).to_contain_text(english if self.language == "en" else re.compile(r"\S"))
        if figures:
            expect(control).to_contain_text(re.compile(r"\b.*?\b".join(map(re.escape, ("", *figures, "")))))

    def look(self, station: str) -> None:
        """Nothing is wrong with the page, and it is drawn."""
        look(self.page, f"{self.label}-{station}")

    @property
    def main(self) -> Locator:
        """What a page has beside its frame."""
        return self.page.locator("#main")

    @property
    def tree(self) -> Locator:
        """The groups."""
        return self.page.locator("nav.tree")

    def groups(self) -> list[str]:
        """The names in the tree, from above, open or not."""
        return self.tree.locator("li > a").all_text_contents()

    def crumbs(self) -> list[str]:
        """The groups above the one that one is at, and that."""
        return [
            *self.page.locator(".crumbs li").all_text_contents(),
            self.page.locator(".group-name").inner_text(),
        ]

    # By keyboard

    def follow(self, control: Locator) -> None:
        """Reach a link or button by Tab, press it, and wait for the page that it leads to."""
        tab_to(self.page, control)
        self.enter()

    def enter(self) -> None:
        """Press Enter where one is, and wait for the page that it leads to."""
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def press(self, selector: str) -> None:
        """The same for the control that a selector finds."""
        self.follow(self.page.locator(selector))

    def write(self, field: str, words: str) -> None:
        """Reach a field by Tab, and write in it instead of what was there."""
        tab_to(self.page, self.page.locator(f"#{field}"))
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(words)

    def tick(self, box: str, *, on: bool) -> None:
        """Tick a box, or take the tick away."""
        control = self.page.locator(f"#{box}")
        if control.is_checked() != on:
            press(self.page, control, "Space")
        expect(control).to_be_checked(checked=on)

    def choose(self, name: str, value: str) -> None:
        """Choose among alternatives: one comes to the chosen one, and goes on with the arrow."""
        alternatives = self.page.locator(f"input[type=radio][name='{name}']")
        wanted = self.page.locator(f"input[type=radio][name='{name}'][value='{value}']")
        tab_to(self.page, self.page.locator(f"input[type=radio][name='{name}']:checked"))
        for _ in range(alternatives.count()):
            if wanted.is_checked():
                break
            self.page.keyboard.press("ArrowDown")
        expect(wanted).to_be_checked()

    def select(self, name: str, group: str) -> None:
        """Choose a group from a list, by its own name."""
        control = self.page.locator(f"select[name='{name}']")
        tab_to(self.page, control)
        option = control.locator("option", has_text=re.compile(rf"^{re.escape(group)}( \(|$)"))
        control.select_option(str(option.get_attribute("value")))

    def save(self, form: str) -> None:
        """Press the first button of the form that is posted to the view `form`, and wait for what comes of it."""
        self.press(f"#main form[method=post][action$='{form}'] button:not([type=button]) >> nth=0")

    # Where to

    def unfold(self, control: Locator) -> None:
        """Open what a control lies folded up in."""
        for closed in control.locator("xpath=ancestor::details[not(@open)]").all():
            summary = closed.locator("> summary")
            if summary.is_visible():  # at a desk the tree as a whole is always open
                press(self.page, summary)
        expect(control).to_be_visible()

    def go(self, *groups: str) -> None:
        """One group after the other, through the tree."""
        for name in groups:
            link = self.tree.locator("li > a", has_text=re.compile(f"^{re.escape(name)}$"))
            self.unfold(link)
            self.follow(link)
            expect(self.page.locator(".group-name")).to_have_text(name)

    def tab(self, view: str) -> None:
        """A page of the group that one is at."""
        link = self.page.locator(f"nav.tabs a[href$='@@{view}']")
        self.follow(link)
        expect(link).to_have_attribute("aria-current", "page")

    def add_group(self, name: str, *, more: bool = False) -> None:
        """Add a group below the one that one is at; `more`: and stay there for the next."""
        if "@@new-group" not in self.page.url:
            button = self.tree.locator("a[href$='@@new-group']")
            self.unfold(button)
            self.follow(button)
        expect(self.page.locator("#name")).to_be_focused()
        self.page.keyboard.type(name)
        if more:
            self.press("button[name=then]")
        else:
            self.enter()
        self.said("group-added")

    def add_users(self, *lines: str) -> None:
        """Paste addresses into the group that one is at, and say yes to what will happen."""
        self.tab("users")
        self.press(".group-head a[href$='@@add-users']")
        self.write("addresses", "\n".join(lines))
        self.save("@@add-users")
        self.save("@@add-users")
        expect(self.page.locator("#finished")).to_be_visible()

    # What the page says

    def token(self) -> str:
        """What a form of the page proves that it comes from us."""
        return str(self.page.locator("input[name=csrf_token]").first.get_attribute("value"))

    def said(self, code: str) -> None:
        """What was just done stands above the page."""
        expect(self.page).to_have_url(re.compile(f"[?&]said={code}$"))
        expect(self.page.locator(".flashes .notice")).to_contain_text(re.compile(r"\w"))


def link_in_mail(platform: Platform, address: str, way: str) -> str:
    """The path of the link that some mail to the address has; it begins with `/<way>/`."""

    def found() -> str | None:
        texts = "\n".join(mail["text"] for mail in platform.mails(address))
        match = re.search(rf"http\S+?(/{way}/\S+)", texts)
        return match[1] if match else None

    return platform.until(found, says=f"a mail to {address} with a link to /{way}/")


def choose_password(page: Page, password: str) -> None:
    """Fill in the page that a welcome mail leads to."""
    for field in ("password", "repeat"):
        tab_to(page, page.locator(f"#{field}"))
        page.keyboard.type(password)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/messages$"))
