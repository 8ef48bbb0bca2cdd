"""`@@api/webhook/<id>`: a webhook as it stands, what it was told lately, and all that is done with it but its removal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pyramid.httpexceptions import HTTPNotFound, HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.core.outbound import SENTENCES
from messa_platform.messaging.outward import deliveries, endpoints
from messa_platform.messaging.outward.deliveries import Delivery
from messa_platform.messaging.outward.endpoints import BadUrl, EndpointRow, Made, Refusal
from messa_platform.portal.admin.api_users.asked import Page, now_of, version_in
from messa_platform.portal.admin.audit import reader_of
from messa_platform.portal.admin.audit import row_of as change_of
from messa_platform.portal.admin.event_words import row_of, why_off
from messa_platform.portal.admin.resources import GroupResource
from messa_platform.portal.admin.webhooks.asked import (
    answer_about,
    fields,
    office_of,
    page_of,
    webhook_of,
    wish_in,
)
from messa_platform.portal.admin.webhooks.new import told_once
from messa_platform.portal.admin.webhooks.words import (
    EVENTS,
    OVERLAPS,
    REFUSALS,
    USUAL_OVERLAP,
    events_in_words,
    say_no,
    state_of,
)
from messa_platform.portal.forms import Form, asked, written
from messa_platform.portal.messages.resources import read_id, wanted_id
from messa_platform.tenants.api_users.users import Conflict
from messa_platform.tenants.audit import Action
from messa_platform.tenants.audit_view import latest

SHOWN = 15
"""Deliveries that the page shows at once."""
CONFLICT = msgid(
    "Somebody else has changed this webhook meanwhile, and nothing of yours was saved. Look at what is different. If you save again,"
    " yours holds."
)
SAID: Mapping[str, str] = {
    "change": "webhook-saved",
    "enable": "webhook-enabled",
    "disable": "webhook-disabled",
    "test": "webhook-test",
    "again": "event-again",
}
"""What is said of what was done, by the button."""
_CHANGES = frozenset(
    {Action.WEBHOOK_CHANGED, Action.WEBHOOK_DISABLED, Action.WEBHOOK_SECRET_ROTATED, Action.WEBHOOK_ADDED}
)


def show(context: GroupResource, request: Request) -> Mapping[str, Any]:
    """The webhook as it stands."""
    return _page(context, request, webhook_of(context, request), Form())


def change(context: GroupResource, request: Request) -> Any:
    """Do what the button says, and show what came of it."""
    held, form = webhook_of(context, request), Form(values=written(request.POST))
    do = form.values.setdefault("do", "change")
    match outcome := _done(context, request, held, form, do):
        case Made():
            return told_once(context, request, outcome)
        case EndpointRow() | Delivery():
            return HTTPSeeOther(page_of(context, held.id, said=SAID[do]))
        case Conflict():
            form.fail("", request.speech.gettext(CONFLICT))
            return _page(context, request, webhook_of(context, request), form, 409)
        case BadUrl(fault):
            form.fail("url", request.speech.gettext(SENTENCES[fault]))
        case Refusal() if outcome in REFUSALS:
            say_no(request.speech, form, outcome)
    if form.ok:  # it is gone meanwhile, or who asks is no admin any more
        raise HTTPNotFound
    return _page(context, request, held, form, 422)


def _done(context: GroupResource, request: Request, held: EndpointRow, form: Form, do: str) -> Any:
    """What comes of it; None if the form says what is wrong. Raises HTTPNotFound."""
    given = request.platform_db, now_of(request), context.author, context.place
    push = request.registry["messa.runtime"].waker.wake_after_commit
    match do:
        case "change":
            wish = wish_in(request.speech, form)
            version = version_in(form)
            return office_of(request).change(*given, held.id, version, wish) if form.ok else None
        case "rotate":
            hours = form.values.get("overlap", "")
            if hours not in OVERLAPS:
                return Refusal.TOO_FAR
            overlap = timedelta(hours=int(hours))
            return office_of(request).rotate_secret(*given, held.id, version_in(form), overlap)
        case "enable":
            return endpoints.enable(*given, held.id)
        case "disable":
            return endpoints.disable(*given, held.id)
        case "test":
            return deliveries.send_test(*given, held.id, push)
        case "again":
            return deliveries.send_again(*given, _told(context, request, held, form).id, push)
    raise HTTPNotFound


def _told(context: GroupResource, request: Request, held: EndpointRow, form: Form) -> Delivery:
    """The delivery that the form names. Raises HTTPNotFound if it is none to this webhook."""
    found = deliveries.read(request.db, context.place, wanted_id(form.values.get("delivery", "")))
    if found is None or found.endpoint_id != held.id:
        raise HTTPNotFound
    return found


def _page(
    context: GroupResource, request: Request, held: EndpointRow, form: Form, status: int = 200
) -> Mapping[str, Any]:
    (tone, state), until = state_of(request.speech, held), held.old_secret_until
    return answer_about(
        context,
        "webhook",
        held,
        form,
        status,
        tone=tone,
        state=state,
        off=why_off(request.speech, held),
        told_of=events_in_words(request.speech, held.event_types),
        **_changing(context, request, held, form, status),
        **_told_lately(context, request, held),
        overlaps=[(hours, request.speech.gettext(words), "") for hours, words in OVERLAPS.items()],
        usual_overlap=USUAL_OVERLAP,
        two_sign_until=until if until and until > now_of(request) else None,
        **fields(),
    )


def _changing(
    context: GroupResource, request: Request, held: EndpointRow, form: Form, status: int
) -> dict[str, Any]:
    """The form with address, description and events, and what others have done to it meanwhile."""
    is_own, conflict = form.values.get("do") == "change", status == 409
    return {
        # a form of its own: what another one on the page was sent with would take all ticks away
        "changing": form if is_own else Form(),
        "ticked": held.event_types or EVENTS.keys(),
        # after an error of the form's own the version stays that which it was made from
        "version": form.values.get("version", "") if status == 422 and is_own else held.version,
        "changes": _changes(context, request, held) if conflict else [],
        "differing": _differing(request, held, form) if conflict and is_own else [],
    }


def _changes(context: GroupResource, request: Request, held: EndpointRow) -> list[Any]:
    """The last things that were done to it, in words."""
    found = latest(request.db, reader_of(context), context.place, _CHANGES, subject_id=held.id)
    return [change_of(request.speech, entry) for entry in found]


def _differing(request: Request, held: EndpointRow, form: Form) -> list[tuple[str, str, str]]:
    """What the form has otherwise than the webhook has it by now."""
    _, wish = request.speech.gettext, wish_in(request.speech, form)
    yours, theirs = (events_in_words(request.speech, one.event_types) for one in (wish, held))
    fields = (
        (_("Address"), wish.url, held.url),
        (_("Description"), wish.description, held.description),
        (_("Is told of"), yours, theirs),
    )
    return [one for one in fields if one[1] != one[2]]


def _told_lately(context: GroupResource, request: Request, held: EndpointRow) -> dict[str, Any]:
    """Its last deliveries, or those before the one that the address names."""
    given = asked(request, "before")
    try:
        before = read_id(given) if given else None
    except KeyError:
        before = None
    found = deliveries.latest(request.db, context.place, held.id, SHOWN + 1, before)
    shown_rows = [row_of(request.speech, delivery) for delivery in found[:SHOWN]]
    older = page_of(context, held.id, before=found[SHOWN - 1].id) if len(found) > SHOWN else ""
    return {"deliveries": shown_rows, "older": older, "is_older_page": before is not None}


PAGE = Page(show, change)
