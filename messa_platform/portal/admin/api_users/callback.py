"""An API user's `api_url`: where it is told of its messages, and what it was told lately (spec A3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request

from messa_platform.core.outbound import SENTENCES
from messa_platform.messaging.outward import deliveries, endpoints
from messa_platform.messaging.outward.deliveries import Delivery
from messa_platform.messaging.outward.endpoints import LONGEST_URL, BadUrl, EndpointRow, Refusal
from messa_platform.portal.admin.api_users.asked import now_of
from messa_platform.portal.admin.event_words import Row, row_of, why_off
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.forms import Form
from messa_platform.portal.messages.resources import wanted_id
from messa_platform.tenants.api_users.users import ApiUser

SHOWN = 10
"""Deliveries that the page shows."""

SAID: Mapping[str, str] = {
    "callback": "api-url-saved",
    "again": "event-again",
    "enable": "api-url-enabled",
}
"""What is said of what was done, by the button."""


def section(context: GroupResource, request: Request, held: ApiUser) -> dict[str, Any]:
    """What the page shows of it."""
    endpoint = endpoints.api_urls(request.db, context.place, [held.id]).get(held.id)
    rows = _rows(context, request, endpoint) if endpoint else []
    return {
        "endpoint": endpoint,
        "off": why_off(request.speech, endpoint),
        "deliveries": rows,
        "max_url": LONGEST_URL,
    }


def _rows(context: GroupResource, request: Request, endpoint: EndpointRow) -> list[Row]:
    found = deliveries.latest(request.db, context.place, endpoint.id, SHOWN)
    return [row_of(request.speech, delivery) for delivery in found]


def change(context: GroupResource, request: Request, held: ApiUser, form: Form) -> bool:
    """Do what the form asks for; False if the form says what is wrong. Raises HTTPNotFound."""
    match form.values.get("do"):
        case "callback":
            return _save(context, request, held, form)
        case "again":
            return _send_again(context, request, form)
        case "enable":
            return _enable(context, request, held)
    raise HTTPNotFound


def _save(context: GroupResource, request: Request, held: ApiUser, form: Form) -> bool:
    url = form.values.get("api_url", "").strip()
    if len(url) > LONGEST_URL:
        form.fail(
            "api_url",
            request.speech.gettext("Shorten the address to %(max)s characters at the most.", max=LONGEST_URL),
        )
        return False
    office = request.registry["messa.runtime"].endpoints
    done = office.set_api_url(
        request.platform_db, now_of(request), context.author, context.place, held.id, url
    )
    if isinstance(done, BadUrl):
        form.fail("api_url", request.speech.gettext(SENTENCES[done.fault]))
        return False
    if done is not None and not isinstance(done, EndpointRow):
        raise HTTPNotFound
    return True


def _send_again(context: GroupResource, request: Request, form: Form) -> bool:
    delivery_id = wanted_id(form.values.get("delivery", ""))
    runtime = request.registry["messa.runtime"]
    done = deliveries.send_again(
        request.platform_db,
        now_of(request),
        context.author,
        context.place,
        delivery_id,
        runtime.waker.wake_after_commit,
    )
    if done is Refusal.DISABLED:
        form.fail("api_url", request.speech.gettext("Turn it on first."))
        return False
    if not isinstance(done, Delivery):
        raise HTTPNotFound
    return True


def _enable(context: GroupResource, request: Request, held: ApiUser) -> bool:
    endpoint = endpoints.api_urls(request.db, context.place, [held.id]).get(held.id)
    if endpoint is None:
        raise HTTPNotFound
    done = endpoints.enable(request.platform_db, now_of(request), context.author, context.place, endpoint.id)
    if not isinstance(done, EndpointRow):
        raise HTTPNotFound
    return True
