"""People's accounts."""

from __future__ import annotations

from typing import Any

from webtest import TestResponse

from messa_platform.api_v2.problems import Problem
from messa_platform.core.ids import new_id
from messa_platform.tenants.models import Group
from tests.functional.api_v2.conftest import Api, Program, instead


def address() -> str:
    """One that nobody has."""
    return f"{new_id().hex}@kommun.example"


def _account(api: Api, group: Group, _program: Program) -> str:
    return str(api.world.account(group, address()))


def _wanted(_api: Api, group: Group, _body: Any) -> Any:
    return {"group_id": str(group.id), "accounts": [{"email": address()}]}


THINGS = {"accounts": _account}
BODIES = {"addAccounts": _wanted, "tryAccounts": _wanted}


def _no_group(_api: Api, program: Program, path: str, body: Any) -> TestResponse:
    missing = str(new_id())
    if body:
        return program.ask("POST", path, {**body, "group_id": missing})
    return program.ask("GET", f"{path}?group_id={missing}")


def _old(method: str) -> Any:
    def ask(api: Api, program: Program, path: str, body: Any) -> TestResponse:
        whose = instead(path, _account(api, program.group, program))
        return program.ask(method, whose, body, **{"If-Match": '"999"'})

    return ask


def _higher(method: str, body: Any = None) -> Any:
    """Of somebody who administers what lies above the key's group."""

    def ask(api: Api, program: Program, path: str, _body: Any) -> TestResponse:
        account_id = api.world.account(program.group, address())
        api.world.administer(api.master, account_id)
        return program.ask(method, instead(path, str(account_id)), body)

    return ask


TROUBLES = {
    ("listAccounts", Problem.NOT_FOUND): _no_group,
    ("addAccounts", Problem.NOT_FOUND): _no_group,
    ("tryAccounts", Problem.NOT_FOUND): _no_group,
    ("changeAccount", Problem.PRECONDITION): _old("PATCH"),
    ("changeAccount", Problem.CHANGE_REFUSED): _higher("PATCH", {"blocked": True}),
    ("removeAccount", Problem.PRECONDITION): _old("DELETE"),
    ("removeAccount", Problem.CHANGE_REFUSED): _higher("DELETE"),
}
