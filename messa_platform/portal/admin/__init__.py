"""What the admins of groups see and change (spec G1-G13, D1-D4)."""

from __future__ import annotations

from pyramid.config import Configurator

from messa_platform.portal.admin import entrance, frame
from messa_platform.portal.admin.resources import Organisations


def includeme(config: Configurator) -> None:
    """Mount `/t` and every admin page."""
    config.add_child("t", lambda request, parent: Organisations(request, "t", parent))
    for page in (frame, entrance):
        config.include(page)
