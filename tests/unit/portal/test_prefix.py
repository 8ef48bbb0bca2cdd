"""The session in the address: taken off the path before anything else sees it."""

from __future__ import annotations

from typing import Any

import pytest
from pyramid.request import Request

from messa_platform.portal.prefix import URL_SESSION, UrlSessions

TOKEN = "Zm9vYmFyLWJhei1xdXV4LWFiY2RlZmdoaWprbG1ub3A"


def through(path: str, enabled: bool = True, **more: Any) -> dict[str, Any]:
    """The environment as the application behind the layer sees it."""
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], _start: Any) -> list[bytes]:
        seen.update(environ)
        return []

    environ = Request.blank(path).environ | more
    UrlSessions(app, enabled)(environ, lambda *_: None)
    return seen


def test_the_prefix_becomes_the_script_name_and_the_path_is_the_pages_own() -> None:
    seen = through(f"/~{TOKEN}/messages/new")
    assert seen["SCRIPT_NAME"] == f"/~{TOKEN}"
    assert seen["PATH_INFO"] == "/messages/new"
    assert seen[URL_SESSION] == TOKEN


def test_every_address_that_is_made_for_the_request_carries_it() -> None:
    request = Request(through(f"/~{TOKEN}/messages"))
    assert request.application_url == f"http://localhost/~{TOKEN}"


def test_the_prefix_alone_leads_to_the_front_page() -> None:
    assert through(f"/~{TOKEN}")["PATH_INFO"] == "/"
    assert through(f"/~{TOKEN}/")["PATH_INFO"] == "/"


def test_what_a_server_adds_of_the_path_as_it_came_does_not_get_through() -> None:
    seen = through(f"/~{TOKEN}/x", REQUEST_URI=f"/~{TOKEN}/x", RAW_URI=f"/~{TOKEN}/x")
    assert not [name for name in ("REQUEST_URI", "RAW_URI") if name in seen]


@pytest.mark.parametrize(
    "path", ["/", "/~", "/~/", "/~short/x", "/~with.dots.that.no.token.of.ours.has/x", "/x/~y"]
)
def test_other_paths_are_left_as_they_are(path: str) -> None:
    seen = through(path)
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == ("", path)
    assert URL_SESSION not in seen


def test_where_the_operator_has_switched_it_off_there_is_no_prefix() -> None:
    assert through(f"/~{TOKEN}/messages", enabled=False)["PATH_INFO"] == f"/~{TOKEN}/messages"


def test_nobody_can_bring_a_session_of_the_layer_from_outside() -> None:
    assert URL_SESSION not in through("/messages", **{URL_SESSION: TOKEN})
