"""Every operation, asked for by keys of every kind of group, of things of every kind of group (spec V2, G10).

The table is the one of the portal's pages: what stands under a key's group is its own, all else is as if there were none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from messa_platform.core.ids import new_id
from messa_platform.tenants.api_users.models import Scope
from messa_platform.tenants.models import Group
from tests.functional.api_v2.conftest import Api, Program, example_of, instead
from tests.functional.api_v2.things import BODIES, OWN, THINGS, TOP, UNFIT

GROUPS = ("own", "below", "parent", "sibling", "other tenant's")
REACH = {
    #                   own    below  parent sibling other tenant's
    "own":             (True,  True,  False, False, False),
    "below":           (False, True,  False, False, False),
    "parent":          (True,  True,  True,  True,  False),
    "sibling":         (False, False, False, True,  False),
    "other tenant's":  (False, False, False, False, True),
}  # fmt: skip
"""Whether a key of the group at the left reaches what is of the group above."""
TOPMOST, OTHER = ("parent", "other tenant's"), "other tenant's"


@dataclass
class Scene:
    """Five groups, and a program in each, as they stand to the school."""

    api: Api
    groups: dict[str, Group]
    programs: dict[str, Program] = field(default_factory=dict)
    things: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.programs = {
            name: self.api.program(group, f"Program {name}") for name, group in self.groups.items()
        }

    def path(self, path: str, method: str, of: str) -> str:
        """The path to a thing of a group: for whoever would remove it a new one, for others the same."""
        if "{id}" not in path:
            return path
        collection = path.split("/")[2]
        if method == "DELETE":
            return instead(path, self._made(collection, of))
        if (collection, of) not in self.things:
            self.things[collection, of] = self._made(collection, of)
        return instead(path, self.things[collection, of])

    def _made(self, collection: str, of: str) -> str:
        return THINGS[collection](self.api, self.groups[of], self.programs[of])


@pytest.fixture
def scene(api: Api) -> Scene:
    return Scene(
        api,
        {
            "own": api.school,
            "below": api.world.group(api.school, "4A"),
            "parent": api.master,
            "sibling": api.world.group(api.master, "Omsorgen"),
            "other tenant's": api.world.tenant("annan", "Annan kommun"),
        },
    )


def every_operation(program: Program) -> Iterator[tuple[str, str, str, Any, str]]:
    """Id, method, path, body and scope of each operation that the document knows."""
    document = program.app.get("/v2/openapi.json").json
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            scope = operation["description"].rpartition("Scope: `")[2].rstrip("`.")
            yield operation["operationId"], method.upper(), path, example_of(document, operation), scope


def test_there_is_a_thing_of_each_collection_that_has_any(school: Program) -> None:
    found = {path.split("/")[2] for _, _, path, _, _ in every_operation(school) if "{id}" in path}
    assert found == THINGS.keys()


def test_a_key_gets_at_what_is_of_its_group_or_below_and_at_nothing_else(scene: Scene) -> None:
    asked = 0
    for identifier, method, path, example, _ in every_operation(scene.programs["own"]):
        collection = path.split("/")[2]
        if "{id}" not in path and identifier not in BODIES:
            continue
        for asker, reaches in REACH.items():
            program = scene.programs[asker]
            for of, reach in zip(GROUPS, reaches, strict=True):
                body = (
                    BODIES[identifier](scene.api, scene.groups[of], example)
                    if identifier in BODIES
                    else example
                )
                whose = scene.path(path, method, of)
                answer = program.ask(method, whose, body)
                may = reach and (collection not in OWN or asker == of)
                if collection in TOP:  # they are the tenant's, and for keys of its Master alone
                    may = asker in TOPMOST and (asker == OTHER) == (of == OTHER)
                seen = (identifier, f"{asker} asks of {of}", answer.status, answer.text)
                if may:
                    assert answer.status_int < 300 or (
                        identifier in UNFIT and answer.status_int in (403, 409)
                    ), seen
                else:
                    assert answer.status_int == 404, seen
                    if "{id}" in path:
                        nothing = program.ask(method, instead(path, str(new_id())), body)
                        assert (answer.status, answer.text) == (nothing.status, nothing.text), seen
                asked += 1
    assert asked > 300


def test_the_scope_is_asked_for_whosever_the_thing_is(scene: Scene) -> None:
    narrow = {
        scope.value: scene.api.program(scene.groups["own"], scope.value, scopes=set(Scope) - {scope})
        for scope in Scope
    }
    for identifier, method, path, example, scope in every_operation(scene.programs["own"]):
        for of in GROUPS:
            body = (
                BODIES[identifier](scene.api, scene.groups[of], example) if identifier in BODIES else example
            )
            whose = scene.path(path, method, of)
            answer = narrow[scope].ask(method, whose, body)
            assert (answer.status_int, answer.json["scope"]) == (403, scope), (identifier, of, answer.text)
