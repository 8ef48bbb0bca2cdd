"""The log of a group's messages: searched, and taken away as a file (spec L1, L2)."""

from __future__ import annotations

from pyramid.config import Configurator

from messa_platform.portal.admin.logs import as_file, exports, overview


def includeme(config: Configurator) -> None:
    """Mount the pages."""
    for part in (overview, as_file, exports):
        config.include(part)
