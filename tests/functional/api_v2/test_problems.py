"""Every problem that the document names for an operation comes about, and is told as it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp, TestResponse

from messa_platform.api_v2.problems import MEDIA_TYPE, Problem
from messa_platform.application import make_wsgi
from messa_platform.core.clock import FixedClock
from messa_platform.core.ids import new_id
from messa_platform.tenants.api_users.models import Scope
from tests.functional.api_v2.conftest import Api, Program, example_of
from tests.functional.api_v2.things import TROUBLES
from tests.support.visitors import a_runtime, nowhere

KEY = {"Idempotency-Key": "en-nyckel"}


class Troubles:
    """Brings about each kind of problem, for any operation that may end in it."""

    def __init__(
        self, api: Api, program: Program, stack: ExitStack, tmp_path: Path, clock: FixedClock, url: str
    ) -> None:
        self.api = api
        self.program = program
        self._stack, self._tmp_path, self._clock, self._url = stack, tmp_path, clock, url
        self._away = nowhere()
        self._apps: dict[str, TestApp] = {}

    def bring(self, operation_id: str, problem: Problem, method: str, path: str, body: Any) -> TestResponse:
        """The answer."""
        if (operation_id, problem) in TROUBLES:
            return TROUBLES[operation_id, problem](self.api, self.program, path, body)
        make: Callable[[str, str, Any], TestResponse] = getattr(self, problem.name.lower())
        return make(method, path, body)

    def _ask(self, method: str, path: str, body: Any, **headers: str) -> TestResponse:
        return self.program.ask(method, path, body, **headers)

    def _raw(
        self, method: str, path: str, raw: bytes, content_type: str = "application/json"
    ) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.program.key}", "Content-Type": content_type}
        return self.program.app.request(path, method=method, body=raw, headers=headers, expect_errors=True)

    def _by(self, app: TestApp, method: str, path: str, body: Any) -> TestResponse:
        other = Program(app, self.program.group, self.program.user, self.program.key)
        return other.ask(method, path, body)

    def _app(self, url: str, **settings: str) -> TestApp:
        """The API as it is there; made once for all operations, since that takes a second."""
        if url in self._apps:
            return self._apps[url]
        runtime = self._stack.enter_context(
            a_runtime(url, self._tmp_path / new_id().hex, self._clock, **settings)
        )
        return self._apps.setdefault(url, TestApp(make_wsgi(runtime)))

    def unauthorized(self, method: str, path: str, body: Any) -> TestResponse:
        return self._ask(method, path, body, Authorization="")

    def forbidden(self, method: str, path: str, body: Any) -> TestResponse:
        narrow = self.api.program(self.api.school, new_id().hex, scopes={Scope.AUDIT_READ})
        return narrow.ask(method, path, body)

    def rate(self, method: str, path: str, body: Any) -> TestResponse:
        app = self._app(self._url, **{"rate.key_burst": "1", "rate.key_rate": "0.001"})
        hasty = self.api.program(self.api.school, new_id().hex)
        hasty.app = app
        hasty.ask(method, path, body)
        return hasty.ask(method, path, body)

    def internal(self, method: str, path: str, body: Any) -> TestResponse:
        limits, own = self.api.runtime.rates, self.api.runtime.rates.ask
        limits.ask = None  # type: ignore[assignment, method-assign]
        try:
            return self._ask(method, path, body)
        finally:
            limits.ask = own  # type: ignore[method-assign]

    def unavailable(self, method: str, path: str, body: Any) -> TestResponse:
        return self._by(self._app(self._away), method, path, body)

    def invalid_json(self, method: str, path: str, _body: Any) -> TestResponse:
        return self._raw(method, path, b"{")

    def too_large(self, method: str, path: str, _body: Any) -> TestResponse:
        return self._raw(method, path, b" " * (8 * 2**20 + 1))

    def media(self, method: str, path: str, _body: Any) -> TestResponse:
        return self._raw(method, path, b"{}", "text/plain")

    def invalid(self, method: str, path: str, body: Any) -> TestResponse:
        return self._ask(method, path, {**body, "nonsens": 1})

    def invalid_parameters(self, method: str, path: str, body: Any) -> TestResponse:
        return self._ask(method, f"{path}?nonsens=1", body)

    def key_reused(self, method: str, path: str, body: Any) -> TestResponse:
        self._ask(method, path, {**body, "text": "Ett"}, **KEY)
        return self._ask(method, path, {**body, "text": "Annat"}, **KEY)

    def not_found(self, method: str, path: str, body: Any) -> TestResponse:
        return self._ask(method, path, body)


@pytest.fixture
def troubles(
    api: Api, school: Program, tmp_path: Path, clock: FixedClock, database_url: str
) -> Iterator[Troubles]:
    with ExitStack() as stack:
        yield Troubles(api, school, stack, tmp_path, clock, database_url)


def test_every_documented_problem_comes_about_and_is_told_as_documented(troubles: Troubles) -> None:
    document = troubles.program.app.get("/v2/openapi.json").json
    by_slug = {problem.kind.slug: problem for problem in Problem}
    brought = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for status, response in operation["responses"].items():
                for slug in response.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {}):
                    body = example_of(document, operation)
                    answer = troubles.bring(
                        operation["operationId"],
                        by_slug[slug],
                        method.upper(),
                        path.replace("{id}", str(new_id())),
                        body,
                    )
                    told = (answer.status_int, answer.content_type, answer.json["type"].rpartition("/")[2])
                    assert told == (int(status), MEDIA_TYPE, slug), (method, path, answer.text)
                    assert answer.json["title"] == by_slug[slug].kind.title
                    for header in response["headers"]:
                        assert header in answer.headers, (method, path, slug, header)
                    brought += 1
    assert brought > 120
