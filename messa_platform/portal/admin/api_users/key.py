"""`@@api/<id>/<key's id>`: a key, which is rotated or removed here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request

from messa_platform.portal.admin.api_users.asked import Page, answer_about, id_in, now_of, page_of, user_of
from messa_platform.portal.admin.api_users.new_key import told_once
from messa_platform.portal.admin.api_users.user import key_rows
from messa_platform.portal.admin.api_users.words import (
    KEY_REFUSALS,
    OVERLAPS,
    USUAL_OVERLAP,
    Row,
    say_no_key,
    scope_words,
)
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.forms import Form, written
from messa_platform.tenants.api_users import keys
from messa_platform.tenants.api_users.keys import Key, Made, Refusal
from messa_platform.tenants.api_users.users import ApiUser


def show(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The key as it stands."""
    held = user_of(context, request)
    return _page(context, request, held, _key(context, request, held), Form())


def change(context: GroupResource, request: Request) -> Any:
    """Rotate or remove it."""
    held, form = user_of(context, request), Form(values=written(request.POST))
    row = _key(context, request, held)
    if form.values.get("do") == "remove":
        return _remove(context, request, held, row)
    return _rotate(context, request, held, row, form)


def _key(context: GroupResource, request: Request, held: ApiUser) -> Row:
    """The key that the address names. Raises HTTPNotFound if it is none of this API user's."""
    wanted = id_in(request, 1)
    found = next((row for row in key_rows(context, request, held) if row.key.id == wanted), None)
    if found is None:
        raise HTTPNotFound
    return found


def _rotate(context: GroupResource, request: Request, held: ApiUser, row: Row, form: Form) -> Any:
    overlap, _ = OVERLAPS.get(form.values.get("overlap", ""), (None, ""))
    if overlap is None:
        say_no_key(request.speech, form, Refusal.TOO_FAR)
        return _page(context, request, held, row, form, 422)
    outcome = keys.rotate(
        request.platform_db, now_of(request), context.author, context.place, held.id, row.key.id, overlap
    )
    match outcome:
        case Made():
            return told_once(context, request, held, row.key.kind, outcome)
        case Refusal.UNKNOWN:
            return _gone(context, held)
        case Refusal() if outcome in KEY_REFUSALS:
            say_no_key(request.speech, form, outcome)
            return _page(context, request, held, row, form, 422)
    raise HTTPNotFound


def _remove(context: GroupResource, request: Request, held: ApiUser, row: Row) -> Any:
    outcome = keys.remove(
        request.platform_db, now_of(request), context.author, context.place, held.id, row.key.id
    )
    match outcome:
        case Key():
            return HTTPSeeOther(page_of(context, held.id, said="api-key-removed"))
        case Refusal.UNKNOWN:
            return _gone(context, held)
    raise HTTPNotFound


def _gone(context: GroupResource, held: ApiUser) -> HTTPSeeOther:
    """Somebody else was first."""
    return HTTPSeeOther(page_of(context, held.id, said="api-key-gone"))


def _page(
    context: GroupResource, request: Request, held: ApiUser, row: Row, form: Form, status: int = 200
) -> Mapping[str, Any]:
    _ = request.speech.gettext
    return answer_about(
        context,
        "api_key",
        held,
        form,
        status,
        action=page_of(context, held.id, row.key.id),
        row=row,
        scopes=scope_words(request.speech, row.key.scopes),
        overlaps=[(hours, _(words), "") for hours, (_span, words) in OVERLAPS.items()],
        usual_overlap=USUAL_OVERLAP,
    )


PAGE = Page(show, change)
