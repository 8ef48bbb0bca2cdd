"""Webhooks and deliveries."""

from __future__ import annotations

from typing import Any

from webtest import TestResponse

from messa_platform.api_v2.problems import Problem
from messa_platform.core.ids import new_id
from messa_platform.messaging.outward.endpoints import MOST
from messa_platform.tenants.models import Group
from tests.functional.api_v2.conftest import Api, Program, instead

URL = "https://93.184.216.34/messa"


def _webhook(api: Api, _group: Group, program: Program) -> str:
    if len(program.get("/v2/webhooks")["items"]) == MOST:
        api.world.run("DELETE FROM event_endpoint")
    made: str = program.post("/v2/webhooks", {"url": URL}, 201)["id"]
    return made


def _delivery(api: Api, group: Group, program: Program) -> str:
    made: str = program.post(f"/v2/webhooks/{_webhook(api, group, program)}/test", status=202)["id"]
    return made


THINGS = {"webhooks": _webhook, "deliveries": _delivery}
BODIES = {"createWebhook": lambda _api, group, body: {**body, "url": URL, "group_id": str(group.id)}}
UNFIT = frozenset({"changeWebhook"})


def _no_group(_api: Api, program: Program, path: str, body: Any) -> TestResponse:
    missing = str(new_id())
    if body:
        return program.ask("POST", path, {**body, "group_id": missing})
    return program.ask("GET", f"{path}?group_id={missing}")


def _inward(api: Api, program: Program, path: str, body: Any) -> TestResponse:
    if path == "/v2/webhooks":
        return program.ask("POST", path, {**body, "url": "https://127.0.0.1/"})
    whose = instead(path, _webhook(api, program.group, program))
    return program.ask("PATCH", whose, {**body, "url": "https://127.0.0.1/"})


def _old(method: str) -> Any:
    def ask(api: Api, program: Program, path: str, body: Any) -> TestResponse:
        whose = instead(path, _webhook(api, program.group, program))
        return program.ask(method, whose, body, **{"If-Match": '"999"'})

    return ask


def _full(api: Api, program: Program, path: str, _body: Any) -> TestResponse:
    for _ in range(MOST - len(program.get("/v2/webhooks")["items"])):
        _webhook(api, program.group, program)
    answer = program.ask("POST", path, {"url": URL})
    api.world.run("DELETE FROM event_endpoint")
    return answer


def _turned_off(api: Api, program: Program, path: str, _body: Any) -> TestResponse:
    delivery = _delivery(api, program.group, program)
    webhook = program.get(f"/v2/deliveries/{delivery}")["webhook_id"]
    program.ask("PATCH", f"/v2/webhooks/{webhook}", {"enabled": False}, 200)
    return program.ask("POST", instead(path, webhook if "webhooks" in path else delivery))


TROUBLES = {
    ("listWebhooks", Problem.NOT_FOUND): _no_group,
    ("createWebhook", Problem.NOT_FOUND): _no_group,
    ("createWebhook", Problem.ADDRESS): _inward,
    ("createWebhook", Problem.CONFLICT): _full,
    ("changeWebhook", Problem.ADDRESS): _inward,
    ("changeWebhook", Problem.PRECONDITION): _old("PATCH"),
    ("removeWebhook", Problem.PRECONDITION): _old("DELETE"),
    ("testWebhook", Problem.CONFLICT): _turned_off,
    ("replayDelivery", Problem.CONFLICT): _turned_off,
}
