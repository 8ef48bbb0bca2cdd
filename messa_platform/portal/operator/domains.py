"""`/operator/domains`: those that wait for their proof, and may be approved by hand (spec D1, O1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.core.site import SiteSettings
from messa_platform.portal.domain_mails import DomainLetters
from messa_platform.portal.domain_words import FAULTS
from messa_platform.portal.forms import Form, asked, written
from messa_platform.portal.operator.frame import now_of, page
from messa_platform.portal.operator.resources import DomainResource, DomainsResource, author_of
from messa_platform.portal.pages import url
from messa_platform.tenants import tasks
from messa_platform.tenants.domains import claims, names
from messa_platform.tenants.domains.preview import preview
from messa_platform.tenants.domains.told import DomainPost
from messa_platform.tenants.domains.verify import Held, Verified

PAGE = 50
"""Domains at a time."""


def show_all(request: Request) -> Mapping[str, Any]:
    """The domains that wait, the oldest first."""
    after = _id(asked(request, "after"))
    found = claims.waiting(request.platform_db, after, PAGE + 1)
    more = url(request, "operator", "domains", after=found[PAGE - 1].claim.id) if len(found) > PAGE else ""
    return page(
        request,
        "domains",
        waiting=found[:PAGE],
        more=more,
        is_first=after is None,
        faults=FAULTS,
        shown=names.shown,
    )


def _id(asked_for: str) -> UUID | None:
    try:
        return UUID(asked_for)
    except ValueError:
        return None


def show_one(context: DomainResource, request: Request) -> Mapping[str, Any]:
    """One of them: whose it would be, and how many accounts would come."""
    return _page(context, request, Form())


def _page(context: DomainResource, request: Request, form: Form, status: int = 200) -> Mapping[str, Any]:
    waiting = context.waiting
    claim = waiting.claim
    return page(
        request,
        "domains",
        form,
        status,
        waiting=waiting,
        domain=names.shown(claim.name),
        coming=preview(request.platform_db, claim.name, claim.tenant_id, claim.group_id),
        faults=FAULTS,
    )


def _told(request: Request) -> DomainPost:
    runtime = request.registry["messa.runtime"]
    site = runtime.settings[SiteSettings]
    return DomainPost(DomainLetters(site.mail_domain, site.public_url), runtime.post, site.operator_mail)


def approve(context: DomainResource, request: Request) -> Any:
    """It is its organisation's: verify it. Where another one has it, that has to be said yes to as well."""
    runtime = request.registry["messa.runtime"]
    instead = "instead" in written(request.POST)
    outcome = claims.approve(
        request.platform_db,
        now_of(request),
        author_of(request),
        context.waiting.claim.id,
        _told(request),
        instead=instead,
    )
    match outcome:
        case Verified():
            runtime.waker.wake_after_commit(request.platform_db, tasks.ACTOR)
            return _to_list(request, "domain-approved")
        case Held(organisation=organisation):
            form, _ = Form(), request.speech.gettext
            form.fail(
                "instead",
                _("%(owner)s has the domain. Say that it is to lose it, or refuse.", owner=organisation),
            )
            return _page(context, request, form, 422)
        case None:  # somebody was quicker
            return _to_list(request, "domain-gone")


def refuse(context: DomainResource, request: Request) -> HTTPSeeOther:
    """It is not: the claim is gone, and the group's admins are told."""
    claim_id = context.waiting.claim.id
    name = claims.refuse(request.platform_db, now_of(request), author_of(request), claim_id, _told(request))
    return _to_list(request, "domain-refused" if name else "domain-gone")


def _to_list(request: Request, said: str) -> HTTPSeeOther:
    return HTTPSeeOther(url(request, "operator", "domains", said=said))


def back(context: DomainResource, request: Request) -> HTTPSeeOther:
    """Who asks once more for the address of a form, after it has said what was wrong, comes to its page."""
    return HTTPSeeOther(url(request, "operator", "domains", context.waiting.claim.id))


def includeme(config: Configurator) -> None:
    """Mount the list, each one's page, and its two forms."""
    config.add_operator_view(show_all, DomainsResource, "", "domains")
    config.add_operator_view(show_one, DomainResource, "", "domain")
    for name, view in (("approve", approve), ("refuse", refuse)):
        config.add_operator_view(back, DomainResource, name, "domain")
        config.add_operator_view(view, DomainResource, name, "domain", request_method="POST")
    config.add_saying(
        "domain-approved", msgid("The domain is approved. Its people are on their way to the group.")
    )
    config.add_saying(
        "domain-refused", msgid("The domain is refused, and the group's admins have been told.")
    )
    config.add_saying(
        "domain-gone", msgid("The domain waits no longer: it was proven or given up meanwhile."), tone="info"
    )
