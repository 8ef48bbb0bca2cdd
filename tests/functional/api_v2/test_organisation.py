"""The organisation as a whole by v2, for a key of Master (spec V5, I3, L4, W1)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from messa_platform.core.ids import new_id
from messa_platform.tenants.audit_view import Asked, Reader, Who, entries
from messa_platform.tenants.places import place_of
from tests.functional.api_v2.conftest import Api, Program
from tests.support.observe import wait_until_blocked

PATH = "/v2/organisation"


@pytest.fixture
def town(api: Api) -> Program:
    """A program of Master's."""
    return api.program(api.master)


def test_it_is_read_and_changed_with_a_version_in_hand(api: Api, town: Program) -> None:
    first = town.ask("GET", PATH)
    assert first.json == {
        "name": "Kommunen", "language": "sv", "time_zone": "Europe/Stockholm", "demands_second_factor": False, "keep_text_days": None,
    }  # fmt: skip
    stale = {"If-Match": first.headers["ETag"]}
    done = town.ask("PATCH", PATH, {"name": " Nya  kommunen", "time_zone": "Europe/Oslo"}, 200, **stale)
    assert done.json == {**first.json, "name": "Nya kommunen", "time_zone": "Europe/Oslo"}
    assert town.ask("GET", PATH).headers["ETag"] == done.headers["ETag"] != first.headers["ETag"]
    town.ask("PATCH", PATH, {"language": "en"}, 412, **stale)
    with api.world.database.unit_of_work() as session:
        place = place_of(session, api.master.tenant_id, api.master.id)
        assert place
        entry = entries(session, Reader(place, new_id()), Asked(place))[0][0]
    assert (entry.who, entry.address, entry.action) == (Who.API_USER, "Larmet", "tenant_changed")
    assert entry.after == {"name": "Nya kommunen", "time_zone": "Europe/Oslo"}


def test_of_two_who_change_it_at_once_both_are_done_without_a_version(api: Api, town: Program) -> None:
    with ThreadPoolExecutor(1) as threads:
        with api.world.database.unit_of_work() as session:
            session.execute(
                text("UPDATE tenant SET language = 'en', version = version + 1 WHERE slug = 'kommun'")
            )
            second = threads.submit(town.ask, "PATCH", PATH, {"name": "Nya kommunen"})
            wait_until_blocked(api.world.database)
        assert second.result().status_int == 200
    assert (town.get(PATH)["name"], town.get(PATH)["language"]) == ("Nya kommunen", "en")


def test_words_are_removed_only_by_who_says_so(api: Api, town: Program) -> None:
    problem = town.ask("PATCH", PATH, {"keep_text_days": 30}, 409).json
    assert "confirm_removal" in problem["detail"]
    assert town.get(PATH)["keep_text_days"] is None
    kept = town.ask("PATCH", PATH, {"keep_text_days": 30, "confirm_removal": True}, 200).json
    assert kept["keep_text_days"] == 30
    # to keep them for longer removes nothing
    assert town.ask("PATCH", PATH, {"keep_text_days": None}, 200).json["keep_text_days"] is None


@pytest.mark.parametrize(
    ("body", "status", "pointers"),
    [
        ({"demands_second_factor": True, "name": "\u200b"}, 403, ["/demands_second_factor", "/name"]),
        ({"language": "no", "time_zone": "Mars", "keep_text_days": 0, "name": "", "slug": "x"}, 422,
         ["/keep_text_days", "/language", "/name", "/slug", "/time_zone"]),
    ],
)  # fmt: skip
def test_every_field_that_cannot_be_used_is_told_at_once(
    town: Program, body: Any, status: int, pointers: list[str]
) -> None:
    before = town.get(PATH)
    problem = town.ask("PATCH", PATH, body, status).json
    assert sorted(error["pointer"] for error in problem["errors"]) == pointers
    assert town.get(PATH) == before


def test_to_a_key_of_a_group_below_there_is_nothing(school: Program) -> None:
    nothing = school.ask("GET", f"/v2/groups/{new_id()}", None, 404).text
    assert school.ask("GET", PATH, None, 404).text == nothing
    assert school.ask("PATCH", PATH, {"name": "x"}, 404).text == nothing
    school.ask("GET", f"{PATH}/{new_id()}", None, 404)
