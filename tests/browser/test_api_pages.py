"""What is told of the API, in a real browser: the document browsed from files of our own, under a policy; a page for each problem.

And a group's webhooks: the demo's, which the simulator answers, and one that an admin makes, tests, rotates and removes by keyboard.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from messa_platform.messaging.outward.endpoints import LONGEST_DESCRIPTION
from tests.browser.admin_steps import Desk
from tests.browser.test_pages import look, sign_in
from tests.support.browser import Visitors, shot
from tests.support.platform import Platform

SUB, API = "sub@demo.example", "/t/demo/skolan/@@api"


def test_the_api_is_browsed_and_an_operation_opened(visitor: Visitors) -> None:
    page = visitor("en", 1280)
    page.goto("/v2/")
    send = page.locator("#operations-Messages-sendMessage")
    expect(send).to_contain_text("Send a text", timeout=20_000)  # drawn by a script of a megabyte
    send.get_by_role("button", name=re.compile("POST")).first.click()
    expect(send).to_contain_text("idempotency-key-reused")
    expect(page.locator("#operations-Webhooks-createWebhook")).to_be_visible()
    shot(page, "api-browse")


def test_a_problem_says_what_to_do(visitor: Visitors) -> None:
    page = visitor("en", 360)
    page.goto("/v2/problems/idempotency-key-reused")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Idempotency-Key")
    look(page, "api-problem")
    page.get_by_role("link", name="All problems").click()
    look(page, "api-problems")


@pytest.fixture(params=[("sv", 1280), ("sv", 360), ("en", 360)], ids=lambda p: f"{p[0]}-{p[1]}")
def desk(request: pytest.FixtureRequest, platform: Platform, visitor: Visitors) -> Desk:
    """The school's admin at work."""
    language, width = request.param
    platform.do("UPDATE account SET language = :language WHERE address = :who", language=language, who=SUB)
    return Desk(sign_in(visitor(language, width), SUB), language, "webhooks")


def test_the_demos_webhooks_are_at_work(desk: Desk, platform: Platform) -> None:
    told = "SELECT state = 'disabled' FROM event_endpoint WHERE description = 'Gamla frånvarosystemet'"
    platform.until(lambda: platform.value(told), says="the one that is gone is off")
    failing = "SELECT failing_since IS NOT NULL FROM event_endpoint WHERE description = 'Larmservern'"
    platform.until(lambda: platform.value(failing), says="the one that is busy fails")
    waiting = "SELECT count(*) = 0 FROM event_delivery d JOIN event_endpoint e ON e.id = d.endpoint_id WHERE e.description = 'Frånvarosystemet'"
    platform.until(lambda: platform.value(f"{waiting} AND d.state <> 'done'"), says="the third has all")
    desk.page.goto(API)
    rows = desk.page.locator("section[aria-labelledby=webhooks-heading] tbody tr")
    expect(rows).to_have_count(3)
    desk.look("demo")
    for number, answer in enumerate(("HTTP 204", "HTTP 503", "HTTP 410")):
        desk.press(f"section[aria-labelledby=webhooks-heading] tbody tr:nth-child({number + 1}) a")
        expect(desk.page.locator("section[aria-labelledby=events-heading] tbody")).to_contain_text(answer)
        desk.look(f"demo-{number + 1}")
        desk.tab("api")
    desk.page.goto("/simulator")
    expect(desk.page.locator("#hooks .card").first).to_contain_text("webhook-signature")
    desk.look("simulator")


def test_a_webhook_is_made_tested_rotated_and_removed(
    desk: Desk, visitor: Visitors, platform: Platform
) -> None:
    desk.page.goto(API)
    desk.press("a[href$='new-webhook']")
    desk.write("url", "https://169.254.169.254/messa")
    visitor.expect("422")
    desk.save("new-webhook")
    expect(desk.page.locator("#url")).to_have_attribute("aria-invalid", "true")
    desk.look("refused")
    secret = make_webhook(desk, f"{platform.simulator.addresses.http}/simulator/webhooks/taken?{'x' * 200}")
    try_webhook(desk, platform)
    desk.choose("overlap", "168")
    desk.press("button[value=rotate]")
    assert desk.page.locator("#secret").inner_text() != secret
    desk.look("rotated")
    desk.press("a.button.start")
    desk.press("button[value=disable]")
    desk.said("webhook-disabled")
    desk.look("off")
    desk.press("button[value=enable]")
    desk.said("webhook-enabled")
    desk.press("a[href$='/remove']")
    desk.look("remove")
    desk.save("remove")
    desk.said("webhook-removed")
    expect(desk.page.locator("section[aria-labelledby=webhooks-heading] tbody tr")).to_have_count(3)


def make_webhook(desk: Desk, address: str) -> str:
    """Fill in the form, and go on to the webhook's page; gives its secret."""
    desk.write("url", address)
    desk.write("description", "Journalen".ljust(LONGEST_DESCRIPTION, "n"))
    desk.tick("event-message-sent", on=False)
    desk.save("new-webhook")
    secret = desk.page.locator("#secret").inner_text()
    assert secret.startswith("whsec_")
    expect(desk.page.locator("[data-copy=secret]")).to_be_visible()
    desk.look("secret")
    desk.press("a.button.start")
    expect(desk.main).not_to_contain_text(secret)
    expect(desk.page.locator("#event-message-sent")).not_to_be_checked()
    desk.look("untold")
    return secret


def try_webhook(desk: Desk, platform: Platform) -> None:
    """Send a test event to the webhook, see that it is told, and send it again."""
    desk.press("button[value=test]")
    desk.said("webhook-test")
    platform.until(
        lambda: platform.value(
            "SELECT count(*) = 0 FROM event_delivery d JOIN event_endpoint e ON e.id = d.endpoint_id"
            " WHERE e.description LIKE 'Journalen%' AND d.state = 'ready' AND d.type = 'webhook.test' AND d.attempts = 0"
        ),
        says="the test event is told",
    )
    desk.press("section[aria-labelledby=events-heading] a")
    expect(desk.page.locator("section[aria-labelledby=events-heading] tbody")).to_contain_text("HTTP 204")
    desk.press("button[value=again]")
    desk.said("event-again")


def test_two_admins_at_the_same_webhook(desk: Desk, visitor: Visitors, platform: Platform) -> None:
    webhook = platform.value("SELECT id FROM event_endpoint WHERE description = 'Frånvarosystemet'")
    desk.page.goto(f"{API}/webhook/{webhook}")
    platform.do(
        "UPDATE event_endpoint SET version = version + 1, event_types = '{message.incoming}' WHERE id = :id",
        id=webhook,
    )
    desk.write("description", "Frånvaron")
    visitor.expect("409")
    desk.press("button[value=change]")
    expect(desk.page.locator("#description")).to_have_value("Frånvaron")
    desk.look("conflict")
    platform.do("UPDATE event_endpoint SET event_types = '{}' WHERE id = :id", id=webhook)
