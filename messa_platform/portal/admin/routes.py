"""`@@routes` of Master: by which channels the organisation's texts leave (spec X4). Below it stand `new`, each own route's form `<id>`, and
`<id>/remove`, to which its button leads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request

from messa_platform.portal.admin.frame import page
from messa_platform.portal.admin.resources import GroupResource, demand_master
from messa_platform.portal.channels.words import CAN
from messa_platform.portal.forms import Form
from messa_platform.portal.messages.resources import wanted_id
from messa_platform.portal.routing.form import complain, filled, in_order, wish_in
from messa_platform.portal.routing.words import line_for_admin
from messa_platform.providers.routing import own
from messa_platform.providers.routing.own import By, Held, Undone, Unfit
from messa_platform.providers.routing.routes import Fault
from messa_platform.providers.routing.told import ChannelOf, channels_for


def show(context: GroupResource, request: Request) -> Any:
    """The list, or a form below it."""
    demand_master(context)
    match request.subpath:
        case ():
            return _list(context, request)
        case ("new",):
            return _form(context, request, Form())
        case (route,):
            held = _own(context, request, route)
            return _form(context, request, filled(held.route), held=held)
    raise HTTPNotFound


def change(context: GroupResource, request: Request) -> Any:
    """What a form asks for."""
    demand_master(context)
    match request.subpath:
        case ("new",):
            return _add(context, request)
        case (route,):
            return _change(context, request, _own(context, request, route))
        case (route, "remove"):
            return _remove(context, request, wanted_id(route))
    raise HTTPNotFound


def _own(context: GroupResource, request: Request, name: str) -> Held:
    """A route that its admins keep. Raises HTTPNotFound."""
    held = own.one(request.platform_db, wanted_id(name), context.place)
    if held is None or held.by is not By.ORGANISATION:
        raise HTTPNotFound
    return held


def _list(context: GroupResource, request: Request) -> Mapping[str, Any]:
    lines = [line_for_admin(request.speech, held) for held in own.held(request.platform_db, context.place)]
    return _page(context, Form(), 200, lines=lines, has_channels=bool(_channels(context, request)))


def _channels(context: GroupResource, request: Request) -> list[ChannelOf]:
    """The channels that its routes may name."""
    return [c for c in channels_for(request.platform_db, context.place.tenant_id) if c.is_own]


def _form(
    context: GroupResource, request: Request, form: Form, status: int = 200, held: Held | None = None
) -> Mapping[str, Any]:
    route = held.route if held else None
    shown = _page(
        context,
        form,
        status,
        frame="admin/page.jinja2",
        action=context.address("@@routes", str(route.id) if route else "new"),
        route=route,
        whose=None,
        channels=in_order(_channels(context, request), route),
        capabilities=CAN,
    )
    request.override_renderer = "routes/form.jinja2"
    return shown


def _page(context: GroupResource, form: Form, status: int, **values: Any) -> Mapping[str, Any]:
    return page(context, "channels", form, status, list_at=context.address("@@routes"), **values)


def _add(context: GroupResource, request: Request) -> Any:
    form, wish = wish_in(request)
    if wish is not None:
        clock = request.registry["messa.runtime"].clock
        done = own.add(request.platform_db, clock.now(), context.author, context.place, wish)
        if isinstance(done, Held):
            return HTTPSeeOther(context.address("@@routes", said="route-added"))
        _complain(request, form, done)
    return _form(context, request, form, 422)


def _change(context: GroupResource, request: Request, held: Held) -> Any:
    form, wish = wish_in(request)
    if wish is not None:
        clock = request.registry["messa.runtime"].clock
        done = own.change(
            request.platform_db,
            clock.now(),
            context.author,
            context.place,
            held.route.id,
            lambda _: wish,
        )
        if isinstance(done, Held):
            return HTTPSeeOther(context.address("@@routes", said="route-changed"))
        _complain(request, form, done)
    return _form(context, request, form, 422, held)


def _complain(request: Request, form: Form, undone: Undone) -> None:
    """Raises HTTPNotFound where there is no such route of theirs, or nobody who may."""
    match undone:
        case Fault.GONE:
            raise HTTPNotFound
        case Fault():
            complain(request, form, undone)
        case Unfit():
            complain(request, form, Fault.STRANGE_CHANNEL)
        case _:
            raise HTTPNotFound


def _remove(context: GroupResource, request: Request, route_id: UUID) -> HTTPSeeOther:
    clock = request.registry["messa.runtime"].clock
    undone = own.remove(request.platform_db, clock.now(), context.author, context.place, route_id)
    if undone is not None:
        raise HTTPNotFound
    return HTTPSeeOther(context.address("@@routes", said="route-removed"))


def includeme(config: Configurator) -> None:
    """Mount the page."""
    config.add_group_view(show, "routes", "routes")
    config.add_group_view(change, "routes", "routes", request_method="POST")
