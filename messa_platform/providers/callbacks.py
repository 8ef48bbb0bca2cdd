"""Where providers call us: `/providers/<channel>/…`. The plugin authenticates and reads; `messaging` stores; then the answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote
from uuid import UUID

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from messa_platform.core.logs import logger
from messa_platform.core.resources import Resource
from messa_platform.core.site import SiteSettings
from messa_platform.providers.base import Callback, CallbackRefused, IncomingText, Receipt, TakesCallbacks
from messa_platform.providers.channels import RECEIPTS_FOR
from messa_platform.providers.models import Channel
from messa_platform.providers.registry import NoProvider, checked_settings
from messa_platform.providers.secrets import whole

log = logger(__name__)


class Sink(Protocol):
    """Where what a callback held is stored; messaging registers itself."""

    def take(
        self, session: Session, now: datetime, channel_id: UUID, events: Sequence[Receipt | IncomingText]
    ) -> None:
        """Store events of a channel, in order, in the session's transaction."""


class ProvidersResource(Resource):
    """`/providers`: a child for each channel, by its id; one of the platform's own by its name, too."""

    def __getitem__(self, name: str) -> ChannelResource:
        now = self.request.registry["messa.runtime"].clock.now()
        wanted = select(Channel).where(_named(name), _is_heard(now))
        channel = self.request.platform_db.execute(wanted).scalar_one_or_none()
        if channel is None:
            raise KeyError(name)
        return ChannelResource(self.request, name, self, channel)


def _named(name: str) -> ColumnElement[bool]:
    try:
        return Channel.id == UUID(name)
    except ValueError:
        return (Channel.name == name) & Channel.tenant_id.is_(None) & Channel.removed_at.is_(None)


def _is_heard(now: datetime) -> ColumnElement[bool]:
    """Of one that was removed, what is still under way is heard for a while."""
    return Channel.removed_at.is_(None) | (Channel.removed_at > now - RECEIPTS_FOR)


class ChannelResource(Resource):
    """`/providers/<channel>`: one configured connection."""

    def __init__(self, request: Request, name: str, parent: Resource, channel: Channel) -> None:
        super().__init__(request, name, parent)
        self.channel = channel

    def __getitem__(self, name: str) -> CallbackResource:
        return CallbackResource(self.request, name, self, self.channel, name)


class CallbackResource(Resource):
    """`/providers/<channel>/<path>`: the path is the plugin's own affair."""

    def __init__(self, request: Request, name: str, parent: Resource, channel: Channel, path: str) -> None:
        super().__init__(request, name, parent)
        self.channel = channel
        self.path = path

    def __getitem__(self, name: str) -> CallbackResource:
        return CallbackResource(self.request, name, self, self.channel, f"{self.path}/{name}")


def callback(context: CallbackResource, request: Request) -> Response:
    """Take a callback. It is answered well only when everything in it is stored (spec X5)."""
    runtime = request.registry["messa.runtime"]
    channel = context.channel
    try:
        plugin = runtime.providers.plugin(channel.plugin)
    except NoProvider:
        return Response("unknown channel", status=404, content_type="text/plain")
    if not issubclass(plugin, TakesCallbacks):
        return Response("this channel takes no callbacks", status=404, content_type="text/plain")
    asked = Callback(
        method=request.method,
        path=context.path,
        # not the framework's: a gateway may put a text in there whose bytes are no UTF-8
        query=dict(parse_qsl(request.query_string, keep_blank_values=True)),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.body,
        url=_as_given(runtime, request),
        at=runtime.clock.now(),
    )
    try:
        settings = whole(runtime.keys, channel.settings, channel.sealed)
        result = plugin.read_callback(checked_settings(plugin, settings), asked)
    except CallbackRefused as refused:
        log.warning("callback_refused", channel=channel.name, why=str(refused))
        return Response(str(refused), status=refused.status, content_type="text/plain")
    runtime.sink.take(request.platform_db, runtime.clock.now(), channel.id, result.events)
    return Response(result.body, status=result.status, content_type=result.content_type)


def _as_given(runtime: Any, request: Request) -> str:
    """The address that was asked, by our public name: providers sign what they were given, whatever a proxy made of it."""
    query = f"?{request.query_string}" if request.query_string else ""
    return f"{runtime.settings[SiteSettings].public_url.rstrip('/')}{quote(request.path_info, safe=_SAFE)}{query}"


_SAFE = "/:@!$&'()*+,;=~-._"


def includeme(config: Configurator) -> None:
    """Mount `/providers`."""
    config.add_child("providers", lambda request, parent: ProvidersResource(request, "providers", parent))
    # the provider signs in by the means of its plugin, which `read_callback` checks
    config.add_view(callback, context=CallbackResource, permission=NO_PERMISSION_REQUIRED, require_csrf=False)
