"""The same Idempotency-Key: killed between commit and answer, then asked again: still one (spec V3)."""

from __future__ import annotations

import http.client
import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from messa_platform.demo.api_users import V2_KEY
from tests.support.platform import Platform, a_platform
from tests.support.processes import Answer, ask

ANNA, KARIN = "+46701740605", "+46701740612"
TEXT = "Bara en gång, vad som än händer"
ONE = {"to": ANNA, "text": TEXT}
MANY = {"recipients": [{"to": ANNA}, {"to": KARIN}], "text": TEXT}
KEY = "b0b6a4ee-4e5a-4a7e-9d5c-larm-4711"
KEPT = "SELECT status, answer FROM idempotency_key WHERE key = :key"


def post(platform: Platform, body: Any) -> Answer:
    headers = {
        "Authorization": f"Bearer {V2_KEY}",
        "Content-Type": "application/json",
        "Idempotency-Key": KEY,
    }
    return ask(platform.web_port, "POST", "/v2/messages", json.dumps(body).encode(), **headers)


def made(platform: Platform) -> tuple[int, int]:
    """How many messages there are with the text, and how many batches."""
    messages = platform.value("SELECT count(*) FROM message WHERE text = :text", text=TEXT)
    batches = platform.value("SELECT count(*) FROM sending WHERE text = :text", text=TEXT)
    return messages, batches


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("body", "status", "done", "phones"),
    [(ONE, 201, (1, 0), (ANNA,)), (MANY, 202, (2, 1), (ANNA, KARIN))],
    ids=["one", "many"],
)
def test_what_was_committed_before_the_server_died_is_one_when_asked_again(
    server: str,
    template: str,
    tmp_path: Path,
    body: Any,
    status: int,
    done: tuple[int, int],
    phones: tuple[str, ...],
) -> None:
    with a_platform(server, template, tmp_path) as platform:
        platform.environment["MESSA_DIES_AT"] = "POST /v2/messages"
        dying = (sys.executable, "-m", "tests.support.dying_server", "--settings", "development.ini", "serve")
        child = platform.run_program(*dying, log="dying.log").until(platform.is_ready)
        with pytest.raises((OSError, http.client.HTTPException)):
            post(platform, body)
        assert child.process.wait(30) == -signal.SIGKILL
        # it was done, and nobody was told
        [kept] = platform.rows(KEPT, key=KEY)
        assert kept.status == status
        at_death = made(platform)
        assert at_death[1] == done[1]

        platform.start()
        answers = [post(platform, body) for _ in range(3)]
        assert {a.status for a in answers} == {status}
        assert all(a.json == kept.answer["content"] for a in answers)
        assert all(a.headers["location"].endswith(kept.answer["headers"]["Location"]) for a in answers)
        for phone in phones:
            platform.until_on_phone(TEXT, phone, 30)
        platform.settled(60)
        assert [platform.texts(phone).count(TEXT) for phone in phones] == [1] * len(phones)
        assert made(platform) == done
        if status == 201:
            assert at_death == done
            assert platform.statuses(TEXT)[0] == "QUEUED"
