"""The web application: each room is included in order, nothing else."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.router import Router

from messa_platform.core import logs, resources, web
from messa_platform.core.site import SiteSettings
from messa_platform.providers import callbacks, simulator_page
from messa_platform.runtime import Runtime, build, read_settings, refuse_unread_broker


def make_app(runtime: Runtime) -> Router:
    """The web application of a process."""
    config = Configurator(settings={})
    config.registry["messa.runtime"] = runtime
    for room in (resources, web, callbacks, simulator_page):
        config.include(room)
    return config.make_wsgi_app()


def main(global_config: dict[str, Any], **values: str) -> Router:
    """What `pserve` calls. With an embedded broker nobody would read what it wakes: then use `messa serve`."""
    settings = read_settings(values)
    site = settings[SiteSettings]
    logs.configure(json=site.log_format == "json", level=site.log_level)
    refuse_unread_broker(settings)
    return make_app(build(settings, reads_queue=False))
