"""`@@api/<id>`: an API user, its name and its keys. What else it has gets a section of its own: the page is put together from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.portal.admin.api_users import callback
from messa_platform.portal.admin.api_users.asked import (
    Page,
    answer_about,
    now_of,
    page_of,
    user_of,
    version_in,
)
from messa_platform.portal.admin.api_users.listing import doors
from messa_platform.portal.admin.api_users.words import Row, row_of, say_no_user
from messa_platform.portal.admin.audit import reader_of
from messa_platform.portal.admin.audit import row_of as change_of
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.forms import Form, written
from messa_platform.portal.messages.numbers import nice
from messa_platform.tenants import admins
from messa_platform.tenants.api_users import keys, users
from messa_platform.tenants.api_users.users import LONGEST_NAME, ApiUser, Conflict
from messa_platform.tenants.audit import Action
from messa_platform.tenants.audit_view import latest
from messa_platform.tenants.authority import NotAdmin

CONFLICT = msgid(
    "Somebody else has changed this API user meanwhile, and nothing of yours was saved. Look at what is different. If you save again,"
    " yours holds."
)


def show(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The API user as it stands."""
    return _page(context, request, user_of(context, request), Form())


def change(context: GroupResource, request: Request) -> Any:
    """Give it another name, or another address for events; or send an event again."""
    held, form = user_of(context, request), Form(values=written(request.POST))
    if form.values.get("do", "rename") == "rename":
        return _rename(context, request, held, form)
    if callback.change(context, request, held, form):
        return HTTPSeeOther(page_of(context, held.id, said=callback.SAID[form.values["do"]]))
    return _page(context, request, held, form, 422)


def _rename(context: GroupResource, request: Request, held: ApiUser, form: Form) -> Any:
    outcome = users.rename(
        request.platform_db,
        now_of(request),
        context.author,
        context.place,
        held.id,
        version_in(form),
        form.values.get("name", ""),
    )
    match outcome:
        case ApiUser():
            return HTTPSeeOther(page_of(context, held.id, said="api-user-renamed"))
        case NotAdmin() | users.Refusal.UNKNOWN:
            raise HTTPNotFound
        case Conflict():
            form.fail("", request.speech.gettext(CONFLICT))
            return _page(context, request, user_of(context, request), form, 409)
    say_no_user(request.speech, form, outcome)
    return _page(context, request, held, form, 422)


def _page(
    context: GroupResource, request: Request, held: ApiUser, form: Form, status: int = 200
) -> Mapping[str, Any]:
    return answer_about(
        context,
        "api_user",
        held,
        form,
        status,
        **_about(request, held),
        **_renaming(context, request, held, form, status),
        **_keys(context, request, held),
        **callback.section(context, request, held),
    )


def _about(request: Request, held: ApiUser) -> dict[str, Any]:
    return {"number": nice(held.number) if held.number else "", "doors": doors(request)}


def _renaming(
    context: GroupResource, request: Request, held: ApiUser, form: Form, status: int
) -> dict[str, Any]:
    """The form with the name, and what others have done to that meanwhile."""
    conflict, name = status == 409, form.values.get("name", "")
    return {
        # after an error of the form's own the version stays that which it was made from
        "version": form.values.get("version", "") if status == 422 else held.version,
        "max_name": LONGEST_NAME,
        "changes": _changes(context, request, held) if conflict else [],
        "differing": [(request.speech.gettext("Name"), name, held.name)]
        if conflict and name != held.name
        else [],
    }


def _changes(context: GroupResource, request: Request, held: ApiUser) -> list[Any]:
    """The last times that it got another name, in words."""
    found = latest(request.db, reader_of(context), context.place, {Action.API_USER_RENAMED}, held.name)
    return [change_of(request.speech, entry) for entry in found]


def _keys(context: GroupResource, request: Request, held: ApiUser) -> dict[str, Any]:
    return {"keys": key_rows(context, request, held), "most_keys": keys.MOST}


def key_rows(context: GroupResource, request: Request, held: ApiUser) -> list[Row]:
    """Its keys in words, oldest first."""
    own = keys.of_users(request.db, held.tenant_id, [held.id]).get(held.id, ())
    known = _known(context, request, {key.created_by for key in own})
    return [row_of(request.speech, key, now_of(request), known) for key in own]


def _known(context: GroupResource, request: Request, addresses: set[str]) -> set[str]:
    """Those of whom the reader may know that they look after the group. Who did it from further up, or does so no more, is not named."""
    seen = [place.id for place in context.seen_path]
    found = admins.among(request.db, context.place.tenant_id, seen, addresses)
    return {*found, request.identity.address}


PAGE = Page(show, change)
