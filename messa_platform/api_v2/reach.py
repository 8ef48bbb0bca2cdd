"""How far a key reaches: its API user's group and everything below that, as the tree stands today (spec V2, G13)."""

from __future__ import annotations

from pyramid.request import Request

from messa_platform.api_v2.identity import caller
from messa_platform.api_v2.problems import Problem, Wrong
from messa_platform.messaging.log.asked import Scope, scope_of
from messa_platform.tenants.places import Place, place_of


def place(request: Request) -> Place:
    """The key's group. Raises `Wrong` if it has been removed this very moment."""
    who = caller(request)
    found = place_of(request.db, who.tenant_id, who.holder.group_id)
    if found is None:
        raise Wrong(Problem.UNAUTHORIZED)
    return found


def reach(request: Request) -> Scope:
    """The groups whose messages the key may read of."""
    return scope_of(request.db, place(request))
