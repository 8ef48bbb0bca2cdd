"""`/v2/groups`: the key's own group and everything below it (spec V5, G1, G2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.request import Request
from sqlalchemy.orm import Session

from messa_platform.api_v2 import group_shapes as shapes
from messa_platform.api_v2.identity import caller
from messa_platform.api_v2.moments import now
from messa_platform.api_v2.once import once
from messa_platform.api_v2.operations import Answer, Asked, Operation, Succeeds, by_id
from messa_platform.api_v2.pages import cursor_of, cut, limit_of, read_cursor
from messa_platform.api_v2.problems import Fault, Problem, Wrong
from messa_platform.api_v2.reach import author, place_within
from messa_platform.api_v2.resources import Collection, Item
from messa_platform.api_v2.versions import asked_version, etag
from messa_platform.tenants import move_groups, places, tasks
from messa_platform.tenants.api_users.models import Scope
from messa_platform.tenants.authority import NotAdmin
from messa_platform.tenants.group_contents import contents
from messa_platform.tenants.move_groups import DEEPEST, LONGEST_NAME, Conflict, Moved, Refusal
from messa_platform.tenants.places import Place


class Group(Item):
    """`/v2/groups/<id>`."""


class Groups(Collection):
    """`/v2/groups`."""

    item = Group


def listed(_context: Groups, request: Request, asked: Asked) -> Answer:
    """The groups within reach, or those right below one of them."""
    query, most = asked.query, limit_of(asked.query)
    is_narrowed = "parent_id" in query
    top = place_within(request, UUID(query["parent_id"]) if is_narrowed else None)
    found = places.listed(request.db, top, read_cursor(query), most + 1, only_right_below=is_narrowed)
    shown, last = cut(found, most)
    items = _told(request.db, request, shown)
    return Answer({"items": items, "next": cursor_of(last.id) if last else None})


def create(_context: Groups, request: Request, asked: Asked) -> Answer:
    """A new group."""
    return once(request, asked, lambda session: _create(session, request, asked))


def _create(session: Session, request: Request, asked: Asked) -> Answer:
    parent = place_within(request, _asked_id(asked.body, "parent_id"))
    outcome = move_groups.add(session, now(request), author(request), parent, asked.body["name"])
    made = _there(outcome, "/parent_id")
    headers = {"Location": f"/v2/groups/{made.id}", **etag(made.version)}
    return Answer(_in_full(session, request, made), 201, headers)


def read(context: Group, request: Request, _asked: Asked) -> Answer:
    """One of them."""
    return _answer(request.db, request, place_within(request, context.id))


def change(context: Group, request: Request, asked: Asked) -> Answer:
    """Another name, another place in the tree, or both."""
    group, version = place_within(request, context.id), asked_version(request)
    body, parent_id = asked.body, _asked_id(asked.body, "parent_id")
    parent = None if parent_id is None else place_within(request, parent_id)
    session, at, who = request.platform_db, now(request), author(request)
    if version not in (None, group.version):
        raise Wrong(Problem.PRECONDITION)
    if "name" in body:
        outcome = _in_turn(
            group, version, lambda held: move_groups.rename(session, at, who, group, body["name"], held)
        )
        group = _there(outcome, "/name")
        # from here on nobody else changes the tree
        version = group.version
    if parent is not None:
        outcome = _in_turn(
            group, version, lambda held: move_groups.move(session, at, who, group, parent, held)
        )
        group = _moved(session, request, outcome, "/parent_id")
    return _answer(session, request, group)


def remove(context: Group, request: Request, asked: Asked) -> Answer:
    """Its people, domains and subgroups go elsewhere, what was sent from it stays in the log."""
    group, version = place_within(request, context.id), asked_version(request)
    people_to, groups_to = (_destination(request, group, asked, name) for name in ("people_to", "groups_to"))
    session, at, who = request.platform_db, now(request), author(request)
    outcome = _in_turn(
        group,
        version,
        lambda held: move_groups.remove(session, at, who, group, people_to, groups_to, held),
    )
    _moved(session, request, outcome, "?groups_to" if group.id in groups_to.ancestors else "?people_to")
    return Answer({}, 204)


def _destination(request: Request, group: Place, asked: Asked, name: str) -> Place:
    """The group that a parameter names, by itself the one above. Raises `Wrong`."""
    asked_id = _asked_id(asked.query, name)
    if asked_id is None and group.id == caller(request).holder.group_id:
        return group  # what is above it is not to be known; that it stays the service says
    return place_within(request, asked_id or group.parent_id)


def _asked_id(given: Any, name: str) -> UUID | None:
    return UUID(given[name]) if name in given else None


def _in_turn(group: Place, version: int | None, do: Callable[[int], Any]) -> Any:
    """What comes of a change to the version that was asked for; without one, to whichever holds once the others are done."""
    outcome = do(group.version if version is None else version)
    if version is None and isinstance(outcome, Conflict):
        outcome = do(outcome.place.version)  # it is our turn: it stays that one
    return outcome


def _moved(session: Session, request: Request, outcome: Any, where: str) -> Place:
    """The group where it stands now; the numbers of those who may receive no longer are being taken back. Raises `Wrong`."""
    if isinstance(outcome, Moved) and outcome.task_ids:
        request.registry["messa.runtime"].waker.wake_after_commit(session, tasks.ACTOR)
    return _there(outcome.place if isinstance(outcome, Moved) else outcome, where)


def _there(outcome: Place | Conflict | Refusal | NotAdmin, where: str) -> Place:
    """The group as it is now; `where` is the field that names another one. Raises `Wrong` with the reason if nothing was done."""
    match outcome:
        case Place():
            return outcome
        case Conflict():
            raise Wrong(Problem.PRECONDITION)
        case Refusal.NO_NAME:
            fault = Fault("/name", "empty", "must hold something that can be seen")
            raise Wrong(Problem.CHANGE_REFUSED, faults=[fault])
        case Refusal.TOO_LONG:
            fault = Fault("/name", "too_long", f"must hold at most {LONGEST_NAME}")
            raise Wrong(Problem.CHANGE_REFUSED, faults=[fault])
        case Refusal.CYCLE:
            fault = Fault(where, "cycle", "must not be the group itself or one below it")
            raise Wrong(Problem.CHANGE_REFUSED, faults=[fault])
        case Refusal.TOPMOST:
            said = "The topmost group of the key stays where it is: only an admin of a group above it can move or remove it."
            raise Wrong(Problem.CHANGE_REFUSED, said)
        case Refusal.TOO_DEEP:
            raise Wrong(Problem.CONFLICT, f"A tree has at most {DEEPEST} levels, and would have more.")
        case Refusal.LOCKED:
            said = "An admin of an overlying group has locked something here that would be locked no longer."
            raise Wrong(Problem.LOCKED, said)
    raise Wrong(Problem.NOT_FOUND)  # gone meanwhile, or the API user is


def _answer(session: Session, request: Request, group: Place) -> Answer:
    return Answer(_in_full(session, request, group), headers=etag(group.version))


def _in_full(session: Session, request: Request, group: Place) -> dict[str, Any]:
    found, told = contents(session, group), _told(session, request, [group])
    if not told:
        raise Wrong(Problem.NOT_FOUND)
    return {**told[0], "people": found.people, "groups": found.groups, "domains": found.domains}


def _told(session: Session, request: Request, found: Sequence[Place]) -> list[dict[str, Any]]:
    """Groups as they are told: of what is above the key's own, nothing."""
    who = caller(request)
    own, known = who.holder.group_id, places.ways(session, who.tenant_id, [group.id for group in found])
    items = []
    for group in found:
        way = known[group.id]
        if own not in way.ids:
            continue  # it has been moved away meanwhile
        depth = way.ids.index(own)
        items.append(
            {
                "id": str(group.id),
                "parent_id": None if group.id == own else str(group.parent_id),
                "name": group.name,
                "slug": group.slug,
                "path": list(way.names[depth:]),
                "depth": len(way.ids) - depth - 1,
            }
        )
    return items


_TAG = "Groups"
_READ, _WRITE = Scope.GROUPS_READ, Scope.GROUPS_WRITE
_ITS = by_id(
    "getGroup", "changeGroup", "getGroupSettings", "changeGroupSettings", "getGroupQuotas", "removeGroup"
)
_ETAGGED = ("ETag",)
LIST = Operation(
    "listGroups", "GET", "/v2/groups", "List groups", "The key's own group and everything below it, or what is right below one of these.",
    _TAG, _READ, (Succeeds(200, "A page of them.", shapes.GROUPS),), problems=(Problem.NOT_FOUND,), parameters=shapes.LIST_PARAMETERS,
)  # fmt: skip
CREATE = Operation(
    "createGroup", "POST", "/v2/groups", "Create a group", "It inherits its settings from the group above it until some are set.",
    _TAG, _WRITE, (Succeeds(201, "The group.", shapes.GROUP, _ITS, ("Location", "ETag")),),
    body=shapes.CREATE, problems=(Problem.CHANGE_REFUSED, Problem.CONFLICT, Problem.NOT_FOUND), is_idempotent=True,
)  # fmt: skip
READ = Operation(
    "getGroup", "GET", "/v2/groups/{id}", "Read a group", "A group as it stands; `ETag` names its version.",
    _TAG, _READ, (Succeeds(200, "The group.", shapes.GROUP, headers=_ETAGGED),), problems=(Problem.NOT_FOUND,),
)  # fmt: skip
CHANGE = Operation(
    "changeGroup", "PATCH", "/v2/groups/{id}", "Rename or move a group",
    "With `parent_id` it moves with everything below it. What was sent stays in the log and the bill of the group that it was sent from.",
    _TAG, _WRITE, (Succeeds(200, "The group.", shapes.GROUP, headers=_ETAGGED),), body=shapes.CHANGE,
    problems=(Problem.CHANGE_REFUSED, Problem.LOCKED, Problem.CONFLICT, Problem.NOT_FOUND), is_versioned=True,
)  # fmt: skip
REMOVE = Operation(
    "removeGroup", "DELETE", "/v2/groups/{id}", "Remove a group",
    "Its people, domains and subgroups go elsewhere; its settings are gone. What was sent from it stays in the log.",
    _TAG, _WRITE, (Succeeds(204, "It is removed.", None),), parameters=shapes.REMOVE_PARAMETERS,
    problems=(Problem.CHANGE_REFUSED, Problem.LOCKED, Problem.CONFLICT, Problem.NOT_FOUND), is_versioned=True,
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Mount the resource."""
    config.add_collection("groups", Groups)
    config.add_operation(LIST, listed, Groups)
    config.add_operation(CREATE, create, Groups)
    config.add_operation(READ, read, Group)
    config.add_operation(CHANGE, change, Group)
    config.add_operation(REMOVE, remove, Group)
