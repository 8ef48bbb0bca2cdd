"""`/v2/domains`: the domains whose addresses come to a group, claimed, proven, given up (spec D1-D4)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.api_v2 import domain_shapes as shapes
from messa_platform.api_v2.identity import caller
from messa_platform.api_v2.moments import moment_of, now
from messa_platform.api_v2.operations import Answer, Asked, Operation, Succeeds, by_id
from messa_platform.api_v2.pages import CURSOR, LIMIT, cursor_of, cut, limit_of, read_cursor
from messa_platform.api_v2.problems import Fault, Problem, Wrong
from messa_platform.api_v2.reach import author, groups, place, place_named, place_within
from messa_platform.api_v2.resources import Collection, Item
from messa_platform.api_v2.shapes import an_id
from messa_platform.core.site import SiteSettings
from messa_platform.tenants import tasks
from messa_platform.tenants.api_users.models import Scope
from messa_platform.tenants.domains import check, claims, standing
from messa_platform.tenants.domains.claims import Added, Known, Moved, TooMany
from messa_platform.tenants.domains.names import Refusal, read_domain, shown
from messa_platform.tenants.domains.preview import preview_seen
from messa_platform.tenants.domains.proof import record_name, record_value
from messa_platform.tenants.domains.standing import DomainRow
from messa_platform.tenants.places import Place


class OneDomain(Item):
    """`/v2/domains/<id>`."""


class Domains(Collection):
    """`/v2/domains`."""

    item = OneDomain


def listed(_context: Domains, request: Request, asked: Asked) -> Answer:
    """Domains of the key's group and those below it."""
    most, within = limit_of(asked.query), groups(request, asked.query)
    found = standing.within(request.db, caller(request).tenant_id, within, read_cursor(asked.query), most + 1)
    shown, last = cut(found, most)
    items = [_told(row) for row in shown]
    return Answer({"items": items, "next": cursor_of(last.id) if last else None})


def create(_context: Domains, request: Request, asked: Asked) -> Answer:
    """Claim a domain for a group. Below one that the organisation has proven it is verified at once, and its accounts come."""
    at = place_named(request, asked.body)
    own = request.registry["messa.runtime"].settings[SiteSettings].mail_domain
    name = read_domain(asked.body["name"], own)
    if isinstance(name, Refusal):
        raise Wrong(Problem.CHANGE_REFUSED, faults=[Fault("/name", name.value, shapes.REFUSALS[name])])
    done = claims.add(request.db, request.platform_db, now(request), author(request), at, name)
    match done:
        case Added():
            _wake(request, check.ACTOR, tasks.ACTOR)
            row = row_of(request, at, done.domain_id)
            return Answer(_told(row), 201, {"Location": f"/v2/domains/{row.id}"})
        case Known():
            raise Wrong(Problem.CONFLICT, _known(request, done))
        case TooMany():
            raise Wrong(
                Problem.CONFLICT,
                f"{claims.MOST_WAITING} domains of the organisation wait for their proof, and no more can.",
            )
    raise Wrong(Problem.NOT_FOUND)  # the group is gone meanwhile, or the API user is


def _known(request: Request, known: Known) -> str:
    """Where the name is claimed, as far as the key may know."""
    try:
        at = place_within(request, known.group_id)
    except Wrong:
        return "Another group of your organisation has that domain."
    return f"It is claimed already: the group {at.id} has it, as {known.domain_id}."


def read(context: OneDomain, request: Request, _asked: Asked) -> Answer:
    """How it stands."""
    return Answer(_told(row_of(request, place_of_domain(request, context.id), context.id)))


def preview(context: OneDomain, request: Request, _asked: Asked) -> Answer:
    """How many accounts come with it, of those that the key may know of."""
    at = place_of_domain(request, context.id)
    row, top = row_of(request, at, context.id), place(request)
    seen = preview_seen(request.platform_db, row.name, at.tenant_id, at.id, [top])
    return Answer({"moving": seen.moving, "by_hand": seen.by_hand})


def verify(context: OneDomain, request: Request, _asked: Asked) -> Answer:
    """Look at its DNS now; what was found stands in it a moment later."""
    at = place_of_domain(request, context.id)
    row = row_of(request, at, context.id)
    if claims.check_now(request.db, now(request), at, row.id):
        _wake(request, check.ACTOR)
    elif not row.can_be_checked:
        raise Wrong(Problem.CONFLICT, "It was approved by our operator: there is nothing to look at.")
    elif not row.is_due(now(request)):
        pause = int(claims.PAUSE.total_seconds())
        raise Wrong(
            Problem.CONFLICT, f"It was looked at a moment ago. Ask again {pause} seconds after `checked_at`."
        )
    return Answer(_told(row_of(request, at, row.id)), 202)


def move(context: OneDomain, request: Request, asked: Asked) -> Answer:
    """Tie it to another group; the accounts of a verified one follow it there."""
    at, to = place_of_domain(request, context.id), place_within(request, UUID(asked.body["group_id"]))
    if to.id != at.id:
        done = claims.move(request.db, request.platform_db, now(request), author(request), at, context.id, to)
        if not isinstance(done, Moved):
            raise Wrong(Problem.NOT_FOUND)
        _wake(request, tasks.ACTOR)
    return Answer(_told(row_of(request, to, context.id)))


def remove(context: OneDomain, request: Request, _asked: Asked) -> Answer:
    """Give it up. Its accounts stay where they are."""
    # whoever its identity provider has signed in may be in another tenant by now
    session = request.platform_db
    if (
        claims.remove(
            session, now(request), author(request), place_of_domain(request, context.id), context.id
        )
        is None
    ):
        raise Wrong(Problem.NOT_FOUND)
    request.registry["messa.runtime"].waker.wake_after_commit(session, check.ACTOR)
    return Answer({}, 204)


def _wake(request: Request, *actors: str) -> None:
    for actor in actors:
        request.registry["messa.runtime"].waker.wake_after_commit(request.db, actor)


def place_of_domain(request: Request, domain_id: UUID) -> Place:
    """The group that has the domain, if it is within the key's reach. Raises `Wrong`."""
    group_id = standing.group_of(request.db, caller(request).tenant_id, domain_id)
    if group_id is None:
        raise Wrong(Problem.NOT_FOUND)
    return place_within(request, group_id)


def row_of(request: Request, at: Place, domain_id: UUID) -> DomainRow:
    """A domain of the group. Raises `Wrong`."""
    found = standing.get(request.db, at, domain_id)
    if found is None:
        raise Wrong(Problem.NOT_FOUND)
    return found


def _told(row: DomainRow) -> dict[str, Any]:
    fault = row.fault
    return {
        "id": str(row.id),
        "group_id": str(row.group_id),
        "name": row.name,
        "shown": shown(row.name),
        "state": row.state.value,
        "proof": row.proof.value if row.proof else None,
        "record": {"type": "TXT", "name": record_name(row.name), "value": record_value(row.token)},
        "fault": {"kind": fault.kind.value, "found": list(fault.found)} if fault else None,
        "failing_since": moment_of(row.failing_since) if row.is_failing else None,
        "suspended_at": moment_of(row.suspended_at) if row.is_failing else None,
        "created_at": moment_of(row.created_at),
        "verified_at": moment_of(row.verified_at),
        "checked_at": moment_of(row.checked_at),
        "next_check_at": moment_of(row.check_at),
    }


_TAG = "Domains"
_READ, _WRITE = Scope.DOMAINS_READ, Scope.DOMAINS_WRITE
_GONE = (Problem.NOT_FOUND,)
_ITS = by_id(
    "getDomain", "previewDomain", "verifyDomain", "moveDomain", "listDomainMoves", "takeAlong", "removeDomain"
)
LIST = Operation(
    "listDomains", "GET", "/v2/domains", "List domains", "Domains of the key's group and those below it, oldest first.",
    _TAG, _READ, (Succeeds(200, "A page of them.", shapes.DOMAINS),), problems=_GONE,
    parameters={"group_id": an_id("Only those of this very group."), **LIMIT, **CURSOR},
)  # fmt: skip
CREATE = Operation(
    "createDomain", "POST", "/v2/domains", "Claim a domain",
    "The answer has the record to publish. Once it is seen, the domain is verified, and the accounts that have it come to the group, wherever"
    " they are; only those stay that an admin of the organisation has placed by hand. Below a domain that the organisation has proven, all"
    " that happens at once.",
    _TAG, _WRITE, (Succeeds(201, "The domain, with the record to publish.", shapes.DOMAIN, _ITS, ("Location",)),), body=shapes.CREATE,
    problems=(Problem.CHANGE_REFUSED, Problem.CONFLICT, *_GONE),
)  # fmt: skip
READ = Operation(
    "getDomain", "GET", "/v2/domains/{id}", "Read a domain", "How it stands, and what was found when it was looked at last.",
    _TAG, _READ, (Succeeds(200, "The domain.", shapes.DOMAIN),), problems=_GONE,
)  # fmt: skip
PREVIEW = Operation(
    "previewDomain", "GET", "/v2/domains/{id}/preview", "See who would come with a domain",
    "How many accounts of the key's group and below would come to the domain's group if it were proven now.",
    _TAG, _READ, (Succeeds(200, "The counts.", shapes.PREVIEW),), problems=_GONE,
)  # fmt: skip
VERIFY = Operation(
    "verifyDomain", "POST", "/v2/domains/{id}/verify", "Look for a domain's proof now",
    "It is looked at by itself as well, ever more seldom while it waits, daily once it is verified.",
    _TAG, _WRITE, (Succeeds(202, "The domain, about to be looked at.", shapes.DOMAIN),), problems=(Problem.CONFLICT, *_GONE),
)  # fmt: skip
MOVE = Operation(
    "moveDomain", "PATCH", "/v2/domains/{id}", "Tie a domain to another group",
    "The accounts of a verified domain follow it, but for those that an admin has placed by hand. An identity provider that was set up by a"
    " group which the new one does not lie in is paused.",
    _TAG, _WRITE, (Succeeds(200, "The domain.", shapes.DOMAIN),), body=shapes.MOVE, problems=_GONE,
)  # fmt: skip
REMOVE = Operation(
    "removeDomain", "DELETE", "/v2/domains/{id}", "Give a domain up",
    "New addresses no longer come to the group; its accounts stay. Nobody signs in by its identity provider any more.",
    _TAG, _WRITE, (Succeeds(204, "It is given up.", None),), problems=_GONE,
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Mount the resource."""
    config.add_collection("domains", Domains)
    for operation, view, context, name in (
        (LIST, listed, Domains, ""),
        (CREATE, create, Domains, ""),
        (READ, read, OneDomain, ""),
        (PREVIEW, preview, OneDomain, "preview"),
        (VERIFY, verify, OneDomain, "verify"),
        (MOVE, move, OneDomain, ""),
        (REMOVE, remove, OneDomain, ""),
    ):
        config.add_operation(operation, view, context, name)
