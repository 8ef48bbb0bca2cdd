"""An operation that is to go away says so, in its answers and in the document (RFC 9745, RFC 8594)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pyramid.config import Configurator
from webtest import TestApp

from messa_platform import api_v2
from messa_platform.api_v2 import messages
from messa_platform.api_v2.deprecations import LEAST_NOTICE, Deprecated
from messa_platform.api_v2.problems import Problem
from messa_platform.application import layered
from messa_platform.core import resources, web
from tests.functional.api_v2.conftest import Api, Program

SINCE = datetime(2027, 1, 1, tzinfo=UTC)
GOING = Deprecated(SINCE, datetime(2027, 7, 15, tzinfo=UTC), "Use `GET /v2/messages`.")
OLD = replace(
    messages.LIST, id="listMessagesOfOld", path="/v2/messages/old", problems=(Problem.NOT_FOUND,), deprecated=GOING
)  # fmt: skip
TOLD = {"Deprecation": f"@{int(SINCE.timestamp())}", "Sunset": "Thu, 15 Jul 2027 00:00:00 GMT"}


@pytest.fixture
def program(api: Api, school: Program) -> Program:
    """A program that asks an API which has an operation that is to go away."""
    config = Configurator(settings={})
    config.registry["messa.runtime"] = api.runtime
    for room in (resources, web, api_v2):
        config.include(room)
    config.add_operation(OLD, messages.listed, messages.Messages, "old")
    school.app = TestApp(layered(config.make_wsgi_app(), api.runtime))
    return school


def test_each_answer_says_since_when_and_until_when(program: Program) -> None:
    done = program.ask("GET", "/v2/messages/old", status=200)
    failed = program.ask("GET", "/v2/messages/old?nonsens=1", status=400)
    for answer in (done, failed):
        assert {name: answer.headers[name] for name in TOLD} == TOLD
    assert not TOLD.keys() & program.ask("GET", "/v2/messages", status=200).headers.keys()


def test_the_document_says_so_too(program: Program) -> None:
    document = program.app.get("/v2/openapi.json").json
    OpenAPIV31SpecValidator(document).validate()
    old = document["paths"]["/v2/messages/old"]["get"]
    assert old["deprecated"] is True
    assert old["description"].startswith(
        "Deprecated since 2027-01-01, gone on 2027-07-15. Use `GET /v2/messages`."
    )
    assert TOLD.keys() <= old["responses"]["200"]["headers"].keys() & document["components"]["headers"].keys()
    assert "deprecated" not in document["paths"]["/v2/messages"]["get"]
    assert not TOLD.keys() & document["paths"]["/v2/messages"]["get"]["responses"]["200"]["headers"].keys()


def test_less_notice_than_is_promised_cannot_be_said() -> None:
    with pytest.raises(ValueError, match="183 days"):
        Deprecated(SINCE, SINCE + LEAST_NOTICE - timedelta(seconds=1), "")
