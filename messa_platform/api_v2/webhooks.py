"""`/v2/webhooks` and `/v2/deliveries`: who is told of events, and what they were told (spec V6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.api_v2 import webhook_shapes as shapes
from messa_platform.api_v2.identity import caller
from messa_platform.api_v2.moments import moment_of, now
from messa_platform.api_v2.operations import Answer, Asked, Operation, Succeeds, by_id
from messa_platform.api_v2.pages import CURSOR, LIMIT, cursor_of, cut, limit_of, read_cursor
from messa_platform.api_v2.problems import Fault, Problem, Wrong
from messa_platform.api_v2.reach import author, place_named, place_within
from messa_platform.api_v2.resources import Collection, Item
from messa_platform.api_v2.shapes import an_id
from messa_platform.api_v2.versions import asked_version, etag
from messa_platform.core.outbound import SENTENCES
from messa_platform.messaging.outward import deliveries, endpoints
from messa_platform.messaging.outward.deliveries import Delivery
from messa_platform.messaging.outward.endpoints import BadUrl, EndpointRow, Made, Refusal, Wish
from messa_platform.messaging.outward.events import EventType
from messa_platform.messaging.outward.models import EndpointState
from messa_platform.messaging.outward.office import Endpoints
from messa_platform.tenants.api_users.models import Scope
from messa_platform.tenants.api_users.users import Conflict
from messa_platform.tenants.places import Place


class Webhook(Item):
    """`/v2/webhooks/<id>`."""


class Webhooks(Collection):
    """`/v2/webhooks`."""

    item = Webhook


class OneDelivery(Item):
    """`/v2/deliveries/<id>`."""


class Deliveries(Collection):
    """`/v2/deliveries`."""

    item = OneDelivery


def listed(_context: Webhooks, request: Request, asked: Asked) -> Answer:
    """The webhooks right in a group."""
    found = endpoints.of_group(request.db, place_named(request, asked.query))
    return Answer({"items": [_told(endpoint) for endpoint in found], "next": None})


def create(_context: Webhooks, request: Request, asked: Asked) -> Answer:
    """A new webhook, with its secret."""
    body = asked.body
    place = place_named(request, body)
    wish = Wish(body["url"], body.get("description", ""), _types(body.get("event_types", ())))
    made = _office(request).create(request.platform_db, now(request), author(request), place, wish)
    done = _done(made)
    return Answer(
        _with_secret(done),
        201,
        {"Location": f"/v2/webhooks/{done.endpoint.id}", **etag(done.endpoint.version)},
    )


def read(context: Webhook, request: Request, _asked: Asked) -> Answer:
    """One of them."""
    endpoint = _found(context, request, _place(context, request))
    return Answer(_told(endpoint), headers=etag(endpoint.version))


def change(context: Webhook, request: Request, asked: Asked) -> Answer:
    """Another address, other events, on or off."""
    place, body, version = _place(context, request), asked.body, asked_version(request)
    endpoint = _found(context, request, place)
    session, at, who = request.platform_db, now(request), author(request)
    if version not in (None, endpoint.version):
        raise Wrong(Problem.PRECONDITION)
    if {"url", "description", "event_types"} & body.keys():
        wish = Wish(
            body.get("url", endpoint.url),
            body.get("description", endpoint.description),
            _types(body["event_types"]) if "event_types" in body else endpoint.event_types,
        )
        endpoint = _done(_office(request).change(session, at, who, place, endpoint.id, version, wish))
    if "enabled" in body and body["enabled"] is not (endpoint.state is EndpointState.ACTIVE):
        turn = endpoints.enable if body["enabled"] else endpoints.disable
        endpoint = _done(turn(session, at, who, place, endpoint.id))
    return Answer(_told(endpoint), headers=etag(endpoint.version))


def remove(context: Webhook, request: Request, _asked: Asked) -> Answer:
    """It is told nothing any more."""
    place, version = _place(context, request), asked_version(request)
    _done(endpoints.remove(request.platform_db, now(request), author(request), place, context.id, version))
    return Answer({}, 204)


def rotate(context: Webhook, request: Request, asked: Asked) -> Answer:
    """A new secret beside the old one, for a while."""
    overlap = timedelta(hours=asked.body.get("overlap_hours", 24))
    made = _office(request).rotate_secret(
        request.platform_db,
        now(request),
        author(request),
        _place(context, request),
        context.id,
        None,
        overlap,
    )
    done = _done(made)
    return Answer(_with_secret(done), headers=etag(done.endpoint.version))


def test(context: Webhook, request: Request, _asked: Asked) -> Answer:
    """Send it an event that tells of nothing."""
    done = deliveries.send_test(
        request.platform_db,
        now(request),
        author(request),
        _place(context, request),
        context.id,
        _push(request),
    )
    return Answer(_delivery(_done(done)), 202)


def told(context: Webhook, request: Request, asked: Asked) -> Answer:
    """What it was told."""
    place, most = _place(context, request), limit_of(asked.query)
    found = deliveries.latest(request.db, place, context.id, most + 1, read_cursor(asked.query))
    shown, last = cut(found, most)
    items = [_delivery(delivery) for delivery in shown]
    return Answer({"items": items, "next": cursor_of(last.id) if last else None})


def read_delivery(context: OneDelivery, request: Request, _asked: Asked) -> Answer:
    """One of these."""
    found = deliveries.read(request.db, _place_of_delivery(context, request), context.id)
    if found is None:
        raise Wrong(Problem.NOT_FOUND)
    return Answer(_delivery(found))


def replay(context: OneDelivery, request: Request, _asked: Asked) -> Answer:
    """Send it again, with the same `webhook-id`."""
    place = _place_of_delivery(context, request)
    done = deliveries.send_again(
        request.platform_db, now(request), author(request), place, context.id, _push(request)
    )
    return Answer(_delivery(_done(done)), 202)


def _office(request: Request) -> Endpoints:
    office: Endpoints = request.registry["messa.runtime"].endpoints
    return office


def _push(request: Request) -> Any:
    return request.registry["messa.runtime"].waker.wake_after_commit


def _place(context: Webhook, request: Request) -> Place:
    return _place_of(request, context.id)


def _place_of_delivery(context: OneDelivery, request: Request) -> Place:
    endpoint_id = deliveries.endpoint_of(request.db, caller(request).tenant_id, context.id)
    if endpoint_id is None:
        raise Wrong(Problem.NOT_FOUND)
    return _place_of(request, endpoint_id)


def _place_of(request: Request, endpoint_id: UUID) -> Place:
    """The group that has a webhook, if it is within the key's reach. Raises `Wrong`."""
    group_id = endpoints.group_of(request.db, caller(request).tenant_id, endpoint_id)
    if group_id is None:
        raise Wrong(Problem.NOT_FOUND)
    return place_within(request, group_id)


def _found(context: Webhook, request: Request, place: Place) -> EndpointRow:
    found = endpoints.read(request.db, place, context.id)
    if found is None:
        raise Wrong(Problem.NOT_FOUND)
    return found


def _done(outcome: Any) -> Any:
    """What was done. Raises `Wrong` with the reason if nothing was."""
    match outcome:
        case EndpointRow() | Made() | Delivery():
            return outcome
        case BadUrl(fault):
            raise Wrong(Problem.ADDRESS, faults=[Fault("/url", fault.value, SENTENCES[fault])])
        case Conflict():
            raise Wrong(Problem.PRECONDITION)
        case Refusal.TOO_MANY:
            raise Wrong(Problem.CONFLICT, f"The group has {endpoints.MOST} webhooks, and cannot have more.")
        case Refusal.DISABLED:
            raise Wrong(Problem.CONFLICT, "The webhook is disabled: enable it first.")
    raise Wrong(Problem.NOT_FOUND)  # gone meanwhile, or the API user is


def _types(written: Any) -> frozenset[EventType]:
    return frozenset(EventType(word) for word in written)


def _told(endpoint: EndpointRow) -> dict[str, Any]:
    return {
        "id": str(endpoint.id),
        "group_id": str(endpoint.group_id),
        "url": endpoint.url,
        "description": endpoint.description,
        "event_types": sorted(kind.value for kind in endpoint.event_types),
        "state": endpoint.state.value,
        "disabled_why": endpoint.disabled_why.value if endpoint.disabled_why else None,
        "failing_since": moment_of(endpoint.failing_since),
        "old_secret_until": moment_of(endpoint.old_secret_until),
        "created_at": moment_of(endpoint.created_at),
    }


def _with_secret(made: Made) -> dict[str, Any]:
    return {**_told(made.endpoint), "secret": made.secret}


def _delivery(delivery: Delivery) -> dict[str, Any]:
    last = delivery.last
    return {
        "id": str(delivery.id),
        "webhook_id": str(delivery.endpoint_id),
        "type": delivery.type.value,
        "message_id": str(delivery.message_id) if delivery.message_id else None,
        "at": moment_of(delivery.at),
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "last_attempt_at": moment_of(last.at) if last else None,
        "last_http_status": last.status if last else None,
        "last_fault": last.fault if last else None,
    }


_TAG = "Webhooks"
_READ, _WRITE = Scope.WEBHOOKS_READ, Scope.WEBHOOKS_WRITE
_ITS = by_id("getWebhook", "changeWebhook", "testWebhook", "listDeliveries", "removeWebhook")
_GONE = (Problem.NOT_FOUND,)
_ETAGGED = ("ETag",)
LIST = Operation(
    "listWebhooks", "GET", "/v2/webhooks", "List webhooks", "The webhooks right in a group: the key's own, or one below it.",
    _TAG, _READ, (Succeeds(200, "All of them.", shapes.WEBHOOKS),), problems=_GONE,
    parameters={"group_id": an_id("The group; without, the key's own.")},
)  # fmt: skip
CREATE = Operation(
    "createWebhook", "POST", "/v2/webhooks", "Create a webhook",
    "Events of the group and all below it are posted to the address as JSON, signed by the Standard Webhooks convention: `webhook-id`,"
    " `webhook-timestamp`, `webhook-signature`. What is not taken (2xx) is tried again over three days with growing pauses; 410 turns it off.",
    _TAG, _WRITE, (Succeeds(201, "The webhook, with its secret.", shapes.WITH_SECRET, _ITS, ("Location", "ETag")),),
    body=shapes.CREATE, problems=(Problem.ADDRESS, Problem.CONFLICT, *_GONE),
)  # fmt: skip
READ = Operation(
    "getWebhook", "GET", "/v2/webhooks/{id}", "Read a webhook", "A webhook as it stands; `ETag` names its version.",
    _TAG, _READ, (Succeeds(200, "The webhook.", shapes.WEBHOOK, headers=_ETAGGED),), problems=_GONE,
)  # fmt: skip
CHANGE = Operation(
    "changeWebhook", "PATCH", "/v2/webhooks/{id}", "Change a webhook", "What is left out stays as it is.",
    _TAG, _WRITE, (Succeeds(200, "The webhook.", shapes.WEBHOOK, headers=_ETAGGED),), body=shapes.CHANGE,
    problems=(Problem.ADDRESS, *_GONE), is_versioned=True,
)  # fmt: skip
REMOVE = Operation(
    "removeWebhook", "DELETE", "/v2/webhooks/{id}", "Remove a webhook", "It is told nothing any more, also not what waits for it.",
    _TAG, _WRITE, (Succeeds(204, "It is removed.", None),), problems=_GONE, is_versioned=True,
)  # fmt: skip
ROTATE = Operation(
    "rotateWebhookSecret", "POST", "/v2/webhooks/{id}/rotate-secret", "Rotate a webhook's secret",
    "While the overlap lasts, each event has two signatures, by the old secret and by the new one.",
    _TAG, _WRITE, (Succeeds(200, "The webhook, with its new secret.", shapes.WITH_SECRET, headers=_ETAGGED),),
    body=shapes.ROTATE, problems=_GONE,
)  # fmt: skip
TEST = Operation(
    "testWebhook", "POST", "/v2/webhooks/{id}/test", "Test a webhook", "Sends an event `webhook.test`, which tells of nothing.",
    _TAG, _WRITE, (Succeeds(202, "The event, on its way.", shapes.DELIVERY),), problems=(Problem.CONFLICT, *_GONE),
)  # fmt: skip
TOLD = Operation(
    "listDeliveries", "GET", "/v2/webhooks/{id}/deliveries", "List what a webhook was told", "Of the last 30 days, the newest first.",
    _TAG, _READ, (Succeeds(200, "A page of them.", shapes.DELIVERIES),), problems=_GONE,
    parameters={**LIMIT, **CURSOR},
)  # fmt: skip
READ_DELIVERY = Operation(
    "getDelivery", "GET", "/v2/deliveries/{id}", "Read a delivery", "An event on its way to a webhook, or there.",
    _TAG, _READ, (Succeeds(200, "The delivery.", shapes.DELIVERY),), problems=_GONE,
)  # fmt: skip
REPLAY = Operation(
    "replayDelivery", "POST", "/v2/deliveries/{id}/replay", "Send an event again", "With the `webhook-id` that it has, whatever became of it.",
    _TAG, _WRITE, (Succeeds(202, "The delivery, on its way.", shapes.DELIVERY),), problems=(Problem.CONFLICT, *_GONE),
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Mount the resources."""
    config.add_collection("webhooks", Webhooks)
    config.add_collection("deliveries", Deliveries)
    for operation, view, context, name in (
        (LIST, listed, Webhooks, ""),
        (CREATE, create, Webhooks, ""),
        (READ, read, Webhook, ""),
        (CHANGE, change, Webhook, ""),
        (REMOVE, remove, Webhook, ""),
        (ROTATE, rotate, Webhook, "rotate-secret"),
        (TEST, test, Webhook, "test"),
        (TOLD, told, Webhook, "deliveries"),
        (READ_DELIVERY, read_delivery, OneDelivery, ""),
        (REPLAY, replay, OneDelivery, "replay"),
    ):
        config.add_operation(operation, view, context, name)
