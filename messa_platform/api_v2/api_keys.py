"""`/v2/api-keys`, and `/v2/api-users/<id>/keys`: keys are made, rotated with an overlap, removed (spec A4, V2).

A key gives out no more than it has: that rule is `tenants.api_users.keys`' own.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.request import Request
from sqlalchemy.orm import Session

from messa_platform.api_v2 import api_user_shapes as shapes
from messa_platform.api_v2.api_users import OneApiUser, place_of_user
from messa_platform.api_v2.identity import caller
from messa_platform.api_v2.moments import moment_of, now
from messa_platform.api_v2.operations import Answer, Asked, Operation, Succeeds, by_id
from messa_platform.api_v2.problems import Fault, Problem, Wrong
from messa_platform.api_v2.reach import author, place_within
from messa_platform.api_v2.resources import Collection, Item
from messa_platform.api_v2.shapes import moment
from messa_platform.tenants.api_users import keys
from messa_platform.tenants.api_users.keys import Key, Made, Refusal, Wish
from messa_platform.tenants.api_users.models import KeyKind, Scope
from messa_platform.tenants.places import Place


class OneKey(Item):
    """`/v2/api-keys/<id>`."""


class Keys(Collection):
    """`/v2/api-keys`; they are listed by API user."""

    item = OneKey


def listed(context: OneApiUser, request: Request, _asked: Asked) -> Answer:
    """The keys of an API user."""
    place_of_user(request, context.id)
    found = keys.of_users(request.db, caller(request).tenant_id, [context.id]).get(context.id, ())
    return Answer({"items": [_told(key) for key in found], "next": None})


def create(context: OneApiUser, request: Request, asked: Asked) -> Answer:
    """A new key, told this once."""
    at, body = place_of_user(request, context.id), asked.body
    wish = Wish(
        KeyKind(body.get("kind", KeyKind.V2)),
        body.get("name", ""),
        frozenset(Scope(scope) for scope in body.get("scopes", ())),
        moment(body["expires_at"]) if "expires_at" in body else None,
    )
    session, by = request.platform_db, caller(request).holder.key_id
    made = _made(keys.make(session, now(request), author(request), at, context.id, wish, by))
    return _once(request, context.id, made)


def read(context: OneKey, request: Request, _asked: Asked) -> Answer:
    """One of them."""
    _, user_id = _place(context, request)
    return Answer(_told(_key(request, request.db, user_id, context.id)))


def rotate(context: OneKey, request: Request, asked: Asked) -> Answer:
    """A new key in its place, beside it for a while."""
    at, user_id = _place(context, request)
    overlap = timedelta(hours=asked.body.get("overlap_hours", 24))
    session, by = request.platform_db, caller(request).holder.key_id
    done = keys.rotate(session, now(request), author(request), at, user_id, context.id, overlap, by)
    made = _made(done, pointer="")
    return _once(request, user_id, made)


def remove(context: OneKey, request: Request, _asked: Asked) -> Answer:
    """It opens nothing any more."""
    at, user_id = _place(context, request)
    done = keys.remove(request.platform_db, now(request), author(request), at, user_id, context.id)
    if not isinstance(done, Key):
        raise Wrong(Problem.NOT_FOUND)
    return Answer({}, 204)


def _place(context: OneKey, request: Request) -> tuple[Place, UUID]:
    """The group of the API user whose key it is, if that is within the key's reach, and the API user. Raises `Wrong`."""
    owner = keys.owner_of(request.db, caller(request).tenant_id, context.id)
    if owner is None:
        raise Wrong(Problem.NOT_FOUND)
    user_id, group_id = owner
    return place_within(request, group_id), user_id


def _key(request: Request, session: Session, user_id: UUID, key_id: UUID) -> Key:
    own = keys.of_users(session, caller(request).tenant_id, [user_id]).get(user_id, ())
    found = next((key for key in own if key.id == key_id), None)
    if found is None:
        raise Wrong(Problem.NOT_FOUND)
    return found


def _made(outcome: Any, pointer: str | None = None) -> Made:
    """A key that was made; `pointer`: to what the answer blames, None: to the field itself. Raises `Wrong` with the reason if none was."""
    match outcome:
        case Made():
            return outcome
        case Refusal.TOO_MANY:
            raise Wrong(Problem.CONFLICT, f"The API user has {keys.MOST} keys, and cannot have more.")
        case Refusal() if outcome in _REFUSALS:
            where, said = _REFUSALS[outcome]
            at = where if pointer is None else pointer
            raise Wrong(Problem.CHANGE_REFUSED, faults=[Fault(at, outcome.value, said)])
    raise Wrong(Problem.NOT_FOUND)  # gone meanwhile, or the key that asks is


_REFUSALS = {
    Refusal.NO_SCOPE: ("/scopes", "name nothing that the key may be used for"),
    Refusal.SCOPED: ("/scopes", "are none of a session key's"),
    Refusal.BEYOND: ("/scopes", "would do more than the key that asks may do itself"),
    Refusal.PAST: ("/expires_at", "is over already"),
    Refusal.OUTLIVES: ("/expires_at", "is later than the key that asks stops to work"),
}


def _once(request: Request, user_id: UUID, made: Made) -> Answer:
    # the session that has made it sees it before it is committed
    key = _key(request, request.platform_db, user_id, made.id)
    headers = {"Location": f"/v2/api-keys/{made.id}"}
    return Answer({**_told(key), "key": made.word}, 201, headers)


def _told(key: Key) -> dict[str, Any]:
    return {
        "id": str(key.id),
        "api_user_id": str(key.account_id),
        "kind": key.kind.value,
        "name": key.name,
        "hint": key.hint,
        "scopes": [scope.value for scope in Scope if scope in key.scopes],
        "created_at": moment_of(key.created_at),
        "expires_at": moment_of(key.expires_at),
        "last_used_at": moment_of(key.last_used_at),
    }


_TAG = "API users"
_READ, _WRITE = Scope.API_USERS_READ, Scope.API_USERS_WRITE
_GONE = (Problem.NOT_FOUND,)
_ITS = by_id("getApiKey", "rotateApiKey", "removeApiKey")
LIST = Operation(
    "listApiKeys", "GET", "/v2/api-users/{id}/keys", "List an API user's keys", "Those that have expired, too; oldest first.",
    _TAG, _READ, (Succeeds(200, "All of them.", shapes.KEYS),), problems=_GONE,
)  # fmt: skip
CREATE = Operation(
    "createApiKey", "POST", "/v2/api-users/{id}/keys", "Make a key",
    "The key itself is told this once. It can do no more than the key by which it is asked for, and not for longer.",
    _TAG, _WRITE, (Succeeds(201, "The key.", shapes.MADE_KEY, _ITS, ("Location",)),), body=shapes.CREATE_KEY,
    problems=(Problem.CHANGE_REFUSED, Problem.CONFLICT, *_GONE),
)  # fmt: skip
READ = Operation(
    "getApiKey", "GET", "/v2/api-keys/{id}", "Read a key", "What it may be used for, and when it was used last. Not the key itself.",
    _TAG, _READ, (Succeeds(200, "The key.", shapes.KEY),), problems=_GONE,
)  # fmt: skip
ROTATE = Operation(
    "rotateApiKey", "POST", "/v2/api-keys/{id}/rotate", "Rotate a key",
    "A new key of the same scopes in its place; the old one works on for the overlap. A key that may do more than the one that asks is not"
    " rotated by it.",
    _TAG, _WRITE, (Succeeds(201, "The new key.", shapes.MADE_KEY, _ITS, ("Location",)),), body=shapes.ROTATE_KEY,
    problems=(Problem.CHANGE_REFUSED, Problem.CONFLICT, *_GONE),
)  # fmt: skip
REMOVE = Operation(
    "removeApiKey", "DELETE", "/v2/api-keys/{id}", "Remove a key", "It opens nothing any more.",
    _TAG, _WRITE, (Succeeds(204, "It is removed.", None),), problems=_GONE,
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Mount the resource."""
    config.add_collection("api-keys", Keys)
    for operation, view, context, name in (
        (LIST, listed, OneApiUser, "keys"),
        (CREATE, create, OneApiUser, "keys"),
        (READ, read, OneKey, ""),
        (ROTATE, rotate, OneKey, "rotate"),
        (REMOVE, remove, OneKey, ""),
    ):
        config.add_operation(operation, view, context, name)
