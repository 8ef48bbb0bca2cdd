"""An organisation's own channels by v2: connected, changed, ordered, tested, paused, removed, and their secrets told to nobody (spec X3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp

from messa_platform.application import make_wsgi
from messa_platform.core.clock import FixedClock
from messa_platform.providers.connect import MOST
from messa_platform.providers.elks.fake import PASSWORD, USER, ElksFake
from messa_platform.providers.kit.fake import Trouble
from messa_platform.runtime import Runtime
from messa_platform.tenants.api_users.models import Scope
from tests.functional.api_v2.conftest import Api, Program
from tests.functional.portal.tenants_channels.test_secrets import copied, spellings
from tests.support.visitors import a_runtime

CHANNELS = "/v2/channels"
NEXT = "nytt-lösen-61f0ab22c9"


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Runtime]:
    """A process that may reach this machine, where the fake is."""
    with a_runtime(database_url, tmp_path / "key", clock, **{"outbound.allow_private": "true"}) as made:
        yield made


@pytest.fixture
def master(api: Api) -> Program:
    """A program of the topmost group's."""
    return api.program(api.master, "Driften")


@pytest.fixture
def fake() -> Iterator[ElksFake]:
    made = ElksFake()
    with made.running():
        yield made


def body(fake: ElksFake, name: str = "46elks", **settings: Any) -> dict[str, Any]:
    given = {"username": USER, "password": PASSWORD, "url": fake.base, **settings}
    return {"name": name, "plugin": "elks", "settings": given}


def test_a_channel_is_connected_with_its_key_told_once_and_read_without_secrets(
    api: Api, master: Program, fake: ElksFake
) -> None:
    answer = master.ask("POST", CHANNELS, {**body(fake), "rate": 30}, 201)
    made = answer.json
    keys = made.pop("keys")
    assert answer.headers["Location"].endswith(f"{CHANNELS}/{made['id']}")
    assert made == {
        "id": made["id"],
        "name": "46elks",
        "plugin": "elks",
        "place": 1,
        "enabled": True,
        "breaker": "closed",
        "rate": 30,
        "resends": False,
        "settings": {"username": USER, "url": fake.base},
        "secrets": ["callback_key", "password"],
        "callbacks": f"http://127.0.0.1:6543/providers/{made['id']}",
    }
    assert len(keys["callback_key"]) >= 32
    assert master.get(f"{CHANNELS}/{made['id']}") == made
    assert master.get(CHANNELS) == {"items": [made], "next": None}
    entry = api.world.rows("SELECT actor, subject, after FROM audit_entry WHERE action = 'channel_added'")[0]
    assert (entry.actor, entry.subject) == ("api", "46elks")
    assert entry.after["settings"] == ["callback_key", "password", "url", "username"]


def test_it_is_changed_in_part_and_put_into_order(master: Program, fake: ElksFake) -> None:
    first = master.post(CHANNELS, body(fake, "en"), 201)
    second = master.post(CHANNELS, body(fake, "två"), 201)
    path = f"{CHANNELS}/{second['id']}"
    changed = master.ask("PATCH", path, {"name": "tvåan", "rate": 5, "place": 1}, 200).json
    assert (changed["name"], changed["rate"], changed["place"], changed["keys"]) == ("tvåan", 5, 1, {})
    assert changed["settings"] == second["settings"] and changed["secrets"] == second["secrets"]
    assert [c["id"] for c in master.get(CHANNELS)["items"]] == [second["id"], first["id"]]
    settings = {"username": "u2", "password": "", "url": ""}
    changed = master.ask("PATCH", path, {"settings": settings, "rate": None}, 200).json
    assert (changed["settings"], changed["rate"]) == ({"username": "u2"}, None)
    renewed = master.ask("PATCH", path, {"renew_keys": True}, 200).json
    assert renewed["keys"]["callback_key"] != second["keys"]["callback_key"]


def test_an_optional_secret_is_taken_away_by_null(master: Program) -> None:
    given = {
        "token": "en-token-av-gatewayapi",
        "jwt_secret": "sexton-tecken-långt",
        "url": "https://93.184.216.34",
    }
    made = master.post(CHANNELS, {"name": "gw", "plugin": "gatewayapi", "settings": given}, 201)
    assert "jwt_secret" in made["secrets"]
    path = f"{CHANNELS}/{made['id']}"
    assert "jwt_secret" in master.ask("PATCH", path, {"settings": {"jwt_secret": ""}}, 200).json["secrets"]
    assert (
        "jwt_secret" not in master.ask("PATCH", path, {"settings": {"jwt_secret": None}}, 200).json["secrets"]
    )


def test_it_is_tested_paused_resumed_and_removed(api: Api, master: Program, fake: ElksFake) -> None:
    path = f"{CHANNELS}/{master.post(CHANNELS, body(fake), 201)['id']}"
    found = master.post(f"{path}/test")
    assert (found["state"], found["currency"]) == ("well", "SEK") and "." in found["balance"]
    fake.trouble = Trouble.WRONG_KEY
    assert master.post(f"{path}/test") == {
        "state": "wrong_key",
        "code": "http_401",
        "balance": None,
        "currency": "",
    }
    assert master.post(f"{path}/pause")["enabled"] is False
    assert master.post(f"{path}/pause")["enabled"] is False
    assert master.post(f"{path}/resume")["enabled"] is True
    master.ask("DELETE", path, None, 204)
    master.get(path, 404)
    assert master.get(CHANNELS)["items"] == []
    actions = api.world.rows("SELECT action FROM audit_entry WHERE action LIKE 'channel%' ORDER BY id")
    assert [row.action for row in actions] == [
        "channel_added",
        "channel_paused",
        "channel_resumed",
        "channel_removed",
    ]


def test_when_others_are_testing_it_is_told_to_come_back(api: Api, master: Program, fake: ElksFake) -> None:
    path = f"{CHANNELS}/{master.post(CHANNELS, body(fake), 201)['id']}"
    turns = api.runtime.providers.turns[False]
    taken = [turns.acquire(blocking=False) for _ in range(3)]
    answer = master.ask("POST", f"{path}/test", None, 429)
    turns.release(taken.count(True))
    assert answer.headers["Retry-After"] == "5"


def test_what_cannot_be_is_told_with_its_field_and_without_what_was_sent(
    master: Program, fake: ElksFake
) -> None:
    answer = master.ask("POST", CHANNELS, body(fake, password=f"{NEXT}\n", username=""), 403)
    assert {e["pointer"] for e in answer.json["errors"]} == {"/settings/password"}
    assert NEXT not in answer.text
    answer = master.ask("POST", CHANNELS, body(fake, username="", nonsens="1"), 403)
    assert answer.json["errors"] == [
        {"pointer": "/settings/nonsens", "code": "unknown", "detail": "is no setting of the plugin"}
    ]
    answer = master.ask("POST", CHANNELS, body(fake, callback_key="kort"), 403)
    assert answer.json["errors"][0]["detail"] == "must hold at least 16 characters"
    answer = master.ask("POST", CHANNELS, {**body(fake), "plugin": "no-such"}, 403)
    assert answer.json["errors"][0]["pointer"] == "/plugin"
    answer = master.ask("POST", CHANNELS, body(fake, url="ftp://x.example"), 403)
    assert answer.json["errors"][0]["detail"] == "The address is not a web address."


def test_so_many_and_no_more(api: Api, master: Program, fake: ElksFake) -> None:
    for number in range(MOST):
        api.world.channel(f"nummer {number}", plugin="elks", settings={}, tenant_id=api.master.tenant_id)
    answer = master.ask("POST", CHANNELS, body(fake), 409)
    assert str(MOST) in answer.json["detail"]


def test_the_platforms_and_others_channels_are_not_among_them(api: Api, master: Program) -> None:
    strange = (
        api.world.channel("plattformens"),
        api.world.channel("deras", tenant_id=api.world.tenant("annan").tenant_id),
    )
    assert master.get(CHANNELS)["items"] == []
    for channel in strange:
        path = f"{CHANNELS}/{channel}"
        for method, way, given in (
            ("GET", path, None), ("PATCH", path, {"place": 1}), ("DELETE", path, None),
            ("POST", f"{path}/test", None), ("POST", f"{path}/pause", None), ("POST", f"{path}/resume", None),
        ):  # fmt: skip
            master.ask(method, way, given, 404)
    assert api.world.value("SELECT count(*) FROM channel WHERE enabled") == 3


def test_in_production_neither_our_own_network_nor_plugins_that_open_connections_can_be_reached(
    api: Api, database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    with a_runtime(database_url, tmp_path / "strict", clock) as strict:
        user = api.program(api.master, "Driften")
        master = replace(user, app=TestApp(make_wsgi(strict)))
        given = {"name": "x", "plugin": "simulator", "settings": {"secret": "hemligt nog"}}
        assert master.ask("POST", CHANNELS, given, 403).json["errors"][0]["pointer"] == "/plugin"
        settings = {"username": USER, "password": PASSWORD, "url": "https://169.254.169.254"}
        answer = master.ask("POST", CHANNELS, {"name": "x", "plugin": "elks", "settings": settings}, 403)
        assert answer.json["errors"] == [
            {
                "pointer": "/settings/url",
                "code": "address",
                "detail": "The address leads into an internal network.",
            }
        ]


def test_no_secret_is_in_an_answer_a_log_or_the_database(
    api: Api, master: Program, fake: ElksFake, database_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    reader = api.program(api.master, "Läsaren", scopes={Scope.CHANNELS_READ, Scope.AUDIT_READ})
    answers = []

    def ask(method: str, path: str, given: Any = None) -> Any:
        answer = master.ask(method, path, given)
        told = answer.json.pop("keys", {}) if answer.status_int in (200, 201) else {}
        answers.append(answer.text.replace(next(iter(told.values()), "\0"), ""))
        return answer.json, told

    made, told = ask("POST", CHANNELS, body(fake))
    secrets = {PASSWORD, NEXT, *told.values()}
    path = f"{CHANNELS}/{made['id']}"
    ask("POST", f"{path}/test")
    ask("PATCH", path, {"settings": {"password": NEXT}})
    ask("POST", f"{path}/test")
    ask("PATCH", path, {"settings": {"password": f"{NEXT}\n"}})
    secrets |= set(ask("PATCH", path, {"renew_keys": True})[1].values())
    api.world.run("UPDATE channel SET settings = settings || jsonb_build_object('url', 7)")
    ask("POST", f"{path}/test")
    for view in ("pause", "resume"):
        ask("POST", f"{path}/{view}")
    for read in (CHANNELS, path, "/v2/audit", "/v2/openapi.json"):
        answers.append(reader.ask("GET", read).text)
    master.ask("DELETE", path, None, 204)
    answers.append(reader.ask("GET", "/v2/audit").text)
    everything = "".join(answers) + "".join(capfd.readouterr()) + copied(database_url)
    assert len(secrets) == 4
    for secret in secrets:
        for spelling in spellings(secret):
            assert spelling not in everything
