"""API users and their keys."""

from __future__ import annotations

from typing import Any

from webtest import TestResponse

from messa_platform.api_v2.problems import Problem
from messa_platform.core.ids import new_id
from messa_platform.tenants.api_users.keys import MOST
from messa_platform.tenants.api_users.models import Scope
from messa_platform.tenants.models import Group
from tests.functional.api_v2.conftest import Api, Program, instead

KEY = {"scopes": ["messages:send"]}
URL = "https://93.184.216.34/messa"
NOTHING = "\u200b"
"""A name of a character that nobody sees."""


def _user(_api: Api, _group: Group, program: Program) -> str:
    made: str = program.post("/v2/api-users", {"name": new_id().hex}, 201)["id"]
    return made


def _key(api: Api, group: Group, program: Program) -> str:
    path = f"/v2/api-users/{_user(api, group, program)}/keys"
    made: str = program.post(path, KEY, 201)["id"]
    return made


THINGS = {"api-users": _user, "api-keys": _key}
BODIES = {
    "createApiUser": lambda _api, group, _body: {"name": new_id().hex, "group_id": str(group.id)},
    "setCallback": lambda _api, _group, _body: {"url": URL},
}


def _no_group(_api: Api, program: Program, path: str, body: Any) -> TestResponse:
    if body:
        return program.ask("POST", path, {**body, "group_id": str(new_id())})
    return program.ask("GET", f"{path}?group_id={new_id()}")


def _nameless(api: Api, program: Program, path: str, _body: Any) -> TestResponse:
    if path == "/v2/api-users":
        return program.ask("POST", path, {"name": NOTHING})
    whose = instead(path, _user(api, program.group, program))
    return program.ask("PATCH", whose, {"name": NOTHING})


def _taken(api: Api, program: Program, path: str, _body: Any) -> TestResponse:
    body = {"name": program.user.name.upper()}
    if path == "/v2/api-users":
        return program.ask("POST", path, body)
    return program.ask("PATCH", instead(path, _user(api, program.group, program)), body)


def _old(method: str) -> Any:
    def ask(api: Api, program: Program, path: str, body: Any) -> TestResponse:
        whose = instead(path, _user(api, program.group, program))
        return program.ask(method, whose, body, **{"If-Match": '"999"'})

    return ask


def _for_nothing(api: Api, program: Program, path: str, _body: Any) -> TestResponse:
    return program.ask("POST", instead(path, _user(api, program.group, program)), {"scopes": []})


def _full(api: Api, program: Program, path: str, body: Any) -> TestResponse:
    user = _user(api, program.group, program)
    made = [program.post(f"/v2/api-users/{user}/keys", KEY, 201)["id"] for _ in range(MOST)]
    return program.ask("POST", instead(path, user if "api-users" in path else made[0]), body)


def _stronger(api: Api, program: Program, path: str, body: Any) -> TestResponse:
    weak = api.program(api.school, new_id().hex, scopes={Scope.API_USERS_WRITE})
    return weak.ask("POST", instead(path, _key(api, program.group, program)), body)


def _inward(api: Api, program: Program, path: str, _body: Any) -> TestResponse:
    whose = instead(path, _user(api, program.group, program))
    return program.ask("PUT", whose, {"url": "https://127.0.0.1/"})


def _nobodys(_api: Api, program: Program, path: str, _body: Any) -> TestResponse:
    return program.ask("PUT", path, {"url": URL})


TROUBLES = {
    ("listApiUsers", Problem.NOT_FOUND): _no_group,
    ("createApiUser", Problem.NOT_FOUND): _no_group,
    ("createApiUser", Problem.CHANGE_REFUSED): _nameless,
    ("createApiUser", Problem.CONFLICT): _taken,
    ("changeApiUser", Problem.CHANGE_REFUSED): _nameless,
    ("changeApiUser", Problem.CONFLICT): _taken,
    ("changeApiUser", Problem.PRECONDITION): _old("PATCH"),
    ("removeApiUser", Problem.PRECONDITION): _old("DELETE"),
    ("createApiKey", Problem.CHANGE_REFUSED): _for_nothing,
    ("createApiKey", Problem.CONFLICT): _full,
    ("rotateApiKey", Problem.CHANGE_REFUSED): _stronger,
    ("rotateApiKey", Problem.CONFLICT): _full,
    ("setCallback", Problem.ADDRESS): _inward,
    ("setCallback", Problem.NOT_FOUND): _nobodys,
}
