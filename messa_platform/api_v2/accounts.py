"""`/v2/accounts`: the people of the key's group and of all below it (spec G11, U1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.request import Request
from sqlalchemy.orm import Session

from messa_platform.api_v2 import account_shapes as shapes
from messa_platform.api_v2.identity import caller
from messa_platform.api_v2.moments import moment_of, now
from messa_platform.api_v2.operations import Answer, Asked, Operation, Succeeds
from messa_platform.api_v2.pages import cursor_of_word, limit_of, read_word_cursor
from messa_platform.api_v2.problems import Fault, Problem, Wrong
from messa_platform.api_v2.reach import author, place, place_named, place_within
from messa_platform.api_v2.resources import Collection, Item
from messa_platform.api_v2.versions import asked_version, etag
from messa_platform.core.clock import stockholm_day
from messa_platform.core.site import SiteSettings
from messa_platform.tenants.admin_models import TaskKind
from messa_platform.tenants.api_users.models import Scope
from messa_platform.tenants.authority import NotAdmin
from messa_platform.tenants.people import add, listing, member
from messa_platform.tenants.people.listing import Person
from messa_platform.tenants.people.member import Conflict, Done, Member, Outcome, Refusal, Wish
from messa_platform.tenants.people.reading import Line, read_one
from messa_platform.tenants.people.settings import PeopleSettings
from messa_platform.tenants.places import Place


class Account(Item):
    """`/v2/accounts/<id>`."""


class Accounts(Collection):
    """`/v2/accounts`."""

    item = Account


def listed(_context: Accounts, request: Request, asked: Asked) -> Answer:
    """People's accounts, by address."""
    query = asked.query
    where = place_named(request, query)
    wish = listing.Wish(
        below="group_id" not in query,
        words=query.get("search", ""),
        after=read_word_cursor(query),
        address=query.get("email", "").strip().lower(),
        most=limit_of(query),
    )
    found = listing.page(request.db, where, wish)
    items = [_person(person) for person in found.people]
    return Answer({"items": items, "next": cursor_of_word(found.after) if found.after else None})


def read(context: Account, request: Request, _asked: Asked) -> Answer:
    """One of them."""
    return _answer(_member(context, request, request.db))


def create(_context: Accounts, request: Request, asked: Asked) -> Answer:
    """Put addresses into a group, as far as that may be; each is answered."""
    where, lines = _wanted(request, asked)
    runtime, session, who, at = (
        request.registry["messa.runtime"],
        request.platform_db,
        author(request),
        now(request),
    )
    asks_a_day = runtime.settings[PeopleSettings].consent_mails_a_day
    drafted = add.draft(session, at, who, where, [place(request)], lines, asks_a_day)
    handler = runtime.administration.handlers[TaskKind.ADD_PEOPLE]
    done = add.run_now(session, at, who, where.tenant_id, drafted, handler)
    if done is None or done.result.get("stopped"):  # the API user has gone meanwhile
        raise Wrong(Problem.NOT_FOUND)
    told = add.lines(session, where.tenant_id, drafted, most=len(lines))
    return _became(session, where, lines, [(line.word, line.from_group_id) for line in told])


def dry_run(_context: Accounts, request: Request, asked: Asked) -> Answer:
    """What would become of them."""
    where, lines = _wanted(request, asked)
    session, own = request.platform_db, place(request)
    asks_a_day = request.registry["messa.runtime"].settings[PeopleSettings].consent_mails_a_day
    planned = add.preview(session, now(request), where, own.id, lines, asks_a_day)
    return _became(session, where, lines, [(line.word, line.from_group_id) for line in planned])


def _wanted(request: Request, asked: Asked) -> tuple[Place, Sequence[Line]]:
    """Which addresses are to be in which group."""
    body, site = asked.body, request.registry["messa.runtime"].settings[SiteSettings]
    where = place_named(request, body)
    lines = [
        read_one(number, one["email"], one.get("display_name", ""), site.mail_domain)
        for number, one in enumerate(body["accounts"], 1)
    ]
    return where, lines


def _became(
    session: Session, where: Place, lines: Sequence[Line], outcomes: Sequence[tuple[Any, UUID | None]]
) -> Answer:
    here = add.here(session, where, [line.address for line in lines if line.address])
    items = [
        {
            "email": line.address or line.written,
            "outcome": word.value,
            "fault": line.fault.value if line.fault else None,
            "account_id": _id(here.get(line.address or "")),
            "from_group_id": _id(from_group_id),
        }
        for line, (word, from_group_id) in zip(lines, outcomes, strict=True)
    ]
    return Answer({"group_id": str(where.id), "items": items})


def change(context: Account, request: Request, asked: Asked) -> Answer:
    """Another name or language, blocked or not, in another group."""
    body = asked.body
    to = place_within(request, UUID(body["group_id"])) if "group_id" in body else None
    session, at, who = request.platform_db, now(request), author(request)

    def alter(held: Member) -> Outcome:
        wish = Wish(
            body.get("display_name", held.display_name),
            body.get("language", held.language),
            body.get("blocked", held.is_blocked),
        )
        return member.change(session, at, who, caller(request).tenant_id, held.id, held.version, wish)

    def bring(held: Member) -> Outcome:
        assert to is not None
        return member.move(session, at, who, caller(request).tenant_id, held.id, held.version, to)

    _attempt(context, request, alter, "/blocked")
    if to is not None:
        # of the account as the first step has left it, in the same transaction
        _attempt(context, request, bring, "/group_id", whichever=True)
    return _answer(_member(context, request, session))


def remove(context: Account, request: Request, asked: Asked) -> Answer:
    """It is there no longer; what it has sent stays."""
    session, at, who = request.platform_db, now(request), author(request)
    block = asked.query.get("block") == "true"

    def part(held: Member) -> Outcome:
        return member.remove(session, at, who, caller(request).tenant_id, held.id, held.version, block=block)

    _attempt(context, request, part, "")
    return Answer({}, 204)


def _member(context: Account, request: Request, session: Session) -> Member:
    """The account, if it is somebody's within the key's reach. Raises `Wrong`."""
    who = caller(request)
    found = member.read(session, now(request), who.tenant_id, who.holder.group_id, context.id)
    if found is None:
        raise Wrong(Problem.NOT_FOUND)
    return found


def _attempt(
    context: Account,
    request: Request,
    what: Callable[[Member], Outcome],
    pointer: str,
    *,
    whichever: bool = False,
) -> None:
    """Do it to the account as it stands, of the version that was asked for, or `whichever`. Raises `Wrong` with the reason if it was not done;
    `pointer` is to what is to blame."""
    held = _member(context, request, request.platform_db)
    version = None if whichever else asked_version(request)
    if version not in (None, held.version):
        raise Wrong(Problem.PRECONDITION)
    outcome = what(held)
    if isinstance(outcome, Conflict) and version is None:
        # somebody was quicker, and whoever names no version changes what holds now: by this time the account is locked for us
        outcome = what(_member(context, request, request.platform_db))
    match outcome:
        case Done():
            return
        case Conflict():
            raise Wrong(Problem.PRECONDITION)
        case NotAdmin() | Refusal.UNKNOWN:
            raise Wrong(Problem.NOT_FOUND)  # gone meanwhile, or the API user is
    raise Wrong(Problem.CHANGE_REFUSED, faults=[Fault(pointer, outcome.value, _SAID[outcome])])


# A name that is too long and an unknown language do not fit the shape, and no API user is a member.
_SAID: Mapping[Refusal, str] = {
    Refusal.OPERATOR: "the account is one of the platform's own",
    Refusal.HIGHER_ADMIN: "the account administers a group beyond the key's reach",
    Refusal.LAST_ADMIN: "nobody else administers the topmost group",
}


def _id(identifier: UUID | None) -> str | None:
    return None if identifier is None else str(identifier)


def _person(person: Person) -> dict[str, Any]:
    return {
        "id": str(person.id),
        "email": person.address,
        "display_name": person.display_name,
        "group_id": str(person.group_id),
        "blocked": person.is_blocked,
        "number": person.number,
        "last_sent": stockholm_day(person.last_sent).isoformat() if person.last_sent else None,
    }


def _answer(held: Member) -> Answer:
    use = held.use
    content = {
        "id": str(held.id),
        "email": held.address,
        "display_name": held.display_name,
        "group_id": str(held.group_id),
        "blocked": held.is_blocked,
        "number": held.number,
        "last_sent": held.last_sent.isoformat() if held.last_sent else None,
        "language": held.language,
        "group_since": moment_of(held.group_since),
        "placed_by_hand": held.placed_by_hand,
        "has_password": held.has_password,
        "has_second_factor": held.has_second_factor,
        "admin_of": [str(group_id) for group_id in held.admin_of],
        "quota": use
        and {
            "left": use.left,
            "sms": use.allowed,
            "window_days": use.window_days,
            "group_id": _id(use.group_id),
        },
        "created_at": moment_of(held.created_at),
    }
    return Answer(content, headers=etag(held.version))


_TAG = "Accounts"
_READ, _WRITE = Scope.PEOPLE_READ, Scope.PEOPLE_WRITE
_GONE = (Problem.NOT_FOUND,)
_ETAGGED = ("ETag",)
_RULES = "An address of another organisation comes only if a proven domain of yours covers it, or if whoever reads its mail says yes."
LIST = Operation(
    "listAccounts", "GET", "/v2/accounts", "List accounts",
    "People's accounts in the key's group and below it, by address. API users are none of them.",
    _TAG, _READ, (Succeeds(200, "A page of them.", shapes.ACCOUNTS),), problems=_GONE, parameters=shapes.LIST_PARAMETERS,
)  # fmt: skip
CREATE = Operation(
    "addAccounts", "POST", "/v2/accounts", "Add accounts",
    f"Each address gets an account in the group; one that has an account moves there with it. {_RULES} Whoever sends the same again is told"
    " `here`, and nothing is done twice.",
    _TAG, _WRITE, (Succeeds(200, "What became of each.", shapes.ADDED),), body=shapes.ADD, problems=_GONE,
)  # fmt: skip
DRY_RUN = Operation(
    "tryAccounts", "POST", "/v2/accounts/dry-run", "Look at accounts before they are added",
    "Says what would become of each address, and from which groups accounts would move. Nothing is stored or sent.",
    _TAG, _WRITE, (Succeeds(200, "What would become of each.", shapes.ADDED),), body=shapes.ADD, problems=_GONE,
)  # fmt: skip
READ = Operation(
    "getAccount", "GET", "/v2/accounts/{id}", "Read an account", "An account as it stands; `ETag` names its version.",
    _TAG, _READ, (Succeeds(200, "The account.", shapes.ACCOUNT, headers=_ETAGGED),), problems=_GONE,
)  # fmt: skip
CHANGE = Operation(
    "changeAccount", "PATCH", "/v2/accounts/{id}", "Change an account, or move it",
    "What is left out stays as it is. All of it is done, or nothing.",
    _TAG, _WRITE, (Succeeds(200, "The account.", shapes.ACCOUNT, headers=_ETAGGED),), body=shapes.CHANGE,
    problems=(Problem.CHANGE_REFUSED, *_GONE), is_versioned=True,
)  # fmt: skip
REMOVE = Operation(
    "removeAccount", "DELETE", "/v2/accounts/{id}", "Remove an account",
    "It is signed out and gives its number back; what it has sent stays in the log. It comes back by its next mail, as somebody new, unless"
    " `block` is `true`.",
    _TAG, _WRITE, (Succeeds(204, "It is removed.", None),), parameters=shapes.REMOVE_PARAMETERS,
    problems=(Problem.CHANGE_REFUSED, *_GONE), is_versioned=True,
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Mount the resource."""
    config.add_collection("accounts", Accounts)
    config.add_operation(LIST, listed, Accounts)
    config.add_operation(CREATE, create, Accounts)
    config.add_operation(DRY_RUN, dry_run, Accounts, "dry-run")
    config.add_operation(READ, read, Account)
    config.add_operation(CHANGE, change, Account)
    config.add_operation(REMOVE, remove, Account)
