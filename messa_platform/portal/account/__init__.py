"""The account's own pages (spec U1, U2, U4, I3)."""

from __future__ import annotations

from pyramid.config import Configurator

from messa_platform.portal.account import overview, password, second_factor, sessions
from messa_platform.portal.account.resources import AccountResource


def includeme(config: Configurator) -> None:
    """Mount `/account` and what lies under it."""
    config.add_child("account", lambda request, parent: AccountResource(request, "account", parent))
    for page in (overview, password, sessions, second_factor):
        config.include(page)
