"""`@@organisation` of a Master group: what holds for the organisation as a whole (spec I3, W1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from babel.dates import get_timezone_location
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.i18n import LANGUAGES, Speech, msgid
from messa_platform.portal.admin.audit import reader_of, row_of
from messa_platform.portal.admin.frame import page
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.forms import Form, written
from messa_platform.tenants import organisation
from messa_platform.tenants.audit import Action
from messa_platform.tenants.audit_view import latest
from messa_platform.tenants.authority import NotAdmin
from messa_platform.tenants.organisation import MAX_NAME, TIME_ZONES, Conflict, Fault, Held, Saved, Wish

LANGUAGE_NAMES = {"sv": "Svenska", "en": "English"}

SENTENCES: Mapping[Fault, str] = {
    Fault.NO_NAME: msgid("Write the organisation's name."),
    Fault.NAME_TOO_LONG: msgid("Shorten the name to %(max)s characters at the most."),
    Fault.NO_LANGUAGE: msgid("Choose one of the languages."),
    Fault.NO_TIME_ZONE: msgid("Choose one of the time zones."),
    Fault.NO_FACTOR: msgid(
        "Set up a second factor for yourself first. Otherwise you would lock yourself out."
    ),
}
_CONFLICT = msgid(
    "Somebody else has changed the organisation meanwhile, and nothing of yours was saved. Look at what is different. If you save"
    " again, yours holds."
)


def show(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The organisation as it stands."""
    _refuse_below(context)
    return _page(context, request, organisation.held(request.db, context.place), Form())


def change(context: GroupResource, request: Request) -> Any:
    """Save what was changed."""
    _refuse_below(context)
    form = Form(values=written(request.POST))
    wish, version = _wish(form), form.values.get("version", "")
    outcome = organisation.change(
        request.db,
        request.registry["messa.runtime"].clock.now(),
        context.author,
        context.place,
        wish,
        int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 0,
        has_second_factor=request.identity.has_second_factor,
    )
    match outcome:
        case NotAdmin():
            raise HTTPNotFound
        case Saved():
            return HTTPSeeOther(context.address("@@organisation", said="organisation-saved"))
        case Conflict(held):
            form.fail("", request.speech.gettext(_CONFLICT))
            return _page(context, request, held, form, 409)
    for name, fault in outcome.items():
        form.fail(name, request.speech.gettext(SENTENCES[fault], max=MAX_NAME))
    return _page(context, request, organisation.held(request.db, context.place), form, 422)


def _refuse_below(context: GroupResource) -> None:
    """Only Master stands for the organisation as a whole."""
    if context.place.parent_id is not None:
        raise HTTPNotFound


def _wish(form: Form) -> Wish:
    values = form.values
    return Wish(
        name=values.get("name", ""),
        language=values.get("language", ""),
        time_zone=values.get("time_zone", ""),
        demands_second_factor="demands_second_factor" in values,
    )


def _page(
    context: GroupResource, request: Request, held: Held, form: Form, status: int = 200
) -> Mapping[str, Any]:
    return page(
        context,
        "organisation",
        form,
        status,
        held=held.wish,
        # after an error of the form's own the version stays that which it was made from
        version=form.values.get("version", "") if status == 422 else held.version,
        languages=[(code, LANGUAGE_NAMES[code]) for code in LANGUAGES],
        time_zones=_time_zones(request.speech, held.wish.time_zone),
        max_name=MAX_NAME,
        without=organisation.admins_without_second_factor(request.db, context.place),
        changes=_changes(context, request) if status == 409 else [],
        differing=_differing(request.speech, _wish(form), held.wish) if status == 409 else [],
    )


def _time_zones(speech: Speech, own: str) -> list[tuple[str, str]]:
    """Each zone by its city, as the language calls it; the one that is in force among them, whichever it is."""
    named = {
        zone: get_timezone_location(zone, locale=speech.locale, return_city=True)
        for zone in dict.fromkeys((*TIME_ZONES, own))
    }
    return sorted(named.items(), key=lambda item: item[1].casefold())


def _changes(context: GroupResource, request: Request) -> list[Any]:
    """The last changes that others have made, in words."""
    found = latest(request.db, reader_of(context), context.place, {Action.TENANT_CHANGED})
    return [row_of(request.speech, entry) for entry in found]


def _differing(speech: Speech, wish: Wish, held: Wish) -> list[tuple[str, str, str]]:
    """Each field in which what was written differs from what holds: its label, what was written, what holds."""
    _ = speech.gettext
    zones, switch = dict(_time_zones(speech, held.time_zone)), {True: _("yes"), False: _("no")}
    pairs = (
        (_("Name"), wish.name, held.name),
        (
            _("Language"),
            LANGUAGE_NAMES.get(wish.language, wish.language),
            LANGUAGE_NAMES.get(held.language, held.language),
        ),
        (_("Time zone"), zones.get(wish.time_zone, wish.time_zone), zones[held.time_zone]),
        (
            _("Admins need a second factor"),
            switch[wish.demands_second_factor],
            switch[held.demands_second_factor],
        ),
    )
    return [(label, yours, theirs) for label, yours, theirs in pairs if yours != theirs]


def includeme(config: Configurator) -> None:
    """Mount the page and its form."""
    config.add_group_view(show, "organisation", "organisation")
    config.add_group_view(change, "organisation", "organisation", request_method="POST")
    config.add_saying("organisation-saved", msgid("Saved."))
