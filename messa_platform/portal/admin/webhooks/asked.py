"""What the pages of webhooks have in common: whom one is asked for, and what its form says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request

from messa_platform.core.i18n import Speech
from messa_platform.messaging.outward import endpoints
from messa_platform.messaging.outward.endpoints import LONGEST_DESCRIPTION, LONGEST_URL, EndpointRow, Wish
from messa_platform.messaging.outward.models import EndpointKind
from messa_platform.messaging.outward.office import Endpoints
from messa_platform.portal.admin.api_users.asked import answer, id_in
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.admin.webhooks.words import EVENTS, called, field_of
from messa_platform.portal.forms import Form

NAME, NEW = "webhook", "new-webhook"
"""In addresses: `@@api/webhook/<id>` and `@@api/new-webhook`."""


def webhook_of(context: GroupResource, request: Request) -> EndpointRow:
    """The webhook that the address names. Raises HTTPNotFound if this very group has none of that id."""
    found = endpoints.read(request.db, context.place, id_in(request, 1))
    if found is None or found.kind is not EndpointKind.WEBHOOK:
        raise HTTPNotFound
    return found


def page_of(context: GroupResource, webhook_id: UUID, *more: str, **query: object) -> str:
    """The address of a webhook's page, or of one below it."""
    return context.address("@@api", NAME, str(webhook_id), *more, **query)


def answer_about(
    context: GroupResource,
    template: str,
    webhook: EndpointRow,
    form: Form | None = None,
    status: int = 200,
    **values: Any,
) -> Mapping[str, Any]:
    """What a page about a webhook shows; `own` is the address of its own page."""
    about = {"webhook": webhook, "called": called(webhook), "own": page_of(context, webhook.id)}
    return answer(context, template, form, status, **about, **values)


def office_of(request: Request) -> Endpoints:
    """Where webhooks are made and changed."""
    office: Endpoints = request.registry["messa.runtime"].endpoints
    return office


def fields() -> dict[str, Any]:
    """What the form with a webhook's address, description and events is drawn from."""
    limits = {"max_url": LONGEST_URL, "max_description": LONGEST_DESCRIPTION}
    return {"events": EVENTS, "field_of": field_of, **limits}


def wish_in(speech: Speech, form: Form) -> Wish:
    """What such a form asks for; the form says what is wrong with it."""
    url = form.values.get("url", "").strip()
    if not url:
        form.fail("url", speech.gettext("Write the address."))
    if len(url) > LONGEST_URL:
        sentence = speech.gettext("Shorten the address to %(max)s characters at the most.", max=LONGEST_URL)
        form.fail("url", sentence)
    ticked = frozenset(kind for kind in EVENTS if field_of(kind) in form.values)
    if not ticked:
        first = field_of(next(iter(EVENTS)))
        form.fail(first, speech.gettext("Tick what it is to be told of, one thing at least."))
    # who wants all that there is wants what there will be, too
    wanted = frozenset() if ticked == EVENTS.keys() else ticked
    return Wish(url, form.values.get("description", ""), wanted)
