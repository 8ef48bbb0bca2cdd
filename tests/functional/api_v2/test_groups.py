"""Groups by v2: listed, made, renamed, moved, removed; and nothing of what is above or beside (spec V5, G1, G2)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from messa_platform.core.ids import new_id
from messa_platform.tenants.audit_view import Asked, Reader, Who, entries
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group, Lock
from messa_platform.tenants.places import place_of
from messa_platform.tenants.tree import set_here
from tests.functional.api_v2.conftest import Api, Program
from tests.support.observe import statements, wait_until_blocked

KEY = {"Idempotency-Key": "en-grupp"}


def made(program: Program, name: str = "4A", parent: Any = None, **more: str) -> Any:
    body = {"name": name} | ({"parent_id": parent} if parent else {})
    return program.post("/v2/groups", body, 201, **more)


def names(page: Any) -> list[str]:
    return [group["name"] for group in page["items"]]


def entries_seen(api: Api, at: Group, reader: Group) -> set[tuple[Who, str, str]]:
    """The audit log of a group as its page shows it to an admin of `reader`: who, by which name, what."""
    with api.world.database.unit_of_work() as session:
        place = place_of(session, at.tenant_id, at.id)
        authority = place_of(session, reader.tenant_id, reader.id)
        assert place and authority
        found, _ = entries(session, Reader(authority, new_id()), Asked(place))
    # the program itself was made by the school's admin
    return {(e.who, e.address, e.action) for e in found if e.action.startswith("group_")}


def test_a_group_is_made_renamed_moved_and_removed(api: Api, school: Program) -> None:
    north = made(school, "Norr")
    answer = school.ask("POST", "/v2/groups", {"name": "4A", "parent_id": north["id"]}, 201)
    klass = answer.json
    assert answer.headers["Location"].endswith(f"/v2/groups/{klass['id']}")
    assert klass == {
        "id": klass["id"], "parent_id": north["id"], "name": "4A", "slug": "4a", "path": ["Skolan", "Norr", "4A"], "depth": 2,
        "people": 0, "groups": 0, "domains": 0,
    }  # fmt: skip
    path = f"/v2/groups/{klass['id']}"
    assert school.get(path) == klass
    renamed = school.ask("PATCH", path, {"name": "  5A "}, 200).json
    assert (renamed["name"], renamed["slug"], renamed["path"][-1]) == ("5A", "4a", "5A")
    moved = school.ask("PATCH", path, {"name": "6A", "parent_id": str(api.school.id)}, 200).json
    assert (moved["name"], moved["parent_id"], moved["depth"]) == ("6A", str(api.school.id), 1)
    assert school.get(f"/v2/groups/{north['id']}")["groups"] == 0
    assert school.ask("DELETE", path, None, 204).body == b""
    school.get(path, 404)
    school.ask("DELETE", path, None, 404)
    assert entries_seen(api, api.school, api.school) == {
        (Who.API_USER, "Larmet", action)
        for action in ("group_added", "group_renamed", "group_moved", "group_removed")
    }


def test_the_list_holds_the_keys_own_group_and_those_below_page_by_page(api: Api, school: Program) -> None:
    api.world.group(api.master, "Omsorgen")
    north = made(school, "Norr")
    for name in ("4A", "4B", "4C"):
        made(school, name, north["id"])
    first = school.get("/v2/groups?limit=3")
    rest = school.get(f"/v2/groups?limit=3&cursor={first['next']}")
    assert (names(first), names(rest), rest["next"]) == (["Skolan", "Norr", "4A"], ["4B", "4C"], None)
    own, below = first["items"][:2]
    assert (own["parent_id"], own["depth"], own["path"]) == (None, 0, ["Skolan"])
    assert below == {key: value for key, value in north.items() if key in own}
    # a name that changes meanwhile shifts nothing
    school.ask("PATCH", f"/v2/groups/{north['id']}", {"name": "Ö"}, 200)
    assert names(school.get(f"/v2/groups?limit=3&cursor={first['next']}")) == ["4B", "4C"]
    under = school.get(f"/v2/groups?parent_id={north['id']}&limit=2")
    assert names(under) == ["4A", "4B"]
    assert names(school.get(f"/v2/groups?parent_id={north['id']}&cursor={under['next']}")) == ["4C"]
    assert names(school.get(f"/v2/groups?parent_id={api.school.id}")) == ["Ö"]
    whole = api.program(api.master).get("/v2/groups")
    assert names(whole) == ["Master", "Skolan", "Omsorgen", "Ö", "4A", "4B", "4C"]


def test_a_list_takes_as_many_statements_however_many_groups_it_holds(api: Api, school: Program) -> None:
    made(school)
    with statements(api.runtime.database.engine) as few:
        school.get("/v2/groups")
    for n in range(30):
        api.world.group(api.school, f"Klass {n}")
    with statements(api.runtime.database.engine) as many:
        assert len(school.get("/v2/groups")["items"]) == 32
    assert len(many) == len(few)


def test_what_is_above_or_beside_is_as_if_there_were_none(api: Api, school: Program) -> None:
    inside = made(school)
    beside = api.world.group(api.master, "Hemligt")
    for group in (api.master, beside, api.world.tenant("annan", "Annan kommun")):
        nothing = school.ask("GET", f"/v2/groups/{new_id()}", None, 404).text
        outside = str(group.id)
        for method, path, body in (
            ("GET", f"/v2/groups/{outside}", None), ("PATCH", f"/v2/groups/{outside}", {"name": "x"}), ("DELETE", f"/v2/groups/{outside}", None),
            ("GET", f"/v2/groups/{outside}/settings", None), ("PATCH", f"/v2/groups/{outside}/settings", {"too_long": {"value": "cut"}}),
            ("GET", f"/v2/groups/{outside}/quotas", None), ("GET", f"/v2/groups?parent_id={outside}", None),
            ("POST", "/v2/groups", {"name": "x", "parent_id": outside}), ("PATCH", f"/v2/groups/{inside['id']}", {"parent_id": outside}),
            ("DELETE", f"/v2/groups/{inside['id']}?people_to={outside}", None),
            ("DELETE", f"/v2/groups/{inside['id']}?groups_to={outside}", None),
        ):  # fmt: skip
            assert school.ask(method, path, body, 404).text == nothing, (method, path)
    seen = str([school.get("/v2/groups"), school.get(f"/v2/groups/{inside['id']}")])
    assert str(api.master.id) not in seen and "Master" not in seen and "Hemligt" not in seen


def test_the_topmost_group_of_a_key_is_renamed_and_otherwise_stays(api: Api, school: Program) -> None:
    own, inside = f"/v2/groups/{api.school.id}", made(school)
    assert school.ask("PATCH", own, {"name": "Grundskolan"}, 200).json["parent_id"] is None
    for method, path, body in (
        ("PATCH", own, {"parent_id": inside["id"]}), ("DELETE", own, None), ("DELETE", f"{own}?people_to={inside['id']}", None),
        ("DELETE", f"{own}?people_to={inside['id']}&groups_to={inside['id']}", None),
    ):  # fmt: skip
        problem = school.ask(method, path, body, 403).json
        assert problem["type"].endswith("change-refused")
        assert "topmost" in problem["detail"]
    assert api.world.value("SELECT parent_id FROM \"group\" WHERE name = 'Grundskolan'") == api.master.id


def test_who_is_in_a_removed_group_goes_where_the_caller_says(api: Api, school: Program) -> None:
    old, new, house = made(school, "Norr"), made(school, "Söder"), made(school, "Huset")
    klass = made(school, "4A", old["id"])
    group = Group(id=old["id"], tenant_id=api.school.tenant_id)
    account = api.world.account(group, "anna@kommun.example")
    api.world.domain(group, "norr.example")
    school.ask("DELETE", f"/v2/groups/{old['id']}?people_to={new['id']}&groups_to={house['id']}", None, 204)
    assert str(api.world.value("SELECT group_id FROM account WHERE id = :id", id=account)) == new["id"]
    told = school.get(f"/v2/groups/{new['id']}")
    assert (told["people"], told["domains"], told["groups"]) == (1, 1, 0)
    assert school.get(f"/v2/groups/{klass['id']}")["path"] == ["Skolan", "Huset", "4A"]
    # by themselves they go to the group above
    school.ask("DELETE", f"/v2/groups/{house['id']}", None, 204)
    assert school.get(f"/v2/groups/{klass['id']}")["path"] == ["Skolan", "4A"]


@pytest.mark.parametrize(
    ("parameters", "pointer"),
    [
        ("people_to={old}", "?people_to"),
        ("groups_to={old}", "?groups_to"),
        ("groups_to={klass}", "?groups_to"),
    ],
)
def test_nobody_goes_to_the_group_that_is_removed(
    api: Api, school: Program, parameters: str, pointer: str
) -> None:
    old = made(school, "Norr")["id"]
    klass = made(school, "4A", old)["id"]
    path = f"/v2/groups/{old}?{parameters.format(old=old, klass=klass)}"
    problem = school.ask("DELETE", path, None, 403).json
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [(pointer, "cycle")]
    assert school.get(f"/v2/groups/{klass}")["path"] == ["Skolan", "Norr", "4A"]


def test_a_change_with_an_old_version_in_hand_is_refused_and_both_or_nothing_is_done(
    api: Api, school: Program
) -> None:
    group, other = made(school), made(school, "4B")
    path = f"/v2/groups/{group['id']}"
    etag = school.ask("GET", path).headers["ETag"]
    changed = school.ask("PATCH", path, {"name": "5A", "parent_id": other["id"]}, 200, **{"If-Match": etag})
    assert changed.headers["ETag"] == school.ask("GET", path).headers["ETag"] != etag
    for stale in (etag, f"W/{etag}", "x"):
        school.ask("PATCH", path, {"name": "6A"}, 412, **{"If-Match": stale})
        school.ask("DELETE", path, None, 412, **{"If-Match": stale})
    # the name is not kept where the move is refused
    problem = school.ask("PATCH", path, {"name": "6A", "parent_id": group["id"]}, 403).json
    assert [error["pointer"] for error in problem["errors"]] == ["/parent_id"]
    assert school.get(path)["name"] == "5A"
    school.ask("DELETE", path, None, 204, **{"If-Match": changed.headers["ETag"]})


@pytest.mark.parametrize(
    ("method", "body"), [("PATCH", {"name": "5A"}), ("PATCH", {"parent_id": ""}), ("DELETE", None)]
)
@pytest.mark.parametrize("is_versioned", [True, False])
def test_of_two_who_change_a_group_at_once_the_second_is_told_if_it_names_a_version(
    api: Api, school: Program, method: str, body: Any, is_versioned: bool
) -> None:
    path, body = f"/v2/groups/{made(school)['id']}", body and dict(body)
    if body and "parent_id" in body:
        body["parent_id"] = made(school, "Norr")["id"]
    headers = {"If-Match": school.ask("GET", path).headers["ETag"]} if is_versioned else {}
    with ThreadPoolExecutor(1) as threads:
        with api.world.database.unit_of_work() as session:
            session.execute(text("SELECT FROM tenant WHERE slug = 'kommun' FOR NO KEY UPDATE"))
            session.execute(
                text("UPDATE \"group\" SET name = 'Deras', version = version + 1 WHERE name = '4A'")
            )
            second = threads.submit(school.ask, method, path, body, None, **headers)
            wait_until_blocked(api.world.database)
        assert second.result().status_int == (412 if is_versioned else 200 if body else 204)


def test_a_group_is_made_once_however_often_it_is_asked_for_with_one_key(api: Api, school: Program) -> None:
    first = made(school, "4A", **KEY)
    assert made(school, "4A", **KEY) == first
    other = {"Idempotency-Key": "en-annan"}
    below = made(school, "1A", first["id"], **other)
    for group in (below, first):
        school.ask("DELETE", f"/v2/groups/{group['id']}", None, 204)
    assert made(school, "1A", first["id"], **other) == below  # as it was answered then
    assert made(school, "4A")["id"] != first["id"]
    assert names(school.get("/v2/groups")) == ["Skolan", "4A"]
    assert school.post("/v2/groups", {"name": "4B"}, 422, **KEY)["type"].endswith("idempotency-key-reused")
    # without a key it is another group of that name
    assert made(school, "4A")["slug"] == "4a-2"


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/name"]), ({"name": ""}, ["/name"]), ({"name": "x" * 61}, ["/name"]), ({"name": 4}, ["/name"]), ({"name": "a\0"}, ["/name"]),
        ({"name": "", "parent_id": "x", "slug": "s"}, ["/name", "/parent_id", "/slug"]),
    ],
)  # fmt: skip
def test_every_field_that_does_not_fit_is_told_at_once(
    api: Api, school: Program, body: Any, pointers: list[str]
) -> None:
    problem = school.post("/v2/groups", body, 422)
    assert [error["pointer"] for error in problem["errors"]] == pointers
    assert names(school.get("/v2/groups")) == ["Skolan"]


@pytest.mark.parametrize("query", ["parent_id=x", "cursor=x", "limit=0", "limit=101", "name=4A"])
def test_a_parameter_that_cannot_be_used_is_told(school: Program, query: str) -> None:
    problem = school.get(f"/v2/groups?{query}", 400)
    assert [error["pointer"] for error in problem["errors"]] == [f"?{query.partition('=')[0]}"]


def test_a_lock_from_above_keeps_a_group_where_it_is(api: Api, school: Program) -> None:
    above = made(school, "Norr")["id"]
    klass = made(school, "4A", above)["id"]
    with api.world.database.unit_of_work() as session:
        group = session.get_one(Group, above)
        set_here(session, api.world.clock.now(), group, Key.COUNTRY_CODE, "46", Lock.LOCKED, api.master.id)
    for method, path, body in (
        ("PATCH", f"/v2/groups/{klass}", {"parent_id": str(api.school.id)}),
        ("DELETE", f"/v2/groups/{above}", None),
    ):
        problem = school.ask(method, path, body, 403).json
        assert problem["type"].endswith("setting-locked")
        assert "Master" not in str(problem)
    master = api.program(api.master)
    master.ask("PATCH", f"/v2/groups/{klass}", {"parent_id": str(api.school.id)}, 200)


def test_the_numbers_of_those_who_may_receive_no_more_are_taken_back(api: Api, school: Program) -> None:
    mute = made(school, "Utan svar")
    klass = made(school, "4A")
    api.world.account(Group(id=klass["id"], tenant_id=api.school.tenant_id), "anna@kommun.example")
    api.world.set(api.school, Key.MAY_RECEIVE, True)
    school.ask("PATCH", f"/v2/groups/{mute['id']}/settings", {"may_receive": {"value": False}}, 200)
    before = api.world.value("SELECT count(*) FROM task WHERE kind = 'recall_numbers'")
    school.ask("PATCH", f"/v2/groups/{klass['id']}", {"parent_id": mute["id"]}, 200)
    tasks = api.world.rows("SELECT actor, actor_address FROM task WHERE kind = 'recall_numbers' ORDER BY id")
    assert tasks[before:] == [("api", "Larmet")]


def test_an_api_user_that_is_removed_changes_nothing(api: Api, school: Program) -> None:
    group, other = made(school), api.program(api.school, "Annat")
    api.world.run("UPDATE account SET removed_at = now() WHERE id = :id", id=other.user.id)
    other.ask("DELETE", f"/v2/groups/{group['id']}", None, 401)
    other.post("/v2/groups", {"name": "x"}, 401)
    assert names(school.get("/v2/groups")) == ["Skolan", "4A"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v2/groups", {"name": "5A"}), ("PATCH", "/v2/groups/{id}", {"name": "5A"}), ("DELETE", "/v2/groups/{id}", None),
        ("PATCH", "/v2/groups/{id}/settings", {"too_long": {"value": "cut"}}), ("PATCH", "/v2/organisation", {"language": "en"}),
    ],
)  # fmt: skip
def test_who_is_removed_while_a_change_waits_for_its_turn_changes_nothing(
    api: Api, method: str, path: str, body: Any
) -> None:
    town = api.program(api.master)
    group = made(town)["id"]
    before = api.world.value("SELECT count(*) FROM audit_entry")
    with ThreadPoolExecutor(1) as threads:
        with api.world.database.unit_of_work() as session:
            session.execute(text("SELECT FROM tenant WHERE slug = 'kommun' FOR UPDATE"))
            session.execute(text('SELECT FROM "group" WHERE id = :id FOR UPDATE'), {"id": group})
            session.execute(
                text("UPDATE account SET removed_at = now() WHERE id = :id"), {"id": town.user.id}
            )
            waiting = threads.submit(town.ask, method, path.format(id=group), body)
            wait_until_blocked(api.world.database)
        assert waiting.result().status_int == 404
    assert api.world.value("SELECT count(*) FROM audit_entry") == before
