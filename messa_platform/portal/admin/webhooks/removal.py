"""`@@api/webhook/<id>/remove`: is a webhook to go?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.messaging.outward import endpoints
from messa_platform.messaging.outward.endpoints import EndpointRow
from messa_platform.messaging.outward.told import shown
from messa_platform.portal.admin.api_users.asked import Page, now_of, version_in
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.admin.webhooks.asked import answer_about, webhook_of
from messa_platform.portal.admin.webhooks.words import events_in_words
from messa_platform.portal.forms import Form, written
from messa_platform.tenants.api_users.users import Conflict

NAME = "remove"

_CONFLICT = msgid(
    "Somebody else has changed this webhook meanwhile, and it was not removed. This is how it stands now."
)


def show(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """What goes with it, and the question."""
    return _page(context, request, Form())


def change(context: GroupResource, request: Request) -> Any:
    """Remove it."""
    held, form = webhook_of(context, request), Form(values=written(request.POST))
    outcome = endpoints.remove(
        request.platform_db, now_of(request), context.author, context.place, held.id, version_in(form)
    )
    match outcome:
        case EndpointRow():
            return HTTPSeeOther(context.address("@@api", said="webhook-removed"))
        case Conflict():
            form.fail("", request.speech.gettext(_CONFLICT))
            return _page(context, request, form, 409)
    raise HTTPNotFound


def _page(context: GroupResource, request: Request, form: Form, status: int = 200) -> Mapping[str, Any]:
    held = webhook_of(context, request)
    told_of = events_in_words(request.speech, held.event_types)
    return answer_about(
        context, "webhook_remove", held, form, status, target=shown(held.url), told_of=told_of
    )


PAGE = Page(show, change)
