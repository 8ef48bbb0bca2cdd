"""The OpenAPI document: valid, served, browsable, and true: a machine that reads it finds nothing else than it says (spec V1)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from messa_platform.application import make_wsgi
from messa_platform.core.clock import FixedClock
from messa_platform.core.outbound import Outbound, OutboundSettings
from messa_platform.core.web_server import WebServer
from messa_platform.messaging.outward.office import Endpoints
from messa_platform.tenants.api_users.models import KeyKind
from tests.functional.api_v2.conftest import Api, Program
from tests.support.processes import HOST, free_port
from tests.support.visitors import a_runtime

HOOKS = """
import os
import uuid

import schemathesis


@schemathesis.auth()
class Key:
    def get(self, case, context):
        return os.environ["API_KEY"]

    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context, case, kwargs):
    # one key for two different requests is refused, as it should be, though each of them is right
    if case.headers and 0 < len(case.headers.get("Idempotency-Key", "")) < 200:
        case.headers["Idempotency-Key"] += uuid.uuid4().hex
    elif case.headers and case.meta and case.meta.generation.mode.is_positive and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = case.headers["Idempotency-Key"][:200] + uuid.uuid4().hex  # 255 at the most
    # and so is a version that is not the one that holds
    if case.headers and case.meta and case.meta.generation.mode.is_positive:
        case.headers.pop("If-Match", None)
    # of addresses of which none is one no account comes: there is no id to go on with, so nothing that was made is missing
    if (case.path_parameters or {}).get("id", "") in (None, "None") and case._override is not None:
        case._override.path_parameters.pop("id", None)
"""
CONFIGURATION = """
[checks]
# a version that is none at all is refused as one that does not hold
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 406, 409, 412, 415, 422, 428, 429, "5xx"]
"""
EXAMPLES = 30
"""Requests that are made up for each operation and each kind of test."""


def test_the_document_is_valid_and_says_where_it_is_served(school: Program) -> None:
    answer = school.app.get("/v2/openapi.json")
    OpenAPIV31SpecValidator(answer.json).validate()
    assert answer.json["openapi"].startswith("3.1.")
    again = school.app.get("/v2/openapi.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_int == 304


def test_each_operation_is_documented_with_examples_and_words(school: Program) -> None:
    document = school.app.get("/v2/openapi.json").json
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for said in ("operationId", "summary", "description", "tags"):
                assert operation[said], (path, method, said)
            for status, response in operation["responses"].items():
                assert response["description"], (path, method, status)
    for name, schema in document["components"]["schemas"].items():
        if name != "Problem":
            assert schema["description"] and schema["additionalProperties"] is False, name
    words = re.findall(r'"example(?:s)?"', str(document).replace("'", '"'))
    assert len(words) > 30


def test_it_can_be_browsed_from_files_of_our_own(school: Program) -> None:
    page = school.app.get("/v2/")
    assert not re.findall(r'(?:src|href)="(?!/)', page.text)
    assert (
        "'unsafe-inline'"
        not in page.headers["Content-Security-Policy"].partition("script-src")[2].partition(";")[0]
    )
    for name, least in (("swagger-ui-bundle.js", 500_000), ("swagger-ui.css", 50_000), ("browse.js", 50)):
        assert f"/v2/{name}" in page.text
        assert len(school.app.get(f"/v2/{name}").body) > least


@dataclass
class Served:
    """The API on a real socket, and a key of it."""

    url: str
    key: str


@pytest.fixture
def served(api: Api, database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Served]:
    """Without limits of how often one may ask; the document names the address at which it is served."""
    port = free_port()
    limits = {
        f"rate.{n}_{k}": v
        for n in ("key", "tenant", "stranger")
        for k, v in (("rate", "1e6"), ("burst", "1000000"))
    }
    settings: dict[str, Any] = {"messa.public_url": f"http://{HOST}:{port}", **limits}
    user = api.ring.user(api.school)
    key = api.ring.key(api.school, user, KeyKind.V2).word
    with a_runtime(database_url, tmp_path / "other", clock, **settings) as runtime:
        # made-up names are not looked up in the world's DNS
        outbound = Outbound(OutboundSettings(), resolve=lambda host, port: ["93.184.216.34"])
        runtime = replace(runtime, outbound=outbound, endpoints=Endpoints(outbound, runtime.keys))
        server = WebServer(make_wsgi(runtime), HOST, port, 4)
        server.start()
        yield Served(f"http://{HOST}:{port}", key)
        server.close()


@pytest.mark.timeout(900)
def test_schemathesis_finds_nothing(served: Served, tmp_path: Path) -> None:
    """All its checks, examples, the corners of every shape, made-up requests, and chains along the links."""
    command = [
        *(str(Path(sys.executable).parent / "schemathesis"), "run", f"{served.url}/v2/openapi.json"),
        *("--checks", "all"),
        *(
            "--phases",
            "examples,coverage,fuzzing,stateful",
            "--max-examples",
            str(EXAMPLES),
            "--seed",
            "20261127",
        ),
        *(
            "--suppress-health-check",
            "all",
            "--warnings",
            "off",
            "--no-color",
            "--generation-database",
            "none",
        ),
    ]
    (tmp_path / "hooks.py").write_text(HOOKS)
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "hooks",
        "API_KEY": served.key,
        "PYTHONPATH": str(tmp_path),
    }
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=850, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-20_000:]
    assert re.search(r"Stateful", said), said[-3000:]
