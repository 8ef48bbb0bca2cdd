"""Accounts that move with a domain: it is tied to another group, takes along those placed by hand, or lets all go back (spec D4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.portal.admin.frame import page
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.admin.seen_groups import choice, chosen_group, named
from messa_platform.portal.forms import Form, asked, written
from messa_platform.portal.messages.resources import wanted_id
from messa_platform.tenants import tasks
from messa_platform.tenants.access import sign_on_setup
from messa_platform.tenants.domains import claims, standing, take
from messa_platform.tenants.domains.claims import Gone
from messa_platform.tenants.domains.names import shown
from messa_platform.tenants.domains.preview import preview
from messa_platform.tenants.domains.standing import DomainRow
from messa_platform.tenants.models import DomainState
from messa_platform.tenants.places import Place

NO_GROUP = msgid("Choose the group that is to have the domain.")
SAME_GROUP = msgid("The domain is there already. Choose another group.")


def domain_of(context: GroupResource, request: Request) -> DomainRow:
    """The domain that the address names. Raises HTTPNotFound if it is none of this very group."""
    found = standing.get(request.db, context.place, wanted_id(asked(request, "id")))
    if found is None:
        raise HTTPNotFound
    return found


def back(context: GroupResource, request: Request) -> HTTPSeeOther:
    """Who asks once more for the address of a form comes to the domain's page."""
    return HTTPSeeOther(context.address("@@domain", id=domain_of(context, request).id))


def _wake(request: Request) -> None:
    request.registry["messa.runtime"].waker.wake_after_commit(request.db, tasks.ACTOR)


def _now(request: Request) -> Any:
    return request.registry["messa.runtime"].clock.now()


def show_move(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """Which group is to have the domain? Once that is chosen: who will come along."""
    row, group = domain_of(context, request), asked(request, "group")
    if not group:
        return _choose(context, request, row, Form())
    to, form = _chosen(context, request, group)
    return _choose(context, request, row, form, 422) if to is None else _preview(context, request, row, to)


def _chosen(context: GroupResource, request: Request, group: str) -> tuple[Place | None, Form]:
    to, form, _ = chosen_group(context, group), Form(values={"group": group}), request.speech.gettext
    if to is None:
        form.fail("group", _(NO_GROUP))
    elif to.id == context.place.id:
        form.fail("group", _(SAME_GROUP))
    return (to if form.ok else None), form


def _choose(
    context: GroupResource, request: Request, row: DomainRow, form: Form, status: int = 200
) -> Mapping[str, Any]:
    groups = choice(context, request)
    return page(
        context, "domains", form, status, row=row, domain=shown(row.name), to=None, coming=None, choice=groups
    )


def _preview(context: GroupResource, request: Request, row: DomainRow, to: Place) -> Mapping[str, Any]:
    coming = None
    if row.state is DomainState.VERIFIED:
        coming = preview(request.platform_db, row.name, context.organisation.id, to.id)
    name, sign_on = (
        named(context, [to.id])[to.id].name,
        sign_on_setup.set_up(request.db, context.place, row.id),
    )
    return page(
        context,
        "domains",
        row=row,
        domain=shown(row.name),
        to=to,
        to_name=name,
        coming=coming,
        pauses=sign_on is not None and sign_on.would_pause(to),
        choice=None,
    )


def move(context: GroupResource, request: Request) -> Any:
    """Tie the domain to the other group, and let its accounts follow."""
    row = domain_of(context, request)
    to, form = _chosen(context, request, written(request.POST).get("group", ""))
    if to is None:
        return _choose(context, request, row, form, 422)
    moved = claims.move(
        request.db, request.platform_db, _now(request), context.author, context.place, row.id, to
    )
    match moved:
        case None:  # somebody was quicker
            raise HTTPNotFound
        case Gone():
            form.fail("group", request.speech.gettext(NO_GROUP))
            return _choose(context, request, row, form, 422)
    _wake(request)
    return HTTPSeeOther(context.address("@@domains", said="domain-moved"))


def show_along(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """How many have been placed elsewhere by hand, and are they to come?"""
    row = domain_of(context, request)
    if row.state is not DomainState.VERIFIED:
        raise HTTPNotFound
    coming = preview(request.platform_db, row.name, context.organisation.id, context.place.id)
    return page(context, "domains", row=row, domain=shown(row.name), coming=coming)


def take_along(context: GroupResource, request: Request) -> HTTPSeeOther:
    """Let them come."""
    row = domain_of(context, request)
    if row.state is not DomainState.VERIFIED:
        raise HTTPNotFound
    sessions, now = (request.db, request.platform_db), _now(request)
    if take.take_along(*sessions, now, context.author, row.claim) is None:
        raise HTTPNotFound
    _wake(request)
    return HTTPSeeOther(context.address("@@domain", id=row.id, said="domain-taking"))


def undo(context: GroupResource, request: Request) -> HTTPSeeOther:
    """Let everybody of a move go back to where they were."""
    row = domain_of(context, request)
    task_id = wanted_id(written(request.POST).get("task", ""))
    begun = take.start_undo(request.db, _now(request), context.author, context.place, task_id)
    if begun is not None:
        _wake(request)
    said = "domain-too-late" if begun is None else "domain-undoing"
    return HTTPSeeOther(context.address("@@domain", id=row.id, said=said))


def includeme(config: Configurator) -> None:
    """Mount the forms."""
    config.add_group_view(show_move, "move-domain", "domains_move")
    config.add_group_view(move, "move-domain", "domains_move", request_method="POST")
    config.add_group_view(show_along, "take-along", "domains_along")
    config.add_group_view(take_along, "take-along", "domains_along", request_method="POST")
    config.add_group_view(back, "undo-take", "domains_one")
    config.add_group_view(undo, "undo-take", "domains_one", request_method="POST")
    config.add_saying("domain-moved", msgid("The domain belongs to the other group now."))
    config.add_saying("domain-taking", msgid("They are on their way."))
    config.add_saying("domain-undoing", msgid("They are on their way back."))
    config.add_saying(
        "domain-too-late", msgid("That can no longer be undone, or is being undone already."), tone="warning"
    )
