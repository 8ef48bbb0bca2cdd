"""Numbers and the audit log, which are only read."""

from __future__ import annotations

from typing import Any

from webtest import TestResponse

from messa_platform.api_v2.problems import Problem
from messa_platform.core.ids import new_id
from messa_platform.tenants.api_users.models import Scope
from tests.functional.api_v2.conftest import Api, Program


def _no_group(_api: Api, program: Program, path: str, _body: Any) -> TestResponse:
    return program.ask("GET", f"{path}?group_id={new_id()}")


def _other_scope(api: Api, _program: Program, path: str, _body: Any) -> TestResponse:
    return api.program(api.school, new_id().hex, scopes={Scope.PEOPLE_READ}).ask("GET", path)


TROUBLES = {
    ("listNumbers", Problem.NOT_FOUND): _no_group,
    ("listAuditEntries", Problem.NOT_FOUND): _no_group,
    ("listAuditEntries", Problem.FORBIDDEN): _other_scope,
}
