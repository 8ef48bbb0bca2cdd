"""`/account/second-factor`: codes by time from an app, and the recovery codes (spec U2, I3).

What a stranger at a screen that was left open must not do asks for the password: to begin, which would lock the owner out, and to turn it off.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import segno
from markupsafe import Markup
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request

from messa_platform.core.i18n import msgid
from messa_platform.portal.account.again import ask_code, ask_password
from messa_platform.portal.account.resources import PERMISSION, AccountResource
from messa_platform.portal.forms import Form, written
from messa_platform.portal.pages import url
from messa_platform.tenants.access import second_factor
from messa_platform.tenants.access.second_factor import Enrolment, RecoveryCodes
from messa_platform.tenants.profile import has_password


def show(request: Request) -> Mapping[str, Any]:
    """Whether there is one, and what can be done."""
    return _page(request, Form())


def _page(request: Request, form: Form, status: int = 200) -> Mapping[str, Any]:
    account_id = request.identity.account_id
    request.response.status_int = status
    form.values.clear()  # passwords and codes never come back
    return {
        "form": form,
        "state": second_factor.state(request.platform_db, account_id),
        "asks_password": has_password(request.platform_db, account_id),
        "step": "",
    }


def begin(request: Request) -> Any:
    """Make a secret, and show it as a picture for the app to scan."""
    form = Form(values=written(request.POST))
    if not ask_password(request, form, form.values.get("password", "")):
        return _page(request, form, 422)
    keys = request.registry["messa.runtime"].keys
    enrolment = second_factor.begin(request.platform_db, keys, request.identity.account_id)
    return _to_page(request) if enrolment is None else _scan(form, enrolment)


def _scan(form: Form, enrolment: Enrolment) -> Mapping[str, Any]:
    form.values.clear()
    groups = [enrolment.secret[i : i + 4] for i in range(0, len(enrolment.secret), 4)]
    return {"form": form, "step": "scan", "picture": picture(enrolment.uri), "secret": " ".join(groups)}


def picture(uri: str) -> Markup:
    """A QR code as SVG in the page: what loads from nowhere is kept nowhere. The secret is in `uri` alone."""
    drawn = segno.make(uri, error="m").svg_inline(border=2, omitsize=True, svgclass=None, lineclass=None)
    return Markup(drawn)  # noqa: S704 -- of squares alone


def confirm(request: Request) -> Any:
    """Take the first code: with it the second factor is in force, and its recovery codes are shown."""
    _ = request.speech.gettext
    form, runtime = Form(values=written(request.POST)), request.registry["messa.runtime"]
    account_id = request.identity.account_id
    code = form.values.get("code", "")
    codes = second_factor.confirm(request.platform_db, runtime.clock.now(), runtime.keys, account_id, code)
    if codes is not None:
        return _codes(codes)
    enrolment = second_factor.pending(request.platform_db, runtime.keys, account_id)
    if enrolment is None:  # another page was quicker
        return _to_page(request)
    request.response.status_int = 422
    page = _scan(form, enrolment)
    form.fail(
        "code",
        _(
            "That code is not right. Take the one that your app shows now, and see that the clock of your phone is right."
        ),
    )
    return page


def _codes(codes: RecoveryCodes) -> Mapping[str, Any]:
    return {"form": Form(), "step": "codes", "codes": codes.codes}


def renew(request: Request) -> Any:
    """New recovery codes in place of the old ones."""
    form = Form(values=written(request.POST))
    if not ask_code(request, form, form.values.get("code", "")):
        return _page(request, form, 422)
    keys = request.registry["messa.runtime"].keys
    codes = second_factor.renew_codes(request.platform_db, keys, request.identity.account_id)
    return _to_page(request) if codes is None else _codes(codes)


def turn_off(request: Request) -> Any:
    """Do without from now on."""
    form = Form(values=written(request.POST))
    password, code = form.values.get("password", ""), form.values.get("off-code", "")
    if not (ask_password(request, form, password) and ask_code(request, form, code, "off-code")):
        return _page(request, form, 422)
    second_factor.remove(request.platform_db, request.identity.account_id)
    return HTTPSeeOther(url(request, "account", "second-factor", said="second-factor-off"))


def _to_page(request: Request) -> HTTPSeeOther:
    return HTTPSeeOther(url(request, "account", "second-factor"))


def includeme(config: Configurator) -> None:
    """Mount the page and its four forms."""
    page = {
        "context": AccountResource,
        "name": "second-factor",
        "permission": PERMISSION,
        "renderer": "account/second_factor.jinja2",
    }
    config.add_view(show, request_method="GET", **page)
    for word, view in (("begin", begin), ("confirm", confirm), ("renew", renew), ("off", turn_off)):
        config.add_view(view, request_method="POST", request_param=f"do={word}", **page)
    config.add_saying(
        "second-factor-off", msgid("The second factor is off. Your password alone signs you in.")
    )
