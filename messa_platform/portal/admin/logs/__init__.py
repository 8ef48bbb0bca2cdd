"""The log of a group's messages: searched, narrowed, sorted, page by page, and each message by itself (spec L1-L4, S6-S8)."""

from __future__ import annotations

from pyramid.config import Configurator

from messa_platform.portal.admin.logs import exports, message, overview, typing_ahead


def includeme(config: Configurator) -> None:
    """Mount the pages."""
    for part in (overview, exports, typing_ahead, message):
        config.include(part)
