"""What is told of the API: `/v2/openapi.json`, drawn from the operations; `/v2/`, where it can be browsed and tried; a page for each problem."""

from __future__ import annotations

import json
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import FileResponse, Response
from pyramid.security import NO_PERMISSION_REQUIRED

from messa_platform.api_v2 import openapi
from messa_platform.api_v2.operations import operations
from messa_platform.api_v2.problems import Problem
from messa_platform.api_v2.resources import Api
from messa_platform.core.resources import Resource
from messa_platform.core.site import SiteSettings

_DRAWN = "messa.v2_document"
_FILES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
# Swagger UI writes styles into its page and shows pictures that it holds as data
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self';"
    " font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


class Problems(Resource):
    """`/v2/problems`: a page for each kind."""

    def __getitem__(self, name: str) -> ProblemPage:
        for problem in Problem:
            if problem.kind.slug == name:
                return ProblemPage(self.request, name, self, problem)
        raise KeyError(name)


class ProblemPage(Resource):
    """`/v2/problems/<slug>`."""

    def __init__(self, request: Request, name: str, parent: Any, problem: Problem) -> None:
        super().__init__(request, name, parent)
        self.problem = problem


def document(_context: Api, request: Request) -> Response:
    """The OpenAPI document."""
    registry = request.registry
    if _DRAWN not in registry:  # once: anybody may ask for it
        site = registry["messa.runtime"].settings[SiteSettings]
        drawn = openapi.draw(list(operations(request)), site.public_url)
        registry[_DRAWN] = json.dumps(drawn, ensure_ascii=False).encode()
    response = Response(registry[_DRAWN], content_type="application/json")
    response.headers["Cache-Control"] = "no-cache"
    response.conditional_response = True
    response.md5_etag()
    return response


def browse(_context: Api, request: Request) -> dict[str, Any]:
    """The document as a page."""
    request.response.headers["Content-Security-Policy"] = _POLICY
    return {}


def swagger_file(name: str) -> Path:
    """A file of Swagger UI, as its wheel brings it."""
    place = f"drf_spectacular_sidecar/static/drf_spectacular_sidecar/swagger-ui-dist/{name}"
    return Path(str(distribution("drf-spectacular-sidecar").locate_file(place)))


def script(_context: Api, request: Request) -> Response:
    """Swagger UI's script, or its style sheet."""
    name = request.view_name
    response = FileResponse(str(swagger_file(name)), request=request, content_type=_FILES[name])
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response


_START = """var drawn = new URL("openapi.json", document.currentScript.src).href;
window.addEventListener("load", function () {
    SwaggerUIBundle({url: drawn, dom_id: "#api", deepLinking: true, validatorUrl: null, persistAuthorization: false});
});
"""


def start(_context: Api, _request: Request) -> Response:
    """The page's own script: the policy lets none stand in the page itself."""
    return Response(_START, content_type="text/javascript", charset="utf-8")


def problem_page(context: ProblemPage, _request: Request) -> dict[str, Any]:
    """What a problem means, and what to do."""
    return {"problem": context.problem.kind}


def all_problems(_context: Problems, _request: Request) -> dict[str, Any]:
    """All of them."""
    return {"problems": [problem.kind for problem in Problem]}


def includeme(config: Configurator) -> None:
    """Mount what anybody may read."""
    config.registry.setdefault("messa.v2_collections", {})["problems"] = Problems
    anybody = {"permission": NO_PERMISSION_REQUIRED, "request_method": "GET"}
    config.add_view(document, context=Api, name="openapi.json", **anybody)
    config.add_view(browse, context=Api, renderer="messa_platform.api_v2:templates/browse.jinja2", **anybody)
    for name in _FILES:
        config.add_view(script, context=Api, name=name, **anybody)
    config.add_view(start, context=Api, name="browse.js", **anybody)
    pages = "messa_platform.api_v2:templates/"
    config.add_view(problem_page, context=ProblemPage, renderer=f"{pages}problem.jinja2", **anybody)
    config.add_view(all_problems, context=Problems, renderer=f"{pages}problems.jinja2", **anybody)
