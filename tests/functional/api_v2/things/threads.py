"""Threads."""

from __future__ import annotations

from messa_platform.core.ids import new_id
from messa_platform.tenants.models import Group
from tests.functional.api_v2.conftest import Api, Program


def _thread(_api: Api, _group: Group, program: Program) -> str:
    program.send("+46701740698", new_id().hex)
    made: str = program.get("/v2/threads?limit=1")["items"][0]["id"]
    return made


THINGS = {"threads": _thread}
OWN = frozenset({"threads"})
