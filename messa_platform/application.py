"""The web application: each room is included in order, nothing else."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.router import Router

from messa_platform import api_legacy, api_v2, portal
from messa_platform.core import logs, resources, web
from messa_platform.core.client import ClientAddress
from messa_platform.core.site import SiteSettings
from messa_platform.core.web import LastResort, WsgiApp
from messa_platform.portal import cookies
from messa_platform.portal.live import LiveGate
from messa_platform.portal.prefix import UrlSessions
from messa_platform.providers import simulator_page
from messa_platform.providers.callbacks import CallbackDoor
from messa_platform.runtime import Runtime, build, read_settings, refuse_unread_broker


def make_app(runtime: Runtime) -> Router:
    """The rooms' pages and interfaces."""
    config = Configurator(settings={})
    config.registry["messa.runtime"] = runtime
    for room in (resources, web, simulator_page, api_legacy, api_v2, portal):
        config.include(room)
    return config.make_wsgi_app()


def layered(app: WsgiApp, runtime: Runtime) -> WsgiApp:
    """`app` with the layers that stand before its pages."""
    site = runtime.settings[SiteSettings]
    cookie = cookies.name_of(cookies.SESSION, site)
    app = LiveGate(app, runtime.session_cache, runtime.changes, runtime.clock, cookie)
    app = UrlSessions(app, site.cookieless_login)
    app = CallbackDoor(
        ClientAddress(app), runtime.callback_channels, runtime.callback_desk, runtime.clock, site
    )
    return LastResort(app)


def make_wsgi(runtime: Runtime) -> WsgiApp:
    """The web application of a process."""
    return layered(make_app(runtime), runtime)


def main(global_config: dict[str, Any], **values: str) -> WsgiApp:
    """What `pserve` calls. With an embedded broker nobody would read what it wakes: then use `messa serve`."""
    settings = read_settings(values)
    site = settings[SiteSettings]
    logs.configure(json=site.log_format == "json", level=site.log_level)
    refuse_unread_broker(settings)
    runtime = build(settings, reads_queue=False)
    runtime.listener.start()
    return make_wsgi(runtime)
