"""One of everything that v2 has, in any group; and what it takes to bring about the problems of each resource. A module for each resource."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from webtest import TestResponse

from messa_platform.api_v2.problems import Problem
from messa_platform.tenants.models import Group
from tests.functional.api_v2.conftest import Api, Program

Thing = Callable[[Api, Group, Program], str]
"""Makes a new thing of a group, by a program of that very group or otherwise; gives its id."""

Trouble = Callable[[Api, Program, str, Any], TestResponse]
"""Brings about a problem of an operation: api, the program of the school, the path with an id that nothing has, and the example of the body."""

_MODULES = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]


def _all(name: str) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for module in _MODULES:
        held: Mapping[Any, Any] = getattr(module, name, {})
        assert not found.keys() & held.keys(), found.keys() & held.keys()
        found |= held
    return found


THINGS: Mapping[str, Thing] = _all("THINGS")
"""By collection: the step behind `/v2/`."""
BODIES: Mapping[str, Callable[[Api, Group, Any], Any]] = _all("BODIES")
"""By operation: the body for a group, made from the example; of operations without it the example will do for all."""
OWN: frozenset[str] = frozenset().union(*(getattr(module, "OWN", frozenset()) for module in _MODULES))
"""Collections of what is the API user's alone: nobody else's key reaches it, be it of the same group."""
TOP: frozenset[str] = frozenset().union(*(getattr(module, "TOP", frozenset()) for module in _MODULES))
"""Collections of what is the organisation's as a whole, for keys of its topmost group alone."""
UNFIT: frozenset[str] = frozenset().union(*(getattr(module, "UNFIT", frozenset()) for module in _MODULES))
"""Operations whose example does not fit a thing that is new: they end in a problem of its state."""
TROUBLES: Mapping[tuple[str, Problem], Trouble] = _all("TROUBLES")
"""By operation and problem; those that any operation may end in are brought about in one way for all (`test_problems`)."""
