"""The organisation's own channels."""

from __future__ import annotations

from typing import Any

from webtest import TestResponse

from messa_platform.api_v2.problems import Problem
from messa_platform.core.ids import new_id
from messa_platform.tenants.models import Group
from tests.functional.api_v2.conftest import Api, Program, instead

URL = "https://93.184.216.34"
"""A public address, so that nothing has to be looked up."""
SETTINGS = {"username": "u1f7e2c4d5a6b", "password": "9A0F1E2D3C4B5A69", "url": URL}


def wanted(**changes: Any) -> dict[str, Any]:
    """A body for a channel that nobody has."""
    return {"name": new_id().hex, "plugin": "elks", "settings": SETTINGS, **changes}


def _channel(api: Api, group: Group, _program: Program) -> str:
    """Of the group's organisation, whoever asks."""
    return str(api.world.channel(new_id().hex, plugin="elks", settings=SETTINGS, tenant_id=group.tenant_id))


TOP = frozenset({"channels"})
THINGS = {"channels": _channel}
# the API of a provider that does not answer
UNFIT = frozenset({"testChannel"})


def _master(api: Api) -> Program:
    return api.program(api.master, new_id().hex)


def _made(api: Api) -> str:
    return str(_master(api).post("/v2/channels", wanted(), 201)["id"])


def _inside(api: Api, _program: Program, path: str, body: Any) -> TestResponse:
    settings = {**SETTINGS, "url": "https://10.0.0.1"}
    if "{id}" not in path and path == "/v2/channels":
        return _master(api).ask("POST", path, wanted(settings=settings))
    return _master(api).ask("PATCH", instead(path, _made(api)), {"settings": settings})


def _taken(api: Api, _program: Program, path: str, _body: Any) -> TestResponse:
    first = wanted()
    _master(api).post("/v2/channels", first, 201)
    if path == "/v2/channels":
        return _master(api).ask("POST", path, first)
    return _master(api).ask("PATCH", instead(path, _made(api)), {"name": first["name"]})


def _broken(api: Api, _program: Program, path: str, _body: Any) -> TestResponse:
    channel = api.world.channel(new_id().hex, plugin="gone", settings={}, tenant_id=api.master.tenant_id)
    return _master(api).ask("POST", instead(path, str(channel)))


TROUBLES = {
    ("createChannel", Problem.CHANGE_REFUSED): _inside,
    ("createChannel", Problem.CONFLICT): _taken,
    ("changeChannel", Problem.CHANGE_REFUSED): _inside,
    ("changeChannel", Problem.CONFLICT): _taken,
    ("testChannel", Problem.CONFLICT): _broken,
}
