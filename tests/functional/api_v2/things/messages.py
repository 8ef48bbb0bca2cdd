"""Messages and batches."""

from __future__ import annotations

from typing import Any

from webtest import TestResponse

from messa_platform.api_v2.problems import Problem
from messa_platform.core.ids import new_id
from messa_platform.tenants.models import Group
from tests.functional.api_v2.conftest import ANNA, Api, Program, instead

FAR = {"to": ANNA, "text": "Hej", "send_at": "2999-01-01T00:00:00Z"}


def _message(_api: Api, _group: Group, program: Program) -> str:
    made: str = program.send("+46701740699", new_id().hex)["id"]
    return made


def _batch(_api: Api, _group: Group, program: Program) -> str:
    body = {"recipients": [{"to": ANNA}], "text": new_id().hex}
    made: str = program.post("/v2/messages", body, 202)["id"]
    return made


THINGS = {"messages": _message, "batches": _batch}
OWN = frozenset({"batches"})
UNFIT = frozenset({"cancelMessage"})


def _far(_api: Api, program: Program, path: str, _body: Any) -> TestResponse:
    return program.ask("POST", path, FAR)


def _twice(_api: Api, program: Program, path: str, body: Any) -> TestResponse:
    program.ask("POST", path, body)
    return program.ask("POST", path, body)


def _sent(api: Api, program: Program, path: str, _body: Any) -> TestResponse:
    return program.ask("POST", instead(path, _message(api, program.group, program)))


TROUBLES = {
    ("sendMessage", Problem.REFUSED): _far,
    ("tryMessage", Problem.REFUSED): _far,
    ("sendMessage", Problem.DUPLICATE): _twice,
    ("cancelMessage", Problem.CONFLICT): _sent,
}
