"""Signing in and out (spec I1-I3)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED
from sqlalchemy import select

from messa_platform.core.client import network_of
from messa_platform.core.i18n import msgid
from messa_platform.core.resources import Root
from messa_platform.core.site import SiteSettings
from messa_platform.portal import cookies
from messa_platform.portal.csrf import takes_cookies
from messa_platform.portal.forms import Form, asked, read
from messa_platform.portal.identity import binding, set_cookie
from messa_platform.portal.pages import address, own_path, url
from messa_platform.portal.prefix import with_prefix
from messa_platform.portal.single_sign_on import sign_on_link
from messa_platform.tenants.access import second_factor, sessions
from messa_platform.tenants.access.models import SessionKind
from messa_platform.tenants.access.sign_in import (
    SignedIn,
    Wait,
    WantsCode,
    WrongPassword,
    check_code,
    check_password,
)
from messa_platform.tenants.models import Account

CODE_LIFE = timedelta(minutes=10)
"""How long after the password the second factor's code may come."""

_SCHEMA = {
    "email": {"type": "string", "empty": False, "maxlength": 320},
    "password": {"type": "string", "empty": False, "maxlength": 1000},
    "remember": {"type": "string"},
    "next": {"type": "string"},
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody who signs in wants besides: to stay signed in, and where to go on."""

    remember: bool = False
    next: str = ""


def onward_of(path: str) -> str:
    """Where to go on after signing in: a page of ours, or the messages."""
    messages = address("messages")
    return messages if path.startswith("/sign-") else own_path(path, messages)


def welcome_in(request: Request, account_id: UUID, wish: Wish) -> Response:
    """Begin a session, a fresh one at each sign-in, and go on: with a cookie where the browser takes them, else in the address."""
    runtime = request.registry["messa.runtime"]
    kind = _kind(request, wish)
    if kind is None:
        return _needs_cookies(request)
    if request.identity is not None:
        sessions.end(request.platform_db, request.identity.session_id)
    token = sessions.begin(
        request.platform_db,
        runtime.clock.now(),
        account_id,
        kind,
        request.user_agent or "",
        request.client_addr or "",
    )
    onward = onward_of(wish.next)
    if kind is SessionKind.URL:
        return HTTPSeeOther(with_prefix(token) + onward)
    response = HTTPSeeOther(onward)
    identity = sessions.recognise(request.platform_db, runtime.clock.now(), token, binding(request))
    set_cookie(request, response, token, identity if kind is SessionKind.PERSISTENT else None)
    return response


def _kind(request: Request, wish: Wish) -> SessionKind | None:
    if takes_cookies(request):
        return SessionKind.PERSISTENT if wish.remember else SessionKind.BROWSER
    site = request.registry["messa.runtime"].settings[SiteSettings]
    return SessionKind.URL if site.cookieless_login else None


def _page(request: Request, form: Form, status: int = 200) -> Mapping[str, Any]:
    request.response.status_int = status
    return {"form": form, "sign_on": sign_on_link(request, form.values.get("email", ""))}


def show(request: Request) -> Any:
    """The sign-in page; who is signed in goes on."""
    onward = asked(request, "next", 2000)
    if request.identity is not None:
        return HTTPSeeOther(request.script_name + onward_of(onward))
    return _page(request, Form(values={"next": onward, "email": asked(request, "email", 320)}))


def sign_in(request: Request) -> Any:
    """Take address and password."""
    _ = request.speech.gettext
    sentences = {
        "email": _("Enter your e-mail address."),
        "password": _("Enter your password."),
        "remember": "",
        "next": "",
    }
    form = read(_SCHEMA, request.POST, sentences)
    form.values.pop("password", None)
    if not form.ok:
        return _page(request, form, 422)
    wish = Wish(bool(form.read["remember"]), form.read["next"])
    runtime = request.registry["messa.runtime"]
    outcome = check_password(
        request.platform_db,
        runtime.clock.now(),
        runtime.passwords,
        form.read["email"].strip().lower(),
        form.read["password"],
        network_of(request.client_addr or ""),
    )
    match outcome:
        case SignedIn(account_id):
            return welcome_in(request, account_id, wish)
        case WantsCode(account_id):
            return HTTPSeeOther(url(request, "sign-in-code", stamp=ask_code(request, account_id, wish)))
        case Wait(until):
            form.fail("", _wait(request, until))
            return _page(request, form, 429)
        case WrongPassword():
            form.fail("", _("The e-mail address or the password is wrong."))
            return _page(request, form, 401)


def _wait(request: Request, until: datetime) -> str:
    seconds = max(1, math.ceil((until - request.registry["messa.runtime"].clock.now()).total_seconds()))
    request.response.headers["Retry-After"] = str(seconds)
    if seconds < 60:
        return str(
            request.speech.ngettext(
                "Too many tries. Wait %(n)s second and try again, or choose a new password by mail.",
                "Too many tries. Wait %(n)s seconds and try again, or choose a new password by mail.",
                seconds,
                n=seconds,
            )
        )
    minutes = math.ceil(seconds / 60)
    return str(
        request.speech.ngettext(
            "Too many tries. Wait %(n)s minute and try again, or choose a new password by mail.",
            "Too many tries. Wait %(n)s minutes and try again, or choose a new password by mail.",
            minutes,
            n=minutes,
        )
    )


def after_first(request: Request, account_id: UUID, wish: Wish) -> Response:
    """Go on with somebody who is known by something else than a password: the second factor is asked for all the same."""
    if second_factor.state(request.platform_db, account_id).on:
        return HTTPSeeOther(url(request, "sign-in-code", stamp=ask_code(request, account_id, wish)))
    return welcome_in(request, account_id, wish)


def ask_code(request: Request, account_id: UUID, wish: Wish) -> str:
    """A stamp that says whose password was right, for the page that asks for the code."""
    payload = {
        "account": str(account_id),
        "remember": wish.remember,
        "next": wish.next,
        "binding": binding(request).hex(),
        "password": _password_mark(request, account_id),
    }
    stamp: str = request.registry["messa.runtime"].keys.stamp("code", payload)
    return stamp


def _read_stamp(request: Request, stamp: str) -> dict[str, Any] | None:
    runtime = request.registry["messa.runtime"]
    payload: dict[str, Any] | None = runtime.keys.read_stamp("code", stamp, runtime.clock.now(), CODE_LIFE)
    if payload is None or payload["binding"] != binding(request).hex():
        return None
    # who typed a password that was changed meanwhile has typed a wrong one
    return payload if payload["password"] == _password_mark(request, UUID(payload["account"])) else None


def _password_mark(request: Request, account_id: UUID) -> str:
    """Changes with the account's password, and tells nothing of it."""
    stored = request.platform_db.execute(
        select(Account.password_hash).where(Account.id == account_id)
    ).scalar_one()
    mark: bytes = request.registry["messa.runtime"].keys.mac("password_mark", (stored or "").encode())
    return mark.hex()


def show_code(request: Request) -> Any:
    """The page that asks for the second factor's code."""
    stamp = asked(request, "stamp", 4000)
    if _read_stamp(request, stamp) is None:
        return HTTPSeeOther(url(request, "sign-in", said="too-late"))
    return {"form": Form(values={"stamp": stamp})}


def take_code(request: Request) -> Any:
    """Take the code, or a recovery code."""
    _ = request.speech.gettext
    form = read(
        {"stamp": {"type": "string"}, "code": {"type": "string", "empty": False, "maxlength": 100}},
        request.POST,
        {"stamp": "", "code": _("Enter the code from your app, or one of your recovery codes.")},
    )
    payload = _read_stamp(request, form.values.get("stamp", ""))
    if payload is None:
        return HTTPSeeOther(url(request, "sign-in", said="too-late"))
    if not form.ok:
        request.response.status_int = 422
        return {"form": form}
    runtime = request.registry["messa.runtime"]
    outcome = check_code(
        request.platform_db,
        runtime.clock.now(),
        runtime.keys,
        UUID(payload["account"]),
        form.read["code"],
        network_of(request.client_addr or ""),
    )
    if isinstance(outcome, SignedIn):
        return welcome_in(request, outcome.account_id, Wish(payload["remember"], payload["next"]))
    form.values.pop("code", None)
    if isinstance(outcome, Wait):
        form.fail("", _wait(request, outcome.until))
        request.response.status_int = 429
    else:
        form.fail("code", _("That code is not right. Codes last 30 seconds; take the one that is shown now."))
        request.response.status_int = 401
    return {"form": form}


def sign_out(request: Request) -> Response:
    """End this browser's session."""
    if request.identity is not None:
        sessions.end(request.platform_db, request.identity.session_id)
    response = HTTPSeeOther(address(said="signed-out"))
    cookies.drop(request, response, cookies.SESSION)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def _needs_cookies(request: Request) -> Response:
    return HTTPSeeOther(address("sign-in", said="needs-cookies"))


def includeme(config: Configurator) -> None:
    """Mount the sign-in pages; they are for those who are nobody yet."""
    anybody = NO_PERMISSION_REQUIRED
    page = {"context": Root, "permission": anybody, "renderer": "sign_in/sign_in.jinja2", "name": "sign-in"}
    config.add_view(show, request_method="GET", **page)
    config.add_view(sign_in, request_method="POST", **page)
    code = {"context": Root, "permission": anybody, "renderer": "sign_in/code.jinja2", "name": "sign-in-code"}
    config.add_view(show_code, request_method="GET", **code)
    config.add_view(take_code, request_method="POST", **code)
    config.add_view(sign_out, context=Root, name="sign-out", request_method="POST", permission=anybody)
    config.add_saying("signed-out", msgid("You are signed out."))
    config.add_saying("too-late", msgid("That took too long. Sign in again."), tone="warning")
    refused = msgid("Your browser refuses cookies. Allow them for this site, and sign in again.")
    config.add_saying("needs-cookies", refused, tone="warning")
