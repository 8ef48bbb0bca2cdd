"""Operations: what can be done by the API, each said once. From what stands here a request is checked, answered, and documented."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from messa_platform.api_v2.deprecations import Deprecated
from messa_platform.api_v2.identity import caller
from messa_platform.api_v2.problems import MEDIA_TYPE, Fault, Problem, Wrong, document
from messa_platform.api_v2.resources import Api, Collection
from messa_platform.api_v2.shapes import Schema, check
from messa_platform.core.rates import Rates
from messa_platform.tenants.api_users.models import Scope

MOST_BYTES = 8 * 2**20
"""Of a body."""

ALWAYS = (Problem.UNAUTHORIZED, Problem.FORBIDDEN, Problem.RATE, Problem.INTERNAL, Problem.UNAVAILABLE)
"""Problems that any operation may end in."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape with a name of its own in the OpenAPI document."""

    name: str
    schema: Schema
    description: str
    example: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Succeeds:
    """An answer that says that it was done. `links` leads from its members to the operations that go on with them: a link's name, the
    operation's id, the parameter, and the member that it gets."""

    status: int
    description: str
    shape: Shape | None
    links: Sequence[tuple[str, str, str, str]] = ()
    headers: Sequence[str] = ()


def by_id(*operations: str) -> tuple[tuple[str, str, str, str], ...]:
    """Links from the `id` of what is answered to operations that take it as theirs."""
    return tuple((f"{name[0].upper()}{name[1:]}", name, "id", "id") for name in operations)


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that can be done: where, by which scope, with what, and how it may end."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    tag: str
    scope: Scope
    answers: Sequence[Succeeds]
    body: Shape | None = None
    parameters: Schema = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    is_idempotent: bool = False
    """Whether it takes an `Idempotency-Key`."""
    is_versioned: bool = False
    """Whether it takes `If-Match`."""
    deprecated: Deprecated | None = None
    """That it is to go away, if it is."""

    @property
    def all_problems(self) -> list[Problem]:
        """How it may fail."""
        own = list(self.problems)
        if self.body:
            own += [Problem.INVALID_JSON, Problem.TOO_LARGE, Problem.MEDIA, Problem.INVALID]
        if self.parameters:
            own.append(Problem.INVALID_PARAMETERS)
        if self.is_idempotent:
            own.append(Problem.KEY_REUSED)
        if self.is_versioned:
            own.append(Problem.PRECONDITION)
        return list(dict.fromkeys([*own, *ALWAYS]))


@dataclass(frozen=True, slots=True)
class Asked:
    """What came with a request, checked: the body, the query's parameters, the idempotency key."""

    body: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back."""

    content: Mapping[str, Any]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    is_problem: bool = False


View = Callable[[Any, Request, Asked], Answer]


def read_json(request: Request) -> Any:
    """The body's JSON. Raises `Wrong`."""
    if request.content_type != "application/json":
        raise Wrong(Problem.MEDIA)
    if (request.content_length or 0) > MOST_BYTES or len(request.body) > MOST_BYTES:
        raise Wrong(Problem.TOO_LARGE)
    try:
        return json.loads(request.body.decode("utf-8"), parse_constant=_no_json, parse_float=_number)
    except (ValueError, RecursionError) as error:
        at = (
            f"line {error.lineno}, column {error.colno}: {error.msg}"
            if isinstance(error, json.JSONDecodeError)
            else ""
        )
        raise Wrong(Problem.INVALID_JSON, at) from None


def _number(written: str) -> float:
    """A number; one such as 24.0 is a whole one (JSON Schema 2020-12, 6.1.1)."""
    number = float(written)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _no_json(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _query(operation: Operation, request: Request) -> dict[str, str]:
    try:
        pairs = list(request.GET.items())
    except UnicodeDecodeError:
        raise Wrong(Problem.INVALID_PARAMETERS, "The query is not UTF-8.") from None
    given = dict(pairs)
    often = sorted({name for name, count in Counter(name for name, _ in pairs).items() if count > 1})
    faults = [Fault(f"?{name}", "repeated", "stands more than once") for name in often]
    faults += [
        Fault(f"?{fault.pointer[1:]}", fault.code, fault.detail)
        for fault in check(operation.parameters, given)
    ]
    if faults:
        raise Wrong(Problem.INVALID_PARAMETERS, faults=faults)
    return given


def _body(operation: Operation, request: Request) -> Mapping[str, Any]:
    if operation.body is None:
        return {}
    body = read_json(request)
    if faults := check(operation.body.schema, body):
        raise Wrong(Problem.INVALID, faults=faults)
    checked: Mapping[str, Any] = body
    return checked


def failure(request: Request, wrong: Wrong) -> Answer:
    """A problem as an answer, for what was stored all the same and must not be rolled back."""
    return Answer(document(request, wrong), wrong.problem.kind.status, wrong.headers, is_problem=True)


def as_response(answer: Answer) -> Response:
    """An answer as it goes out."""
    if answer.status == 204:
        return Response(status=204, headerlist=[("Cache-Control", "no-store")])
    response = Response(json.dumps(answer.content, ensure_ascii=False).encode(), status=answer.status)
    response.headers["Content-Type"] = MEDIA_TYPE if answer.is_problem else "application/json"
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(answer.headers)
    return response


def _served(operation: Operation, view: View) -> Callable[[Any, Request], Response]:
    def serve(context: Any, request: Request) -> Response:
        if operation.deprecated:
            going = operation.deprecated.headers()
            request.add_response_callback(lambda _, response: response.headers.update(going))
        rates: Rates = request.registry["messa.runtime"].rates
        holder = caller(request).holder
        verdict = rates.ask(str(holder.key_id), str(holder.tenant_id))
        if not verdict.allowed:
            raise Wrong(Problem.RATE, headers=verdict.headers())
        told = verdict.headers()
        request.add_response_callback(lambda _, response: response.headers.update(told))
        asked = Asked(_body(operation, request), _query(operation, request), request.body)
        return as_response(view(context, request, asked))

    return serve


_OPERATIONS = "messa.v2_operations"


def add_operation(
    config: Configurator, operation: Operation, view: View, context: type[Any], name: str = ""
) -> None:
    """Serve an operation by `view` where the tree leads to `context`; `name` is the view's own step behind it."""
    registry = config.registry
    registry.setdefault(_OPERATIONS, []).append(operation)
    registry.setdefault("messa.v2_methods", {}).setdefault((context, name), []).append(operation.method)
    config.add_view(
        _served(operation, view),
        context=context,
        name=name,
        request_method=operation.method,
        permission=operation.scope.value,
        require_csrf=False,
    )


def add_collection(config: Configurator, name: str, collection: type[Collection]) -> None:
    """Mount a collection: `/v2/<name>`."""
    config.registry.setdefault("messa.v2_collections", {})[name] = collection


def operations(request: Request) -> Iterator[Operation]:
    """Every operation, in the order in which they were added."""
    yield from request.registry[_OPERATIONS]


def includeme(config: Configurator) -> None:
    """Set up the tree and the ways to add to it."""
    config.add_directive("add_operation", add_operation)
    config.add_directive("add_collection", add_collection)
    config.add_child("v2", lambda request, parent: Api(request, "v2", parent), reads_bodies=True)
