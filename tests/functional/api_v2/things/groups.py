"""Groups, their settings, and their quotas."""

from __future__ import annotations

from typing import Any

from webtest import TestResponse

from messa_platform.api_v2.problems import Problem
from messa_platform.core.ids import new_id
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group, Lock
from messa_platform.tenants.move_groups import DEEPEST
from messa_platform.tenants.tree import set_here
from tests.functional.api_v2.conftest import Api, Program, instead


def _group(_api: Api, group: Group, program: Program) -> str:
    made: str = program.post("/v2/groups", {"name": "4A", "parent_id": str(group.id)}, 201)["id"]
    return made


THINGS = {"groups": _group}
BODIES = {"createGroup": lambda _api, group, body: {**body, "parent_id": str(group.id)}}


def _below(program: Program, parent: str, name: str = "Klass") -> str:
    made: str = program.post("/v2/groups", {"name": name, "parent_id": parent}, 201)["id"]
    return made


def _deepest(program: Program) -> str:
    """A group so far down that none can be below it."""
    found = str(program.group.id)
    for _ in range(DEEPEST - 2):
        found = _below(program, found)
    return found


def _no_parent(_api: Api, program: Program, path: str, body: Any) -> TestResponse:
    missing = str(new_id())
    if body:
        return program.ask("POST", path, {**body, "parent_id": missing})
    return program.ask("GET", f"{path}?parent_id={missing}")


def _unseen_name(_api: Api, program: Program, path: str, _body: Any) -> TestResponse:
    return program.ask("POST", path, {"name": "\u200b"})


def _too_deep(_api: Api, program: Program, path: str, body: Any) -> TestResponse:
    return program.ask("POST", path, {**body, "parent_id": _deepest(program)})


def _moved_too_deep(api: Api, program: Program, path: str, _body: Any) -> TestResponse:
    whose = instead(path, _group(api, program.group, program))
    return program.ask("PATCH", whose, {"parent_id": _deepest(program)})


def _lifted_too_deep(api: Api, program: Program, path: str, _body: Any) -> TestResponse:
    group = _group(api, program.group, program)
    _below(program, group)
    return program.ask("DELETE", f"{instead(path, group)}?groups_to={_deepest(program)}")


def _below_itself(api: Api, program: Program, path: str, _body: Any) -> TestResponse:
    group = _group(api, program.group, program)
    return program.ask("PATCH", instead(path, group), {"parent_id": group})


def _own(_api: Api, program: Program, path: str, _body: Any) -> TestResponse:
    return program.ask("DELETE", instead(path, str(program.group.id)))


def lock_from_above(api: Api, group_id: str) -> None:
    """Let Master's admins lock a setting in a group."""
    with api.world.database.unit_of_work() as session:
        group = session.get_one(Group, group_id)
        set_here(session, api.world.clock.now(), group, Key.COUNTRY_CODE, "46", Lock.LOCKED, api.master.id)


def _freed(method: str) -> Any:
    def ask(api: Api, program: Program, path: str, _body: Any) -> TestResponse:
        above = _group(api, program.group, program)
        lock_from_above(api, above)
        whose = _below(program, above) if method == "PATCH" else above
        body = {"parent_id": str(program.group.id)} if method == "PATCH" else None
        return program.ask(method, instead(path, whose), body)

    return ask


def _locked(api: Api, program: Program, path: str, body: Any) -> TestResponse:
    group = _group(api, program.group, program)
    lock_from_above(api, group)
    return program.ask("PATCH", instead(path, group), body)


def _old(method: str) -> Any:
    def ask(api: Api, program: Program, path: str, body: Any) -> TestResponse:
        whose = instead(path, _group(api, program.group, program))
        return program.ask(method, whose, body, **{"If-Match": '"999"'})

    return ask


def _other_name(_api: Api, program: Program, path: str, body: Any) -> TestResponse:
    key = {"Idempotency-Key": "en-grupp"}
    program.ask("POST", path, body, 201, **key)
    return program.ask("POST", path, {**body, "name": "En annan"}, **key)


TROUBLES = {
    ("listGroups", Problem.NOT_FOUND): _no_parent,
    ("createGroup", Problem.NOT_FOUND): _no_parent,
    ("createGroup", Problem.CHANGE_REFUSED): _unseen_name,
    ("createGroup", Problem.CONFLICT): _too_deep,
    ("createGroup", Problem.KEY_REUSED): _other_name,
    ("changeGroup", Problem.CHANGE_REFUSED): _below_itself,
    ("changeGroup", Problem.LOCKED): _freed("PATCH"),
    ("changeGroup", Problem.CONFLICT): _moved_too_deep,
    ("changeGroup", Problem.PRECONDITION): _old("PATCH"),
    ("removeGroup", Problem.CHANGE_REFUSED): _own,
    ("removeGroup", Problem.LOCKED): _freed("DELETE"),
    ("removeGroup", Problem.CONFLICT): _lifted_too_deep,
    ("removeGroup", Problem.PRECONDITION): _old("DELETE"),
    ("changeGroupSettings", Problem.LOCKED): _locked,
    ("changeGroupSettings", Problem.PRECONDITION): _old("PATCH"),
}
