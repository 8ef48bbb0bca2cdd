"""`/v2/api-users/<id>/callback`: the `api_url`, where an API user is told of its messages as the legacy API tells it (spec A3)."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.api_v2 import api_user_shapes as shapes
from messa_platform.api_v2.api_users import OneApiUser, place_of_user
from messa_platform.api_v2.moments import moment_of, now
from messa_platform.api_v2.operations import Answer, Asked, Operation, Succeeds
from messa_platform.api_v2.problems import Fault, Problem, Wrong
from messa_platform.api_v2.reach import author
from messa_platform.core.outbound import SENTENCES
from messa_platform.messaging.outward import endpoints
from messa_platform.messaging.outward.endpoints import BadUrl, EndpointRow
from messa_platform.messaging.outward.models import EndpointState
from messa_platform.tenants.api_users.models import Scope
from messa_platform.tenants.places import Place


def read(context: OneApiUser, request: Request, _asked: Asked) -> Answer:
    """Where it is told, and whether it is at all."""
    place = place_of_user(request, context.id)
    return Answer(_told(endpoints.api_urls(request.db, place, [context.id]).get(context.id)))


def put(context: OneApiUser, request: Request, asked: Asked) -> Answer:
    """Tell it there from now on, also if it was turned off; or nothing any more."""
    place = place_of_user(request, context.id)
    endpoint = _set(context, request, place, asked.body["url"] or "")
    if endpoint is not None and endpoint.state is EndpointState.DISABLED:
        done = endpoints.enable(request.platform_db, now(request), author(request), place, endpoint.id)
        endpoint = done if isinstance(done, EndpointRow) else endpoint
    return Answer(_told(endpoint))


def _set(context: OneApiUser, request: Request, place: Place, url: str) -> EndpointRow | None:
    office = request.registry["messa.runtime"].endpoints
    done = office.set_api_url(request.platform_db, now(request), author(request), place, context.id, url)
    match done:
        case EndpointRow():
            return done
        case None:
            return None
        case BadUrl(fault):
            raise Wrong(Problem.ADDRESS, faults=[Fault("/url", fault.value, SENTENCES[fault])])
    raise Wrong(Problem.NOT_FOUND)  # gone meanwhile, or the API user that asks is


def _told(endpoint: EndpointRow | None) -> dict[str, Any]:
    if endpoint is None:
        return {"url": None, "state": None, "disabled_why": None, "failing_since": None}
    return {
        "url": endpoint.url,
        "state": endpoint.state.value,
        "disabled_why": endpoint.disabled_why.value if endpoint.disabled_why else None,
        "failing_since": moment_of(endpoint.failing_since),
    }


_TAG = "API users"
_GONE = (Problem.NOT_FOUND,)
_CALLBACK = (Succeeds(200, "Where it is told.", shapes.CALLBACK),)
# What it is told holds the texts of answers: whoever may change API users only must not send them to an address of their own.
READ = Operation(
    "getCallback", "GET", "/v2/api-users/{id}/callback", "Read an API user's callback", "Where it is told of its messages, form-encoded.",
    _TAG, Scope.WEBHOOKS_READ, _CALLBACK, problems=_GONE,
)  # fmt: skip
PUT = Operation(
    "setCallback", "PUT", "/v2/api-users/{id}/callback", "Set an API user's callback",
    "Each status and each answer is posted there, form-encoded, as the legacy API's manual says; also if it was turned off before. Without an"
    " address it is told nothing any more.",
    _TAG, Scope.WEBHOOKS_WRITE, _CALLBACK, body=shapes.SET_CALLBACK, problems=(Problem.ADDRESS, *_GONE),
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Mount the resource."""
    for operation, view in ((READ, read), (PUT, put)):
        config.add_operation(operation, view, OneApiUser, "callback")
