"""What the admins of groups see and change (spec G1-G13, D1-D4)."""

from __future__ import annotations

from pyramid.config import Configurator

from messa_platform.portal.admin import (
    add_users,
    admins,
    audit,
    channels,
    domains,
    entrance,
    frame,
    groups,
    logs,
    organisation,
    overview,
    routes,
    sender_name,
    setting_forms,
    settings,
    sign_on,
    signature,
    task,
    user,
    users,
    users_chosen,
)
from messa_platform.portal.admin.api_users import views as api_users
from messa_platform.portal.admin.resources import Organisations

PARTS = (
    frame,
    entrance,
    overview,
    groups,
    logs,
    domains,
    setting_forms,
    settings,
    sender_name,
    signature,
    admins,
    api_users,
    users,
    users_chosen,
    user,
    add_users,
    task,
    organisation,
    channels,
    routes,
    sign_on,
    logs,
    audit,
)


def includeme(config: Configurator) -> None:
    """Mount `/t` and every admin page."""
    config.add_child("t", lambda request, parent: Organisations(request, "t", parent))
    for part in PARTS:
        config.include(part)
