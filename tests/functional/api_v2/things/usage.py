"""Usage."""

from __future__ import annotations

from typing import Any

from webtest import TestResponse

from messa_platform.api_v2.problems import Problem
from messa_platform.core.ids import new_id
from tests.functional.api_v2.conftest import Api, Program


def _no_group(_api: Api, program: Program, path: str, _body: Any) -> TestResponse:
    return program.ask("GET", f"{path}?group_id={new_id()}")


def _ages(_api: Api, program: Program, path: str, _body: Any) -> TestResponse:
    return program.ask("GET", f"{path}?since=2021-01-01")


TROUBLES = {("listUsage", Problem.NOT_FOUND): _no_group, ("listUsage", Problem.TOO_LONG): _ages}
