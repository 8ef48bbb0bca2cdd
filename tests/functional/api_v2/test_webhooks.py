"""Webhooks by v2: made, changed with a version in hand, rotated, told, told again; and whose they are (spec V6)."""

from __future__ import annotations

from typing import Any

import pytest

from messa_platform.core.ids import new_id
from tests.functional.api_v2.conftest import Api, Program

URL = "https://93.184.216.34/messa"
"""An address, so that nothing has to be looked up."""


def made(program: Program, **more: Any) -> Any:
    return program.post("/v2/webhooks", {"url": URL, **more}, 201)


def test_a_webhook_is_made_with_a_secret_that_is_told_once(api: Api, school: Program) -> None:
    webhook = made(school, description="Larm", event_types=["message.delivered"])
    assert webhook["secret"].startswith("whsec_")
    shown = school.get(f"/v2/webhooks/{webhook['id']}")
    assert shown == {k: v for k, v in webhook.items() if k != "secret"}
    assert (shown["group_id"], shown["state"], shown["event_types"]) == (
        str(api.school.id),
        "active",
        ["message.delivered"],
    )
    assert school.get("/v2/webhooks")["items"] == [shown]
    entries = api.world.rows(
        "SELECT actor, actor_address, action FROM audit_entry WHERE action LIKE 'webhook%'"
    )
    assert entries == [("api", "Larmet", "webhook_added")]
    assert webhook["secret"] not in str(api.world.rows("SELECT e::text FROM event_endpoint e"))


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://127.0.0.1/", "internal"), ("https://0x7f000001/", "internal"), ("https://0177.0.0.1/", "internal"),
        ("https://[::ffff:10.0.0.1]/", "internal"), ("https://[64:ff9b::a9fe:a9fe]/", "internal"), ("https://169.254.169.254/", "internal"),
        ("https://93.184.216.34:22/", "port"), ("https://user@93.184.216.34/", "bad_url"),
    ],
)  # fmt: skip
def test_an_address_that_must_not_be_told_is_refused_with_the_reason(
    api: Api, school: Program, url: str, code: str
) -> None:
    problem = school.post("/v2/webhooks", {"url": url}, 403)
    assert problem["type"].endswith("address-refused")
    assert [(e["pointer"], e["code"]) for e in problem["errors"]] in (
        [("/url", code)],
        [("/url", "internal")],
    )
    assert api.world.value("SELECT count(*) FROM event_endpoint") == 0


@pytest.mark.parametrize(
    "body",
    [
        {"url": "http://93.184.216.34/"},
        {"url": URL, "event_types": ["webhook.test"]},
        {"url": URL, "secret": "x"},
    ],
)
def test_what_does_not_fit_its_shape_is_refused(school: Program, body: Any) -> None:
    assert school.post("/v2/webhooks", body, 422)["errors"]


def test_a_change_with_an_old_version_in_hand_is_refused(api: Api, school: Program) -> None:
    webhook = made(school)
    path = f"/v2/webhooks/{webhook['id']}"
    etag = school.ask("GET", path).headers["ETag"]
    changed = school.ask("PATCH", path, {"description": "Ny"}, 200, **{"If-Match": etag})
    assert (changed.json["description"], changed.json["url"]) == ("Ny", URL)
    assert changed.headers["ETag"] != etag
    for stale in (etag, "W/" + etag, "x"):
        school.ask("PATCH", path, {"description": "Gammal"}, 412, **{"If-Match": stale})
        school.ask("DELETE", path, None, 412, **{"If-Match": stale})
    assert school.get(path)["description"] == "Ny"
    off = school.ask("PATCH", path, {"enabled": False, "event_types": []}, 200).json
    assert (off["state"], off["disabled_why"]) == ("disabled", "admin")
    assert school.ask("PATCH", path, {"enabled": True}, 200).json["state"] == "active"
    assert school.ask("DELETE", path, None, 204).body == b""
    school.get(path, 404)


def test_a_rotated_secret_is_another_and_the_old_one_signs_for_a_while(api: Api, school: Program) -> None:
    webhook = made(school)
    rotated = school.post(f"/v2/webhooks/{webhook['id']}/rotate-secret", {"overlap_hours": 2})
    assert rotated["secret"] not in (webhook["secret"], "")
    assert rotated["old_secret_until"] > rotated["created_at"]
    assert school.post(f"/v2/webhooks/{webhook['id']}/rotate-secret", {"overlap_hours": -1}, 422)


def test_what_it_was_told_is_listed_and_told_again_with_its_id(api: Api, school: Program) -> None:
    webhook = made(school)
    message = school.send()
    api.network.accept()
    tested = school.post(f"/v2/webhooks/{webhook['id']}/test", status=202)
    page = school.get(f"/v2/webhooks/{webhook['id']}/deliveries?limit=1")
    rest = school.get(f"/v2/webhooks/{webhook['id']}/deliveries?cursor={page['next']}")
    (first,), (second,) = page["items"], rest["items"]
    assert (first["id"], first["type"], first["message_id"]) == (tested["id"], "webhook.test", None)
    assert (second["type"], second["message_id"], second["state"]) == ("message.sent", message["id"], "ready")
    api.world.run("UPDATE event_delivery SET state = 'done', attempts = 1, finished_at = now()")
    again = school.post(f"/v2/deliveries/{second['id']}/replay", status=202)
    assert (again["id"], again["state"], again["attempts"]) == (second["id"], "ready", 0)
    assert school.get(f"/v2/deliveries/{second['id']}") == again


def test_a_webhook_beyond_the_keys_reach_is_none(api: Api, school: Program) -> None:
    below = api.world.group(api.school, "4A")
    inside = made(school, group_id=str(below.id))
    assert school.get(f"/v2/webhooks?group_id={below.id}")["items"][0]["id"] == inside["id"]
    for group in (
        api.master,
        api.world.group(api.master, "Vården"),
        api.world.tenant("annan", "Annan kommun"),
    ):
        other = api.program(group, "Annat")
        theirs = made(other)
        tested = other.post(f"/v2/webhooks/{theirs['id']}/test", status=202)["id"]
        nothing = school.get(f"/v2/webhooks/{new_id()}", 404)
        for method, path, body in (
            ("GET", f"/v2/webhooks/{theirs['id']}", None), ("PATCH", f"/v2/webhooks/{theirs['id']}", {"description": "x"}),
            ("DELETE", f"/v2/webhooks/{theirs['id']}", None), ("POST", f"/v2/webhooks/{theirs['id']}/test", None),
            ("POST", f"/v2/webhooks/{theirs['id']}/rotate-secret", {}), ("GET", f"/v2/webhooks/{theirs['id']}/deliveries", None),
            ("GET", f"/v2/deliveries/{tested}", None), ("POST", f"/v2/deliveries/{tested}/replay", None),
            ("GET", f"/v2/webhooks?group_id={group.id}", None), ("POST", "/v2/webhooks", {"url": URL, "group_id": str(group.id)}),
        ):  # fmt: skip
            assert school.ask(method, path, body, 404).json == nothing
        assert school.get("/v2/webhooks")["items"] == []
    # nor is an API user's api_url a webhook
    with api.world.database.unit_of_work() as session:
        place, author = api.ring.place(api.school), api.ring.author(api.school)
        endpoint = api.runtime.endpoints.set_api_url(
            session, api.world.clock.now(), author, place, school.user.id, URL
        )
    school.get(f"/v2/webhooks/{endpoint.id}", 404)


def test_who_is_removed_meanwhile_changes_nothing(api: Api, school: Program) -> None:
    webhook = made(school)
    other = api.program(api.school, "Annat")
    api.world.run("UPDATE account SET removed_at = now() WHERE id = :id", id=other.user.id)
    other.ask("DELETE", f"/v2/webhooks/{webhook['id']}", None, 401)
    assert school.get(f"/v2/webhooks/{webhook['id']}")
