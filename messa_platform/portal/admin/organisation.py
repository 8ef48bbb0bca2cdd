"""`@@organisation` of a Master group: what holds for the organisation as a whole (spec I3, L4, W1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from babel.dates import get_timezone_location
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.clock import stockholm_day
from messa_platform.core.i18n import LANGUAGES, Speech, msgid
from messa_platform.messaging.log import summary
from messa_platform.portal.admin.audit import reader_of, row_of
from messa_platform.portal.admin.frame import page
from messa_platform.portal.admin.resources import GroupResource, demand_master
from messa_platform.portal.forms import Form, written
from messa_platform.tenants import organisation
from messa_platform.tenants.audit import Action
from messa_platform.tenants.audit_view import latest
from messa_platform.tenants.authority import NotAdmin
from messa_platform.tenants.organisation import (
    MAX_NAME,
    MOST_TEXT_DAYS,
    TIME_ZONES,
    Conflict,
    Fault,
    Held,
    Saved,
    Unconfirmed,
    Wish,
)

LANGUAGE_NAMES = {"sv": "Svenska", "en": "English"}

SENTENCES: Mapping[Fault, str] = {
    Fault.NO_NAME: msgid("Write the organisation's name."),
    Fault.NAME_TOO_LONG: msgid("Shorten the name to %(max)s characters at the most."),
    Fault.NO_LANGUAGE: msgid("Choose one of the languages."),
    Fault.NO_TIME_ZONE: msgid("Choose one of the time zones."),
    Fault.NO_FACTOR: msgid(
        "Set up a second factor for yourself first. Otherwise you would lock yourself out."
    ),
    Fault.NO_DAYS: msgid("Enter a number of days, from 1 to %(most)s, or leave the field empty."),
}
_CONFLICT = msgid(
    "Somebody else has changed the organisation meanwhile, and nothing of yours was saved. Look at what is different. If you save"
    " again, yours holds."
)
_CONFIRM = msgid("Say that the texts are to be removed, or keep them for longer.")
_CONFIRMED = "confirm_days"
"""The field that says of how many days' limit the consequences are wanted."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What a shorter time would remove: the texts from before a day, of so many messages."""

    days: int
    before: date
    messages: int


def show(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The organisation as it stands."""
    demand_master(context)
    return _page(context, request, organisation.held(request.db, context.place), Form())


def change(context: GroupResource, request: Request) -> Any:
    """Save what was changed."""
    demand_master(context)
    form = Form(values=written(request.POST))
    outcome = organisation.change(
        request.db,
        request.registry["messa.runtime"].clock.now(),
        context.author,
        context.place,
        _wish(form),
        _number(form.values.get("version", "")),
        has_second_factor=request.identity.has_second_factor,
        confirmed_days=_number(form.values.pop(_CONFIRMED, "")),
    )
    match outcome:
        case NotAdmin():
            raise HTTPNotFound
        case Saved():
            return HTTPSeeOther(context.address("@@organisation", said="organisation-saved"))
        case Conflict(held):
            form.fail("", request.speech.gettext(_CONFLICT))
            return _page(context, request, held, form, 409)
        case Unconfirmed():
            form.fail(_CONFIRMED, request.speech.gettext(_CONFIRM))
            held, removal = organisation.held(request.db, context.place), _removal(context, request, outcome)
            return _page(context, request, held, form, 422, removal)
    for name, fault in outcome.items():
        most = request.speech.number(MOST_TEXT_DAYS)
        form.fail(name, request.speech.gettext(SENTENCES[fault], max=MAX_NAME, most=most))
    return _page(context, request, organisation.held(request.db, context.place), form, 422)


def _number(written: str) -> int:
    """A number as a form gives it; 0 if it is none."""
    digits = "".join(written.split())
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0


def _wish(form: Form) -> Wish:
    values, days = form.values, form.values.get("keep_text_days", "").strip()
    return Wish(
        name=values.get("name", ""),
        language=values.get("language", ""),
        time_zone=values.get("time_zone", ""),
        demands_second_factor="demands_second_factor" in values,
        keep_text_days=_number(days) if days else None,
    )


def _removal(context: GroupResource, request: Request, unconfirmed: Unconfirmed) -> Removal:
    """What goes if the texts are kept for so few days; what is gone already is not counted."""
    today = stockholm_day(request.registry["messa.runtime"].clock.now())
    before = today - timedelta(days=unconfirmed.days)
    gone = unconfirmed.held_days
    first = date.min if gone is None else today - timedelta(days=gone)
    counts = summary.counts(request.db, context.place.tenant_id, None, first, before - timedelta(days=1))
    return Removal(unconfirmed.days, before, sum(count.messages for count in counts))


def _page(
    context: GroupResource,
    request: Request,
    held: Held,
    form: Form,
    status: int = 200,
    removal: Removal | None = None,
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
        removal=removal,
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

    def kept(days: int | None) -> str:
        return _("for ever") if days is None else speech.ngettext("%(num)s day", "%(num)s days", days)

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
        (_("How long texts are kept"), kept(wish.keep_text_days), kept(held.keep_text_days)),
    )
    return [(label, yours, theirs) for label, yours, theirs in pairs if yours != theirs]


def includeme(config: Configurator) -> None:
    """Mount the page and its form."""
    config.add_group_view(show, "organisation", "organisation")
    config.add_group_view(change, "organisation", "organisation", request_method="POST")
    config.add_saying("organisation-saved", msgid("Saved."))
