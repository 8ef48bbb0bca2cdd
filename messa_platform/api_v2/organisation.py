"""`/v2/organisation`: what the admins of Master decide for the organisation as a whole, for a key of Master (spec V5, I3, L4, W1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.api_v2 import organisation_shapes as shapes
from messa_platform.api_v2.moments import now
from messa_platform.api_v2.operations import Answer, Asked, Operation, Succeeds
from messa_platform.api_v2.problems import Fault, Problem, Wrong
from messa_platform.api_v2.reach import author, topmost
from messa_platform.api_v2.versions import asked_version, etag
from messa_platform.core.resources import Resource
from messa_platform.tenants import organisation
from messa_platform.tenants.api_users.models import Scope
from messa_platform.tenants.organisation import Conflict, Held, Saved, Unconfirmed
from messa_platform.tenants.organisation import Fault as Reason


class Organisation(Resource):
    """`/v2/organisation`."""


def read(_context: Organisation, request: Request, _asked: Asked) -> Answer:
    """As it stands."""
    return _answer(organisation.held(request.db, topmost(request)))


def change(_context: Organisation, request: Request, asked: Asked) -> Answer:
    """Another name, language, time zone, time for which words are kept."""
    master, session, version = topmost(request), request.platform_db, asked_version(request)
    body = {name: value for name, value in asked.body.items() if name != shapes.CONFIRM}
    outcome: Any = None
    for _ in range(
        2
    ):  # who finds that others were first holds the organisation, so that what is read then stays
        held = organisation.held(session, master)
        if version not in (None, held.version):
            raise Wrong(Problem.PRECONDITION)
        wish = replace(held.wish, **body)
        outcome = organisation.change(
            session,
            now(request),
            author(request),
            master,
            wish,
            held.version,
            has_second_factor=False,  # an API user has none
            confirmed_days=wish.keep_text_days if asked.body.get(shapes.CONFIRM) else None,
        )
        if not isinstance(outcome, Conflict):
            break
    _check(outcome)
    return _answer(organisation.held(session, master))


def _check(outcome: Any) -> None:
    """Raises `Wrong` with the reason if nothing was done."""
    match outcome:
        case Saved():
            return
        case Conflict():
            raise Wrong(Problem.PRECONDITION)
        case Unconfirmed(days):
            said = f"Words of messages that are older than {days} days would be removed: send `{shapes.CONFIRM}` true if they are to be."
            raise Wrong(Problem.CONFLICT, said)
        case Mapping():
            faults = [Fault(f"/{name}", reason.value, _SAID[reason]) for name, reason in outcome.items()]
            raise Wrong(Problem.CHANGE_REFUSED, faults=faults)
    raise Wrong(Problem.NOT_FOUND)  # the API user is gone, or elsewhere


_SAID: Mapping[Reason, str] = {
    Reason.NO_NAME: "must hold something that can be seen, and nothing else",
    Reason.NAME_TOO_LONG: "is too long",
    Reason.NO_LANGUAGE: "is none of the languages",
    Reason.NO_TIME_ZONE: "is none of the time zones",
    Reason.NO_FACTOR: "can be demanded only by an admin who has a second factor, in the portal",
    Reason.NO_DAYS: "is no number of days that texts may be kept",
}


def _answer(held: Held) -> Answer:
    return Answer(asdict(held.wish), headers=etag(held.version))


_TAG = "Organisation"
_ETAGGED = ("ETag",)
READ = Operation(
    "getOrganisation", "GET", "/v2/organisation", "Read the organisation", "What holds for it as a whole. Only for keys of its topmost group.",
    _TAG, Scope.GROUPS_READ, (Succeeds(200, "The organisation.", shapes.ORGANISATION, headers=_ETAGGED),), problems=(Problem.NOT_FOUND,),
)  # fmt: skip
CHANGE = Operation(
    "changeOrganisation", "PATCH", "/v2/organisation", "Change the organisation",
    "What is left out stays as it is. Only for keys of its topmost group.",
    _TAG, Scope.GROUPS_WRITE, (Succeeds(200, "The organisation.", shapes.ORGANISATION, headers=_ETAGGED),), body=shapes.CHANGE,
    problems=(Problem.CHANGE_REFUSED, Problem.CONFLICT, Problem.NOT_FOUND), is_versioned=True,
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Mount the resource."""
    config.add_collection("organisation", Organisation)
    config.add_operation(READ, read, Organisation)
    config.add_operation(CHANGE, change, Organisation)
