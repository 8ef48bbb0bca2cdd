"""The operator's channels by keyboard: one is tested, paused and resumed, and put into another place; with and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from messa_platform.core.ids import new_id
from tests.browser.admin_steps import Desk
from tests.browser.test_pages import sign_in
from tests.support.browser import Visitors
from tests.support.platform import Platform

OPERATOR, CHANNELS = "operator@messa.example", "/operator/channels"
LONG = "Reservvägen-genom-en-mycket-långt-namngiven-leverantör"


@pytest.fixture
def spare(platform: Platform) -> Iterator[str]:
    """A second channel, of a plugin that is not installed, behind the simulator; gives its id."""
    spare = str(new_id())
    platform.do(
        "INSERT INTO channel (id, name, plugin, settings, enabled, priority) VALUES (:id, :name, 'gone', '{}', false, 5)",
        id=spare,
        name=LONG,
    )
    yield spare
    platform.do("DELETE FROM channel WHERE id = :id", id=spare)
    platform.do("UPDATE channel SET priority = 0, enabled = true WHERE name = 'simulator'")


@pytest.mark.parametrize(
    ("language", "width", "javascript"),
    [("sv", 1280, True), ("sv", 360, True), ("en", 360, True), ("en", 1280, False)],
)
def test_channels_are_tested_paused_resumed_and_moved(
    visitor: Visitors, platform: Platform, spare: str, language: str, width: int, javascript: bool
) -> None:
    platform.do(
        "UPDATE account SET language = :language WHERE address = :who", language=language, who=OPERATOR
    )
    page = sign_in(visitor(language, width, javascript=javascript), OPERATOR)
    desk = Desk(page, language, "channels" if javascript else "channels-bare")
    first = str(platform.value("SELECT id FROM channel WHERE name = 'simulator'"))

    def form(channel: str, view: str) -> str:
        return f"form[action$='{channel}/{view}'] button"

    def names() -> list[str]:
        return [text.split()[1] for text in page.locator("ol > li h3").all_inner_texts()]

    page.goto("/operator/tenants")
    desk.press(f".tabs a[href='{CHANNELS}']")
    expect(page.locator(f".tabs a[href='{CHANNELS}']")).to_have_attribute("aria-current", "page")
    desk.press(form(first, "test"))
    result = page.locator(f"#channel-{first} [role=status]")
    expect(result).to_be_in_viewport()
    desk.reads(result, "The connection works")
    desk.look("tested")
    desk.press(form(spare, "test"))
    desk.reads(page.locator(f"#channel-{spare} [role=status]"), "The channel cannot be used")
    desk.look("unusable")
    desk.press(form(first, "pause"))
    desk.said("channel-paused")
    desk.reads(desk.main, "Every channel is paused")
    desk.look("paused")
    desk.press(form(first, "resume"))
    desk.said("channel-resumed")
    assert names() == ["simulator", LONG]
    desk.press(form(spare, "move"))
    expect(page).to_have_url(re.compile(f"said=channel-moved#channel-{spare}$"))
    assert names() == [LONG, "simulator"]
    desk.look("moved")
