"""Conversations by v2: what was sent and what came back, to whom they belong, and to nobody else (spec V4, L4)."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any
from urllib.parse import quote

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.core.ids import new_id
from messa_platform.providers.base import IncomingText
from messa_platform.tenants.api_users.models import KeyKind, Scope
from messa_platform.tenants.group_settings import Key
from tests.functional.api_v2.conftest import ANNA, GORAN, KARIN, Api, Program
from tests.support.observe import statements

MINUTE = timedelta(minutes=1)
_references = count()


@pytest.fixture
def number(api: Api, school: Program) -> str:
    """The number of the school's program, which has sent a text to Anna."""
    api.world.numbers()
    api.world.set(api.school, Key.MAY_RECEIVE, True)
    lent: str = school.send(text="Kommer du?")["from"]
    return lent


def reply(api: Api, to: str, text: str = "Ja,\njag kommer", sender: str = ANNA) -> None:
    api.network.brings(IncomingText(f"svar-{next(_references)}", sender, to, text))


def threads(program: Program, query: str = "") -> Any:
    return program.get(f"/v2/threads{query}")["items"]


def test_a_reply_shows_in_the_thread_and_among_what_came_in(
    api: Api, school: Program, number: str, clock: FixedClock
) -> None:
    clock.move(MINUTE)
    reply(api, number)
    [thread] = threads(school)
    assert (thread["number"], thread["unread"], thread["display_name"]) == (ANNA, 1, "")
    assert thread["last_message"] == {"direction": "in", "status": "INCOMING", "text": "Ja, jag kommer"}
    assert thread["last_at"] == "2026-" + clock.now().strftime("%m-%dT%H:%M:%S.000Z")
    assert school.get(f"/v2/threads/{thread['id']}") == thread
    answer, asked = school.get(f"/v2/threads/{thread['id']}/messages")["items"]
    told = ("direction", "from", "to", "status", "text", "parts")
    assert [answer[k] for k in told] == ["in", ANNA, number, "INCOMING", "Ja,\njag kommer", 0]
    assert [asked[k] for k in told] == ["out", number, ANNA, "QUEUED", "Kommer du?", 1]
    came_in = school.get("/v2/messages?direction=in")["items"]
    assert came_in == [answer] == [school.get(f"/v2/messages/{answer['id']}")]


def test_what_a_thread_is_called_and_that_it_was_read_can_be_changed(
    api: Api, school: Program, number: str
) -> None:
    reply(api, number)
    [before] = threads(school)
    path = f"/v2/threads/{before['id']}"
    assert school.ask("PATCH", path, {}, 200).json == before
    named = school.ask("PATCH", path, {"display_name": "  Görans\njobbmobil "}, 200).json
    assert named == {**before, "display_name": "Görans jobbmobil"}
    done = school.ask("PATCH", path, {"read": True}, 200).json
    assert done == {**named, "unread": 0} == school.get(path)
    assert school.ask("PATCH", path, {"display_name": ""}, 200).json == {**done, "display_name": ""}
    reply(api, number, "En sak till")
    assert threads(school)[0]["unread"] == 1


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"display_name": "x" * 61}, "/display_name", "too_long"),
        ({"display_name": "\0"}, "/display_name", "invalid"),
        ({"display_name": None}, "/display_name", "null"),
        ({"read": False}, "/read", "not_allowed"),
        ({"unread": 0}, "/unread", "unknown"),
    ],
)
def test_a_body_that_does_not_fit_changes_nothing(
    api: Api, school: Program, number: str, body: Any, pointer: str, code: str
) -> None:
    reply(api, number)
    [before] = threads(school)
    problem = school.ask("PATCH", f"/v2/threads/{before['id']}", body, 422).json
    assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [(pointer, code)]
    assert threads(school) == [before]


def test_threads_come_in_pages_the_newest_first(api: Api, school: Program, clock: FixedClock) -> None:
    numbers = [f"+467017406{n:02d}" for n in range(7)]
    for to in numbers:
        clock.move(MINUTE)
        school.send(to)
    found, query = [], "?limit=3"
    while True:
        page = school.get(f"/v2/threads{query}")
        found.append([t["number"] for t in page["items"]])
        if page["next"] is None:
            break
        query = f"?limit=3&cursor={page['next']}"
    newest = numbers[::-1]
    assert found == [newest[:3], newest[3:6], newest[6:]]


def test_a_threads_messages_come_in_pages_the_newest_first(
    api: Api, school: Program, clock: FixedClock
) -> None:
    sent = []
    for n in range(6):
        clock.move(MINUTE)
        sent.append(school.send(text=f"Text {n}")["id"])
    sent.append(school.send(text="Sedan", send_at=(clock.now() + timedelta(days=1)).isoformat())["id"])
    school.send(KARIN)
    [_, thread] = threads(school)
    path, found, query = f"/v2/threads/{thread['id']}/messages", [], "?limit=3"
    while True:
        page = school.get(f"{path}{query}")
        found.append([m["id"] for m in page["items"]])
        if page["next"] is None:
            break
        query = f"?limit=3&cursor={page['next']}"
    newest = sent[::-1]
    assert found == [newest[:3], newest[3:6], newest[6:]]
    assert school.get(f"{path}?limit=1")["items"][0]["status"] == "SCHEDULED"


def test_a_search_finds_names_numbers_and_texts(school: Program, api: Api) -> None:
    for to, text in ((ANNA, "Om larmet"), (KARIN, "Om mötet"), (GORAN, "Hej")):
        school.send(to, text)
    [goran] = [t for t in threads(school) if t["number"] == GORAN]
    school.ask("PATCH", f"/v2/threads/{goran['id']}", {"display_name": "Göran"}, 200)
    for search, found in (
        ("larmet", [ANNA]),
        ("göran", [GORAN]),
        ("070-174 06 12", [KARIN]),
        ("finns inte", []),
    ):
        assert [t["number"] for t in threads(school, f"?search={quote(search)}")] == found, search


def test_nobody_else_has_them_not_even_of_the_same_group_or_above(
    api: Api, school: Program, number: str
) -> None:
    reply(api, number)
    [thread] = threads(school)
    others = (
        api.program(api.school, "Annat"),
        api.program(api.master, "Ovan"),
        api.program(api.world.tenant("annan", "Annan"), "Utan"),
    )
    for other in others:
        assert threads(other) == threads(other, "?search=Kommer") == []
        for path in ("/v2/threads/{}", "/v2/threads/{}/messages"):
            nothing = other.ask("GET", path.format(new_id()), status=404)
            assert other.ask("GET", path.format(thread["id"]), status=404).body == nothing.body
        body = {"display_name": "Stulen", "read": True}
        nothing = other.ask("PATCH", f"/v2/threads/{new_id()}", body, 404)
        assert other.ask("PATCH", f"/v2/threads/{thread['id']}", body, 404).body == nothing.body
    assert threads(school) == [thread]


def test_a_key_that_only_reads_changes_nothing(api: Api, school: Program, number: str) -> None:
    [thread] = threads(school)
    school.key = api.ring.key(api.school, school.user, KeyKind.V2, scopes={Scope.MESSAGES_READ}).word
    school.ask("PATCH", f"/v2/threads/{thread['id']}", {"read": True}, 403)
    assert threads(school) == [thread]


def test_stop_is_told_and_words_that_were_removed_are_none(api: Api, school: Program, number: str) -> None:
    reply(api, number, "STOP")
    [thread] = threads(school)
    assert thread["opted_out"] is True
    api.world.run("UPDATE message SET text = NULL")
    [thread] = threads(school)
    assert thread["last_message"]["text"] is None
    assert {m["text"] for m in school.get(f"/v2/threads/{thread['id']}/messages")["items"]} == {None}


@pytest.mark.parametrize("cursor", ["x", "1-2", "99999999999999999-" + "0" * 32])
def test_a_cursor_that_is_none_is_told(school: Program, cursor: str) -> None:
    problem = school.get(f"/v2/threads?cursor={cursor}", 400)
    assert [e["pointer"] for e in problem["errors"]] == ["?cursor"]


def test_a_page_costs_as_many_statements_however_much_is_on_it(api: Api, school: Program) -> None:
    counted = []
    for _ in range(2):
        for n in range(6):
            school.send(f"+467017406{n:02d}", new_id().hex)
        [thread, *_] = threads(school)
        with statements(api.runtime.database.engine) as made:
            threads(school)
            school.get(f"/v2/threads/{thread['id']}/messages")
        counted.append(len(made))
    assert counted[0] == counted[1] > 0
