"""The organisation's own routes."""

from __future__ import annotations

from itertools import count
from typing import Any

from webtest import TestResponse

from messa_platform.api_v2.problems import Problem
from messa_platform.core.ids import new_id
from messa_platform.tenants.models import Group
from tests.functional.api_v2.conftest import Api, Program, instead
from tests.support.prices import route

PREFIXES = count(1000)
"""Beginnings of numbers for which nobody has a route."""


def own_channel(api: Api, group: Group) -> Any:
    """A channel of the group's organisation."""
    return api.world.channel(new_id().hex, tenant_id=group.tenant_id)


def _route(api: Api, group: Group, _program: Program) -> str:
    """Of the group's organisation, whoever asks."""
    tenant = group.tenant_id
    return str(route(api.world, own_channel(api, group), tenant=tenant, prefix=str(next(PREFIXES))))


TOP = frozenset({"routes"})
THINGS = {"routes": _route}


def _master(api: Api) -> Program:
    return api.program(api.master, new_id().hex)


def _operators(api: Api) -> str:
    """One that the operator has made for all."""
    return str(route(api.world, api.world.channel(new_id().hex), prefix=str(next(PREFIXES))))


def _strange(api: Api, _program: Program, path: str, body: Any) -> TestResponse:
    return _master(api).ask("POST", path, body)


def _theirs(api: Api, _program: Program, path: str, body: Any) -> TestResponse:
    whose = instead(path, _operators(api))
    return _master(api).ask("PATCH" if body else "DELETE", whose, body)


def _same(api: Api, program: Program, path: str, _body: Any) -> TestResponse:
    taken = {"prefix": str(next(PREFIXES)), "channels": [str(own_channel(api, api.master))]}
    _master(api).post("/v2/routes", taken, 201)
    if path == "/v2/routes":
        return _master(api).ask("POST", path, taken)
    whose = instead(path, _route(api, api.master, program))
    return _master(api).ask("PATCH", whose, {"prefix": taken["prefix"]})


def _other_texts(api: Api, _program: Program, path: str, _body: Any) -> TestResponse:
    master, key = _master(api), {"Idempotency-Key": "en-route"}
    for _ in range(2):
        wanted = {"prefix": str(next(PREFIXES)), "channels": [str(own_channel(api, api.master))]}
        answer = master.ask("POST", path, wanted, **key)
    return answer


TROUBLES = {
    ("createRoute", Problem.CHANGE_REFUSED): _strange,
    ("createRoute", Problem.CONFLICT): _same,
    ("createRoute", Problem.KEY_REUSED): _other_texts,
    ("changeRoute", Problem.CHANGE_REFUSED): _theirs,
    ("changeRoute", Problem.CONFLICT): _same,
    ("removeRoute", Problem.CHANGE_REFUSED): _theirs,
}
