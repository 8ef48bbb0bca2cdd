"""`@@channels` of Master: the organisation's own channels, and `@@marketplace`, the plugins that it may connect (spec X3).

Below `@@channels` stand `new/<plugin>`, each channel's page `<id>`, the question before it is removed, `<id>/remove`, and what its buttons do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request

from messa_platform.portal.admin.frame import page
from messa_platform.portal.admin.resources import GroupResource, demand_master
from messa_platform.portal.channels import acts, one, overview
from messa_platform.portal.channels.desk import Desk
from messa_platform.portal.forms import Form
from messa_platform.portal.messages.resources import wanted_id
from messa_platform.providers.channels import Owner


def _desk(context: GroupResource, request: Request) -> Desk:
    """The organisation's. Raises HTTPNotFound below Master."""
    demand_master(context)

    def answer(template: str, form: Form, status: int, values: Mapping[str, Any]) -> Any:
        shown = page(context, "channels", form, status, frame="admin/page.jinja2", **values)
        # last, since what is not found is shown by a renderer of its own
        request.override_renderer = f"channels/{template}.jinja2"
        return shown

    def at(*steps: str, **query: object) -> str:
        return context.address("@@channels", *steps, **query)

    return Desk(
        request,
        Owner(context.place),
        context.author,
        at,
        answer,
        context.address("@@marketplace"),
        sees_faults=request.identity.is_operator,
    )


def show(context: GroupResource, request: Request) -> Any:
    """The list, or what is asked for below it."""
    desk = _desk(context, request)
    match request.subpath:
        case ():
            return overview.listed(desk)
        case ("new", name):
            return one.show_new(desk, name)
        case (channel, "remove"):
            return one.show_remove(desk, wanted_id(channel))
        case (channel,):
            return one.show_one(desk, wanted_id(channel))
    raise HTTPNotFound


def change(context: GroupResource, request: Request) -> Any:
    """What a form asks for."""
    desk = _desk(context, request)
    match request.subpath:
        case ("new", name):
            return one.connect(desk, name)
        case (channel, name) if name in acts.ACTS:
            return acts.ACTS[name](desk, wanted_id(channel))
        case (channel,):
            return one.change(desk, wanted_id(channel))
    raise HTTPNotFound


def show_marketplace(context: GroupResource, request: Request) -> Any:
    """The plugins."""
    return overview.marketplace(_desk(context, request))


def includeme(config: Configurator) -> None:
    """Mount both pages."""
    config.add_group_view(show, "channels", "page")
    config.add_group_view(change, "channels", "page", request_method="POST")
    config.add_group_view(show_marketplace, "marketplace", "page")
