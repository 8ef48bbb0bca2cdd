"""The way in: from the menu's *Admin* to one's group, and from a group's address to its first page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response

from messa_platform.portal.admin.resources import ADMINISTER, ENTER, GroupResource, Organisations
from messa_platform.portal.pages import url
from messa_platform.tenants import tenants
from messa_platform.tenants.places import ways


def choose(context: Organisations, request: Request) -> Mapping[str, Any] | Response:
    """The groups that whoever asks administers; a single one is gone to at once."""
    identity = request.identity
    if identity.is_operator:
        return HTTPSeeOther(url(request, "operator"))
    found = sorted(
        ways(request.db, identity.tenant_id, identity.admin_of).values(), key=lambda way: way.names
    )
    if not found:
        raise HTTPNotFound
    slug = tenants.slug_of(request.db, identity.tenant_id)
    # within another of one's own groups there is nothing more to choose
    tops = [way for way in found if not set(way.ids[:-1]) & set(identity.admin_of)]
    if len(tops) == 1:
        return HTTPSeeOther(url(request, "t", slug, *tops[0].slugs[1:], "@@overview"))
    return {
        "groups": [(way.names[-1], url(request, "t", slug, *way.slugs[1:], "@@overview")) for way in tops]
    }


def first_page(context: GroupResource, request: Request) -> Response:
    """A group's bare address leads to its overview."""
    return HTTPSeeOther(context.address("@@overview"))


def includeme(config: Configurator) -> None:
    """Mount both."""
    config.add_view(choose, context=Organisations, permission=ENTER, renderer="admin/choose.jinja2")
    config.add_view(first_page, context=GroupResource, permission=ADMINISTER)
