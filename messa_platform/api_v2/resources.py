"""The traversal tree of the API. What a key may do are its scopes; where it may do it is its API user's group and everything below that."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pyramid.authorization import DENY_ALL, Allow
from pyramid.request import Request

from messa_platform.core.resources import Resource
from messa_platform.tenants.api_users.models import Scope


def holder_of(scope: Scope) -> str:
    """The principal of whoever has a key with a scope."""
    return f"scope:{scope.value}"


class Api(Resource):
    """`/v2`."""

    __acl__ = (*((Allow, holder_of(scope), scope.value) for scope in Scope), DENY_ALL)

    def __getitem__(self, name: str) -> Any:
        make = self.request.registry["messa.v2_collections"][name]
        return make(self.request, name, self)


class Item(Resource):
    """`/v2/<collection>/<id>`: something with an id. Whether there is such a thing, within the key's reach, is for its view to find out."""

    def __init__(self, request: Request, name: str, parent: Any, identifier: UUID) -> None:
        super().__init__(request, name, parent)
        self.id = identifier


class Collection(Resource):
    """`/v2/<collection>`: a child for whatever is an id."""

    item: type[Item] = Item

    def __getitem__(self, name: str) -> Item:
        if len(name) != 36:  # as ids are written here; UUID() itself takes others, too
            raise KeyError(name)
        try:
            identifier = UUID(name)
        except ValueError:
            raise KeyError(name) from None
        return self.item(self.request, name, self, identifier)
