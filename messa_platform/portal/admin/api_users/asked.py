"""What the pages of API users have in common: which of them there are, and whom one is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request

from messa_platform.portal.admin.frame import page
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.forms import Form
from messa_platform.portal.messages.resources import read_id
from messa_platform.tenants.api_users import users
from messa_platform.tenants.api_users.users import ApiUser

TAB = "api"


@dataclass(frozen=True, slots=True)
class Page:
    """A page, and what becomes of its form."""

    show: Callable[[GroupResource, Request], Any]
    change: Callable[[GroupResource, Request], Any]


def answer(
    context: GroupResource, template: str, form: Form | None = None, status: int = 200, **values: Any
) -> Mapping[str, Any]:
    """What a page of the tab shows; `template` within `admin/`."""
    shown = page(context, TAB, form, status, **values)
    # last, since what is not found is shown by a renderer of its own
    context.request.override_renderer = f"admin/{template}.jinja2"
    return shown


def answer_about(
    context: GroupResource,
    template: str,
    user: ApiUser,
    form: Form | None = None,
    status: int = 200,
    **values: Any,
) -> Mapping[str, Any]:
    """The same of a page that is about an API user; `own` is the address of its own page."""
    return answer(context, template, form, status, user=user, own=page_of(context, user.id), **values)


def user_of(context: GroupResource, request: Request) -> ApiUser:
    """The API user that the address names. Raises HTTPNotFound if this very group has none of that id."""
    found = users.read(request.db, context.place, id_in(request, 0))
    if found is None:
        raise HTTPNotFound
    return found


def id_in(request: Request, place: int) -> UUID:
    """The id in a place of what follows the page's name. Raises HTTPNotFound if there is none."""
    try:
        return read_id(request.subpath[place])
    except (IndexError, KeyError):
        raise HTTPNotFound from None


def page_of(context: GroupResource, user_id: UUID, *more: object, **query: object) -> str:
    """The address of an API user's page, or of one below it."""
    return context.address("@@api", str(user_id), *map(str, more), **query)


def version_in(form: Form) -> int:
    """The version that a form was made from; 0, which nothing has, where it says none."""
    given = form.values.get("version", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0


def now_of(request: Request) -> datetime:
    """What time it is."""
    now: datetime = request.registry["messa.runtime"].clock.now()
    return now
