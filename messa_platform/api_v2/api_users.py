"""`/v2/api-users`: members of a group that send by an interface (spec A4). Their keys are `api_keys`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.api_v2 import api_user_shapes as shapes
from messa_platform.api_v2.identity import caller
from messa_platform.api_v2.moments import moment_of, now
from messa_platform.api_v2.operations import Answer, Asked, Operation, Succeeds, by_id
from messa_platform.api_v2.pages import CURSOR, LIMIT, cursor_of, cut, limit_of, read_cursor
from messa_platform.api_v2.problems import Fault, Problem, Wrong
from messa_platform.api_v2.reach import author, groups, place_named, place_within
from messa_platform.api_v2.resources import Collection, Item
from messa_platform.api_v2.shapes import an_id
from messa_platform.api_v2.versions import asked_version, etag
from messa_platform.tenants.api_users import users
from messa_platform.tenants.api_users.models import Scope
from messa_platform.tenants.api_users.users import ApiUser, Conflict, Refusal
from messa_platform.tenants.places import Place


class OneApiUser(Item):
    """`/v2/api-users/<id>`."""


class ApiUsers(Collection):
    """`/v2/api-users`."""

    item = OneApiUser


def listed(_context: ApiUsers, request: Request, asked: Asked) -> Answer:
    """API users of the key's group and those below it."""
    most, within = limit_of(asked.query), groups(request, asked.query)
    found = users.within(request.db, caller(request).tenant_id, within, read_cursor(asked.query), most + 1)
    shown, last = cut(found, most)
    items = [_told(user) for user in shown]
    return Answer({"items": items, "next": cursor_of(last.id) if last else None})


def create(_context: ApiUsers, request: Request, asked: Asked) -> Answer:
    """A new one; it sends once it has a key."""
    at = place_named(request, asked.body)
    user = _done(users.create(request.platform_db, now(request), author(request), at, asked.body["name"]))
    return Answer(_told(user), 201, {"Location": f"/v2/api-users/{user.id}", **etag(user.version)})


def read(context: OneApiUser, request: Request, _asked: Asked) -> Answer:
    """One of them."""
    user = users.read(request.db, place_of_user(request, context.id), context.id)
    if user is None:
        raise Wrong(Problem.NOT_FOUND)
    return Answer(_told(user), headers=etag(user.version))


def change(context: OneApiUser, request: Request, asked: Asked) -> Answer:
    """Give it another name."""
    at, version = place_of_user(request, context.id), asked_version(request)
    session, who = request.platform_db, author(request)
    if "name" in asked.body:
        done = users.rename(session, now(request), who, at, context.id, version, asked.body["name"])
    else:
        done = users.held(session, who, at, context.id, version)
    user = _done(done)
    return Answer(_told(user), headers=etag(user.version))


def remove(context: OneApiUser, request: Request, _asked: Asked) -> Answer:
    """Remove it with its keys."""
    at, version = place_of_user(request, context.id), asked_version(request)
    _done(users.remove(request.platform_db, now(request), author(request), at, context.id, version))
    return Answer({}, 204)


def place_of_user(request: Request, user_id: UUID) -> Place:
    """The group of an API user, if it is within the key's reach. Raises `Wrong`."""
    group_id = users.group_of(request.db, caller(request).tenant_id, user_id)
    if group_id is None:
        raise Wrong(Problem.NOT_FOUND)
    return place_within(request, group_id)


def _done(outcome: Any) -> ApiUser:
    """What was made or changed. Raises `Wrong` with the reason if nothing was."""
    match outcome:
        case ApiUser():
            return outcome
        case Conflict():
            raise Wrong(Problem.PRECONDITION)
        case Refusal.NO_NAME:
            raise Wrong(
                Problem.CHANGE_REFUSED, faults=[Fault("/name", outcome.value, "holds nothing to read")]
            )
        case Refusal.TAKEN:
            raise Wrong(Problem.CONFLICT, "The group has another API user of that name.")
        case Refusal.TOO_MANY:
            raise Wrong(Problem.CONFLICT, f"The group has {users.MOST} API users, and cannot have more.")
    raise Wrong(Problem.NOT_FOUND)  # gone meanwhile, or the API user that asks is


def _told(user: ApiUser) -> dict[str, Any]:
    return {
        "id": str(user.id),
        "group_id": str(user.group_id),
        "name": user.name,
        "number": user.number,
        "created_at": moment_of(user.created_at),
    }


_TAG = "API users"
_READ, _WRITE = Scope.API_USERS_READ, Scope.API_USERS_WRITE
_GONE = (Problem.NOT_FOUND,)
_ETAGGED = ("ETag",)
_ITS = by_id(
    "getApiUser",
    "changeApiUser",
    "createApiKey",
    "listApiKeys",
    "getCallback",
    "setCallback",
    "removeApiUser",
)
LIST = Operation(
    "listApiUsers", "GET", "/v2/api-users", "List API users", "API users of the key's group and those below it, oldest first.",
    _TAG, _READ, (Succeeds(200, "A page of them.", shapes.USERS),), problems=_GONE,
    parameters={"group_id": an_id("Only those of this very group."), **LIMIT, **CURSOR},
)  # fmt: skip
CREATE = Operation(
    "createApiUser", "POST", "/v2/api-users", "Make an API user", "It sends once it has a key. It obeys its group's rules as an account does.",
    _TAG, _WRITE, (Succeeds(201, "The API user.", shapes.USER, _ITS, ("Location", "ETag")),), body=shapes.CREATE_USER,
    problems=(Problem.CHANGE_REFUSED, Problem.CONFLICT, *_GONE),
)  # fmt: skip
READ = Operation(
    "getApiUser", "GET", "/v2/api-users/{id}", "Read an API user", "An API user as it stands; `ETag` names its version.",
    _TAG, _READ, (Succeeds(200, "The API user.", shapes.USER, headers=_ETAGGED),), problems=_GONE,
)  # fmt: skip
CHANGE = Operation(
    "changeApiUser", "PATCH", "/v2/api-users/{id}", "Rename an API user",
    "The log calls it by its new name from then on, also where it sent before.",
    _TAG, _WRITE, (Succeeds(200, "The API user.", shapes.USER, headers=_ETAGGED),), body=shapes.CHANGE_USER,
    problems=(Problem.CHANGE_REFUSED, Problem.CONFLICT, *_GONE), is_versioned=True,
)  # fmt: skip
REMOVE = Operation(
    "removeApiUser", "DELETE", "/v2/api-users/{id}", "Remove an API user",
    "Its keys open nothing any more, its number rests. What it has sent stays in the log.",
    _TAG, _WRITE, (Succeeds(204, "It is removed.", None),), problems=_GONE, is_versioned=True,
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Mount the resource."""
    config.add_collection("api-users", ApiUsers)
    for operation, view, context in (
        (LIST, listed, ApiUsers),
        (CREATE, create, ApiUsers),
        (READ, read, OneApiUser),
        (CHANGE, change, OneApiUser),
        (REMOVE, remove, OneApiUser),
    ):
        config.add_operation(operation, view, context)
