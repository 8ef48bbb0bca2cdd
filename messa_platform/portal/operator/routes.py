"""`/operator/routes`: by which channels texts leave, and which way one would go (spec X4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request
from sqlalchemy.orm import Session

from messa_platform.core.i18n import msgid
from messa_platform.messaging.lead import foresee
from messa_platform.portal.channels.words import CAN
from messa_platform.portal.forms import Form, asked, written
from messa_platform.portal.operator.frame import now_of, page
from messa_platform.portal.operator.resources import RouteResource, RoutesResource, author_of
from messa_platform.portal.operator.route_words import FAULTS, Line, Tried, line_of, tried
from messa_platform.portal.pages import url
from messa_platform.providers.prices.cells import read_prefix
from messa_platform.providers.routing import routes
from messa_platform.providers.routing.routes import Fault, Listed, Wanted
from messa_platform.providers.routing.rules import Route, SenderKind
from messa_platform.providers.routing.told import ChannelOf, channels_for
from messa_platform.tenants import accounts, tenants


def show(request: Request) -> Mapping[str, Any]:
    """Every route; and which way a text would go, if one is asked for."""
    form = Form(values={name: asked(request, name) for name in ("to", "from", "text", "organisation")})
    return page(
        request,
        "routes",
        form,
        lines=_lines(request, routes.listed(request.platform_db)),
        tried=_tried(request, form),
    )


def _lines(request: Request, found: Iterable[Listed]) -> list[Line]:
    return [line_of(request.speech, one) for one in found]


def _tried(request: Request, form: Form) -> Tried | None:
    """The whole way of the text that the form asks for; None, where it asks for none or says what is wrong."""
    to, sender = form.values["to"], form.values["from"].lower().replace("\x00", "")
    if not (to or sender):
        return None
    session, speech = request.platform_db, request.speech
    account_id = accounts.find(session, [sender]).get(sender)
    found = (
        foresee(session, now_of(request), account_id, to, form.values["text"] or "x") if account_id else None
    )
    if found is None:
        form.fail("from", speech.gettext("There is no account with that address."))
        return None
    if isinstance(found, str):
        form.fail("to", speech.gettext("Enter a number, such as 070-174 06 05 or +4791234567."))
        return None
    return tried(session, speech, found)


# A route's form


@dataclass(frozen=True, slots=True)
class Whose:
    """For whom a route is: `tenant_id` None and `slug` "" for all organisations."""

    tenant_id: UUID | None
    slug: str


def _whose(session: Session, slug: str) -> Whose | None:
    if not slug:
        return Whose(None, "")
    tenant_id = tenants.id_of(session, slug)
    return None if tenant_id is None else Whose(tenant_id, slug)


def show_new(context: RoutesResource, request: Request) -> Any:
    """The form for a new route, for all organisations or that of `?organisation=`."""
    whose = _whose(request.platform_db, asked(request, "organisation").replace("\x00", ""))
    if whose is None:
        return HTTPSeeOther(url(request, "operator", "routes", said="no-organisation"))
    return _form_page(request, whose, Form())


def _form_page(
    request: Request, whose: Whose, form: Form, status: int = 200, found: Listed | None = None
) -> Mapping[str, Any]:
    route = found.route if found else None
    channels = _in_order(channels_for(request.platform_db, whose.tenant_id), route)
    return page(
        request, "routes", form, status, whose=whose, route=route, channels=channels, capabilities=CAN
    )


def _in_order(channels: Sequence[ChannelOf], route: Route | None) -> list[tuple[ChannelOf, int | None]]:
    """The channels, those of the route first, with their places in it."""
    places = {identifier: n for n, identifier in enumerate(route.channel_ids, start=1)} if route else {}
    shown = [(channel, places.get(channel.id)) for channel in channels]
    return sorted(shown, key=lambda one: (one[1] is None, one[1] or 0))


def add(context: RoutesResource, request: Request) -> Any:
    """Make a route."""
    whose = _whose(request.platform_db, written(request.POST).get("organisation", ""))
    if whose is None:
        return HTTPSeeOther(url(request, "operator", "routes", said="no-organisation"))
    form, wanted = _wanted(request, whose)
    if wanted is not None:
        made = routes.add(request.platform_db, now_of(request), author_of(request), wanted)
        if not isinstance(made, Fault):
            return HTTPSeeOther(url(request, "operator", "routes", said="route-added"))
        _complain(request, form, made)
    return _form_page(request, whose, form, 422)


def show_one(context: RouteResource, request: Request) -> Mapping[str, Any]:
    """The form of a route that is there."""
    return _form_page(request, _whose_is(context, request), _filled(context.found.route), found=context.found)


def _whose_is(context: RouteResource, request: Request) -> Whose:
    tenant_id = context.found.route.tenant_id
    return Whose(tenant_id, tenants.slug_of(request.platform_db, tenant_id) if tenant_id else "")


def _filled(route: Route) -> Form:
    values = {"prefix": f"+{route.prefix}" if route.prefix else "", "sender": route.sender_kind or ""}
    values |= {f"needs-{name}": "1" for name in route.needs}
    values |= {f"place-{i}": str(n) for n, i in enumerate(route.channel_ids, start=1)}
    return Form(values=values | ({"cheapest": "1"} if route.is_cheapest else {}))


def change(context: RouteResource, request: Request) -> Any:
    """Let a route say something else."""
    whose = _whose_is(context, request)
    form, wanted = _wanted(request, whose)
    if wanted is not None:
        done = routes.change(
            request.platform_db, now_of(request), author_of(request), context.found.route.id, wanted
        )
        if done is Fault.GONE:
            raise HTTPNotFound
        if not isinstance(done, Fault):
            return HTTPSeeOther(url(request, "operator", "routes", said="route-changed"))
        _complain(request, form, done)
    return _form_page(request, whose, form, 422, context.found)


def _wanted(request: Request, whose: Whose) -> tuple[Form, Wanted | None]:
    """What the form asks for; None, where it says what is wrong."""
    form = Form(values=written(request.POST))
    digits = form.values.get("prefix", "").strip()
    prefix = read_prefix(digits) if digits else ""
    kind = form.values.get("sender", "")
    places = _places(request, form)
    if not form.ok:
        return form, None
    return form, Wanted(
        whose.tenant_id,
        prefix,  # what is none is refused as such
        SenderKind(kind) if kind in set(SenderKind) else None,
        tuple(name for name in CAN if f"needs-{name}" in form.values),
        tuple(identifier for _, identifier in sorted(places, key=lambda place: place[0])),
        "cheapest" in form.values,
    )


def _places(request: Request, form: Form) -> list[tuple[int, UUID]]:
    """The channels that have a place, which is a number."""
    found = []
    for name, value in form.values.items():
        kind, _, identifier = name.partition("-")
        if kind != "place" or not value.strip():
            continue
        try:
            found.append((int(value), UUID(identifier)))
        except ValueError:
            form.fail(name, request.speech.gettext("Write 1 for the first, 2 for the second, and so on."))
    return found


def _complain(request: Request, form: Form, fault: Fault) -> None:
    name, sentence = FAULTS[fault]
    form.fail(name, request.speech.gettext(sentence))


def remove(context: RouteResource, request: Request) -> HTTPSeeOther:
    """Take a route away."""
    if not routes.remove(request.platform_db, now_of(request), author_of(request), context.found.route.id):
        raise HTTPNotFound
    return HTTPSeeOther(url(request, "operator", "routes", said="route-removed"))


def includeme(config: Configurator) -> None:
    """Mount the page, and the routes' forms."""
    config.add_operator_view(show, RoutesResource, "", "routes")
    config.add_operator_view(show_new, RoutesResource, "new", "route")
    config.add_operator_view(add, RoutesResource, "new", "route", request_method="POST")
    config.add_operator_view(show_one, RouteResource, "", "route")
    config.add_operator_view(change, RouteResource, "", "route", request_method="POST")
    config.add_operator_view(remove, RouteResource, "remove", "routes", request_method="POST")
    config.add_saying("route-added", msgid("The route is there. It holds for texts from now on."))
    config.add_saying("route-changed", msgid("The route is changed. It holds for texts from now on."))
    config.add_saying(
        "route-removed", msgid("The route is gone. Texts go by the other routes, or by the channels' order.")
    )
    config.add_saying("no-organisation", msgid("There is no organisation with that short name."), "warning")
