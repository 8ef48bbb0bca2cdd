"""`@@domains` of a group: the domains whose addresses come to it, each with its page: how it is proven, and what is found (spec D1, D2)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPNotModified, HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.core.site import SiteSettings
from messa_platform.portal.admin import domains_moving
from messa_platform.portal.admin.domains_moving import back, domain_of
from messa_platform.portal.admin.frame import page
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.admin.seen_groups import named, seen_tops
from messa_platform.portal.domain_words import FAULTS, look_of
from messa_platform.portal.forms import Form, asked, written
from messa_platform.tenants import tasks
from messa_platform.tenants.access import sign_on_setup
from messa_platform.tenants.authority import NotAdmin
from messa_platform.tenants.domains import check, claims, standing, take
from messa_platform.tenants.domains.claims import Added, Gone, Known, TooMany
from messa_platform.tenants.domains.faults import FaultKind
from messa_platform.tenants.domains.names import LONGEST, Refusal, read_domain, registered, shown
from messa_platform.tenants.domains.preview import Preview, preview, preview_seen
from messa_platform.tenants.domains.proof import record_name, record_value
from messa_platform.tenants.domains.standing import DomainRow, Inherited
from messa_platform.tenants.domains.take import Takes
from messa_platform.tenants.domains.verify import is_covered
from messa_platform.tenants.models import DomainState, Proof

PAGE = 50
"""Domains at a time."""
SOON = timedelta(minutes=5)
"""A page that shows what will be looked at so soon asks for news by itself."""

REFUSALS: Mapping[Refusal, str] = {
    Refusal.EMPTY: msgid("Write a domain, such as kommunen.se."),
    Refusal.NO_DOMAIN: msgid(
        "That is not a domain. Write what stands after the @ in your addresses, such as kommunen.se."
    ),
    Refusal.ADDRESS: msgid("That is the number of a computer. Write a domain, such as kommunen.se."),
    Refusal.ONE_LABEL: msgid("A domain has a dot in it, such as kommunen.se."),
    Refusal.PUBLIC: msgid(
        "Nobody can have that domain for themselves: strangers have theirs below it. Write your own."
    ),
    Refusal.OURS: msgid("That domain is messa's own. Write the one in your organisation's addresses."),
}
"""Why a name is not taken."""
_KNOWN_SEEN = msgid("The group %(group)s has that domain. Open it there to move it here.")
_KNOWN_UNSEEN = msgid(
    "Another group of your organisation has that domain. Ask whoever looks after the whole organisation."
)


@dataclass(frozen=True, slots=True)
class State:
    """A domain's state in words; `tone` is its badge's."""

    label: str
    tone: str


STATES: Mapping[DomainState, State] = {
    DomainState.WAITING: State(msgid("Waiting for its proof"), "accent"),
    DomainState.VERIFIED: State(msgid("Verified"), "ok"),
    DomainState.SUSPENDED: State(msgid("Suspended"), "bad"),
}
FAILING = State(msgid("Proof is gone"), "warn")

PROOFS: Mapping[Proof | None, str] = {
    Proof.DNS: msgid("Proven by its record in the DNS"),
    Proof.PARENT: msgid("Proven by the domain above it"),
    Proof.OPERATOR: msgid("Approved by messa"),
    None: msgid("Approved by messa"),
}
"""By what a verified domain is known to be its organisation's."""


def state_of(row: DomainRow) -> State:
    """How a domain stands."""
    return FAILING if row.is_failing else STATES[row.state]


def show_all(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The group's domains, and the form for another one."""
    return _list(context, request, Form())


def _list(context: GroupResource, request: Request, form: Form, status: int = 200) -> Mapping[str, Any]:
    after = asked(request, "after").replace("\x00", "")
    found = standing.of_group(request.db, context.place, after, PAGE + 1)
    rows = found[:PAGE]
    above = standing.inherited(request.db, context.path) if not rows and not after else None
    return page(
        context,
        "domains",
        form,
        status,
        rows=rows,
        after=after,
        next=rows[-1].name if len(found) > PAGE else "",
        inherited=above,
        source=_source(context, above),
        longest=LONGEST,
        state_of=state_of,
        proofs=PROOFS,
        faults=FAULTS,
        shown=shown,
    )


def _source(context: GroupResource, above: Inherited | None) -> Any:
    """The group whose domains are inherited, if it is one that the admin sees."""
    seen = {place.id: place for place in context.seen_path}
    place = seen.get(above.group_id) if above else None
    if place is None:
        return None
    return {"name": place.name, "address": context.address_of(context.slugs_of(place), "@@domains")}


def add(context: GroupResource, request: Request) -> Any:
    """Tie a domain to the group. One that is verified at once is shown first: its accounts would move."""
    form = Form(values=written(request.POST))
    runtime, _ = request.registry["messa.runtime"], request.speech.gettext
    name = read_domain(form.values.get("domain", ""), runtime.settings[SiteSettings].mail_domain)
    if isinstance(name, Refusal):
        form.fail("domain", _(REFUSALS[name]))
        return _list(context, request, form, 422)
    if "sure" not in form.values and is_covered(request.platform_db, context.organisation.id, name):
        return HTTPSeeOther(context.address("@@add-domain", domain=name))
    outcome = claims.add(
        request.db, request.platform_db, runtime.clock.now(), context.author, context.place, name
    )
    match outcome:
        case NotAdmin():
            raise HTTPNotFound
        case Added(domain_id=domain_id, verified=verified):
            runtime.waker.wake_after_commit(request.db, check.ACTOR)
            runtime.waker.wake_after_commit(request.db, tasks.ACTOR)
            said = "domain-added" if verified is None else "domain-verified"
            return HTTPSeeOther(context.address("@@domain", id=domain_id, said=said))
        case Known(domain_id=domain_id, group_id=group_id) if group_id == context.place.id:
            return HTTPSeeOther(context.address("@@domain", id=domain_id, said="domain-known"))
        case Known(group_id=group_id):
            form.fail("domain", _known_elsewhere(context, request, group_id))
        case TooMany():
            form.fail("domain", _("Too many of your domains wait for their proof. See to those first."))
        case Gone():
            raise HTTPNotFound
    return _list(context, request, form, 422)


def _known_elsewhere(context: GroupResource, request: Request, group_id: UUID) -> str:
    found = named(context, [group_id]).get(group_id)
    sentence = _KNOWN_UNSEEN if found is None else _KNOWN_SEEN
    elsewhere: str = request.speech.gettext(sentence, group="" if found is None else found.name)
    return elsewhere


def show_new(context: GroupResource, request: Request) -> Any:
    """What would come with a domain that is verified as soon as it is added."""
    own = request.registry["messa.runtime"].settings[SiteSettings].mail_domain
    name = read_domain(asked(request, "domain", LONGEST), own)
    if isinstance(name, Refusal) or not is_covered(request.platform_db, context.organisation.id, name):
        return HTTPSeeOther(context.address("@@domains"))
    coming = preview(request.platform_db, name, context.organisation.id, context.place.id)
    return page(context, "domains", name=name, domain=shown(name), coming=coming)


def show_one(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """A domain: how it stands, what its DNS has to say, who will come."""
    row = domain_of(context, request)
    return page(context, "domains", **_whole(context, request, _seen(request, row)))


def show_news(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The same alone, for a page that shows it."""
    seen = _seen(request, domain_of(context, request))
    if request.headers.get("If-None-Match", "").removeprefix("W/") == seen.etag:
        raise HTTPNotModified(headers=[("ETag", seen.etag), ("Cache-Control", "no-store")])
    request.response.headers["ETag"] = seen.etag
    values = {"context": context, "here": context.address, "place": context.place}
    return {**values, **_whole(context, request, seen)}


@dataclass(frozen=True, slots=True)
class _Seen:
    """A domain as it stands at `now`, and the moves of its accounts."""

    row: DomainRow
    takes: Takes
    now: datetime

    @property
    def is_due(self) -> bool:
        """Whether it is being looked at, or about to be."""
        return self.row.is_due(self.now)

    @property
    def is_live(self) -> bool:
        """Whether something will change soon."""
        soon = self.row.check_at is not None and self.row.check_at <= self.now + SOON
        return self.takes.is_at_work or self.is_due or (soon and self.row.state is DomainState.WAITING)

    @property
    def etag(self) -> str:
        """Changes with what is shown. It is no time: none of this is told to the account's feed, so the database is asked for it."""
        row, tasks_ = self.row, (*self.takes.takes, *self.takes.undone.values())
        moves = [(task.id, task.done, task.finished_at, task.is_parked) for task in tasks_]
        looks = (row.checked_at, row.check_at, row.failing_since, row.fault, self.is_due)
        known = repr((row.state, row.proof, looks, moves))
        return f'"domain-{hashlib.sha256(known.encode()).hexdigest()[:20]}"'


def _seen(request: Request, row: DomainRow) -> _Seen:
    now = request.registry["messa.runtime"].clock.now()
    return _Seen(row, take.of_domain(request.db, now, row.claim), now)


def _whole(context: GroupResource, request: Request, seen: _Seen) -> dict[str, Any]:
    row, takes = seen.row, seen.takes
    waits, zone = row.state is not DomainState.VERIFIED, registered(row.name)
    return {
        "row": row,
        "domain": shown(row.name),
        "state": state_of(row),
        "proof": PROOFS[row.proof],
        "look": look_of(request.speech, row),
        "is_held": row.fault is not None and row.fault.kind is FaultKind.HELD,
        "is_due": seen.is_due,
        "is_live": seen.is_live,
        "takes": takes,
        "can_undo": [task.id for task in takes.takes if takes.can_undo(task, seen.now)],
        "undo_ends": {task.id: task.finished_at + take.UNDO for task in takes.takes if task.finished_at},
        "is_paused": not waits and _is_paused(context, request, row),
        "coming": _of_ours(context, request, row) if waits else None,
        "wants_record": waits or row.is_failing,
        "record": (record_name(row.name), record_value(row.token)),
        "within": (record_name(row.name).removesuffix(f".{zone}"), zone),
        "etag": seen.etag,
        "now": seen.now,
    }


def _is_paused(context: GroupResource, request: Request, row: DomainRow) -> bool:
    """Whether its identity provider waits for an admin of this group to confirm it."""
    found = sign_on_setup.set_up(request.db, context.place, row.id)
    return found is not None and found.is_paused


def _of_ours(context: GroupResource, request: Request, row: DomainRow) -> Preview:
    """What would come of the accounts that the admin sees. How many others have is theirs to know only who has proven the domain."""
    return preview_seen(
        request.platform_db, row.name, context.organisation.id, context.place.id, seen_tops(context)
    )


def check_now(context: GroupResource, request: Request) -> HTTPSeeOther:
    """Look at a domain now. Its page says that it is being looked at, and then what was found."""
    row, runtime = domain_of(context, request), request.registry["messa.runtime"]
    now = runtime.clock.now()
    if claims.check_now(request.db, now, context.place, row.id):
        runtime.waker.wake_after_commit(request.db, check.ACTOR)
    elif not _Seen(row, Takes((), {}), now).is_due:
        return HTTPSeeOther(context.address("@@domain", id=row.id, said="domain-looked"))
    return HTTPSeeOther(context.address("@@domain", id=row.id))


def show_remove(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """Is it to go?"""
    row = domain_of(context, request)
    return page(context, "domains", row=row, domain=shown(row.name))


def remove(context: GroupResource, request: Request) -> HTTPSeeOther:
    """Give a domain up."""
    row, runtime = domain_of(context, request), request.registry["messa.runtime"]
    # whoever its identity provider has signed in may be in another tenant by now
    claims.remove(request.platform_db, runtime.clock.now(), context.author, context.place, row.id)
    runtime.waker.wake_after_commit(request.platform_db, check.ACTOR)
    return HTTPSeeOther(context.address("@@domains", said="domain-removed"))


def includeme(config: Configurator) -> None:
    """Mount the list, each domain's page, and their forms."""
    config.add_group_view(show_all, "domains", "domains")
    config.add_group_view(add, "domains", "domains", request_method="POST")
    config.add_group_view(show_new, "add-domain", "domains_add")
    config.add_group_view(show_one, "domain", "domains_one")
    config.add_group_view(show_news, "domain-live", "domains_live")
    config.add_group_view(back, "check-domain", "domains_one")
    config.add_group_view(check_now, "check-domain", "domains_one", request_method="POST")
    config.add_group_view(show_remove, "remove-domain", "domains_remove")
    config.add_group_view(remove, "remove-domain", "domains_remove", request_method="POST")
    config.add_saying("domain-added", msgid("The domain is on the list. Now prove that it is yours."))
    config.add_saying("domain-verified", msgid("The domain is verified."))
    config.add_saying("domain-known", msgid("The group has that domain already. Here it is."), tone="info")
    config.add_saying(
        "domain-looked",
        msgid("We looked a moment ago: what we found stands here. Wait ten seconds before you check again."),
        tone="info",
    )
    config.add_saying("domain-removed", msgid("The domain is removed. Everybody stays where they are."))
    config.include(domains_moving)
