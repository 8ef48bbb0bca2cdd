"""What is told of the API, in a real browser: the document browsed from files of our own, under a policy; a page for each problem."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.test_pages import look
from tests.support.browser import Visitors, shot


def test_the_api_is_browsed_and_an_operation_opened(visitor: Visitors) -> None:
    page = visitor("en", 1280)
    page.goto("/v2/")
    send = page.locator("#operations-Messages-sendMessage")
    expect(send).to_contain_text("Send a text")
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
