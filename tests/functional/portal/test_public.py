"""The pages for everybody: front page, guide, language, and what is not there (spec W1, W3)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from messa_platform.core.web import PAGE_POLICY
from messa_platform.portal.pages import own_path
from messa_platform.runtime import Runtime
from tests.support.visitors import PASSWORD, Visitor, a_runtime, path_of
from tests.support.world import World

EVA = "eva@kommunen.example"


def test_the_front_page_says_how_it_works_what_it_costs_and_where_to_go(visitor: Visitor) -> None:
    page = visitor.get("/")
    assert page.status_int == 200
    assert page.html.html["lang"] == "sv"
    assert page.html.h1.text == "Skicka sms från din e-post"
    assert len(page.html.select(".steps > li")) == 3
    assert "1 kr i månaden" in page and "25 sms ingår" in page
    links = {link["href"] for link in page.html.find_all("a")}
    assert {"/sign-in", "/guide"} <= links


def test_pages_have_the_policy_that_forbids_what_they_do_not_use(visitor: Visitor) -> None:
    assert visitor.get("/").headers["Content-Security-Policy"] == PAGE_POLICY


@pytest.mark.parametrize("path", ["/", "/guide", "/nothing"])
@pytest.mark.parametrize("language", ["sv", "en"])
def test_a_page_speaks_the_language_that_the_browser_asks_for(
    visitor: Visitor, path: str, language: str
) -> None:
    page = visitor.get(path, headers={"Accept-Language": language})
    assert page.html.html["lang"] == language
    assert (
        page.html.find("a", class_="nav-item").text == {"sv": "Användarguide", "en": "User guide"}[language]
    )


def test_the_guide_has_a_place_for_each_line_of_its_contents(visitor: Visitor) -> None:
    page = visitor.get("/guide")
    places = {link["href"].removeprefix("#") for link in page.html.select(".toc a")}
    assert len(places) > 20
    assert places == {heading["id"] for heading in page.html.select(".prose h2")}


def test_a_chosen_language_is_kept_and_one_comes_back_to_where_one_was(visitor: Visitor) -> None:
    form = visitor.get("/guide?from=here").forms[0]
    answer = form.submit("lang", status=303)
    assert re.sub(r"^https?://[^/]+", "", answer.location) == "/guide?from=here"
    assert visitor.get("/guide").html.h1.text == "User guide"


@pytest.mark.parametrize(
    "path",
    [
        "//elsewhere.example",
        "https://elsewhere.example/",
        "/\\elsewhere.example",
        "\\\\elsewhere",
        "",
        "/å",
        "/\n",
    ],
)
def test_the_way_back_leads_nowhere_else(path: str) -> None:
    assert own_path(path, "/") == "/"


def test_the_way_back_keeps_its_query() -> None:
    assert own_path("/messages?search=070-174%2006", "/") == "/messages?search=070-174%2006"


def test_a_language_that_we_do_not_speak_changes_nothing(visitor: Visitor) -> None:
    answer = visitor.get("/language?lang=fi&to=/guide")
    assert (answer.status_int, path_of(answer)) == (303, "/guide")
    assert "Set-Cookie" not in answer.headers


def test_what_is_not_there_is_said_kindly_and_with_a_way_on(visitor: Visitor) -> None:
    page = visitor.get("/nothing")
    assert page.status_int == 404
    assert page.html.h1.text == "Sidan finns inte"
    assert page.html.select_one("main a.button")["href"] == "/"


def test_who_is_signed_in_goes_on_to_the_messages(visitor: Visitor, world: World, runtime: Runtime) -> None:
    world.account(world.tenant(), EVA, password_hash=runtime.passwords.hash(PASSWORD))
    visitor.sign_in(EVA)
    assert visitor.get("/nothing").html.select_one("main a.button")["href"] == "/messages"
    assert visitor.get("/").html.select_one(".hero a.button")["href"] == "/messages"


def test_a_program_that_wants_no_page_gets_a_line(visitor: Visitor) -> None:
    answer = visitor.get("/nothing", headers={"Accept": "application/json, text/plain"})
    assert (answer.status_int, answer.content_type) == (404, "text/plain")


def test_what_breaks_is_said_in_the_visitors_language(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(path: str, otherwise: str) -> str:
        raise RuntimeError(path)

    monkeypatch.setattr("messa_platform.portal.public.own_path", breaks)
    page = visitor.get("/language?to=/secret", headers={"Accept-Language": "en"})
    assert page.status_int == 500
    assert page.html.h1.text == "Something went wrong with us"
    assert "secret" not in page.html.main.text


def test_the_styleguide_is_for_the_demo_only(visitor: Visitor, database_url: str, tmp_path: Path) -> None:
    assert visitor.get("/styleguide").status_int == 404
    with a_runtime(database_url, tmp_path / "other-key", None, **{"messa.demo": "true"}) as demo:
        page = Visitor(demo).get("/styleguide")
    assert page.status_int == 200
    assert len(page.html.select(".error-summary a")) == 3
    for link in page.html.select(".error-summary a"):
        assert page.html.find(id=link["href"].removeprefix("#"))["name"] == link["href"].removeprefix("#")
