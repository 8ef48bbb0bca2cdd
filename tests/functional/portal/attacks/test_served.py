"""The whole of it as it is served: proxies, pages that ask for news, and the log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from tests.support.platform import USER, Platform, a_platform
from tests.support.processes import Answer, ask, never


@pytest.fixture(scope="module")
def platform(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with a_platform(server, template, tmp_path_factory.mktemp("platform")) as made:
        yield made.start(MESSA_MESSA_LOG_LEVEL="DEBUG")


AGENT = {"User_Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"}
USER_PASSWORD = "messa-demo-2026"


def posted(platform: Platform, path: str, /, **fields: str) -> Answer:
    """A form, from a browser that keeps no cookies and says that it comes from somewhere else."""
    headers = {**AGENT, "Content_Type": "application/x-www-form-urlencoded", "X_Forwarded_For": "192.0.2.77"}
    return ask(platform.web_port, "POST", path, urlencode(fields).encode(), **headers)


def form_token(answer: Answer) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', answer.body.decode())
    assert found, answer.status
    return found[1]


@pytest.fixture
def prefix(platform: Platform) -> str:
    """Where a session of the demo's user begins whose browser keeps no cookies."""
    shown = platform.get("/sign-in", **AGENT)
    fields = {"csrf_token": form_token(shown), "email": USER, "password": USER_PASSWORD}
    answer = posted(platform, "/sign-in", **fields)
    assert answer.status == 303, answer.status
    found = re.search(r"/~[^/]+", answer.headers["location"])
    assert found
    return found[0]


def test_who_says_to_come_from_elsewhere_is_not_believed(platform: Platform, prefix: str) -> None:
    assert {row.address for row in platform.rows("SELECT address FROM web_session")} == {"127.0.0.1"}
    assert platform.get(f"{prefix}/messages", **AGENT, X_Forwarded_For="192.0.2.99").status == 200


def test_a_page_that_asks_for_news_is_answered_from_memory_until_its_session_ends(
    platform: Platform, prefix: str
) -> None:
    live = {**AGENT, "X_Messa_Live": "1", "If_None_Match": ""}

    def is_quiet() -> bool:
        # as a browser asks: with what it was answered last; a process that has just begun to listen is not sure yet
        answer = platform.get(f"{prefix}/messages/live", **live)
        live["If_None_Match"] = answer.headers["etag"]
        return answer.status == 304

    page = platform.get(f"{prefix}/messages", **AGENT)
    platform.until(is_quiet)
    thief = {**live, "User_Agent": "curl/8.5"}
    assert platform.get(f"{prefix}/messages/live", **thief).status == 303
    assert platform.get("/messages/live", **live).status == 303, "outside of its address it is nobody's"
    assert posted(platform, f"{prefix}/sign-out", csrf_token=form_token(page)).status == 303
    platform.until(lambda: platform.get(f"{prefix}/messages/live", **live).status != 304, seconds=2)
    never(lambda: platform.get(f"{prefix}/messages/live", **live).status == 304, 0.5)


def test_at_the_finest_level_the_log_holds_no_token_password_or_text(platform: Platform, prefix: str) -> None:
    page = platform.get(f"{prefix}/messages/new", **AGENT)
    token = form_token(page)
    sent = {"csrf_token": token, "nonce": "n1", "to": "070-174 06 05", "text": "Hemligt om Karin"}
    assert posted(platform, f"{prefix}/messages/new", **sent).status == 303
    assert posted(platform, f"{prefix}/messages/count", **sent).status == 200
    shown = platform.get("/forgot", **AGENT)
    assert posted(platform, "/forgot", csrf_token=form_token(shown), email=USER).status == 200
    [mailed] = platform.until_mails(USER)
    word = re.search(r"/reset/([A-Za-z0-9_-]{20,})", str(mailed))
    assert word
    for path in (
        f"{prefix}/nothing",
        f"{prefix}/sign-in?next=%ff",
        f"/reset/{word[1]}",
        f"/reset/{word[1]}?lang=%ff",
    ):
        platform.get(path, **AGENT)
    platform.get(f"{prefix}/messages", User_Agent="curl/8.5")
    posted(platform, "/sign-in", csrf_token=form_token(shown), email=USER, password="nearly right")
    platform.until(lambda: "url_session_refused" in platform.children[0].said)
    said = platform.children[0].said
    for secret in (prefix[2:], token, word[1], USER_PASSWORD, "nearly right", "Hemligt om Karin"):
        assert secret not in said
    assert "Traceback" not in said
