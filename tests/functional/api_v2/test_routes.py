"""An organisation's routes by v2: it reads all that hold for it, and makes its own over its own channels (spec V5, X4)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from messa_platform.core.ids import new_id
from messa_platform.providers import channels
from messa_platform.providers.channels import Owner
from messa_platform.providers.routing.routes import MOST_CHANNELS, MOST_OWN
from messa_platform.providers.routing.rules import SenderKind
from messa_platform.tenants.api_users.models import Scope
from messa_platform.tenants.audit import SYSTEM
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.places import place_of
from tests.functional.api_v2.conftest import ANNA, Api, Program
from tests.support.observe import together
from tests.support.prices import route

ROUTES = "/v2/routes"
PLATFORMS = {"is_own": False, "id": None, "name": None, "is_removed": False}


@pytest.fixture
def master(api: Api) -> Program:
    """A program of the topmost group's."""
    return api.program(api.master, "Driften")


@pytest.fixture
def own(api: Api) -> UUID:
    """A channel of the organisation's."""
    return channel(api, "kommunens")


def channel(api: Api, name: str, **values: Any) -> UUID:
    return api.world.channel(name, tenant_id=api.master.tenant_id, **values)


def wanted(*ids: UUID, **values: Any) -> dict[str, Any]:
    return {"channels": [str(i) for i in ids], **values}


def told(identifier: UUID, name: str, *, is_removed: bool = False) -> dict[str, Any]:
    return {"is_own": True, "id": str(identifier), "name": name, "is_removed": is_removed}


def removed(api: Api, identifier: UUID) -> None:
    """The channel is taken away."""
    with api.world.database.unit_of_work() as session:
        place = place_of(session, api.master.tenant_id, api.master.id)
        channels.remove(session, api.world.clock.now(), SYSTEM, identifier, Owner(place))


def errors(answer: Any) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in answer["errors"]]


def test_a_route_is_made_read_changed_and_removed(api: Api, master: Program, own: UUID) -> None:
    second = channel(api, "reserven", priority=1)
    body = wanted(own, second, prefix="4670", sender="name", needs=["unicode", "receipts"], cheapest=True)
    answer = master.ask("POST", ROUTES, body, 201)
    made = answer.json
    assert answer.headers["Location"].endswith(f"{ROUTES}/{made['id']}")
    assert made == {
        "id": made["id"],
        "by": "organisation",
        "prefix": "4670",
        "sender": "name",
        "needs": ["receipts", "unicode"],
        "cheapest": True,
        "channels": [told(own, "kommunens"), told(second, "reserven")],
    }
    path = f"{ROUTES}/{made['id']}"
    assert master.get(path) == made
    assert master.get(ROUTES) == {"items": [made], "next": None}
    changed = master.ask("PATCH", path, {**wanted(second), "sender": None}, 200).json
    assert changed == {**made, "sender": None, "channels": [told(second, "reserven")]}
    assert master.ask("PATCH", path, {"prefix": "", "needs": []}, 200).json["prefix"] == ""
    master.ask("DELETE", path, None, 204)
    master.get(path, 404)
    master.ask("DELETE", path, None, 404)
    assert master.get(ROUTES)["items"] == []


def test_what_is_left_out_is_for_all_texts_by_the_first_channel_that_works(
    master: Program, own: UUID
) -> None:
    made = master.post(ROUTES, wanted(own), 201)
    assert [made[name] for name in ("prefix", "sender", "needs", "cheapest")] == ["", None, [], False]


def test_texts_go_by_the_route_from_then_on_and_by_no_channel_that_it_leaves_out(
    api: Api, master: Program, own: UUID
) -> None:
    api.world.set(api.master, Key.SENDER_NAME, "Kommunen")
    second = channel(api, "reserven", priority=1)
    master.send(ANNA, "Före")
    made = master.post(ROUTES, wanted(second, prefix="46"), 201)
    master.send(ANNA, "Efter")
    removed(api, second)
    master.send(ANNA, "Utan väg", 503)
    master.ask("DELETE", f"{ROUTES}/{made['id']}", None, 204)
    master.send(ANNA, "Åter")
    went = api.world.rows("SELECT channel_id FROM message ORDER BY id")
    assert [row.channel_id for row in went] == [own, second, None, own]


def test_all_that_hold_are_told_in_the_order_in_which_they_decide(
    api: Api, master: Program, own: UUID
) -> None:
    tenant, telia, elks = api.master.tenant_id, api.world.channel("telia"), api.world.channel("elks")
    for_all = route(api.world, telia, prefix="4670")
    everything = route(api.world, elks)
    made_for_it = route(api.world, own, telia, elks, own_after(api), tenant=tenant, prefix="46")
    longer = master.post(ROUTES, wanted(own, prefix="4673"), 201)
    named = master.post(ROUTES, wanted(own, prefix="46", sender="name"), 201)
    other = api.world.tenant("annan").tenant_id
    route(api.world, api.world.channel("deras", tenant_id=other), tenant=other, prefix="46701")
    items = master.get(ROUTES)["items"]
    assert [(item["id"], item["by"]) for item in items] == [
        (longer["id"], "organisation"),
        (named["id"], "organisation"),
        (str(made_for_it), "operator"),
        (str(for_all), "platform"),
        (str(everything), "platform"),
    ]
    assert [[c["name"] for c in item["channels"]] for item in items[2:]] == [
        ["kommunens", None, "sist"],  # of the platform's not even how many there are
        [None],
        [None],
    ]
    whole = master.ask("GET", ROUTES).text
    assert not [word for word in ("telia", "elks", "deras", str(telia), str(elks)) if word in whole]


def own_after(api: Api) -> UUID:
    return channel(api, "sist", priority=9)


def test_what_the_operator_has_made_is_read_and_not_changed(api: Api, master: Program, own: UUID) -> None:
    platforms = api.world.channel("telia")
    for made, word in (
        (
            route(api.world, platforms, own, tenant=api.master.tenant_id, prefix="47"),
            "made that route for you",
        ),
        (route(api.world, platforms, prefix="47"), "holds for all organisations"),
    ):
        path = f"{ROUTES}/{made}"
        before = master.get(path)
        for method, body in (("PATCH", {"cheapest": True}), ("PATCH", wanted(own)), ("DELETE", None)):
            answer = master.ask(method, path, body, 403).json
            assert errors(answer) == [("", "not_yours")] and word in answer["detail"]
        assert master.get(path) == before
    # over its own channels alone it is its own, whoever has made it
    given = route(api.world, own, tenant=api.master.tenant_id, prefix="45")
    assert master.ask("PATCH", f"{ROUTES}/{given}", {"prefix": "46"}, 200).json["by"] == "organisation"


def test_another_tenants_route_is_as_if_it_were_not_there(api: Api, master: Program, own: UUID) -> None:
    theirs = api.world.tenant("annan").tenant_id
    strange = api.world.channel("deras", tenant_id=theirs)
    path = f"{ROUTES}/{route(api.world, strange, tenant=theirs)}"
    missing = f"{ROUTES}/{new_id()}"
    for method, body in (("GET", None), ("PATCH", wanted(own)), ("DELETE", None)):
        answers = [master.ask(method, each, body, 404).text for each in (path, missing)]
        assert answers[0] == answers[1]
    assert api.world.value("SELECT channel_ids FROM route") == [strange]


def test_what_is_wrong_is_told_with_its_field(api: Api, master: Program, own: UUID) -> None:
    platforms, gone = api.world.channel("telia"), channel(api, "borta")
    removed(api, gone)
    strange = api.world.channel("deras", tenant_id=api.world.tenant("annan").tenant_id)
    for body, found in (
        (wanted(own, prefix="046"), [("/prefix", "pattern")]),
        (wanted(own, prefix="+46"), [("/prefix", "pattern")]),
        (wanted(own, prefix="4" * 16), [("/prefix", "pattern")]),
        (wanted(own, sender="fax"), [("/sender", "not_allowed")]),
        (wanted(own, needs=["flying"]), [("/needs/0", "not_allowed")]),
        (wanted(), [("/channels", "too_short")]),
        ({}, [("/channels", "required")]),
        ({"channels": ["hej"]}, [("/channels/0", "invalid")]),
        (wanted(*[own] * (MOST_CHANNELS + 1)), [("/channels", "too_long")]),
        (wanted(own, tenant_id=str(api.master.tenant_id)), [("/tenant_id", "unknown")]),
    ):
        assert errors(master.post(ROUTES, body, 422)) == found, body
    ids = (own, platforms, strange, gone, new_id(), own)
    assert errors(master.post(ROUTES, wanted(*ids), 403)) == [
        *((f"/channels/{n}", "strange_channel") for n in (1, 2, 3, 4)),
        ("/channels/5", "repeated"),
    ]
    # what the shape lets through, the office does not
    assert errors(master.post(ROUTES, wanted(own, prefix="46\n"), 403)) == [("/prefix", "not_a_prefix")]
    assert api.world.value("SELECT count(*) FROM route") == 0


def test_of_two_for_the_same_texts_there_is_one(api: Api, master: Program, own: UUID) -> None:
    master.post(ROUTES, wanted(own, prefix="46"), 201)
    second = master.post(ROUTES, wanted(own, prefix="46", sender="number"), 201)
    answer = master.post(ROUTES, wanted(own, prefix="46"), 409)
    assert errors(answer) == [("/prefix", "exists")] and "these numbers and senders" in answer["detail"]
    assert errors(master.ask("PATCH", f"{ROUTES}/{second['id']}", {"sender": None}, 409).json) == [
        ("/prefix", "exists")
    ]


def test_so_many_and_no_more_and_others_have_room_all_the_same(
    api: Api, master: Program, own: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = api.master.tenant_id
    route(api.world, api.world.channel("telia"), tenant=tenant)  # the operator's, which counts among those
    for number in range(MOST_OWN):
        route(api.world, own, tenant=tenant, prefix=str(1000 + number))
    answer = master.post(ROUTES, wanted(own, prefix="46"), 409)
    assert errors(answer) == [("", "too_many")] and str(MOST_OWN) in answer["detail"]
    monkeypatch.setattr("messa_platform.providers.routing.routes.MOST_ROUTES", 2)
    route(api.world, api.world.channel("elks"))
    other = api.world.tenant("annan")
    theirs = api.world.channel("deras", tenant_id=other.tenant_id)
    api.program(other, "Deras").post(ROUTES, wanted(theirs), 201)


def test_a_channel_that_is_removed_is_told_to_be_and_let_go_when_the_route_is_changed(
    api: Api, master: Program, own: UUID
) -> None:
    second = channel(api, "reserven", priority=1)
    path = f"{ROUTES}/{master.post(ROUTES, wanted(own, second), 201)['id']}"
    removed(api, own)
    assert master.get(path)["channels"] == [told(own, "kommunens", is_removed=True), told(second, "reserven")]
    changed = master.ask("PATCH", path, {"cheapest": True}, 200).json
    assert changed["channels"] == [told(second, "reserven")]
    removed(api, second)
    assert errors(master.ask("PATCH", path, {"cheapest": False}, 403).json) == [("/channels", "no_channel")]
    # one that took its name is another one
    third = channel(api, "reserven")
    assert master.ask("PATCH", path, wanted(third), 200).json["channels"] == [told(third, "reserven")]
    assert master.get(path)["channels"] == [told(third, "reserven")]
    removed(api, third)
    master.ask("DELETE", path, None, 204)


def test_each_change_stands_in_the_organisations_own_log(api: Api, master: Program, own: UUID) -> None:
    path = f"{ROUTES}/{master.post(ROUTES, wanted(own, prefix='46'), 201)['id']}"
    for _ in range(2):  # the second changes nothing
        master.ask("PATCH", path, {"sender": "name"}, 200)
    master.ask("DELETE", path, None, 204)
    first = {"tenant": "kommun", "sender": None, "needs": [], "channels": ["kommunens"], "cheapest": False}
    second = {**first, "sender": "name"}
    entries = api.world.rows(
        "SELECT tenant_id, group_id, actor, action, subject, before, after FROM audit_entry WHERE action LIKE 'route%' ORDER BY id"
    )
    where = (api.master.tenant_id, api.master.id, "api")
    assert entries == [
        (*where, "route_added", "+46", None, first),
        (*where, "route_changed", "+46", first, second),
        (*where, "route_removed", "+46", second, None),
    ]
    told_of = master.get("/v2/audit?action=route_changed")["items"]
    assert [(each["subject"], each["actor_name"]) for each in told_of] == [("+46", "Driften")]
    # and so does what the operator does with it, but nothing that names a channel of the platform's
    given = route(api.world, own, tenant=api.master.tenant_id, prefix="47")
    route(api.world, api.world.channel("telia"), own, tenant=api.master.tenant_id, prefix="48")
    items = master.get("/v2/audit?action=route_added")["items"]
    assert [(each["subject"], each["actor"]) for each in items] == [("+47", "operator"), ("+46", "api_user")]
    assert (
        api.world.value("SELECT group_id FROM audit_entry WHERE subject_id = :id", id=given) == api.master.id
    )


def test_the_same_request_with_one_key_is_done_once_however_many_come(
    api: Api, master: Program, own: UUID
) -> None:
    key = {"Idempotency-Key": "to-norway"}
    body = wanted(own, prefix="47")
    answers = together([lambda: master.ask("POST", ROUTES, body, 201, **key).body] * 4)
    assert len(set(answers)) == 1
    assert api.world.value("SELECT count(*) FROM route") == 1


def test_many_at_once_for_the_same_texts_are_one(api: Api, master: Program, own: UUID) -> None:
    body = wanted(own, prefix="47")
    statuses = together([lambda: master.ask("POST", ROUTES, body).status_int] * 5)
    assert sorted(statuses) == [201, 409, 409, 409, 409]


def test_only_keys_of_the_topmost_group_with_the_scopes_of_channels_may(
    api: Api, master: Program, school: Program, own: UUID
) -> None:
    school.get(ROUTES, 404)
    school.post(ROUTES, wanted(own), 404)
    reader = api.program(api.master, "Läsaren", scopes={Scope.CHANNELS_READ})
    path = f"{ROUTES}/{master.post(ROUTES, wanted(own), 201)['id']}"
    assert reader.get(path)["by"] == "organisation"
    for method, where, body in (("POST", ROUTES, wanted(own)), ("PATCH", path, {}), ("DELETE", path, None)):
        assert reader.ask(method, where, body, 403).json["scope"] == "channels:write"
    assert api.world.value("SELECT sender_kind FROM route") is None
    assert master.ask("PATCH", path, {"sender": "number"}, 200).json["sender"] == SenderKind.NUMBER
