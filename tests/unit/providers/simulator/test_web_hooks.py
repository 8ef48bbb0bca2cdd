"""The simulator's listeners for webhooks: what they answer, and what they show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.providers.simulator.test_web import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.journal.close()


@pytest.mark.parametrize(("name", "status"), [("taken", 204), ("busy", 503), ("gone", 410)])
def test_a_listener_answers_as_its_name_says_and_shows_what_came(site: Site, name: str, status: int) -> None:
    event = {"type": "message.delivered", "data": {"id": "<1>"}}
    headers = {"webhook-id": "w1", "webhook-signature": "v1,abc", "Cookie": "secret=1"}
    before = site.get("/simulator/version").json["version"]
    assert site.post(f"/simulator/webhooks/{name}", json=event, headers=headers).status == status
    (hook,) = site.get("/simulator/webhooks").json
    assert (hook["name"], hook["status"], json.loads(hook["body"])) == (name, status, event)
    assert hook["headers"] == {
        "webhook-id": "w1",
        "webhook-signature": "v1,abc",
        "content-type": "application/json",
    }
    page = site.get("/simulator?lang=en").text
    assert f"to {name}, which answered {status}" in page and "<h3>message.delivered</h3>" in page
    assert "&lt;1&gt;" in page and "v1,abc" in page
    assert site.get("/simulator/version").json["version"] > before


def test_what_is_no_event_is_shown_as_it_came(site: Site) -> None:
    for body in (b"", b"\xff", b"[1]", b"[" * 100_000):
        assert site.post("/simulator/webhooks/taken", data=body).status == 204
    assert len(site.get("/simulator/webhooks").json) == 4
    assert site.get("/simulator?lang=en").text.count("(no event)") == 4


def test_a_listener_that_there_is_not_is_not_found(site: Site) -> None:
    assert site.post("/simulator/webhooks/other", data=b"{}").status == 404
    assert site.get("/simulator/webhooks").json == []
