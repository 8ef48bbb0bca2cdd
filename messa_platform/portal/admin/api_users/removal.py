"""`@@api/<id>/remove`: is an API user to go, and its keys with it?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.portal.admin.api_users.asked import (
    Page,
    answer_about,
    now_of,
    user_of,
    version_in,
)
from messa_platform.portal.admin.api_users.words import is_over
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.forms import Form, written
from messa_platform.portal.messages.numbers import nice
from messa_platform.tenants.api_users import keys, users
from messa_platform.tenants.api_users.users import ApiUser, Conflict
from messa_platform.tenants.authority import NotAdmin

NAME = "remove"

_CONFLICT = msgid(
    "Somebody else has changed this API user meanwhile, and it was not removed. This is how it stands now."
)


def show(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """What goes with it, and the question."""
    return _page(context, request, Form())


def change(context: GroupResource, request: Request) -> Any:
    """Remove it."""
    held, form = user_of(context, request), Form(values=written(request.POST))
    outcome = users.remove(
        request.platform_db, now_of(request), context.author, context.place, held.id, version_in(form)
    )
    match outcome:
        case ApiUser():
            return HTTPSeeOther(context.address("@@api", said="api-user-removed"))
        case Conflict():
            form.fail("", request.speech.gettext(_CONFLICT))
            return _page(context, request, form, 409)
        case NotAdmin() | users.Refusal():
            raise HTTPNotFound


def _page(context: GroupResource, request: Request, form: Form, status: int = 200) -> Mapping[str, Any]:
    held, now = user_of(context, request), now_of(request)
    own = keys.of_users(request.db, held.tenant_id, [held.id]).get(held.id, ())
    return answer_about(
        context,
        "api_user_remove",
        held,
        form,
        status,
        number=nice(held.number) if held.number else "",
        working=sum(not is_over(key, now) for key in own),
    )


PAGE = Page(show, change)
