"""The organisation as a whole."""

from __future__ import annotations

from typing import Any

from webtest import TestResponse

from messa_platform.api_v2.problems import Problem
from messa_platform.core.ids import new_id
from tests.functional.api_v2.conftest import Api, Program


def _by_master(body: Any, **headers: str) -> Any:
    def ask(api: Api, _program: Program, path: str, _body: Any) -> TestResponse:
        return api.program(api.master, new_id().hex).ask("PATCH", path, body, **headers)

    return ask


TROUBLES = {
    ("changeOrganisation", Problem.CHANGE_REFUSED): _by_master({"demands_second_factor": True}),
    ("changeOrganisation", Problem.CONFLICT): _by_master({"keep_text_days": 1}),
    ("changeOrganisation", Problem.PRECONDITION): _by_master({"language": "en"}, **{"If-Match": '"999"'}),
}
