"""The traversal tree of the admin pages: `/t/<tenant>/<group>/…`, as the groups stand (spec G10).

What an admin may do follows from where a group stands: a group's ACL grants to its own admins, its lineage to those above. The tenant, which
is its Master group, ends with deny-all. Who may not see a group learns nothing of it: that it is not theirs and that there is no such
group are the same answer.
"""

from __future__ import annotations

from typing import Any

from pyramid.authorization import DENY_ALL, Allow
from pyramid.httpexceptions import HTTPForbidden, HTTPNotFound
from pyramid.request import Request
from pyramid.traversal import split_path_info

from messa_platform.core.resources import Hidden, Resource
from messa_platform.core.row_security import Confinement
from messa_platform.portal.demanded import demand_second_factor
from messa_platform.portal.identity import OPERATOR, SIGNED_IN, admin_of
from messa_platform.portal.pages import url
from messa_platform.tenants import tenants
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import Author
from messa_platform.tenants.places import Found, Organisation, Place, find_path

ADMINISTER = "administer"
"""The permission of every page of a group."""
ENTER = "enter"
"""The permission of the page that leads to one's groups."""


class Organisations(Hidden, Resource):
    """`/t`: the organisations. Everybody but the operator finds the own one only."""

    __acl__ = ((Allow, SIGNED_IN, ENTER), (Allow, OPERATOR, ADMINISTER), DENY_ALL)

    def __getitem__(self, name: str) -> GroupResource:
        identity = self.request.identity
        if identity is None:
            raise HTTPForbidden  # asked to sign in, whatever there may be
        slugs = _slugs(self.request)
        if "\0" in "".join((name, *slugs)):  # which no text of the database can hold
            raise KeyError(name)
        if identity.is_operator:
            self._act_for(name)
        found = find_path(self.request.db, name, slugs)
        if found is None:
            raise KeyError(name)
        demand_second_factor(self.request, found.organisation.demands_second_factor)
        return GroupResource(self.request, name, self, found, 0)

    def _act_for(self, slug: str) -> None:
        """The operator sees any tenant, one at a time."""
        tenant_id = tenants.id_of(self.request.platform_db, slug)
        if tenant_id is not None:
            self.request.confinement = Confinement(tenant_id, self.request.identity.account_id)


def _slugs(request: Request) -> list[str]:
    """The names between the tenant's and the view's."""
    names: list[str] = list(split_path_info(request.path_info))[2:]
    views = (place for place, name in enumerate(names) if name.startswith("@@"))
    return names[: next(views, len(names))]


def demand_master(context: GroupResource) -> None:
    """Only Master stands for the organisation as a whole. Raises HTTPNotFound."""
    if context.place.parent_id is not None:
        raise HTTPNotFound


class GroupResource(Hidden, Resource):
    """`/t/<tenant>`, its Master group, or a group below it at its own address."""

    def __init__(self, request: Request, name: str, parent: Any, found: Found, depth: int) -> None:
        super().__init__(request, name, parent)
        self._found = found
        self._depth = depth

    @property
    def __acl__(self) -> tuple[Any, ...]:
        """The group's own admins; at Master the operator as well, and nobody else from there on."""
        own = (Allow, admin_of(self.place.id), ADMINISTER)
        return (own,) if self._depth else (own, (Allow, OPERATOR, ADMINISTER), DENY_ALL)

    def __getitem__(self, name: str) -> GroupResource:
        deeper = self._depth + 1
        if deeper >= len(self._found.path) or self._found.path[deeper].slug != name:
            raise KeyError(name)
        return GroupResource(self.request, name, self, self._found, deeper)

    @property
    def organisation(self) -> Organisation:
        """The tenant."""
        return self._found.organisation

    @property
    def path(self) -> tuple[Place, ...]:
        """The groups from Master down to this one."""
        return self._found.path[: self._depth + 1]

    @property
    def place(self) -> Place:
        """This group."""
        return self._found.path[self._depth]

    @property
    def authority(self) -> Place:
        """The topmost group of the path that whoever asks administers: nothing above it is theirs to see."""
        identity = self.request.identity
        if identity.is_operator:
            return self.path[0]
        # the permission has been asked for before: one of them is theirs
        return next(place for place in self.path if place.id in identity.admin_of)

    @property
    def seen_path(self) -> tuple[Place, ...]:
        """The groups of the path that whoever asks may see."""
        return self.path[self.path.index(self.authority) :]

    @property
    def author(self) -> Author:
        """Who asks, as an author of changes here."""
        identity = self.request.identity
        kind = Actor.OPERATOR if identity.is_operator else Actor.ADMIN
        return Author(kind, identity.account_id, identity.address, self.authority.id)

    def slugs_of(self, place: Place) -> tuple[str, ...]:
        """How a group of the path is reached from Master."""
        return tuple(p.slug for p in self.path[1 : self.path.index(place) + 1])

    def address(self, *view: str, **query: object) -> str:
        """The path of a page of this group for this browser; `view` is its name with `@@`, and what follows."""
        return self.address_of(self.slugs_of(self.place), *view, **query)

    def address_of(self, slugs: tuple[str, ...], *view: str, **query: object) -> str:
        """The same for the group at `slugs` below Master."""
        return url(self.request, "t", self.organisation.slug, *slugs, *view, **query)
