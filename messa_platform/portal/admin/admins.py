"""`@@admins` of a group: who administers it and everything below it (spec G10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.core.site import SiteSettings
from messa_platform.portal.admin.frame import page
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.forms import Form, asked, written
from messa_platform.portal.messages.resources import read_id
from messa_platform.portal.pages import url
from messa_platform.tenants import admins
from messa_platform.tenants.admins import Answer, Removal, Word
from messa_platform.tenants.authority import NotAdmin
from messa_platform.tenants.people.reading import read_lines

PAGE = 50
"""Admins at a time."""
MOST_LINES = 100
"""Addresses that are taken at once."""

REASONS: Mapping[Word, str] = {
    Word.NOT_IN_TREE: msgid("Not a user in this group or below it. Add the address under Users first."),
    Word.BLOCKED: msgid("Blocked. Open the user and take the block away first."),
    Word.BAD: msgid("Not an e-mail address. Write it like anna@skolan.example."),
}
"""Why a line is refused. Whether an address that is not here is anywhere else is nothing that these tell."""
_LAST = msgid(
    "The topmost group needs one admin at least, else nobody could manage the organisation. Add another one first."
)


def show(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The admins of this very group, and the form for more."""
    return _page(context, request, Form())


def change(context: GroupResource, request: Request) -> Any:
    """Add admins, or remove one."""
    form = Form(values=written(request.POST))
    if "remove" in form.values:
        return _remove(context, request, form)
    return _add(context, request, form)


def _page(
    context: GroupResource, request: Request, form: Form, status: int = 200, **more: Any
) -> Mapping[str, Any]:
    place, after = context.place, asked(request, "after").replace("\x00", "")
    found = admins.of_group(request.db, place.tenant_id, place.id, after, PAGE + 1)
    values = {
        "admins": found[:PAGE],
        "after": after,
        "next": found[PAGE - 1].address if len(found) > PAGE else "",
        "refused": (),
        "added": 0,
        "leaving": None,
        "now": request.begun_at,
        **more,
    }
    return page(context, "admins", form, status, **values)


def _add(context: GroupResource, request: Request, form: Form) -> Any:
    """All that can be become admins; the lines that are refused stay in the form, each with its reason."""
    runtime, _ = request.registry["messa.runtime"], request.speech.gettext
    site, now = runtime.settings[SiteSettings], runtime.clock.now()
    lines = read_lines(form.values.get("addresses", ""), site.mail_domain)
    if not lines:
        form.fail("addresses", _("Write one address at least."))
    if len(lines) > MOST_LINES:
        form.fail("addresses", _("Add %(num)s at most at a time.", num=MOST_LINES))
    if not form.ok:
        return _page(context, request, form, 422)
    addresses = [line.address or line.written for line in lines]
    answers = admins.add(request.db, now, context.author, context.place, addresses)
    if isinstance(answers, NotAdmin):
        raise HTTPNotFound
    mails = runtime.administration.admins
    admins.tell_added(request.platform_db, now, context.place, answers, mails, runtime.post)
    refused = [answer for answer in answers if answer.word in REASONS]
    added = sum(answer.word is Word.ADDED for answer in answers)
    if not refused:
        said = "admins-added" if added else "admins-already"
        return HTTPSeeOther(context.address("@@admins", said=said))
    return _partly(context, request, form, refused, added)


def _partly(
    context: GroupResource, request: Request, form: Form, refused: Sequence[Answer], added: int
) -> Mapping[str, Any]:
    form.values["addresses"] = "\n".join(answer.address for answer in refused)
    form.fail(
        "addresses",
        request.speech.ngettext(
            "%(num)s line was not taken. You see why below.",
            "%(num)s lines were not taken. You see why below.",
            len(refused),
        ),
    )
    why = [(answer.address, request.speech.gettext(REASONS[answer.word])) for answer in refused]
    return _page(context, request, form, 422, refused=why, added=added)


def _remove(context: GroupResource, request: Request, form: Form) -> Any:
    try:
        account_id = read_id(form.values["remove"])
    except KeyError:
        return HTTPSeeOther(context.address("@@admins"))
    is_own = account_id == request.identity.account_id
    if is_own and "sure" not in form.values:
        return _page(context, request, Form(), leaving=account_id)
    now = request.registry["messa.runtime"].clock.now()
    outcome = admins.remove(request.db, now, context.author, context.place, account_id)
    match outcome:
        case NotAdmin():
            raise HTTPNotFound
        case Removal.LAST:
            form.fail("", request.speech.gettext(_LAST))
            return _page(context, request, form, 422)
        case Removal.REMOVED if is_own:
            return HTTPSeeOther(_way_on(context, request))
    return HTTPSeeOther(context.address("@@admins", said="admin-removed"))


def _way_on(context: GroupResource, request: Request) -> str:
    """Where somebody goes who administers this group no longer: what is left is theirs by another group, or nothing is."""
    others = set(request.identity.admin_of) - {context.place.id}
    if others & {place.id for place in context.path}:
        return context.address("@@admins", said="admin-left")
    return url(request, "t") if others else url(request, "messages", said="admin-left")


def includeme(config: Configurator) -> None:
    """Mount the page and its forms."""
    config.add_group_view(show, "admins", "admins")
    config.add_group_view(change, "admins", "admins", request_method="POST")
    config.add_saying(
        "admins-added", msgid("Added. Each of them gets a mail that says so, and where to begin.")
    )
    config.add_saying("admins-already", msgid("They were admins of the group already."), tone="info")
    config.add_saying("admin-removed", msgid("Removed. The user stays in the group."))
    config.add_saying("admin-left", msgid("You are no longer an admin of that group."))
