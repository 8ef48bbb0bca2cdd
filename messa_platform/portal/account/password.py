"""`/account/password`: another password, or, for who signs in by their organisation and has none, a link to the first (spec U2, I3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response

from messa_platform.core.client import network_of
from messa_platform.core.i18n import msgid
from messa_platform.portal.account.again import wait_in_words
from messa_platform.portal.account.resources import PERMISSION, AccountResource
from messa_platform.portal.forms import Form, written
from messa_platform.portal.pages import url
from messa_platform.portal.words import weakness_in_words
from messa_platform.tenants.access import links
from messa_platform.tenants.access.links import Changed
from messa_platform.tenants.access.passwords import SHORTEST, Weakness
from messa_platform.tenants.access.sign_in import Wait
from messa_platform.tenants.profile import has_password


def show(request: Request) -> Mapping[str, Any]:
    """The form."""
    return _page(request, Form())


def _page(request: Request, form: Form, status: int = 200) -> Mapping[str, Any]:
    request.response.status_int = status
    form.values.clear()  # passwords never come back
    return {
        "form": form,
        "has_password": has_password(request.platform_db, request.identity.account_id),
        "shortest": SHORTEST,
    }


def change(request: Request) -> Any:
    """Take the new password. Every other session ends by it, and a mail tells the owner."""
    form = Form(values=written(request.POST))
    _look_over(request, form)
    if form.ok:
        _change(request, form)
    if not form.ok:
        return _page(request, form, 422)
    return HTTPSeeOther(url(request, "account", "password", said="password-changed"))


def _look_over(request: Request, form: Form) -> None:
    _ = request.speech.gettext
    if not form.values.get("current"):
        form.fail("current", _("Enter the password that you have now."))
    if not form.values.get("password"):
        form.fail("password", _("Choose a password."))
    elif form.values.get("repeat") != form.values["password"]:
        form.fail("repeat", _("The two passwords differ. Type the same one twice."))


def _change(request: Request, form: Form) -> None:
    identity, runtime = request.identity, request.registry["messa.runtime"]
    outcome = links.change_password(
        request.platform_db,
        runtime.clock.now(),
        runtime.passwords,
        identity.account_id,
        current=form.values["current"],
        new=form.values["password"],
        keep_session=identity.session_id,
        network=network_of(request.client_addr or ""),
        mails=runtime.link_mails,
    )
    match outcome:
        case Changed():
            return
        case Weakness():
            form.fail("password", weakness_in_words(request.speech, outcome))
        case Wait(until):
            form.fail("current", wait_in_words(request, until))
        case _:
            form.fail("current", request.speech.gettext("That is not the password that you have now."))


def mail_link(request: Request) -> Response:
    """Mail a link by which the owner chooses the first password, or another one in place of a forgotten one."""
    runtime = request.registry["messa.runtime"]
    links.request_link(
        request.platform_db,
        runtime.clock.now(),
        request.identity.address,
        network_of(request.client_addr or ""),
        runtime.waker.wake_after_commit,
    )
    return HTTPSeeOther(url(request, "account", "password", said="link-mailed"))


def includeme(config: Configurator) -> None:
    """Mount the form, and the button for a link."""
    page = {
        "context": AccountResource,
        "name": "password",
        "permission": PERMISSION,
        "renderer": "account/password.jinja2",
    }
    config.add_view(show, request_method="GET", **page)
    config.add_view(change, request_method="POST", **page)
    config.add_view(mail_link, request_method="POST", request_param="do=link", **page)
    config.add_saying(
        "password-changed", msgid("Your password is changed. Everywhere else you are signed out.")
    )
    config.add_saying(
        "link-mailed", msgid("Look in your mail: a link is on its way. It works once, within an hour.")
    )
