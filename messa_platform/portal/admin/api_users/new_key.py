"""`@@api/<id>/new-session-key` and `…/new-v2-key`: a key is made. The answer to the form shows it, this once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request

from messa_platform.core.i18n import Speech
from messa_platform.portal.admin.api_users.asked import Page, answer_about, now_of, page_of, user_of
from messa_platform.portal.admin.api_users.listing import doors
from messa_platform.portal.admin.api_users.words import SCOPES, field_of, say_no_key
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.forms import Form, written
from messa_platform.tenants.api_users import keys
from messa_platform.tenants.api_users.keys import Made, Refusal, Wish
from messa_platform.tenants.api_users.models import KeyKind, Scope
from messa_platform.tenants.api_users.users import LONGEST_NAME, ApiUser

NAMES: Mapping[str, KeyKind] = {"new-session-key": KeyKind.SESSION, "new-v2-key": KeyKind.V2}


def show(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The form."""
    return _page(context, request, user_of(context, request), Form())


def change(context: GroupResource, request: Request) -> Any:
    """Make the key, and show it."""
    held, form = user_of(context, request), Form(values=written(request.POST))
    wish = _wish(request.speech, form, NAMES[request.subpath[1]])
    if not form.ok:
        return _page(context, request, held, form, 422)
    outcome = keys.make(request.platform_db, now_of(request), context.author, context.place, held.id, wish)
    match outcome:
        case Made():
            return told_once(context, request, held, wish.kind, outcome)
        case Refusal():
            say_no_key(request.speech, form, outcome)
            return _page(context, request, held, form, 422)
    raise HTTPNotFound


def _wish(speech: Speech, form: Form, kind: KeyKind) -> Wish:
    scopes = frozenset(scope for scope in Scope if kind is KeyKind.V2 and field_of(scope) in form.values)
    return Wish(kind, form.values.get("name", ""), scopes, _end(speech, form))


def _end(speech: Speech, form: Form) -> datetime | None:
    """When the key expires: as the last instant of a day, which is told as 23:59 of it. What is no day is said to be none."""
    given = form.values.get("expires", "").strip()
    if not given:
        return None
    try:
        day = date.fromisoformat(given)
    except ValueError:
        day = date.min
    if not 1970 < day.year < 9999:
        form.fail("expires", speech.gettext("Write the day like this: %(day)s.", day="2026-11-22"))
        return None
    after = day + timedelta(days=1)
    begins = datetime(after.year, after.month, after.day, tzinfo=speech.zone)
    return begins.astimezone(UTC) - datetime.resolution


def _page(
    context: GroupResource, request: Request, held: ApiUser, form: Form, status: int = 200
) -> Mapping[str, Any]:
    return answer_about(
        context,
        "api_key_new",
        held,
        form,
        status,
        action=page_of(context, held.id, request.subpath[1]),
        kind=NAMES[request.subpath[1]],
        scopes=SCOPES,
        field_of=field_of,
        max_name=LONGEST_NAME,
    )


def told_once(
    context: GroupResource, request: Request, held: ApiUser, kind: KeyKind, made: Made
) -> Mapping[str, Any]:
    """The page with a new key. It is the answer itself and no other address, so nothing has to keep the word, the browser neither."""
    request.response.cache_control = "no-store"
    return answer_about(context, "api_key_made", held, kind=kind, word=made.word, doors=doors(request))


PAGE = Page(show, change)
