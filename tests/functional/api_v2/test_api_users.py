"""API users and their keys by v2: made, renamed, rotated, removed; and that no key gives out more than it has (spec A4, V2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from messa_platform.core.ids import new_id
from messa_platform.tenants.api_users import keys
from messa_platform.tenants.api_users.models import KeyKind, Scope
from tests.functional.api_v2.conftest import Api, Program
from tests.support.visitors import PASSWORD, signed_in

SEND = Scope.MESSAGES_SEND.value
WRITE = Scope.API_USERS_WRITE


def a_user(program: Program, name: str = "Larmsystemet", **more: Any) -> Any:
    return program.post("/v2/api-users", {"name": name, **more}, 201)


def a_key(program: Program, user: Any, status: int = 201, **wish: Any) -> Any:
    return program.post(f"/v2/api-users/{user['id']}/keys", wish, status)


def whoever_has(program: Program, key: str) -> Program:
    """A program that has found a key."""
    return Program(program.app, program.group, program.user, key)


def codes(problem: Any) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in problem["errors"]]


def test_an_api_user_is_made_and_sends_by_a_key_that_is_told_once(api: Api, school: Program) -> None:
    below = api.world.group(api.school, "4A")
    user = a_user(school, " Larm  systemet ", group_id=str(below.id))
    assert (user["name"], user["group_id"], user["number"]) == ("Larm systemet", str(below.id), None)
    made = a_key(school, user, name="Servern", scopes=[SEND])
    word = made.pop("key")
    assert word.startswith("msk_live_") and made["hint"] == word[-4:]
    assert (made["kind"], made["scopes"], made["expires_at"]) == ("v2", [SEND], None)
    assert school.get(f"/v2/api-keys/{made['id']}") == made
    assert school.get(f"/v2/api-users/{user['id']}/keys") == {"items": [made], "next": None}
    assert word not in str(api.world.rows("SELECT k::text FROM api_key k"))
    sent = whoever_has(school, word).send()
    assert (sent["account_id"], sent["group_id"]) == (user["id"], str(below.id))
    assert school.get(f"/v2/api-keys/{made['id']}")["last_used_at"]
    entries = school.get("/v2/audit")["items"]
    assert [(e["action"], e["actor"], e["actor_name"], e["subject"]) for e in entries[:2]] == [
        ("api_key_added", "api_user", "Larmet", "Larm systemet"),
        ("api_user_added", "api_user", "Larmet", "Larm systemet"),
    ]
    assert word not in str(entries)


def test_a_session_key_opens_the_legacy_api_alone(api: Api, school: Program) -> None:
    made = a_key(school, a_user(school), kind="session")
    assert (made["kind"], made["scopes"]) == ("session", [])
    holder = api.ring.recognise(made["key"])
    assert holder is not None and str(holder.account_id) == made["api_user_id"]
    whoever_has(school, made["key"]).get("/v2/messages", 401)
    assert codes(a_key(school, a_user(school, "B"), 403, kind="session", scopes=[SEND])) == [
        ("/scopes", "scoped")
    ]


def test_a_change_with_an_old_version_in_hand_is_refused(school: Program) -> None:
    path = f"/v2/api-users/{a_user(school)['id']}"
    etag = school.ask("GET", path).headers["ETag"]
    renamed = school.ask("PATCH", path, {"name": "Driften"}, 200, **{"If-Match": etag})
    assert renamed.json["name"] == "Driften" and renamed.headers["ETag"] != etag
    school.ask("PATCH", path, {"name": "Gammal"}, 412, **{"If-Match": etag})
    school.ask("PATCH", path, {}, 412, **{"If-Match": etag})
    school.ask("DELETE", path, None, 412, **{"If-Match": etag})
    untouched = school.ask("PATCH", path, {}, 200)
    assert (untouched.json, untouched.headers["ETag"]) == (renamed.json, renamed.headers["ETag"])
    (entry,) = school.get("/v2/audit?action=api_user_renamed")["items"]
    assert (entry["before"], entry["after"]) == ({"name": "Larmsystemet"}, {"name": "Driften"})


def test_a_removed_one_is_gone_with_its_keys(school: Program) -> None:
    user = a_user(school)
    made = a_key(school, user, scopes=list(Scope))
    its = whoever_has(school, made["key"])
    its.get("/v2/messages")
    school.ask("DELETE", f"/v2/api-users/{user['id']}", None, 204)
    its.get("/v2/messages", 401)
    for path in (f"/v2/api-users/{user['id']}", f"/v2/api-keys/{made['id']}"):
        school.get(path, 404)
    # an API user may go by its own key, which is its last
    school.ask("DELETE", f"/v2/api-users/{school.user.id}", None, 204)
    school.get("/v2/messages", 401)


def test_a_rotated_key_works_on_for_the_overlap_and_a_removed_one_no_more(api: Api, school: Program) -> None:
    user = a_user(school)
    old = a_key(school, user, name="Servern", scopes=[SEND, WRITE.value])
    new = school.post(f"/v2/api-keys/{old['id']}/rotate", {"overlap_hours": 2}, 201)
    assert (new["scopes"], new["name"], new["expires_at"]) == (old["scopes"], "Servern", None)
    assert new["key"] != old["key"]
    whoever_has(school, old["key"]).send()
    api.world.clock.move(timedelta(hours=2))
    whoever_has(school, old["key"]).post("/v2/messages", {"to": "+46701740605", "text": "x"}, 401)
    whoever_has(school, new["key"]).send(text="Nytt")
    school.ask("DELETE", f"/v2/api-keys/{new['id']}", None, 204)
    school.ask("DELETE", f"/v2/api-keys/{new['id']}", None, 404)
    whoever_has(school, new["key"]).post("/v2/messages", {"to": "+46701740605", "text": "x"}, 401)
    actions = [entry["action"] for entry in school.get("/v2/audit")["items"]]
    assert actions[:3] == ["api_key_removed", "api_key_added", "api_key_rotated"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, ("/scopes", "no_scope")),
        ({"scopes": []}, ("/scopes", "no_scope")),
        ({"scopes": [SEND], "expires_at": "2020-01-01T00:00:00Z"}, ("/expires_at", "past")),
    ],
)
def test_a_key_that_would_open_nothing_is_refused_with_the_reason(
    school: Program, body: Any, error: tuple[str, str]
) -> None:
    assert codes(a_key(school, a_user(school), 403, **body)) == [error]


@pytest.mark.parametrize(
    "body",
    [{"scopes": ["everything"]}, {"scopes": SEND}, {"kind": "operator"}, {"key": "msk_live_x"}, {"name": "x" * 61}],
)  # fmt: skip
def test_what_does_not_fit_its_shape_is_refused(school: Program, body: Any) -> None:
    assert a_key(school, a_user(school), 422, **body)["errors"]
    assert school.post("/v2/api-users", {"name": ""}, 422)["errors"]


def test_the_list_goes_on_from_page_to_page_and_holds_nothing_from_beyond(api: Api, school: Program) -> None:
    below = api.world.group(api.school, "4A")
    own = [a_user(school, f"A{place}", group_id=str(below.id))["id"] for place in range(4)]
    for group in (api.master, api.world.group(api.master, "Vården"), api.world.tenant("annan", "Annan")):
        api.program(group, "Hemligt")
    seen, cursor = [], ""
    while cursor is not None:
        page = school.get(f"/v2/api-users?limit=2{cursor and '&cursor=' + cursor}")
        assert len(page["items"]) <= 2
        seen += [user["id"] for user in page["items"]]
        cursor = page["next"]
    assert seen == [str(school.user.id), *own]
    only = school.get(f"/v2/api-users?group_id={below.id}")["items"]
    assert [user["id"] for user in only] == own
    nothing = school.get(f"/v2/api-users?group_id={new_id()}", 404)
    assert school.get(f"/v2/api-users?group_id={api.master.id}", 404) == nothing


def test_a_callback_is_set_turned_on_again_and_removed(api: Api, school: Program) -> None:
    url, path = "https://93.184.216.34/messa?hemlig=1", f"/v2/api-users/{a_user(school)['id']}/callback"
    assert school.get(path) == {"url": None, "state": None, "disabled_why": None, "failing_since": None}
    told = school.ask("PUT", path, {"url": url}, 200).json
    assert (told["url"], told["state"]) == (url, "active")
    api.world.run("UPDATE event_endpoint SET state = 'disabled', disabled_why = 'gone'")
    assert school.get(path)["disabled_why"] == "gone"
    assert school.ask("PUT", path, {"url": url}, 200).json == told == school.get(path)
    assert codes(school.ask("PUT", path, {"url": "https://127.0.0.1/"}, 403).json) == [("/url", "internal")]
    assert school.ask("PUT", path, {"url": "http://93.184.216.34/"}, 422).json["errors"]
    assert school.ask("PUT", path, {"url": None}, 200).json["url"] is None
    assert api.world.value("SELECT count(*) FROM event_endpoint") == 0
    entries = school.get("/v2/audit?words=larmsystemet")["items"]
    assert [e["action"] for e in entries[:2]] == ["api_url_removed", "api_url_set"]
    assert "hemlig" not in str(entries)


def test_who_may_change_api_users_alone_may_not_have_their_answers_sent_elsewhere(
    api: Api, narrow: Program
) -> None:
    path = f"/v2/api-users/{narrow.user.id}/callback"
    answer = narrow.ask("PUT", path, {"url": "https://93.184.216.34/"}, 403)
    assert answer.json["scope"] == Scope.WEBHOOKS_WRITE.value


# No key gives out more than it has.


@pytest.fixture
def narrow(api: Api) -> Program:
    """A program of the school's that may give out keys, and nothing else."""
    return api.program(api.school, "Smal", scopes={WRITE})


@pytest.mark.parametrize("scope", [scope for scope in Scope if scope is not WRITE])
def test_a_key_gives_out_no_scope_that_it_lacks(api: Api, narrow: Program, scope: Scope) -> None:
    user = {"id": str(narrow.user.id)}
    for scopes in ([scope.value], [WRITE.value, scope.value]):
        assert codes(a_key(narrow, user, 403, scopes=scopes)) == [("/scopes", "beyond")]
    assert len(api.ring.keys_of(narrow.user.id)) == 1
    a_key(narrow, user, scopes=[WRITE.value])


def test_nor_does_it_give_out_a_session_key_unless_it_may_send(api: Api, narrow: Program) -> None:
    assert codes(a_key(narrow, {"id": str(narrow.user.id)}, 403, kind="session")) == [("/scopes", "beyond")]
    sender = api.program(api.school, "Sänder", scopes={WRITE, Scope.MESSAGES_SEND})
    a_key(sender, {"id": str(narrow.user.id)}, kind="session")


def test_nor_does_it_rotate_a_key_that_may_do_more(api: Api, school: Program, narrow: Program) -> None:
    user = a_user(school)
    for made in (a_key(school, user, scopes=[SEND]), a_key(school, user, kind="session")):
        problem = narrow.post(f"/v2/api-keys/{made['id']}/rotate", {}, 403)
        assert codes(problem) == [("", "beyond")] and "key" not in problem
        assert school.get(f"/v2/api-keys/{made['id']}")["expires_at"] is None  # the old one works on
    assert len(api.ring.keys_of(user["id"])) == 2
    own = api.ring.keys_of(narrow.user.id)[0]
    assert narrow.post(f"/v2/api-keys/{own.id}/rotate", {"overlap_hours": 0}, 201)["scopes"] == [WRITE.value]
    narrow.post("/v2/api-users", {"name": "Efteråt"}, 401)


def test_no_key_outlives_the_one_that_gave_it_out(api: Api, school: Program) -> None:
    end = api.world.clock.now() + timedelta(hours=3)
    word = api.ring.key(api.school, school.user, KeyKind.V2, expires_at=end).word
    short = whoever_has(school, word)
    user = a_user(short)
    later, sooner = (end + timedelta(seconds=1)).isoformat(), (end - timedelta(hours=1)).isoformat()
    assert codes(a_key(short, user, 403, scopes=[SEND], expires_at=later)) == [("/expires_at", "outlives")]
    assert a_key(short, user, scopes=[SEND], expires_at=sooner)["expires_at"] < later
    given = a_key(short, user, scopes=[WRITE.value])
    lasting = a_key(school, user, scopes=[WRITE.value])
    rotated = short.post(f"/v2/api-keys/{lasting['id']}/rotate", {"overlap_hours": 999}, 201)
    api.world.clock.move(timedelta(hours=3))
    for key in (given, rotated):
        assert key["expires_at"] is not None
        whoever_has(school, key["key"]).post("/v2/api-users", {"name": "För sent"}, 401)


def test_a_key_that_was_rotated_gives_out_none_that_outlives_it(school: Program) -> None:
    user = a_user(school)
    old = a_key(school, user, scopes=[WRITE.value])
    school.post(f"/v2/api-keys/{old['id']}/rotate", {"overlap_hours": 1}, 201)
    late = a_key(whoever_has(school, old["key"]), user, scopes=[WRITE.value])
    assert late["expires_at"] == school.get(f"/v2/api-keys/{old['id']}")["expires_at"]


def test_a_key_that_is_removed_while_it_asks_gives_out_none(api: Api, school: Program) -> None:
    """Its scopes are asked for again under the lock."""
    (own,) = api.ring.keys_of(school.user.id)
    wish = keys.Wish(KeyKind.V2, scopes=frozenset({Scope.MESSAGES_SEND}))
    api.ring.change(keys.remove, api.school, school.user.id, own.id)
    made = api.ring.change(keys.make, api.school, school.user.id, wish, own.id)
    assert not isinstance(made, keys.Made)
    assert api.ring.keys_of(school.user.id) == []


def test_what_is_beyond_the_keys_reach_is_as_if_there_were_none(api: Api, school: Program) -> None:
    for group in (api.master, api.world.group(api.master, "Vården"), api.world.tenant("annan", "Annan")):
        other = api.program(group, "Hemligt")
        (key,) = api.ring.keys_of(other.user.id)
        nothing = school.get(f"/v2/api-users/{new_id()}", 404)
        for method, path, body in (
            ("GET", f"/v2/api-users/{other.user.id}", None), ("PATCH", f"/v2/api-users/{other.user.id}", {"name": "x"}),
            ("DELETE", f"/v2/api-users/{other.user.id}", None), ("GET", f"/v2/api-users/{other.user.id}/keys", None),
            ("POST", f"/v2/api-users/{other.user.id}/keys", {"scopes": [SEND]}), ("GET", f"/v2/api-keys/{key.id}", None),
            ("POST", f"/v2/api-keys/{key.id}/rotate", {}), ("DELETE", f"/v2/api-keys/{key.id}", None),
            ("POST", "/v2/api-users", {"name": "x", "group_id": str(group.id)}),
        ):  # fmt: skip
            assert school.ask(method, path, body, 404).json == nothing
        other.get("/v2/messages")


def test_the_portal_shows_who_made_what_by_a_key(api: Api, school: Program) -> None:
    hashed = api.runtime.passwords.hash(PASSWORD)
    head = api.world.account(api.school, "rektor@kommun.example", password_hash=hashed, language="en")
    api.world.administer(api.school, head)
    a_user(school, "Journalen")
    page = signed_in(api.runtime, "rektor@kommun.example").get("/t/kommun/skolan/@@audit?q=larmet")
    assert page.status_int == 200
    assert "Added the API user Journalen" in page.text and "Larmet" in page.text
