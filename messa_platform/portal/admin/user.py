"""`@@user?id=` of a group: the form of somebody in it or below it (spec G11). Whoever is not there is not found, like who is nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.i18n import Speech, msgid
from messa_platform.portal.account.overview import LANGUAGE_NAMES
from messa_platform.portal.admin.audit import reader_of, row_of
from messa_platform.portal.admin.frame import page
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.admin.seen_groups import choice, chosen_group, named
from messa_platform.portal.admin.users_chosen import NO_GROUP, REFUSALS
from messa_platform.portal.forms import Form, asked, written
from messa_platform.portal.messages.numbers import nice
from messa_platform.portal.messages.resources import wanted_id
from messa_platform.tenants.audit import Action
from messa_platform.tenants.audit_view import latest
from messa_platform.tenants.authority import NotAdmin
from messa_platform.tenants.people import member
from messa_platform.tenants.people.member import Conflict, Done, Member, Outcome, Refusal, Wish
from messa_platform.tenants.places import place_of, ways
from messa_platform.tenants.profile import MAX_NAME

_CONFLICT = msgid(
    "Somebody else has changed this user meanwhile, and nothing of yours was saved. Look at what is different. If you save again,"
    " yours holds."
)
_ABOUT_FIELDS: Mapping[Refusal, tuple[str, str]] = {
    Refusal.TOO_LONG: ("display_name", msgid("Shorten the name to %(max)s characters at the most.")),
    Refusal.UNKNOWN_LANGUAGE: ("language", msgid("Choose one of the languages.")),
}
_CHANGES = frozenset(action for action in Action if action.value.startswith("account_"))


def _member(context: GroupResource, request: Request) -> Member:
    """The one who is asked for. Raises HTTPNotFound."""
    now = request.registry["messa.runtime"].clock.now()
    identifier = wanted_id(asked(request, "id"))
    found = member.read(request.db, now, context.organisation.id, context.authority.id, identifier)
    if found is None:
        raise HTTPNotFound
    return found


def show(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The user as it stands."""
    return _page(context, request, _member(context, request), Form())


def change(context: GroupResource, request: Request) -> Any:
    """Save, move or remove."""
    held, form = _member(context, request), Form(values=written(request.POST))
    match form.values.get("do"):
        case "move":
            return _move(context, request, held, form)
        case "remove":
            return _remove(context, request, held, form)
    return _save(context, request, held, form)


def _version(form: Form) -> int:
    written_version = form.values.get("version", "")
    plain = written_version.isascii() and written_version.isdigit() and len(written_version) < 10
    return int(written_version) if plain else 0


def _now(request: Request) -> Any:
    return request.registry["messa.runtime"].clock.now()


def _save(context: GroupResource, request: Request, held: Member, form: Form) -> Any:
    wish = Wish(
        display_name=form.values.get("display_name", ""),
        language=form.values.get("language") or None,
        is_blocked="blocked" in form.values,
    )
    outcome = member.change(
        request.platform_db,
        _now(request),
        context.author,
        context.organisation.id,
        held.id,
        _version(form),
        wish,
    )
    if isinstance(outcome, Done):
        return HTTPSeeOther(context.address("@@user", id=held.id, said="user-saved"))
    return _not_done(context, request, held, form, outcome)


def _move(context: GroupResource, request: Request, held: Member, form: Form) -> Any:
    to = chosen_group(context, form.values.get("group", ""))
    if to is None:
        form.fail("group", request.speech.gettext(NO_GROUP))
        return _page(context, request, held, form, 422)
    outcome = member.move(
        request.platform_db,
        _now(request),
        context.author,
        context.organisation.id,
        held.id,
        _version(form),
        to,
    )
    if isinstance(outcome, Done):
        way = ways(request.db, to.tenant_id, [to.id])[to.id]
        return HTTPSeeOther(context.address_of(way.slugs[1:], "@@user", id=held.id, said="user-moved"))
    return _not_done(context, request, held, form, outcome)


def _remove(context: GroupResource, request: Request, held: Member, form: Form) -> Any:
    outcome = member.remove(
        request.platform_db,
        _now(request),
        context.author,
        context.organisation.id,
        held.id,
        _version(form),
        block="block" in form.values,
    )
    if isinstance(outcome, Done):
        return HTTPSeeOther(context.address("@@users", said="user-removed"))
    return _not_done(context, request, held, form, outcome)


def _not_done(context: GroupResource, request: Request, held: Member, form: Form, outcome: Outcome) -> Any:
    _ = request.speech.gettext
    if isinstance(outcome, NotAdmin):
        raise HTTPNotFound
    if isinstance(outcome, Conflict):
        form.fail("", _(_CONFLICT))
        return _page(context, request, _member(context, request), form, 409)
    assert isinstance(outcome, Refusal)
    if outcome in _ABOUT_FIELDS:
        field, sentence = _ABOUT_FIELDS[outcome]
        form.fail(field, _(sentence, max=MAX_NAME))
    else:
        form.fail("", _(REFUSALS[outcome]))
    return _page(context, request, held, form, 422)


def _page(
    context: GroupResource, request: Request, held: Member, form: Form, status: int = 200
) -> Mapping[str, Any]:
    _ = request.speech.gettext
    of_limit = [held.use.group_id] if held.use and held.use.group_id else []
    return page(
        context,
        "users",
        form,
        status,
        member=held,
        # after an error of the form's own the version stays that which it was made from
        version=form.values.get("version", "") if status == 422 else held.version,
        groups=named(context, {held.group_id, *held.admin_of, *of_limit}),
        number=nice(held.number) if held.number else "",
        languages=[("", _("The organisation's")), *LANGUAGE_NAMES.items()],
        max_name=MAX_NAME,
        is_own=held.id == request.identity.account_id,
        choice=choice(context, request),
        address=context.address("@@user"),
        changes=_changes(context, request, held) if status == 409 else [],
        differing=_differing(request.speech, form, held) if status == 409 else [],
        now=request.begun_at,
    )


def _changes(context: GroupResource, request: Request, held: Member) -> list[Any]:
    """The last changes that others have made to the user, in words."""
    place = place_of(request.db, context.organisation.id, held.group_id)
    if place is None:
        return []
    found = latest(request.db, reader_of(context), place, _CHANGES, held.address)
    return [row_of(request.speech, entry) for entry in found]


def _differing(speech: Speech, form: Form, held: Member) -> list[tuple[str, str, str]]:
    """Each field in which what was written differs from what holds."""
    _ = speech.gettext
    if form.values.get("do") not in (None, "", "save"):
        return []
    languages, switch = {"": _("The organisation's"), **LANGUAGE_NAMES}, {True: _("yes"), False: _("no")}
    language = form.values.get("language", "")
    pairs = (
        (_("Name"), form.values.get("display_name", "").strip(), held.display_name),
        (_("Language"), languages.get(language, language), languages[held.language or ""]),
        (_("Blocked"), switch["blocked" in form.values], switch[held.is_blocked]),
    )
    return [(label, yours, theirs) for label, yours, theirs in pairs if yours != theirs]


def includeme(config: Configurator) -> None:
    """Mount the form."""
    config.add_group_view(show, "user", "user")
    config.add_group_view(change, "user", "user", request_method="POST")
    config.add_saying("user-saved", msgid("Saved."))
    config.add_saying("user-moved", msgid("Moved to this group."))
    config.add_saying("user-removed", msgid("Removed. What the user has sent stays in the log."))
