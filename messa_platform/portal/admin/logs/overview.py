"""`@@logs` of a group: the days, and the ways out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.portal.admin.frame import page
from messa_platform.portal.admin.logs.query import Faults, read
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.forms import Form, asked


def show(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The search."""
    found = read(request, context)
    form = found.form if isinstance(found, Faults) else Form({n: asked(request, n) for n in ("from", "to")})
    query = {name: value for name, value in request.GET.items() if name != "as"}
    return page(context, "logs", form, 200 if form.ok else 422, query=query)


def includeme(config: Configurator) -> None:
    """Mount the page."""
    config.add_group_view(show, "logs", "logs")
