"""`/account/sessions`: where the account is signed in, and the ends of that (spec U2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response

from messa_platform.core.i18n import Speech, msgid
from messa_platform.portal.account.devices import read_user_agent
from messa_platform.portal.account.resources import PERMISSION, AccountResource
from messa_platform.portal.forms import Form, written
from messa_platform.portal.messages.resources import read_id
from messa_platform.portal.pages import url
from messa_platform.tenants.access import sessions
from messa_platform.tenants.access.models import SessionKind

_KINDS = {
    SessionKind.PERSISTENT: msgid("Stays signed in"),
    SessionKind.BROWSER: msgid("Until the browser is closed"),
    SessionKind.URL: msgid("Without cookies, in the page's address"),
}


def device_in_words(speech: Speech, user_agent: str) -> str:
    """A browser and where it runs, as its owner would say it."""
    _ = speech.gettext
    device = read_user_agent(user_agent)
    if device.browser and device.system:
        return _("%(browser)s on %(system)s", browser=device.browser, system=device.system)
    return device.browser or device.system or _("Unknown browser")


def show(request: Request) -> Mapping[str, Any]:
    """Every session in force; the one that asks comes first."""
    identity, speech = request.identity, request.speech
    now = request.registry["messa.runtime"].clock.now()
    held = sessions.listed(request.db, now, identity.account_id)
    rows = [
        {
            "session": row,
            "device": device_in_words(speech, row.user_agent),
            "kind": speech.gettext(_KINDS[row.kind]),
            "present": row.id == identity.session_id,
        }
        for row in sorted(held, key=lambda row: row.id != identity.session_id)
    ]
    return {"form": Form(), "rows": rows}


def end_one(request: Request) -> Response:
    """Sign out one other browser. What is not a session of this account's is left alone, and nobody is told whether there is such a one."""
    identity = request.identity
    try:
        session_id = read_id(written(request.POST).get("end", ""))
    except KeyError:
        session_id = identity.session_id
    if session_id != identity.session_id:
        sessions.end_own(request.db, identity.account_id, session_id)
    return HTTPSeeOther(url(request, "account", "sessions", said="session-ended"))


def end_others(request: Request) -> Response:
    """Sign out every browser but this one."""
    identity = request.identity
    sessions.end_others(request.db, identity.account_id, identity.session_id)
    return HTTPSeeOther(url(request, "account", "sessions", said="others-ended"))


def includeme(config: Configurator) -> None:
    """Mount the list and its buttons."""
    page = {"context": AccountResource, "name": "sessions", "permission": PERMISSION}
    config.add_view(show, request_method="GET", renderer="account/sessions.jinja2", **page)
    config.add_view(end_one, request_method="POST", request_param="end", **page)
    config.add_view(end_others, request_method="POST", request_param="others", **page)
    config.add_saying("session-ended", msgid("That browser is signed out."))
    config.add_saying("others-ended", msgid("You are signed in here, and nowhere else."))
