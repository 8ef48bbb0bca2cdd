"""Admins of groups: told by the account's id and the group."""

from __future__ import annotations

from typing import Any

from webtest import TestResponse

from messa_platform.api_v2.problems import Problem
from messa_platform.core.ids import new_id
from messa_platform.tenants.models import Group
from tests.functional.api_v2.conftest import Api, Program, instead


def _somebody(api: Api, group: Group) -> str:
    """Somebody in the group; gives the address."""
    address = f"{new_id().hex}@kommun.example"
    api.world.account(group, address)
    return address


def _admin(api: Api, group: Group, _program: Program) -> str:
    account_id = api.world.account(group, f"{new_id().hex}@kommun.example")
    api.world.administer(group, account_id)
    return f"{account_id}?group_id={group.id}"


THINGS = {"admins": _admin}
BODIES = {
    "createAdmin": lambda api, group, _body: {"group_id": str(group.id), "email": _somebody(api, group)}
}


def _no_group(_api: Api, program: Program, path: str, body: Any) -> TestResponse:
    missing = str(new_id())
    if body:
        return program.ask("POST", path, {**body, "group_id": missing})
    return program.ask("GET", f"{path}?group_id={missing}")


def _stranger(_api: Api, program: Program, path: str, _body: Any) -> TestResponse:
    return program.ask("POST", path, {"email": f"{new_id().hex}@kommun.example"})


def _last(api: Api, _program: Program, path: str, _body: Any) -> TestResponse:
    above = api.program(api.master, new_id().hex)
    *others, last = above.get("/v2/admins")["items"]
    for other in others:
        above.ask("DELETE", f"/v2/admins/{other['id']}", None, 204)
    return above.ask("DELETE", instead(path, last["id"]))


TROUBLES = {
    ("listAdmins", Problem.NOT_FOUND): _no_group,
    ("createAdmin", Problem.NOT_FOUND): _no_group,
    ("createAdmin", Problem.CHANGE_REFUSED): _stranger,
    ("removeAdmin", Problem.CHANGE_REFUSED): _last,
}
