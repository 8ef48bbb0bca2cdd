"""Domains."""

from __future__ import annotations

from typing import Any

from webtest import TestResponse

from messa_platform.api_v2.problems import Problem
from messa_platform.core.ids import new_id
from messa_platform.tenants.models import Group
from tests.functional.api_v2.conftest import Api, Program, instead


def fresh() -> str:
    """A name that nobody has claimed."""
    return f"{new_id().hex[-12:]}.example"


def _domain(_api: Api, _group: Group, program: Program) -> str:
    made: str = program.post("/v2/domains", {"name": fresh()}, 201)["id"]
    return made


THINGS = {"domains": _domain}
BODIES = {
    "createDomain": lambda _api, group, _body: {"name": fresh(), "group_id": str(group.id)},
    "moveDomain": lambda _api, group, _body: {"group_id": str(group.id)},
}
UNFIT = frozenset({"takeAlong", "undoDomainMove"})


def _no_group(_api: Api, program: Program, path: str, body: Any) -> TestResponse:
    if body:
        return program.ask("POST", path, {**body, "group_id": str(new_id())})
    return program.ask("GET", f"{path}?group_id={new_id()}")


def _public(_api: Api, program: Program, path: str, _body: Any) -> TestResponse:
    return program.ask("POST", path, {"name": "co.uk"})


def _twice(_api: Api, program: Program, path: str, body: Any) -> TestResponse:
    program.ask("POST", path, body)
    return program.ask("POST", path, body)


def _approved(api: Api, program: Program, path: str, _body: Any) -> TestResponse:
    domain = _domain(api, program.group, program)
    api.world.run("UPDATE domain SET state = 'verified', proof = 'operator' WHERE id = :id", id=domain)
    return program.ask("POST", instead(path, domain))


def _waiting(api: Api, program: Program, path: str, body: Any) -> TestResponse:
    return program.ask("POST", instead(path, _domain(api, program.group, program)), body)


TROUBLES = {
    ("listDomains", Problem.NOT_FOUND): _no_group,
    ("createDomain", Problem.NOT_FOUND): _no_group,
    ("createDomain", Problem.CHANGE_REFUSED): _public,
    ("createDomain", Problem.CONFLICT): _twice,
    ("verifyDomain", Problem.CONFLICT): _approved,
    ("takeAlong", Problem.CONFLICT): _waiting,
    ("undoDomainMove", Problem.CONFLICT): _waiting,
}
