"""Logs, as a process of its own writes them: what must not be in them is not."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

SCRIPT = """
import logging, sys
import structlog
from messa_platform.core import logs

logs.configure(json=sys.argv[1] == "json", level="INFO")
log = logs.logger("messa_platform.messaging.submit")
structlog.contextvars.bind_contextvars(mail="0199-mail")
log.info("stored", message="0199-message", text="Kom hem genast", password="hemlig-1")
log.info("raw", raw=b"Subject: hemlig-2", subject="hemlig-3", token="hemlig-4", secret="hemlig-5", body="hemlig-6")
log.debug("too_small_to_tell")
logging.getLogger("waitress").warning("a library says %s", "hello")
def quote():
    raise RuntimeError("hemlig-7")
try:
    quote()
except RuntimeError as error:
    log.exception("failed")
    log.error("failed_here", exc_info=error)
    logging.getLogger("waitress").exception("a library failed")
"""


def written(kind: str) -> str:
    done = subprocess.run([sys.executable, "-c", SCRIPT, kind], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return done.stderr


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in written("json").splitlines()]


def test_each_line_is_an_object_that_says_when_where_and_what(lines: list[dict[str, Any]]) -> None:
    assert [line["event"] for line in lines] == [
        "stored",
        "raw",
        "a library says hello",
        "failed",
        "failed_here",
        "a library failed",
    ]
    assert all(line["timestamp"].endswith("Z") and line["level"] and line["logger"] for line in lines)


def test_a_text_or_a_secret_that_is_logged_by_mistake_shows_only_its_length(
    lines: list[dict[str, Any]],
) -> None:
    assert lines[0]["text"] == "<14 characters>"
    assert lines[0]["password"] == "<8 characters>"
    hidden = {lines[1][name] for name in ("subject", "token", "secret", "body")}
    assert hidden == {"<8 characters>"}
    assert "hemlig" not in json.dumps(lines)
    assert "Kom hem" not in json.dumps(lines)


def test_the_ids_that_follow_a_message_stand_on_each_line(lines: list[dict[str, Any]]) -> None:
    assert lines[0]["message"] == "0199-message"
    assert {line["mail"] for line in lines} == {"0199-mail"}


def test_an_exception_is_told_by_its_class_and_where_it_was_raised_not_by_its_words(
    lines: list[dict[str, Any]],
) -> None:
    for line in lines[3:]:
        assert (line["level"], line["exception"]) == ("error", "RuntimeError")
        assert line["where"][-1].endswith("quote")


def test_lines_for_a_terminal_hide_the_same() -> None:
    shown = written("console")
    assert "stored" in shown
    assert shown.count("RuntimeError") == 3
    assert "hemlig" not in shown
    assert "Kom hem" not in shown
