"""`/operator/tenants`: every organisation, a new one, and what becomes of one (spec O1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.i18n import DEFAULT, msgid
from messa_platform.core.site import SiteSettings
from messa_platform.portal.account.overview import LANGUAGE_NAMES
from messa_platform.portal.forms import Form, asked, read
from messa_platform.portal.operator.frame import now_of, page
from messa_platform.portal.operator.mails import InvitationMails
from messa_platform.portal.operator.resources import TenantResource, TenantsResource, author_of
from messa_platform.portal.operator.tenant_states import STATE_WORDS, ways_on
from messa_platform.portal.pages import url
from messa_platform.tenants import tenants
from messa_platform.tenants.models import TenantState
from messa_platform.tenants.tenants import (
    LONGEST_NAME,
    LONGEST_SLUG,
    MOST_COUNTED,
    SHORTEST_SLUG,
    Created,
    Fault,
    Refused,
    Wish,
)

PAGE = 50
"""Organisations at a time."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list is narrowed to."""

    words: str
    state: TenantState | None

    @property
    def query(self) -> dict[str, str]:
        """As it stands in the address."""
        return {"q": self.words, "state": self.state or ""}


def _filter(request: Request) -> Filter:
    state = asked(request, "state")
    known = TenantState(state) if state in set(TenantState) else None
    return Filter(asked(request, "q", 100).replace("\x00", ""), known)


def show_all(request: Request) -> Mapping[str, Any]:
    """The organisations by their address, so many at a time."""
    wanted, after = _filter(request), asked(request, "after").replace("\x00", "")
    found = tenants.listed(request.platform_db, wanted.words, wanted.state, after, PAGE + 1)
    more = ""
    if len(found) > PAGE:
        more = url(request, "operator", "tenants", after=found[PAGE - 1].slug, **wanted.query)
    return page(
        request,
        "tenants",
        organisations=found[:PAGE],
        more=more,
        is_first=not after,
        wanted=wanted,
        states=STATE_WORDS,
        most=MOST_COUNTED,
    )


def show_one(context: TenantResource, request: Request) -> Mapping[str, Any]:
    """One organisation: what it has, and what can be done."""
    organisation = context.organisation
    return page(
        request,
        "tenants",
        organisation=organisation,
        state=STATE_WORDS[organisation.state],
        language=LANGUAGE_NAMES[organisation.language],
        ways=ways_on(organisation),
    )


# A new one

_SCHEMA = {name: {"type": "string"} for name in ("name", "slug", "language", "admin_address", "admin_name")}

_SENTENCES: Mapping[tuple[str, Fault], str] = {
    ("name", Fault.EMPTY): msgid("Give the organisation a name."),
    ("name", Fault.TOO_LONG): msgid("Shorten the name to %(longest)s characters at the most."),
    ("slug", Fault.BAD_SLUG): msgid(
        "Use %(shortest)s to %(longest)s of the letters a-z and figures, with hyphens between them, such as demo-kommun."
    ),
    ("slug", Fault.TAKEN): msgid("Another organisation has this address. Choose another one."),
    ("language", Fault.UNKNOWN_LANGUAGE): msgid("Choose one of the languages."),
    ("admin_address", Fault.BAD_ADDRESS): msgid("Enter an e-mail address, such as anna@skolan.example."),
    ("admin_address", Fault.OF_ANOTHER): msgid(
        "The address belongs to %(owner)s. Choose another one, or let them move it first."
    ),
    ("admin_address", Fault.OF_OPERATOR): msgid("The address is that of an operator. Choose another one."),
    ("admin_address", Fault.BLOCKED): msgid("The address is blocked. Choose another one."),
    ("admin_name", Fault.TOO_LONG): msgid("Shorten the name to %(longest)s characters at the most."),
}
_LONGEST = {"slug": LONGEST_SLUG}


def show_new(context: TenantsResource, request: Request) -> Mapping[str, Any]:
    """The form for a new organisation."""
    return _new(request, Form())


def _new(request: Request, form: Form, status: int = 200) -> Mapping[str, Any]:
    languages = list(LANGUAGE_NAMES.items())
    return page(request, "tenants", form, status, languages=languages, default=DEFAULT, longest=LONGEST_NAME)


def create(context: TenantsResource, request: Request) -> Any:
    """Make it, with its first admin, who is told by mail."""
    runtime = request.registry["messa.runtime"]
    site = runtime.settings[SiteSettings]
    form = read(_SCHEMA, request.POST, {})
    outcome = tenants.create(
        request.platform_db,
        now_of(request),
        author_of(request),
        Wish(**{name: form.read[name][:1000] for name in _SCHEMA}),
        InvitationMails(site.mail_domain, site.public_url),
        runtime.post,
    )
    if isinstance(outcome, Created):
        return HTTPSeeOther(url(request, "operator", "tenants", outcome.slug, said="tenant-created"))
    _complain(request, form, outcome)
    return _new(request, form, 422)


def _complain(request: Request, form: Form, refused: Refused) -> None:
    speech = request.speech
    for name, fault in refused.faults.items():
        values = {
            "shortest": speech.number(SHORTEST_SLUG),
            "longest": speech.number(_LONGEST.get(name, LONGEST_NAME)),
            "owner": refused.owner,
        }
        form.fail(name, speech.gettext(_SENTENCES[name, fault], **values))


def includeme(config: Configurator) -> None:
    """Mount the list, the new one, and each one's page."""
    config.add_operator_view(show_all, TenantsResource, "", "tenants")
    config.add_operator_view(show_one, TenantResource, "", "tenant")
    config.add_operator_view(show_new, TenantsResource, "new", "new_tenant")
    config.add_operator_view(create, TenantsResource, "new", "new_tenant", request_method="POST")
    config.add_saying(
        "tenant-created", msgid("The organisation is there, and its first admin has been written to.")
    )
