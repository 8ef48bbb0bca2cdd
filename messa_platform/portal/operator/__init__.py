"""What the platform's owner sees and changes: organisations, number ranges, domains that wait, channels, and what was done (spec O1)."""

from __future__ import annotations

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request

from messa_platform.portal.operator import (
    audit,
    channels,
    domains,
    frame,
    prices,
    ranges,
    routes,
    tenant_states,
    tenants,
)
from messa_platform.portal.operator.resources import OPERATE, OperatorResource, enter
from messa_platform.portal.pages import url


def first_page(request: Request) -> HTTPSeeOther:
    """`/operator` leads to the organisations."""
    return HTTPSeeOther(url(request, "operator", "tenants"))


def includeme(config: Configurator) -> None:
    """Mount `/operator` and what lies under it."""
    config.add_child("operator", enter)
    config.add_view(first_page, context=OperatorResource, permission=OPERATE)
    for page in (frame, tenants, tenant_states, ranges, domains, channels, routes, prices, audit):
        config.include(page)
