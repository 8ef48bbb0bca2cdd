"""The OpenAPI 3.1 document, drawn from the operations and their shapes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

from messa_platform.api_v2.operations import Operation, Shape, Succeeds
from messa_platform.api_v2.problems import MEDIA_TYPE, Problem
from messa_platform.api_v2.shapes import json_schema

_ABOUT = """Send texts and follow them, and run your organisation's part of messa.

**Keys.** An admin makes them under a group's tab *API*. A key belongs to an API user, acts in its group and everything below that, and has
scopes. Send it as `Authorization: Bearer msk_…`.

**Problems** are `application/problem+json` (RFC 9457): `type` leads to a page that says what to do, `errors` names every field that is
wrong by a JSON Pointer.

**Lists** are `{"items": […], "next": …}`: `next` is the `cursor` of the next page, null on the last.

**Twice is once.** With an `Idempotency-Key` of your own making, the same request within 24 hours gets the answer of the first time.

**Limits.** Each answer tells in `RateLimit` what is left; beyond it `429` says in `Retry-After` when to come back.

**Changes.** What is to go away is announced in the headers `Deprecation` and `Sunset` (RFC 9745, RFC 8594), half a year ahead at the least.
"""

_HEADERS = {
    "RateLimit": ("What is left, and in how many seconds all of it will be there again.", '"key";r=199;t=1'),
    "RateLimit-Policy": (
        "The limit: requests at once, and in how many seconds they are there again.",
        '"key";q=200;w=4',
    ),
    "Retry-After": ("Seconds after which to come back.", "3"),
    "ETag": ("The version that you have read; send it in `If-Match` with a change.", '"3"'),
    "Location": ("Where it is to be found.", "/v2/messages/01a21b9c-8f00-7a4e-9d3b-1f2e3d4c5b6a"),
    "Deprecation": ("Since when this is deprecated.", "@1798758000"),
    "Sunset": ("When it is gone.", "Thu, 01 Jul 2027 00:00:00 GMT"),
    "WWW-Authenticate": ("How to say who you are.", 'Bearer realm="messa"'),
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "A page that says what to do."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "A JSON Pointer, or `?name` of a parameter.",
                    },
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
        "scope": {"type": "string", "description": "The scope that the key lacks."},
        "message_id": {
            "type": "string",
            "format": "uuid",
            "description": "The message that was refused, in the log.",
        },
        "message_status": {"type": "string", "description": "Why, in the words of the log."},
    },
}


def draw(operations: Sequence[Operation], public_url: str) -> dict[str, Any]:
    """The document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, public_url)
    return {
        "openapi": "3.1.0",
        "info": {"title": "messa", "version": "2.0", "description": _ABOUT},
        "servers": [{"url": public_url.rstrip("/")}],
        "security": [{"key": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(o.tag for o in operations)],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A key of v2, `msk_…`."}
            },
            "schemas": {shape.name: _schema(shape) for shape in _shapes(operations)} | {"Problem": _PROBLEM},
            "headers": {
                name: {"description": said, "schema": {"type": "string"}, "example": example}
                for name, (said, example) in _HEADERS.items()
            },
        },
    }


def _shapes(operations: Iterable[Operation]) -> list[Shape]:
    found = [o.body for o in operations if o.body] + [
        a.shape for o in operations for a in o.answers if a.shape
    ]
    return list({shape.name: shape for shape in found}.values())


def _schema(shape: Shape) -> dict[str, Any]:
    drawn = {**json_schema(shape.schema), "description": shape.description}
    return {**drawn, "examples": [dict(shape.example)]} if shape.example else drawn


def _operation(operation: Operation, public_url: str) -> dict[str, Any]:
    drawn: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "description": f"{operation.description}\n\nScope: `{operation.scope.value}`.",
        "tags": [operation.tag],
        "parameters": _parameters(operation),
        "responses": {str(a.status): _answer(a, operation) for a in operation.answers}
        | _problems(operation, public_url),
    }
    if operation.deprecated:
        drawn["deprecated"] = True
        drawn["description"] = f"{operation.deprecated.told()}\n\n{drawn['description']}"
    if operation.body:
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{operation.body.name}"}}}
        drawn["requestBody"] = {"required": True, "content": content}
    return drawn


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    drawn: list[dict[str, Any]] = []
    if "{id}" in operation.path:
        drawn.append(
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
        )
    schema = json_schema(operation.parameters)["properties"]
    for name, rules in schema.items():
        told = {"description": rules.pop("description")} if "description" in rules else {}
        drawn.append({"name": name, "in": "query", "required": False, **told, "schema": rules})
    if operation.is_idempotent:
        said = "A word of your own making for this request; the same request with it is done once (24 hours)."
        rules = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"}
        drawn.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": said,
                "schema": rules,
            }
        )
    if operation.is_versioned:
        said = "The `ETag` that you have read: the change is made only if that still holds."
        rules = {"type": "string", "pattern": '^"[0-9]{1,9}"$'}
        drawn.append(
            {"name": "If-Match", "in": "header", "required": False, "description": said, "schema": rules}
        )
    return drawn


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _answer(answer: Succeeds, operation: Operation) -> dict[str, Any]:
    going = operation.deprecated.headers() if operation.deprecated else ()
    drawn: dict[str, Any] = {
        "description": answer.description,
        "headers": _headers("RateLimit", "RateLimit-Policy", *going, *answer.headers),
    }
    if answer.shape:
        schema = {"$ref": f"#/components/schemas/{answer.shape.name}"}
        drawn["content"] = {"application/json": {"schema": schema}}
    links = {
        name: {"operationId": operation, "parameters": {parameter: f"$response.body#/{member}"}}
        for name, operation, parameter, member in answer.links
    }
    return {**drawn, "links": links} if links else drawn


def _problems(operation: Operation, public_url: str) -> dict[str, Any]:
    by_status: dict[int, list[Problem]] = {}
    for problem in operation.all_problems:
        by_status.setdefault(problem.kind.status, []).append(problem)
    return {str(status): _failure(status, found, public_url) for status, found in sorted(by_status.items())}


def _failure(status: int, found: Sequence[Problem], public_url: str) -> dict[str, Any]:
    known = {
        401: ("WWW-Authenticate",),
        429: ("RateLimit", "RateLimit-Policy", "Retry-After"),
        503: ("Retry-After",),
    }
    page = f"{public_url.rstrip('/')}/v2/problems/"
    examples = {
        p.kind.slug: {"value": {"type": page + p.kind.slug, "title": p.kind.title, "status": status}}
        for p in found
    }
    titles = "; ".join(f"{p.kind.title} ({p.kind.slug})" for p in found)
    return {
        "description": titles or HTTPStatus(status).phrase,
        "headers": _headers(*known.get(status, ())),
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}},
    }
