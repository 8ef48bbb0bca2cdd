"""How far a key reaches: its API user's group and everything below that, as the tree stands today (spec V2, G13)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pyramid.request import Request

from messa_platform.api_v2.identity import caller
from messa_platform.api_v2.problems import Problem, Wrong
from messa_platform.messaging.log.asked import Scope, scope_of
from messa_platform.tenants.admin_models import Actor
from messa_platform.tenants.audit import Author
from messa_platform.tenants.places import Place, path_to, place_of, with_subgroups


def place(request: Request) -> Place:
    """The key's group. Raises `Wrong` if it has been removed this very moment."""
    who = caller(request)
    found = place_of(request.db, who.tenant_id, who.holder.group_id)
    if found is None:
        raise Wrong(Problem.UNAUTHORIZED)
    return found


def topmost(request: Request) -> Place:
    """The topmost group; only its keys stand for the organisation as a whole. Raises `Wrong` as if there were nothing."""
    own = place(request)
    if own.parent_id is not None:
        raise Wrong(Problem.NOT_FOUND)
    return own


def place_within(request: Request, group_id: UUID | None) -> Place:
    """A group within the key's reach; without an id the key's own. Raises `Wrong` as if there were none."""
    if group_id is None:
        return place(request)
    who = caller(request)
    found = place_of(request.db, who.tenant_id, group_id)
    if found is None or who.holder.group_id not in found.ancestors:
        raise Wrong(Problem.NOT_FOUND)
    return found


def place_named(request: Request, given: Mapping[str, Any]) -> Place:
    """The group that `group_id` names in a body or a query, within the key's reach; without, the key's own. Raises `Wrong`."""
    return place_within(request, UUID(given["group_id"]) if "group_id" in given else None)


def path_within(request: Request, group_id: UUID) -> tuple[tuple[Place, ...], Place]:
    """The groups from Master down to one within the key's reach, and that of them which is the key's own: of those above it nothing is to be
    told. Raises `Wrong` as if there were none."""
    path = path_to(request.db, place_within(request, group_id))
    own = next((place for place in path if place.id == caller(request).holder.group_id), None)
    if own is None:
        raise Wrong(Problem.NOT_FOUND)  # moved or removed this very moment
    return path, own


def groups(request: Request, query: Mapping[str, str]) -> list[UUID]:
    """The groups that a list is about: with `group_id` that very one, without the key's own and all below it. Raises `Wrong`."""
    if "group_id" in query:
        return [place_within(request, UUID(query["group_id"])).id]
    return with_subgroups(request.db, place(request))


def author(request: Request) -> Author:
    """Who asks, as an author of changes: the API user, by the group that it is in."""
    who = caller(request)
    return Author(Actor.API, who.account_id, who.holder.name, who.holder.group_id)


def reach(request: Request) -> Scope:
    """The groups whose messages the key may read of."""
    return scope_of(request.db, place(request))
