"""Texts sent, looked at, read and cancelled by v2 (spec V1-V4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from messa_platform.messaging.failover import move
from messa_platform.tenants.group_settings import Key
from tests.functional.api_v2.conftest import ANNA, GORAN, KARIN, Api, Program
from tests.support.prices import stored


def test_a_text_is_sent_and_told_whole(api: Api, school: Program) -> None:
    api.world.set(api.school, Key.SENDER_NAME, "Skolan")
    answer = school.ask(
        "POST", "/v2/messages", {"to": "070-174 06 05", "text": "Hej Åsa", "client_ref": "larm-1"}, 201
    )
    message = answer.json
    at = message["created_at"]
    assert message == {
        "id": message["id"], "direction": "out", "from": "Skolan", "to": ANNA, "status": "QUEUED", "parts": 1, "encoding": "GSM",
        "text": "Hej Åsa", "group_id": str(api.school.id), "account_id": str(school.user.id), "client_ref": "larm-1", "send_at": None,
        "created_at": at, "status_at": message["status_at"],
    }  # fmt: skip
    assert answer.headers["Location"].endswith(f"/v2/messages/{message['id']}")
    assert api.world.rows("SELECT remote, door FROM message") == [(ANNA, "v2")]
    api.network.accept()
    assert school.get(answer.headers["Location"])["status"] == "SENT"
    events = school.get(f"/v2/messages/{message['id']}/events")["items"]
    assert [(e["status"], e["changed"]) for e in events] == [("QUEUED", True), ("SENT", True)]


def test_every_field_that_is_wrong_is_told_at_once(school: Program) -> None:
    body = {
        "to": 7,
        "text": "",
        "send_at": "i morgon",
        "allow_duplicate": "ja",
        "nonsens": 1,
        "client_ref": "x" * 101,
    }
    problem = school.post("/v2/messages", body, 422)
    assert problem["type"].endswith("/v2/problems/invalid-request")
    assert {(e["pointer"], e["code"]) for e in problem["errors"]} == {
        ("/to", "type"), ("/text", "empty"), ("/send_at", "invalid"), ("/allow_duplicate", "type"), ("/nonsens", "unknown"),
        ("/client_ref", "too_long"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"text": "Hej"}, {"/to", "/recipients"}),
        ({"to": ANNA, "recipients": [{"to": KARIN}], "text": "Hej"}, {"/to", "/recipients"}),
        ({"recipients": [], "text": "Hej"}, {"/recipients"}),
        (
            {"recipients": [{"to": KARIN}, {"too": ANNA}], "text": "Hej"},
            {"/recipients/1/to", "/recipients/1/too"},
        ),
        ({"recipients": [{"to": KARIN, "values": {"a": 1}}], "text": "Hej"}, {"/recipients/0/values/a"}),
        ({"to": ANNA, "text": "He\0j"}, {"/text"}),
        ({"to": ANNA, "text": "Hej", "send_at": "2026-12-01T00:00:00"}, {"/send_at"}),
        ({"to": ANNA, "text": "Hej", "send_at": "2026-12-01"}, {"/send_at"}),
    ],
)
def test_what_is_wrong_is_pointed_at(api: Api, school: Program, body: Any, pointers: set[str]) -> None:
    assert {e["pointer"] for e in school.post("/v2/messages", body, 422)["errors"]} == pointers
    assert api.world.value("SELECT count(*) FROM message") == 0


@pytest.mark.parametrize(
    ("raw", "content_type", "status", "slug"),
    [
        (b"{", "application/json", 400, "invalid-json"),
        (b"\xff", "application/json", 400, "invalid-json"),
        (b'{"to": NaN}', "application/json", 400, "invalid-json"),
        (b"[" * 100_000, "application/json", 400, "invalid-json"),
        (b"[]", "application/json", 422, "invalid-request"),
        (b"null", "application/json", 422, "invalid-request"),
        (b"to=1", "application/x-www-form-urlencoded", 415, "unsupported-media-type"),
        (b"{}", "text/plain", 415, "unsupported-media-type"),
        (b" " * (8 * 2**20 + 1), "application/json", 413, "too-large"),
    ],
)
def test_what_is_no_json_object_is_refused(
    school: Program, raw: bytes, content_type: str, status: int, slug: str
) -> None:
    headers = {"Authorization": f"Bearer {school.key}", "Content-Type": content_type}
    answer = school.app.post("/v2/messages", raw, headers=headers, expect_errors=True)
    assert (answer.status_int, answer.content_type) == (status, "application/problem+json")
    assert answer.json["type"].endswith(slug)


@pytest.mark.parametrize(
    ("sql", "words", "status", "slug", "word"),
    [
        ("", {"to": "123"}, 403, "message-refused", "invalid_number"),
        ("", {"text": "x" * 1400}, 403, "message-refused", "too_many_parts"),
        (
            "UPDATE tenant SET state = 'suspended' WHERE NOT is_free",
            {},
            403,
            "message-refused",
            "tenant_suspended",
        ),
        ("UPDATE channel SET enabled = false", {}, 503, "unavailable", "no_route"),
    ],
)
def test_a_refused_text_is_a_problem_and_in_the_log(
    api: Api, school: Program, sql: str, words: Any, status: int, slug: str, word: str
) -> None:
    if "channel" in sql:
        api.world.run("DELETE FROM channel")
    elif sql:
        api.world.run(sql)
    problem = school.send(status=status, **words)
    assert problem["type"].endswith(slug)
    assert problem["message_status"] == word
    assert school.get(f"/v2/messages/{problem['message_id']}")["status"] == word


def test_a_quota_that_is_used_up_names_the_group_whose_rule_struck(api: Api, school: Program) -> None:
    api.world.group_quota(api.school, 1, 1)
    school.send()
    problem = school.send(KARIN, status=403)
    assert problem["message_status"] == "no_sms_left:Group:Skolan"


def test_the_same_text_within_a_day_is_a_conflict_unless_it_is_meant(api: Api, school: Program) -> None:
    school.send()
    problem = school.send(status=409)
    assert problem["message_status"] == "sms_already_sent_24H"
    assert school.send(allow_duplicate=True)["status"] == "QUEUED"


def test_a_text_for_later_waits_and_can_be_cancelled_once(api: Api, school: Program) -> None:
    at = (api.world.clock.now() + timedelta(hours=2)).isoformat()
    message = school.send(send_at=at)
    assert (message["status"], message["send_at"][:16]) == ("SCHEDULED", at[:16])
    cancelled = school.post(f"/v2/messages/{message['id']}/cancel")
    assert (cancelled["status"], cancelled["parts"]) == ("CANCELLED", 0)
    problem = school.post(f"/v2/messages/{message['id']}/cancel", status=409)
    assert problem["detail"] == "The message is CANCELLED."


def test_an_event_does_not_name_the_channel_by_which_a_text_did_not_go(api: Api, school: Program) -> None:
    message = school.send()
    api.world.channel("reserv", priority=9)
    channel = api.world.value("SELECT id FROM channel WHERE name <> 'reserv'")
    api.world.run("UPDATE channel SET enabled = false WHERE id = :id", id=channel)
    with api.world.database.unit_of_work() as session:
        assert move(session, api.world.clock.now(), channel, lambda *_: None) == 1
    events = school.get(f"/v2/messages/{message['id']}/events")["items"]
    assert [event["code"] for event in events] == ["", "moved_from"]


def test_a_dry_run_tells_and_stores_nothing(api: Api, school: Program) -> None:
    api.world.set(api.school, Key.SIGNATURE, "/Skolan")
    api.world.group_quota(api.school, 3, 1)
    seen = school.post("/v2/messages/dry-run", {"to": ANNA, "text": "Hej €"})
    assert seen == {
        "text": "Hej €\n/Skolan",
        "encoding": "GSM",
        "units": 14,
        "parts": 1,
        "left": 3,
        "price": None,
        "status": "QUEUED",
    }
    assert school.post("/v2/messages/dry-run", {"to": "1", "text": "Hej"})["status"] == "invalid_number"
    assert (
        school.post("/v2/messages/dry-run", {"to": ANNA, "text": "x" * 600})["status"]
        == "no_sms_left:Group:Skolan"
    )
    assert api.world.value("SELECT count(*) FROM message") == 0


def test_a_dry_run_tells_the_price_of_all_parts_exactly(api: Api, school: Program) -> None:
    stored(api.world, "Normal", {"46": 350_001, "4670": 333_333})
    asked = {"to": ANNA, "text": "x" * 161}

    def price(**body: str) -> str | None:
        told: str | None = school.post("/v2/messages/dry-run", {**asked, **body})["price"]
        return told

    assert price() == "0.666666"
    assert price(text="x") == "0.333333"
    assert price(to="+46731740605") == "0.700002"
    assert price(to="+4791234567") is None
    assert price(to="1") == "0.000000"  # refused
    stored(api.world, "Normal", {"46": 1}, 1)
    tomorrow = api.world.clock.now() + timedelta(days=1)
    assert price(send_at=tomorrow.isoformat()) == "0.000002"
    assert price() == "0.666666"


def test_many_get_a_batch_with_what_differs_filled_in(api: Api, school: Program) -> None:
    body = {
        "recipients": [
            {"to": ANNA, "values": {"namn": "Anna"}},
            {"to": "12"},
            {"to": KARIN, "values": {"Namn": "Karin"}},
            {"to": ANNA, "values": {"namn": "Anna"}},
        ],
        "text": "Hej {namn}! {{ok}}",
        "client_ref": "utskick-7",
    }  # fmt: skip
    answer = school.ask("POST", "/v2/messages", body, 202)
    batch = answer.json
    assert (batch["state"], batch["total"], batch["done"], batch["statuses"]) == ("working", 3, 0, {})
    api.work()
    batch = school.get(answer.headers["Location"])
    assert (batch["state"], batch["done"], batch["accepted"]) == ("finished", 3, 2)
    assert batch["statuses"] == {"QUEUED": 2, "too_short": 1}
    assert api.world.rows("SELECT remote, text, door, client_ref FROM message ORDER BY remote") == [
        (ANNA, "Hej Anna! {ok}", "v2", "utskick-7"), (KARIN, "Hej Karin! {ok}", "v2", "utskick-7"),
    ]  # fmt: skip
    first = school.get(f"/v2/batches/{batch['id']}/recipients?limit=2")
    second = school.get(f"/v2/batches/{batch['id']}/recipients?limit=2&cursor={first['next']}")
    told = [(item["to"], item["status"]) for item in first["items"] + second["items"]]
    assert told == [(ANNA, "QUEUED"), ("12", "too_short"), (KARIN, "QUEUED")]
    assert second["next"] is None
    assert school.get(f"/v2/messages/{first['items'][0]['message_id']}")["to"] == ANNA


def test_without_values_braces_are_braces(api: Api, school: Program) -> None:
    school.post("/v2/messages", {"recipients": [{"to": ANNA}], "text": "if (x) { {y} }"}, 202)
    api.work()
    assert api.world.value("SELECT text FROM message") == "if (x) { {y} }"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"recipients": [{"to": ANNA, "values": {"a": "1"}}], "text": "Hej {b}"}, "/text"),
        ({"recipients": [{"to": ANNA, "values": {"a": ""}}], "text": "{a}"}, "/recipients"),
        ({"recipients": [{"to": "1"}, {"to": "2"}], "text": "Hej"}, "/recipients"),
    ],
)
def test_a_batch_that_nobody_would_get_is_refused(api: Api, school: Program, body: Any, pointer: str) -> None:
    assert [e["pointer"] for e in school.post("/v2/messages", body, 403)["errors"]] == [pointer]
    assert api.world.value("SELECT count(*) FROM sending") == 0


@pytest.mark.parametrize("path", ["/v2/messages", "/v2/messages/dry-run"])
def test_a_time_that_is_too_far_ahead_is_refused(api: Api, school: Program, path: str) -> None:
    problem = school.post(path, {"to": ANNA, "text": "Hej", "send_at": "2999-01-01T00:00:00Z"}, 403)
    assert [e["pointer"] for e in problem["errors"]] == ["/send_at"]
    assert api.world.value("SELECT count(*) FROM message") == 0


def test_ten_thousand_are_taken_in_and_one_more_is_not(api: Api, school: Program) -> None:
    recipients = [{"to": f"+4670{n:07}"} for n in range(10_001)]
    problem = school.post("/v2/messages", {"recipients": recipients, "text": "Hej"}, 422)
    assert [e["pointer"] for e in problem["errors"]] == ["/recipients"]
    assert school.post("/v2/messages", {"recipients": recipients[1:], "text": "Hej"}, 202)["total"] == 10_000


def test_messages_are_listed_page_by_page_and_narrowed(api: Api, school: Program) -> None:
    ids = [school.send(number, text)["id"] for text in ("Ett", "Två") for number in (ANNA, KARIN, GORAN)]
    first = school.get("/v2/messages?limit=4")
    second = school.get(f"/v2/messages?limit=4&cursor={first['next']}")
    assert [m["id"] for m in first["items"] + second["items"]] == ids[::-1]
    assert second["next"] is None
    anna = school.get("/v2/messages?number=%2B46701740605")["items"]
    assert [m["id"] for m in anna] == [ids[3], ids[0]]
    assert school.get("/v2/messages?status=SENT")["items"] == []
    assert len(school.get("/v2/messages?status=QUEUED&direction=out")["items"]) == 6
    later = (api.world.clock.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert school.get(f"/v2/messages?since={later}")["items"] == []


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("limit=0", {"?limit"}), ("limit=101", {"?limit"}), ("limit=5&limit=6", {"?limit"}), ("status=sent&page=2", {"?status", "?page"}),
        ("cursor=x", {"?cursor"}), ("cursor=" + "A" * 22 + "%C3%A5", {"?cursor"}), ("group_id=7", {"?group_id"}), ("since=i%20dag", {"?since"}),
        ("number=%00", {"?number"}),
    ],
)  # fmt: skip
def test_a_parameter_that_cannot_be_used_is_named(school: Program, query: str, names: set[str]) -> None:
    problem = school.get(f"/v2/messages?{query}", 400)
    assert {e["pointer"] for e in problem["errors"]} == names


def test_a_query_that_is_no_utf_8_is_told(school: Program) -> None:
    assert school.get("/v2/messages?number=%E5", 400)["type"].endswith("invalid-parameters")
