"""`/operator/channels`: by which channels texts leave and in which order, how they fare, and the plugins that there are (spec X3, X4, O1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request

from messa_platform.portal.channels import acts, one, overview
from messa_platform.portal.channels.desk import Desk
from messa_platform.portal.forms import Form
from messa_platform.portal.operator.frame import page
from messa_platform.portal.operator.resources import ChannelResource, ChannelsResource, author_of
from messa_platform.portal.pages import url
from messa_platform.providers.channels import PLATFORM


def _desk(request: Request) -> Desk:
    def answer(template: str, form: Form, status: int, values: Mapping[str, Any]) -> Any:
        shown = page(request, "channels", form, status, frame="operator/page.jinja2", **values)
        request.override_renderer = f"channels/{template}.jinja2"
        return shown

    def at(*steps: str, **query: object) -> str:
        return url(request, "operator", "channels", *steps, **query)

    return Desk(request, PLATFORM, author_of(request), at, answer, at(), sees_faults=True)


def show(request: Request) -> Any:
    """The platform's channels, the plugins, and which channels tenants have."""
    desk = _desk(request)
    return overview.listed(desk, theirs=overview.tenants_channels(desk), most_theirs=overview.MOST_THEIRS)


def show_new(_context: ChannelsResource, request: Request) -> Any:
    """The form for a channel of a plugin."""
    return one.show_new(_desk(request), _plugin_in(request))


def connect(_context: ChannelsResource, request: Request) -> Any:
    """Connect it."""
    return one.connect(_desk(request), _plugin_in(request))


def _plugin_in(request: Request) -> str:
    match request.subpath:
        case (name,):
            return str(name)
    raise HTTPNotFound


def show_one(context: ChannelResource, request: Request) -> Any:
    """A channel."""
    return one.show_one(_desk(request), context.channel_id)


def change(context: ChannelResource, request: Request) -> Any:
    """Change it."""
    return one.change(_desk(request), context.channel_id)


def show_remove(context: ChannelResource, request: Request) -> Any:
    """Is it to go?"""
    return one.show_remove(_desk(request), context.channel_id)


def act(context: ChannelResource, request: Request) -> HTTPSeeOther:
    """What a button says."""
    return acts.ACTS[request.view_name](_desk(request), context.channel_id)


def includeme(config: Configurator) -> None:
    """Mount the list, each channel's page, and their forms."""
    config.include(acts)
    config.add_operator_view(show, ChannelsResource, "", "channels")
    config.add_operator_view(show_new, ChannelsResource, "new", "channels")
    config.add_operator_view(connect, ChannelsResource, "new", "channels", request_method="POST")
    config.add_operator_view(show_one, ChannelResource, "", "channels")
    config.add_operator_view(change, ChannelResource, "", "channels", request_method="POST")
    config.add_operator_view(show_remove, ChannelResource, "remove", "channels")
    for name in acts.ACTS:
        config.add_operator_view(act, ChannelResource, name, "channels", request_method="POST")
