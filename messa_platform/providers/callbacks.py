"""Where providers call us: `/providers/<channel>/…`. The plugin authenticates and reads; `messaging` stores; then the answer.

A view that asks the database for itself, or within the request's transaction, would cost more than all else here: the channel is known
(`callback_channels`), and what many calls hold is stored together (`callback_desk`).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, quote

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED
from sqlalchemy.exc import SQLAlchemyError

from messa_platform.core.logs import logger
from messa_platform.core.resources import Resource
from messa_platform.core.site import SiteSettings
from messa_platform.providers.base import Callback, CallbackRefused
from messa_platform.providers.callback_channels import Deaf, Found, OutOfOrder, Ready
from messa_platform.providers.callback_desk import NotNow

log = logger(__name__)

MOST_BYTES = 2**20
"""Of a callback's body."""
RETRY_AFTER = 10
"""Seconds after which a provider may come again, where it cannot be served now. Those that know no such header come after a while as well."""


class ProvidersResource(Resource):
    """`/providers`: a child for each channel, by its id; one of the platform's own by its name, too."""

    def __getitem__(self, name: str) -> ChannelResource:
        found = self.request.registry["messa.runtime"].callback_channels.find(name)
        if found is None:
            raise KeyError(name)
        return ChannelResource(self.request, name, self, found)


class ChannelResource(Resource):
    """`/providers/<channel>`: one configured connection."""

    def __init__(self, request: Request, name: str, parent: Resource, found: Found) -> None:
        super().__init__(request, name, parent)
        self.found = found

    def __getitem__(self, name: str) -> CallbackResource:
        return CallbackResource(self.request, name, self, self.found, name)


class CallbackResource(Resource):
    """`/providers/<channel>/<path>`: the path is the plugin's own affair."""

    def __init__(self, request: Request, name: str, parent: Resource, found: Found, path: str) -> None:
        super().__init__(request, name, parent)
        self.found = found
        self.path = path

    def __getitem__(self, name: str) -> CallbackResource:
        return CallbackResource(self.request, name, self, self.found, f"{self.path}/{name}")


def callback(context: CallbackResource, request: Request) -> Response:
    """Take a callback. It is answered well only when everything in it is stored (spec X5)."""
    match context.found:
        case Deaf():
            return _said(404, "this channel takes no callbacks")
        case OutOfOrder():
            return _not_now()
        case Ready() as channel:
            return _taken(channel, context.path, request)


def _taken(channel: Ready, path: str, request: Request) -> Response:
    if (request.content_length or 0) > MOST_BYTES:
        return _said(413, "more than a callback can hold")
    runtime = request.registry["messa.runtime"]
    try:
        result = channel.plugin.read_callback(channel.settings, _asked(runtime, path, request))
        runtime.callback_desk.store(channel.channel_id, result.events)
    except CallbackRefused as refused:
        log.warning("callback_refused", channel=channel.name, why=str(refused))
        return _said(refused.status, str(refused))
    except NotNow as why:
        log.warning("callback_put_off", channel=channel.name, why=str(why))
        return _not_now()
    return Response(result.body, status=result.status, content_type=result.content_type)


def _asked(runtime: Any, path: str, request: Request) -> Callback:
    return Callback(
        method=request.method,
        path=path,
        # not the framework's: a gateway may put a text in there whose bytes are no UTF-8
        query=dict(parse_qsl(request.query_string, keep_blank_values=True)),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.body,
        url=_as_given(runtime, request),
        at=runtime.clock.now(),
    )


def _said(status: int, words: str) -> Response:
    return Response(words, status=status, content_type="text/plain")


def _not_now() -> Response:
    response = _said(503, "not now")
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def _as_given(runtime: Any, request: Request) -> str:
    """The address that was asked, by our public name: providers sign what they were given, whatever a proxy made of it."""
    query = f"?{request.query_string}" if request.query_string else ""
    return f"{runtime.settings[SiteSettings].public_url.rstrip('/')}{quote(request.path_info, safe=_SAFE)}{query}"


_SAFE = "/:@!$&'()*+,;=~-._"


def includeme(config: Configurator) -> None:
    """Mount `/providers`."""
    config.add_child(
        "providers", lambda request, parent: ProvidersResource(request, "providers", parent), reads_bodies=True
    )
    # the provider signs in by the means of its plugin, which `read_callback` checks
    config.add_view(callback, context=CallbackResource, permission=NO_PERMISSION_REQUIRED, require_csrf=False)
