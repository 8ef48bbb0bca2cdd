"""Where the operator's pages hang: `/operator` and what is under it (spec O1). To everybody else there is nothing there."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pyramid.authorization import DENY_ALL, Allow
from pyramid.httpexceptions import HTTPForbidden
from pyramid.request import Request

from messa_platform.core.resources import Hidden, Resource
from messa_platform.portal.demanded import demand_second_factor
from messa_platform.portal.identity import OPERATOR
from messa_platform.portal.messages.resources import read_id
from messa_platform.providers import channels
from messa_platform.providers.prices import lists
from messa_platform.providers.prices.lists import Named
from messa_platform.providers.routing import routes
from messa_platform.providers.routing.routes import Listed
from messa_platform.tenants import tenants
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import Author
from messa_platform.tenants.domains import claims
from messa_platform.tenants.domains.claims import WaitingClaim
from messa_platform.tenants.tenants import Overview

OPERATE = "operate"
"""The permission of every page of the operator."""


class OperatorResource(Hidden, Resource):
    """`/operator`."""

    __acl__ = ((Allow, OPERATOR, OPERATE), DENY_ALL)

    def __getitem__(self, name: str) -> Resource:
        return _PLACES[name](self.request, name, self)


def enter(request: Request, parent: Any) -> OperatorResource:
    """The operator's part of the tree. Nothing is looked up for anybody else; outside of the demo the operator needs a second factor."""
    identity = request.identity
    if identity is None:
        raise HTTPForbidden  # asked to sign in, whatever there may be
    if not identity.is_operator:
        raise KeyError("operator")
    demand_second_factor(request)
    return OperatorResource(request, "operator", parent)


class TenantsResource(Resource):
    """`/operator/tenants`: every organisation."""

    def __getitem__(self, name: str) -> TenantResource:
        found = tenants.overview(self.request.platform_db, name)
        if found is None:
            raise KeyError(name)
        return TenantResource(self, found)


class TenantResource(Resource):
    """`/operator/tenants/<slug>`: one of them."""

    def __init__(self, parent: TenantsResource, found: Overview) -> None:
        super().__init__(parent.request, found.slug, parent)
        self.organisation = found


class RangesResource(Resource):
    """`/operator/ranges`: the numbers that are lent."""


class DomainsResource(Resource):
    """`/operator/domains`: those that wait for their proof, or for a yes."""

    def __getitem__(self, name: str) -> DomainResource:
        wanted = read_id(name)
        # the first one behind what is just before it
        found = claims.waiting(self.request.platform_db, UUID(int=max(wanted.int - 1, 0)), 1)
        if not found or found[0].claim.id != wanted:
            raise KeyError(name)
        return DomainResource(self, found[0])


class DomainResource(Resource):
    """`/operator/domains/<id>`: one of them."""

    def __init__(self, parent: DomainsResource, waiting: WaitingClaim) -> None:
        super().__init__(parent.request, str(waiting.claim.id), parent)
        self.waiting = waiting


class ChannelsResource(Resource):
    """`/operator/channels`: the platform's own channels, and the plugins that there are."""

    def __getitem__(self, name: str) -> ChannelResource:
        channel_id = read_id(name)
        if not channels.is_own(self.request.platform_db, channel_id):
            raise KeyError(name)
        return ChannelResource(self, channel_id)


class ChannelResource(Resource):
    """`/operator/channels/<id>`: one of the channels."""

    def __init__(self, parent: ChannelsResource, channel_id: UUID) -> None:
        super().__init__(parent.request, str(channel_id), parent)
        self.channel_id = channel_id


class RoutesResource(Resource):
    """`/operator/routes`: by which channels texts leave."""

    def __getitem__(self, name: str) -> RouteResource:
        found = routes.one(self.request.platform_db, read_id(name))
        if found is None:
            raise KeyError(name)
        return RouteResource(self, found)


class RouteResource(Resource):
    """`/operator/routes/<id>`: one of the routes."""

    def __init__(self, parent: RoutesResource, found: Listed) -> None:
        super().__init__(parent.request, str(found.route.id), parent)
        self.found = found


class PricesResource(Resource):
    """`/operator/prices`: what providers charge us, and what we charge."""

    def __getitem__(self, name: str) -> PricesVersionResource:
        found = lists.version(self.request.platform_db, read_id(name))
        if found is None:
            raise KeyError(name)
        return PricesVersionResource(self, found)


class PricesVersionResource(Resource):
    """`/operator/prices/<id>`: a version of a price list."""

    def __init__(self, parent: PricesResource, found: Named) -> None:
        super().__init__(parent.request, str(found.id), parent)
        self.found = found


_PLACES = {
    "tenants": TenantsResource,
    "ranges": RangesResource,
    "domains": DomainsResource,
    "channels": ChannelsResource,
    "routes": RoutesResource,
    "prices": PricesResource,
}


def author_of(request: Request) -> Author:
    """The operator, as an author of changes."""
    return Author(Actor.OPERATOR, request.identity.account_id, request.identity.address)
