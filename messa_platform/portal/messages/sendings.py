"""`/messages/sendings/<id>`: a text to many, looked at before it is sent; and then how far it has come (spec P2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.renderers import render_to_response
from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.messaging import sendings
from messa_platform.messaging.sendings import ACCEPTED, Confirmation
from messa_platform.portal.forms import Form, asked, written
from messa_platform.portal.messages import outcomes
from messa_platform.portal.messages.compose import chosen_moment
from messa_platform.portal.messages.counter import held_by
from messa_platform.portal.messages.panes import now_of, stamped
from messa_platform.portal.messages.resources import PERMISSION, SendingResource, SendingsResource
from messa_platform.portal.messages.words import ROW_FAULTS
from messa_platform.portal.pages import url
from messa_platform.tenants.senders import senders

PAGE = 100
"""Recipients at a time."""

MOST_PROBLEMS = 100
"""So many rows that get nothing are told one by one."""


def show_sendings(request: Request) -> Mapping[str, Any]:
    """The account's sendings, the newest first."""
    latest = sendings.latest(request.db, request.identity.account_id, most=50)
    return {"section": "messages", "latest": latest, "now": now_of(request)}


def show_sending(context: SendingResource, request: Request) -> Any:
    """The preview, until it is confirmed; then the progress."""
    if context.progress.confirmed_at is None:
        return _preview(context, request, Form(values={"send_at": asked(request, "send_at")}))
    return render_to_response("messages/sending.jinja2", _progress(context, request), request)


def _preview(context: SendingResource, request: Request, form: Form) -> Mapping[str, Any]:
    runtime, account_id = request.registry["messa.runtime"], request.identity.account_id
    held = held_by(request)
    seen = sendings.preview(request.platform_db, runtime.clock, account_id, context.id)
    assert seen is not None  # it was loaded in this very transaction's traversal
    ready = sum(n for word, n in seen.words.items() if word in ACCEPTED)
    return {
        "section": "messages",
        "form": form,
        "seen": seen,
        "held": held,
        "country_code": held.sender.settings.country_code,
        "ready": ready,
        "refused": [(word, n) for word, n in seen.words.items() if word not in ACCEPTED],
        "row_faults": ROW_FAULTS,
        "most_problems": MOST_PROBLEMS,
        "now": now_of(request),
    }


def confirm(context: SendingResource, request: Request) -> Any:
    """Have it sent, now or later."""
    runtime = request.registry["messa.runtime"]
    form = Form(values=written(request.POST))
    moment = chosen_moment(request, form)
    if not form.ok:
        if context.progress.confirmed_at is None:
            request.response.status_int = 422
            return _preview(context, request, form)
        return _back(context, request)
    done = sendings.confirm(
        request.db,
        now_of(request),
        request.identity.account_id,
        context.id,
        guard=form.values.get("guard") != "send",
        send_at=moment.at if moment else None,
        wake=runtime.waker.wake_after_commit,
    )
    twice = done is Confirmation.NOW and moment is not None and moment.twice
    return _back(context, request, "scheduled-twice" if twice else "")


def _back(context: SendingResource, request: Request, said: str = "") -> HTTPSeeOther:
    return HTTPSeeOther(url(request, "messages", "sendings", context.id, said=said))


def discard(context: SendingResource, request: Request) -> HTTPSeeOther:
    """Throw away what was only looked at."""
    if sendings.discard(request.db, request.identity.account_id, context.id):
        return HTTPSeeOther(url(request, "messages", "many", said="discarded"))
    return _back(context, request)


def show_news(context: SendingResource, request: Request) -> Mapping[str, Any]:
    """The progress alone, for a page that shows it."""
    return _progress(context, request)


def _progress(context: SendingResource, request: Request) -> dict[str, Any]:
    at, account_id = now_of(request), request.identity.account_id
    after = asked(request, "after")
    found = outcomes.rows(
        request.db,
        account_id,
        context.id,
        int(after) if after.isdecimal() and len(after) < 8 else -1,
        PAGE + 1,
    )
    return {
        "section": "messages",
        "progress": context.progress,
        "counts": outcomes.counts(request.db, account_id, context.id),
        "rows": found[:PAGE],
        "next": found[PAGE - 1].place if len(found) > PAGE else None,
        "after": after,
        "country_code": senders(request.db, [account_id])[account_id].settings.country_code,
        "etag": stamped(request, at),
        "now": at,
    }


def includeme(config: Configurator) -> None:
    """Mount the preview, the progress, and what is done in them."""
    shared: dict[str, Any] = {"context": SendingResource, "permission": PERMISSION}
    preview = {"renderer": "messages/preview.jinja2", **shared}
    config.add_view(
        show_sendings,
        context=SendingsResource,
        request_method="GET",
        permission=PERMISSION,
        renderer="messages/sendings.jinja2",
    )
    config.add_view(show_sending, request_method="GET", **preview)
    config.add_view(confirm, name="confirm", request_method="POST", **preview)
    config.add_view(discard, name="discard", request_method="POST", **shared)
    config.add_view(
        show_news, name="live", request_method="GET", renderer="messages/progress_live.jinja2", **shared
    )
    config.add_saying("discarded", msgid("Thrown away. Nothing was sent."))
