"""`/messages/<id>`: a conversation, and what is done in it: write, rename, cancel what waits for its time (spec P1-P3, R4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.messaging import conversation, schedule
from messa_platform.portal.forms import Form, asked, written
from messa_platform.portal.messages.compose import Asked, Sent, hindrance, new_nonce, read_compose, send_one
from messa_platform.portal.messages.counter import counter_for, held_by
from messa_platform.portal.messages.panes import counted, list_pane, name_of, now_of, stamped
from messa_platform.portal.messages.resources import PERMISSION, ThreadResource, read_id
from messa_platform.portal.pages import url
from messa_platform.tenants.profile import Profile
from messa_platform.tenants.senders import Sender, senders


def show_conversation(context: ThreadResource, request: Request) -> Mapping[str, Any]:
    """The conversation beside the list; what was unread in it is read now."""
    return _page(context, request, Form(), held_by(request))


def show_news(context: ThreadResource, request: Request) -> Mapping[str, Any]:
    """The conversation alone, for a page that shows it; whoever looks at it reads what comes in."""
    at = now_of(request)
    _mark_read(context, request)
    account_id = request.identity.account_id
    sender = senders(request.db, [account_id])[account_id]
    return {**_talk(context, sender), "q": asked(request, "q"), "etag": stamped(request, at), "now": at}


def _talk(context: ThreadResource, sender: Sender) -> dict[str, Any]:
    country_code = sender.settings.country_code
    opened = context.opened
    return {
        "talk": opened,
        "thread": opened.thread,
        "name": name_of(opened.thread, country_code),
        "country_code": country_code,
    }


def _mark_read(context: ThreadResource, request: Request) -> None:
    if context.opened.thread.unread:
        conversation.mark_read(request.db, request.identity.account_id, context.id)


def _page(
    context: ThreadResource, request: Request, form: Form, held: Profile, question: Asked | None = None
) -> dict[str, Any]:
    at = now_of(request)
    _mark_read(context, request)
    talk = _talk(context, held.sender)
    pane = list_pane(request, talk["country_code"], context.id)
    return {
        **pane,
        **talk,
        "title": counted(request, talk["name"], pane["threads"].unread),
        "etag": stamped(request, at),
        "now": at,
        "form": form,
        "question": question,
        "nonce": new_nonce(),
        "counter": counter_for(held, form.values.get("text", "")),
        "hindrance": hindrance(request, held),
        "longest_name": conversation.LONGEST_NAME,
        "edits": bool(asked(request, "edit")),
        "before": asked(request, "before"),
    }


def send(context: ThreadResource, request: Request) -> Any:
    """Send a text in the thread, once it is sure that it is to be."""
    form, held = read_compose(request), held_by(request)
    outcome = send_one(request, form, context.opened.thread.remote, held)
    if isinstance(outcome, Sent):
        return _back(context, request, outcome.said)
    if not form.ok:
        request.response.status_int = 422
    return _page(context, request, form, held, outcome)


def rename(context: ThreadResource, request: Request) -> Any:
    """Give the thread its owner's own name; an empty one takes it away."""
    name = written(request.POST).get("display_name", "")
    conversation.rename(request.db, request.identity.account_id, context.id, name)
    return _back(context, request, "renamed")


def cancel(context: ThreadResource, request: Request) -> Any:
    """Cancel a text that waits for its time."""
    try:
        message_id = read_id(written(request.POST).get("message", ""))
    except KeyError:
        return _back(context, request, "")
    done = schedule.cancel(
        request.platform_db,
        now_of(request),
        request.identity.account_id,
        message_id,
        request.registry["messa.runtime"].waker.wake_after_commit,
    )
    return _back(context, request, "cancelled" if done else "cancelled-too-late")


def _back(context: ThreadResource, request: Request, said: str) -> HTTPSeeOther:
    return HTTPSeeOther(url(request, "messages", context.id, said=said))


DONE = {
    "scheduled": msgid("It will be sent at the time that you chose. Until then you can cancel it here."),
    "scheduled-twice": msgid(
        "It will be sent at the time that you chose. The clock shows that time twice that night; it is sent the first time."
    ),
    "renamed": msgid("The name is saved."),
    "cancelled": msgid("Cancelled. It will not be sent."),
}
NOT_DONE = {
    "sent-before": msgid("That text was sent already, so it was not sent again."),
    "cancelled-too-late": msgid("It was too late to cancel that."),
}


def includeme(config: Configurator) -> None:
    """Mount the conversation and what is done in it."""
    shared: dict[str, Any] = {"context": ThreadResource, "permission": PERMISSION}
    page = {"renderer": "messages/conversation.jinja2", **shared}
    config.add_view(show_conversation, request_method="GET", **page)
    config.add_view(send, request_method="POST", **page)
    config.add_view(
        show_news, name="live", request_method="GET", renderer="messages/talk_live.jinja2", **shared
    )
    config.add_view(rename, name="rename", request_method="POST", **shared)
    config.add_view(cancel, name="cancel", request_method="POST", **shared)
    for code, sentence in DONE.items():
        config.add_saying(code, sentence)
    for code, sentence in NOT_DONE.items():
        config.add_saying(code, sentence, "info")
