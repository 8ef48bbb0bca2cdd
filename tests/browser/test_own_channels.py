"""An organisation's own channels by keyboard: a provider is connected, tested, put into another place, paused and removed; and dragged."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from messa_platform.providers.elks.fake import PASSWORD, USER, ElksFake
from tests.browser.admin_steps import Desk
from tests.browser.test_pages import sign_in
from tests.support.browser import Visitors
from tests.support.platform import Platform

ADMIN, CHANNELS = "admin@demo.example", "/t/demo/@@channels"
THEIRS = "Norrtext AB"


@pytest.fixture
def fake(platform: Platform) -> Iterator[ElksFake]:
    """46elks; what the visitor connects to it is gone afterwards."""
    made = ElksFake()
    with made.running():
        yield made
    platform.do("DELETE FROM channel WHERE plugin = 'elks'")
    platform.do("UPDATE channel SET priority = 1, enabled = false WHERE name = :name", name=THEIRS)


@pytest.mark.parametrize(
    ("language", "width", "javascript"),
    [("sv", 1280, True), ("sv", 360, True), ("en", 360, True), ("en", 1280, False)],
)
def test_a_provider_is_connected_tested_moved_paused_and_removed_by_keyboard(
    visitor: Visitors, platform: Platform, fake: ElksFake, language: str, width: int, javascript: bool
) -> None:
    platform.do("UPDATE account SET language = :language WHERE address = :who", language=language, who=ADMIN)
    visitor.expect("422")
    page = sign_in(visitor(language, width, javascript=javascript), ADMIN)
    desk = Desk(page, language, "own-channels" if javascript else "own-channels-bare")

    page.goto("/t/demo/@@settings")
    desk.tab("channels")
    desk.reads(desk.main, "All of your channels are paused")
    desk.look("list")
    connect(desk, fake)
    channel = page.url.rpartition("/")[2]
    desk.press(f"form[action$='{channel}/test'] button")
    verdict = page.locator(f"#channel-{channel} [role=status]")
    expect(verdict).to_be_in_viewport()
    desk.reads(verdict, "The connection works", "123")
    desk.look("tested")
    assert names(desk)[0].startswith(THEIRS) and names(desk)[1].startswith("Reserven")
    desk.press(f"form[action$='{channel}/move'] button")
    expect(page).to_have_url(re.compile(f"said=channel-moved#channel-{channel}$"))
    assert names(desk)[0].startswith("Reserven")
    desk.press(f"form[action$='{channel}/pause'] button")
    desk.said("channel-paused")
    desk.press(f"form[action$='{channel}/resume'] button")
    desk.said("channel-resumed")
    remove(desk, channel)
    assert len(names(desk)) == 1 and names(desk)[0].startswith(THEIRS)


def names(desk: Desk) -> list[str]:
    """The channels of the list, in its order."""
    return [text.split("\n")[0][3:] for text in desk.page.locator("ol > li h3").all_inner_texts()]


def connect(desk: Desk, fake: ElksFake) -> None:
    """From the list by the marketplace to the page of a channel, with a mistake on the way."""
    page = desk.page
    desk.press("a[href$='@@marketplace']")
    desk.look("marketplace")
    desk.press("a[href$='@@channels/new/elks']")
    desk.look("new")
    for field, words in (("name", "Reserven"), ("s-username", USER), ("s-password", PASSWORD)):
        desk.write(field, words)
    desk.unfold(page.locator("#rate"))
    desk.write("s-url", fake.base)
    desk.write("rate", "fort")
    desk.save("@@channels/new/elks")
    desk.reads(page.locator("#rate-error"), "Texts a second at the most: write a number.")
    desk.look("wrong")
    desk.write("rate", "2,5")
    desk.write("s-password", PASSWORD)
    desk.save("@@channels/new/elks")
    desk.reads(desk.main, "This is the only time", "incoming", "key")
    desk.look("told-once")
    desk.press("a.button.start")
    assert "?key=" not in page.content().replace("?key= ", "") and PASSWORD not in page.content()
    desk.look("one")


def remove(desk: Desk, channel: str) -> None:
    """From the list, and back to it."""
    desk.press(f"#channel-{channel} a[href$='{channel}']")
    desk.press("a[href$='/remove']")
    desk.reads(desk.main, "What waits for it takes the next channel in use.")
    desk.look("remove")
    desk.save("/remove")
    desk.said("channel-removed")


def test_channels_are_dragged_into_another_order(
    visitor: Visitors, platform: Platform, fake: ElksFake
) -> None:
    platform.do(
        "INSERT INTO channel (id, tenant_id, name, plugin, settings, priority)"
        " SELECT gen_random_uuid(), id, 'Reserven', 'elks', '{}', 2 FROM tenant WHERE slug = 'demo'"
    )
    page = sign_in(visitor("sv", 1280), ADMIN)
    page.goto(CHANNELS)
    # Both in view at once: where the page is scrolled between the press and the drag, what is dragged is what lies there by then.
    page.set_viewport_size({"width": 1280, "height": 1600})
    items = page.locator("ol[data-order] > li")
    with page.expect_navigation(url=re.compile("said=channel-moved")):
        items.nth(1).locator(".grip").drag_to(items.nth(0), target_position={"x": 40, "y": 5})
    expect(items.nth(0)).to_contain_text("Reserven")
    assert platform.value("SELECT priority FROM channel WHERE name = 'Reserven'") == 1
