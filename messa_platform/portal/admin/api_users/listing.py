"""`@@api`: what an API user is, the group's own, and the form for another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request

from messa_platform.portal.admin.api_users.asked import Page, answer, now_of, page_of
from messa_platform.portal.admin.api_users.words import is_over, say_no_user
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.admin.webhooks import listing as webhooks
from messa_platform.portal.forms import Form, asked, written
from messa_platform.portal.messages.numbers import nice
from messa_platform.portal.pages import public_url
from messa_platform.tenants.api_users import keys, users
from messa_platform.tenants.api_users.keys import Key
from messa_platform.tenants.api_users.users import LONGEST_NAME, ApiUser
from messa_platform.tenants.authority import NotAdmin

AT_A_TIME = 50
"""API users of a page."""


@dataclass(frozen=True, slots=True)
class Row:
    """An API user in the list. `keys` are those that work."""

    user: ApiUser
    address: str
    number: str
    keys: int
    last_used_at: datetime | None


def show(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The group's API users."""
    return _page(context, request, Form())


def change(context: GroupResource, request: Request) -> Any:
    """Make an API user."""
    form = Form(values=written(request.POST))
    name = form.values.get("name", "")
    outcome = users.create(request.platform_db, now_of(request), context.author, context.place, name)
    match outcome:
        case NotAdmin():
            raise HTTPNotFound
        case ApiUser():
            return HTTPSeeOther(page_of(context, outcome.id, said="api-user-added"))
    say_no_user(request.speech, form, outcome)
    return _page(context, request, form, 422)


def _page(context: GroupResource, request: Request, form: Form, status: int = 200) -> Mapping[str, Any]:
    after = asked(request, "after")
    shown, is_more = _part(users.of_group(request.db, context.place), after)
    return answer(
        context,
        "api_users",
        form,
        status,
        rows=_rows(context, request, shown),
        after=after,
        next=shown[-1].id if is_more else "",
        doors=doors(request),
        max_name=LONGEST_NAME,
        **webhooks.section(context, request),
    )


def _part(found: Sequence[ApiUser], after: str) -> tuple[Sequence[ApiUser], bool]:
    """Those behind the one with the id `after`, as many as a page has, and whether there are more; all of them, if there is none such."""
    begin = next((place for place, user in enumerate(found, 1) if str(user.id) == after), 0)
    return found[begin : begin + AT_A_TIME], len(found) > begin + AT_A_TIME


def _rows(context: GroupResource, request: Request, shown: Sequence[ApiUser]) -> list[Row]:
    held = keys.of_users(request.db, context.place.tenant_id, [user.id for user in shown])
    return [_row(context, user, held.get(user.id, ()), now_of(request)) for user in shown]


def _row(context: GroupResource, user: ApiUser, own: Sequence[Key], now: datetime) -> Row:
    number = nice(user.number) if user.number else ""
    used = max((key.last_used_at for key in own if key.last_used_at), default=None)
    return Row(user, page_of(context, user.id), number, sum(not is_over(key, now) for key in own), used)


def doors(request: Request) -> dict[str, str]:
    """The addresses at which API users send."""
    return {"legacy": public_url(request, "data_db", "api.aspx"), "v2": public_url(request, "v2") + "/"}


PAGE = Page(show, change)
