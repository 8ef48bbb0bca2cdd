"""`@@move-users` and `@@remove-users` of a group: what is done to those who were chosen in the list (spec G11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request
from webob.multidict import MultiDict

from messa_platform.core.i18n import msgid
from messa_platform.portal.admin.frame import page
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.admin.seen_groups import choice, chosen_group
from messa_platform.portal.admin.users import here_of, wish_of
from messa_platform.portal.forms import Form, written
from messa_platform.portal.messages.resources import read_id
from messa_platform.tenants.authority import NotAdmin
from messa_platform.tenants.people import chosen
from messa_platform.tenants.people.chosen import Result
from messa_platform.tenants.people.listing import PAGE
from messa_platform.tenants.people.member import Refusal

REFUSALS: Mapping[Refusal, str] = {
    Refusal.UNKNOWN: msgid("No longer here."),
    Refusal.YOURSELF: msgid("That is you. Another admin can do this."),
    Refusal.OPERATOR: msgid("One of those who run the platform."),
    Refusal.HIGHER_ADMIN: msgid("An admin of more than this group. Another admin has to do that."),
    Refusal.LAST_ADMIN: msgid("The last admin of the topmost group. Make somebody else its admin first."),
}
"""Why nothing is done to somebody."""
NO_GROUP = msgid("Choose the group to move to.")


def show_move(context: GroupResource, request: Request) -> Any:
    """Where are they to go?"""
    return _page(context, request, "move", _who(request), Form())


def show_remove(context: GroupResource, request: Request) -> Any:
    """Are they to go?"""
    return _page(context, request, "remove", _who(request), Form())


def move(context: GroupResource, request: Request) -> Any:
    """Move them."""
    form, ids = Form(values=written(request.POST)), _who(request)
    to = chosen_group(context, form.values.get("group", ""))
    if to is None:
        form.fail("group", request.speech.gettext(NO_GROUP))
        return _page(context, request, "move", ids, form, 422)
    now = request.registry["messa.runtime"].clock.now()
    result = chosen.move(request.platform_db, now, context.author, context.organisation.id, ids, to)
    return _done(context, request, "move", result)


def remove(context: GroupResource, request: Request) -> Any:
    """Remove them, and block their addresses if that is ticked."""
    block = "block" in written(request.POST)
    now = request.registry["messa.runtime"].clock.now()
    result = chosen.remove(
        request.platform_db, now, context.author, context.organisation.id, _who(request), block=block
    )
    return _done(context, request, "remove", result)


def _who(request: Request) -> list[UUID]:
    """Who was chosen; as many as a page of the list has, at the most."""
    try:
        fields: MultiDict = request.POST if request.method == "POST" else request.GET
        values = fields.getall("who")[:PAGE]
    except UnicodeDecodeError:
        return []
    found = []
    for value in values:
        try:
            found.append(read_id(str(value)))
        except KeyError:
            continue
    return found


def _page(
    context: GroupResource, request: Request, deed: str, ids: list[UUID], form: Form, status: int = 200
) -> Any:
    people = chosen.read(request.db, context.organisation.id, context.authority.id, ids)
    if not people:
        return HTTPSeeOther(_back(context, request, "nobody-chosen"))
    return _shown(
        context,
        request,
        deed,
        form,
        status,
        people=people,
        who=[("who", person.id) for person in people],
        choice=choice(context, request) if deed == "move" else None,
    )


def _shown(
    context: GroupResource, request: Request, deed: str, form: Form, status: int, **more: Any
) -> Mapping[str, Any]:
    values = {"people": (), "refused": (), "done": 0, "choice": None, **more}
    carried = {name: value for name, value in here_of(wish_of(request)).items() if value}
    return page(
        context,
        "users",
        form,
        status,
        deed=deed,
        address=context.address(f"@@{deed}-users"),
        posted=context.address(f"@@{deed}-users", **carried),
        carried=carried,
        back=_back(context, request),
        **values,
    )


def _back(context: GroupResource, request: Request, said: str = "") -> str:
    """The list as it was."""
    return context.address("@@users", **here_of(wish_of(request)), said=said)


def _done(context: GroupResource, request: Request, deed: str, result: Result | NotAdmin) -> Any:
    if isinstance(result, NotAdmin):
        raise HTTPNotFound
    if not result.refused:
        said = "nobody-chosen" if not result.done else "people-moved" if deed == "move" else "people-removed"
        return HTTPSeeOther(_back(context, request, said))
    refused = [(address, request.speech.gettext(REFUSALS[why])) for address, why in result.refused]
    return _shown(context, request, deed, Form(), 422, refused=refused, done=result.done)


def includeme(config: Configurator) -> None:
    """Mount both."""
    config.add_group_view(show_move, "move-users", "users_chosen")
    config.add_group_view(move, "move-users", "users_chosen", request_method="POST")
    config.add_group_view(show_remove, "remove-users", "users_chosen")
    config.add_group_view(remove, "remove-users", "users_chosen", request_method="POST")
