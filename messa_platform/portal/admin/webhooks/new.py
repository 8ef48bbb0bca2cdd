"""`@@api/new-webhook`: a webhook is made. The answer to the form shows its secret, this once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request

from messa_platform.core.outbound import SENTENCES
from messa_platform.messaging.outward.endpoints import BadUrl, Made, Refusal
from messa_platform.portal.admin.api_users.asked import Page, answer, now_of
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.admin.webhooks.asked import NEW, answer_about, fields, office_of, wish_in
from messa_platform.portal.admin.webhooks.words import say_no
from messa_platform.portal.forms import Form, written


def show(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The form."""
    return _page(context, Form())


def change(context: GroupResource, request: Request) -> Any:
    """Make the webhook, and show its secret."""
    form = Form(values=written(request.POST))
    wish = wish_in(request.speech, form)
    if not form.ok:
        return _page(context, form, 422)
    done = office_of(request).create(
        request.platform_db, now_of(request), context.author, context.place, wish
    )
    match done:
        case Made():
            return told_once(context, request, done)
        case BadUrl(fault):
            form.fail("url", request.speech.gettext(SENTENCES[fault]))
            return _page(context, form, 422)
        case Refusal():
            say_no(request.speech, form, done)
            return _page(context, form, 422)
    raise HTTPNotFound


def _page(context: GroupResource, form: Form, status: int = 200) -> Mapping[str, Any]:
    return answer(
        context, "webhook_new", form, status, action=context.address("@@api", NEW), ticked=None, **fields()
    )


def told_once(context: GroupResource, request: Request, made: Made) -> Mapping[str, Any]:
    """The page with a new secret. It is the answer itself and no other address, so nothing has to keep it, the browser neither."""
    request.response.cache_control = "no-store"
    until = made.endpoint.old_secret_until
    old_until = until if until and until > now_of(request) else None
    return answer_about(context, "webhook_secret", made.endpoint, secret=made.secret, old_until=old_until)


PAGE = Page(show, change)
