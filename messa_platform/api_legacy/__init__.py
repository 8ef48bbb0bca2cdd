"""`/data_db/api.aspx`: the legacy API, whose every byte is the manual's (spec A1, A2). Old systems call it, and nobody will change them."""

from __future__ import annotations

from pyramid.config import Configurator

from messa_platform.api_legacy import views


def includeme(config: Configurator) -> None:
    """Mount the door."""
    config.include(views)
