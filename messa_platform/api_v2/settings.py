"""`/v2/groups/<id>/settings`: what a group has set itself, what is in force, and who may change it (spec V5, G2-G9)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.api_v2 import setting_shapes as shapes
from messa_platform.api_v2.groups import Group
from messa_platform.api_v2.moments import moment_of, now
from messa_platform.api_v2.operations import Answer, Asked, Operation, Succeeds
from messa_platform.api_v2.problems import Fault, Problem, Wrong
from messa_platform.api_v2.reach import author, path_within
from messa_platform.api_v2.versions import asked_version, etag
from messa_platform.tenants import set_settings
from messa_platform.tenants.api_users.models import Scope
from messa_platform.tenants.group_settings import Key, one_line
from messa_platform.tenants.held_settings import Held, held, written_out
from messa_platform.tenants.models import Lock
from messa_platform.tenants.set_settings import INHERIT, Changed, Conflict, NotAllowed, Wish


def read(context: Group, request: Request, _asked: Asked) -> Answer:
    """All of them."""
    return _answer(held(request.db, *path_within(request, context.id)))


def change(context: Group, request: Request, asked: Asked) -> Answer:
    """Set some, or have them inherited."""
    path, own = path_within(request, context.id)
    session, version = request.platform_db, asked_version(request)
    wake = request.registry["messa.runtime"].waker.wake_after_commit
    outcome: Any = None
    for _ in range(
        2
    ):  # who finds that others were first has the group's lock, so that what is read then holds
        holding = held(session, path, own)
        if version not in (None, _version(holding)):
            raise Wrong(Problem.PRECONDITION)
        wishes = {Key(name): _wish(holding[Key(name)], wish) for name, wish in asked.body.items()}
        outcome = set_settings.change(session, now(request), author(request), path, wishes, wake)
        if not isinstance(outcome, Conflict):
            break
    match outcome:
        case Changed():
            return _answer(held(session, path, own))
        case Conflict():
            raise Wrong(Problem.PRECONDITION)
        case NotAllowed(keys):
            faults = [Fault(f"/{key}", "locked", "is locked by an overlying group") for key in keys]
            raise Wrong(Problem.LOCKED, faults=faults)
    raise Wrong(Problem.NOT_FOUND)  # gone meanwhile, or the API user is


def _wish(setting: Held, asked: Mapping[str, Any]) -> Wish:
    value = asked["value"]
    if setting.key is Key.SIGNATURE and value is not None:
        value = one_line(value)
    return Wish(
        INHERIT if value is None else value,
        Lock(asked["lock"]) if "lock" in asked else setting.lock,
        setting.version,
        clear_below=asked.get("clear_below", False),
        count_anew=asked.get("count_anew", False),
    )


def _version(holding: Mapping[Key, Held]) -> int:
    """A version of all that is set here. A digest: the versions themselves tell how much is changed on the whole platform."""
    versions = " ".join(f"{key}:{holding[key].version}" for key in Key)
    return int(hashlib.sha256(versions.encode()).hexdigest(), 16) % 10**9


def _answer(holding: Mapping[Key, Held]) -> Answer:
    content = {key.value: _told(holding[key]) for key in Key}
    return Answer(content, headers=etag(_version(holding)))


def _told(setting: Held) -> dict[str, Any]:
    source = setting.source
    return {
        "value": setting.shown,
        "own": setting.shown if setting.is_own else None,
        "inherited": written_out(setting.key, setting.above) if setting.tells_above else None,
        "source": source.origin.value,
        "source_group_id": str(source.group_id) if source.group_id else None,
        "source_group_name": source.name or None,
        "lock": setting.lock.value,
        "may_change": setting.may_change,
        "set_at": moment_of(setting.since),
        "set_below": setting.own_below,
    }


_TAG = "Groups"
_ETAGGED = ("ETag",)
READ = Operation(
    "getGroupSettings", "GET", "/v2/groups/{id}/settings", "Read a group's settings",
    "Each with what is set here, the value in force, where that comes from, and its lock. `ETag` names the version of all that is set here.",
    _TAG, Scope.GROUPS_READ, (Succeeds(200, "All of them.", shapes.SETTINGS, headers=_ETAGGED),), problems=(Problem.NOT_FOUND,),
)  # fmt: skip
CHANGE = Operation(
    "changeGroupSettings", "PATCH", "/v2/groups/{id}/settings", "Change a group's settings",
    "Sets some of them, or has them inherited. What an overlying group has locked cannot be changed. Where people may receive no more, their"
    " numbers are taken back.",
    _TAG, Scope.GROUPS_WRITE, (Succeeds(200, "All of them, as they stand now.", shapes.SETTINGS, headers=_ETAGGED),), body=shapes.CHANGE,
    problems=(Problem.LOCKED, Problem.NOT_FOUND), is_versioned=True,
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Mount the operations."""
    config.add_operation(READ, read, Group, "settings")
    config.add_operation(CHANGE, change, Group, "settings")
