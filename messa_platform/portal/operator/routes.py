"""`/operator/routes`: by which channels texts leave, and which way one would go (spec X4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
from messa_platform.portal.operator.route_words import Tried, tried
from messa_platform.portal.pages import url
from messa_platform.portal.routing.form import complain, filled, in_order, wish_in
from messa_platform.portal.routing.words import Line, line_of
from messa_platform.providers.routing import routes
from messa_platform.providers.routing.routes import Fault, Listed, Wanted
from messa_platform.providers.routing.told import channels_for
from messa_platform.tenants import accounts, tenants


def show(request: Request) -> Mapping[str, Any]:
    """Every route; and which way a text would go, if one is asked for."""
    form = Form(values={name: asked(request, name) for name in ("to", "from", "text", "organisation")})
    found = routes.listed(request.platform_db)
    return page(
        request,
        "routes",
        form,
        lines=_lines(request, found),
        most=routes.MOST_LISTED if _is_cut(found) else None,
        tried=_tried(request, form),
    )


def _is_cut(found: Iterable[Listed]) -> bool:
    """Whether there may be more of tenants' own than are shown."""
    return sum(one.is_own for one in found) == routes.MOST_LISTED


def _lines(request: Request, found: Iterable[Listed]) -> list[Line]:
    speech = request.speech
    everybody = speech.gettext("All organisations")
    return [
        line_of(speech, one.route, one.tenant or everybody, [name for _, name in one.channels])
        for one in found
    ]


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
    list_at = url(request, "operator", "routes")
    shown = page(
        request,
        "routes",
        form,
        status,
        frame="operator/page.jinja2",
        list_at=list_at,
        action=f"{list_at}/{route.id if route else '@@new'}",
        whose=whose,
        route=route,
        channels=in_order(channels_for(request.platform_db, whose.tenant_id), route),
        capabilities=CAN,
    )
    request.override_renderer = "routes/form.jinja2"
    return shown


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
        complain(request, form, made)
    return _form_page(request, whose, form, 422)


def show_one(context: RouteResource, request: Request) -> Mapping[str, Any]:
    """The form of a route that is there."""
    return _form_page(request, _whose_is(context, request), filled(context.found.route), found=context.found)


def _whose_is(context: RouteResource, request: Request) -> Whose:
    tenant_id = context.found.route.tenant_id
    return Whose(tenant_id, tenants.slug_of(request.platform_db, tenant_id) if tenant_id else "")


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
        complain(request, form, done)
    return _form_page(request, whose, form, 422, context.found)


def _wanted(request: Request, whose: Whose) -> tuple[Form, Wanted | None]:
    """What the form asks for; None, where it says what is wrong."""
    form, wish = wish_in(request)
    return form, None if wish is None else wish.of(whose.tenant_id)


def remove(context: RouteResource, request: Request) -> HTTPSeeOther:
    """Take a route away."""
    if not routes.remove(request.platform_db, now_of(request), author_of(request), context.found.route.id):
        raise HTTPNotFound
    return HTTPSeeOther(url(request, "operator", "routes", said="route-removed"))


def includeme(config: Configurator) -> None:
    """Mount the page, and the routes' forms."""
    config.add_operator_view(show, RoutesResource, "", "routes")
    config.add_operator_view(show_new, RoutesResource, "new", "routes")
    config.add_operator_view(add, RoutesResource, "new", "routes", request_method="POST")
    config.add_operator_view(show_one, RouteResource, "", "routes")
    config.add_operator_view(change, RouteResource, "", "routes", request_method="POST")
    config.add_operator_view(remove, RouteResource, "remove", "routes", request_method="POST")
    config.add_saying("route-added", msgid("The route is there. It holds for texts from now on."))
    config.add_saying("route-changed", msgid("The route is changed. It holds for texts from now on."))
    config.add_saying(
        "route-removed", msgid("The route is gone. Texts go by the other routes, or by the channels' order.")
    )
    config.add_saying("no-organisation", msgid("There is no organisation with that short name."), "warning")
