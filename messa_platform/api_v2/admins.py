"""`/v2/admins`: who administers a group and everything below it (spec G10). An admin is told by the group and the account's id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.api_v2 import admin_shapes as shapes
from messa_platform.api_v2.identity import caller
from messa_platform.api_v2.moments import moment_of, now
from messa_platform.api_v2.operations import Answer, Asked, Operation, Succeeds
from messa_platform.api_v2.pages import cursor_of_word, cut, limit_of, read_word_cursor
from messa_platform.api_v2.problems import Fault, Problem, Wrong
from messa_platform.api_v2.reach import author, place_named
from messa_platform.api_v2.resources import Collection, Item
from messa_platform.core.site import SiteSettings
from messa_platform.tenants import admins
from messa_platform.tenants.admins import Admin, Removal, Word
from messa_platform.tenants.api_users.models import Scope
from messa_platform.tenants.authority import NotAdmin
from messa_platform.tenants.people import chosen
from messa_platform.tenants.people.reading import read_one
from messa_platform.tenants.places import Place


class OneAdmin(Item):
    """`/v2/admins/<id of the account>`."""


class Admins(Collection):
    """`/v2/admins`."""

    item = OneAdmin


def listed(_context: Admins, request: Request, asked: Asked) -> Answer:
    """Who administers this very group."""
    place, most = place_named(request, asked.query), limit_of(asked.query)
    after = read_word_cursor(asked.query)
    found = admins.of_group(request.db, place.tenant_id, place.id, after, most + 1)
    shown, last = cut(found, most)
    items = [_told(place, admin) for admin in shown]
    return Answer({"items": items, "next": cursor_of_word(last.address) if last else None})


def create(_context: Admins, request: Request, asked: Asked) -> Answer:
    """One more; who is told by a mail."""
    runtime, session, at = request.registry["messa.runtime"], request.platform_db, now(request)
    place, address = place_named(request, asked.body), _address(request, asked.body)
    if isinstance(address, Word):
        raise _refused(asked.body, address)
    answers = admins.add(session, at, author(request), place, [address])
    if isinstance(answers, NotAdmin):  # gone meanwhile, or the API user is
        raise Wrong(Problem.NOT_FOUND)
    [done] = answers
    if done.word not in (Word.ADDED, Word.ALREADY):
        raise _refused(asked.body, done.word)
    admins.tell_added(session, at, place, answers, runtime.administration.admins, runtime.post)
    admin = admins.read(session, place, done.address)
    assert admin is not None, "it was made, or found, in this transaction"
    return Answer(_told(place, admin), 201 if done.word is Word.ADDED else 200)


def remove(context: OneAdmin, request: Request, asked: Asked) -> Answer:
    """An admin of this very group no longer."""
    place = place_named(request, asked.query)
    match admins.remove(request.platform_db, now(request), author(request), place, context.id):
        case Removal.REMOVED:
            return Answer({}, 204)
        case Removal.LAST:
            said = "nobody else administers the topmost group; add another one first"
            raise Wrong(Problem.CHANGE_REFUSED, faults=[Fault("", Removal.LAST.value, said)])
    raise Wrong(Problem.NOT_FOUND)


def _address(request: Request, body: Mapping[str, Any]) -> str | Word:
    """Whose account it is to be, or why it is nobody's. An account beyond the key's reach is none."""
    if "account_id" not in body:
        site = request.registry["messa.runtime"].settings[SiteSettings]
        line = read_one(1, body["email"], own=site.mail_domain)
        return line.address or Word.BAD
    who = caller(request)
    found = chosen.read(request.platform_db, who.tenant_id, who.holder.group_id, [UUID(body["account_id"])])
    return found[0].address if found else Word.NOT_IN_TREE


_SAID: Mapping[Word, str] = {
    Word.NOT_IN_TREE: "is nobody's in the group or below it; add the account there first",
    Word.BLOCKED: "is blocked; take the block away first",
    Word.BAD: "is no e-mail address",
}


def _refused(body: Mapping[str, Any], word: Word) -> Wrong:
    pointer = "/account_id" if "account_id" in body else "/email"
    return Wrong(Problem.CHANGE_REFUSED, faults=[Fault(pointer, word.value, _SAID[word])])


def _told(place: Place, admin: Admin) -> dict[str, Any]:
    return {
        "id": str(admin.account_id),
        "group_id": str(place.id),
        "email": admin.address,
        "display_name": admin.display_name,
        "blocked": admin.is_blocked,
        "since": moment_of(admin.since),
    }


_TAG = "Admins"
_READ, _WRITE = Scope.PEOPLE_READ, Scope.PEOPLE_WRITE
_GONE = (Problem.NOT_FOUND,)
_LINKS = (("GetAccount", "getAccount", "id", "id"),)
LIST = Operation(
    "listAdmins", "GET", "/v2/admins", "List admins",
    "The admins of a group itself, by address. Who administers one of the groups above it does so with this one, too, and is not told.",
    _TAG, _READ, (Succeeds(200, "A page of them.", shapes.ADMINS),), problems=_GONE, parameters=shapes.LIST_PARAMETERS,
)  # fmt: skip
CREATE = Operation(
    "createAdmin", "POST", "/v2/admins", "Make somebody an admin",
    "The account administers the group and everything below it from then on, and is told so by mail. It has to be one of that tree's own.",
    _TAG, _WRITE,
    (Succeeds(201, "The admin.", shapes.ADMIN, _LINKS), Succeeds(200, "It was one already.", shapes.ADMIN, _LINKS)),
    body=shapes.CREATE, problems=(Problem.CHANGE_REFUSED, *_GONE),
)  # fmt: skip
REMOVE = Operation(
    "removeAdmin", "DELETE", "/v2/admins/{id}", "Let somebody be an admin no longer",
    "`id` is the account's, which stays in its group.",
    _TAG, _WRITE, (Succeeds(204, "It administers the group no longer.", None),), parameters=shapes.GROUP,
    problems=(Problem.CHANGE_REFUSED, *_GONE),
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Mount the resource."""
    config.add_collection("admins", Admins)
    config.add_operation(LIST, listed, Admins)
    config.add_operation(CREATE, create, Admins)
    config.add_operation(REMOVE, remove, OneAdmin)
