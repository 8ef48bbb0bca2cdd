"""`/messages`: the list of threads, with what to do next beside it (spec P1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from messa_platform.portal.messages.panes import counted, current_of, list_pane, now_of, stamped
from messa_platform.portal.messages.resources import PERMISSION, MessagesResource
from messa_platform.tenants.senders import senders


def show_threads(request: Request) -> Mapping[str, Any]:
    """The list of threads, newest first; on a phone it is all there is to see."""
    at, account_id = now_of(request), request.identity.account_id
    sender = senders(request.db, [account_id])[account_id]
    pane = list_pane(request, sender.settings.country_code, current_of(request))
    return {
        **pane,
        "title": counted(request, request.speech.gettext("Messages"), pane["threads"].unread),
        "etag": stamped(request, at),
        "now": at,
    }


def includeme(config: Configurator) -> None:
    """Mount the list, and its live part."""
    shared = {"context": MessagesResource, "request_method": "GET", "permission": PERMISSION}
    config.add_view(show_threads, renderer="messages/threads.jinja2", **shared)
    config.add_view(show_threads, name="live", renderer="messages/threads_live.jinja2", **shared)
