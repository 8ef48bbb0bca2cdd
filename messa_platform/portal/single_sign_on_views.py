"""The pages of single sign-on: off to an organisation's identity provider, and back from it (spec I3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator
from pyramid.csrf import get_csrf_token
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED

from messa_platform.core.site import SiteSettings
from messa_platform.portal import cookies, sign_in
from messa_platform.portal.csrf import takes_cookies
from messa_platform.portal.identity import binding
from messa_platform.portal.pages import address as path
from messa_platform.portal.single_sign_on import MAX_ONWARD, SsoResource, code_of, start_path
from messa_platform.tenants.access.single_sign_on import (
    MAX_ADDRESS,
    Browser,
    Refused,
    SignedOn,
    SingleSignOn,
    Wish,
)


def _asked(request: Request) -> Mapping[str, str]:
    try:
        return dict(request.GET)
    except UnicodeDecodeError:  # a query that is no UTF-8 asks for nothing
        return {}


def _service(request: Request) -> SingleSignOn:
    service: SingleSignOn = request.registry["messa.runtime"].single_sign_on
    return service


def _browser(request: Request) -> Browser:
    return Browser(binding(request), cookies.get(request, cookies.PROBE) or "")


def _back(refused: Refused) -> Response:
    """To the sign-in page, which says why; the address of the provider's answer stays in no history."""
    return HTTPSeeOther(path("sign-in", email=refused.address, said=code_of(refused.reason)))


def start(request: Request) -> Any:
    """Send somebody to the identity provider of an address's domain."""
    asked = _asked(request)
    onward = asked.get("next", "")[:MAX_ONWARD]
    if request.identity is not None:
        return HTTPSeeOther(request.script_name + sign_in.onward_of(onward))
    wish = Wish(asked.get("address", "").strip()[:MAX_ADDRESS], bool(asked.get("remember")), onward)
    if not asked.get("go"):
        return _pause(request, wish)
    if (
        not takes_cookies(request)
        and not request.registry["messa.runtime"].settings[SiteSettings].cookieless_login
    ):
        return HTTPSeeOther(path("sign-in", email=wish.address, said="needs-cookies"))
    uri = _service(request).start(wish, _browser(request))
    return _back(uri) if isinstance(uri, Refused) else HTTPSeeOther(uri)


def _pause(request: Request, wish: Wish) -> Mapping[str, Any]:
    """A page on the way, which goes on by itself: it ends what a form has begun, and tries whether the browser takes cookies."""
    get_csrf_token(request)  # sets the probe cookie
    onward = start_path(wish, go=True)
    request.response.headers["Refresh"] = f"0; url={onward}"
    request.response.headers["Cache-Control"] = "no-store"
    return {"onward": onward}


def callback(request: Request) -> Response:
    """Where providers send people back to; whom one has signed in goes on as by a mailed link: an own second factor counts."""
    outcome = _service(request).finish(_asked(request), _browser(request))
    match outcome:
        case SignedOn(account_id, remember, onward):
            response = sign_in.after_first(request, account_id, sign_in.Wish(remember, onward))
        case Refused():
            response = _back(outcome)
    response.headers["Cache-Control"] = "no-store"
    return response


def includeme(config: Configurator) -> None:
    """The pages under `/sso`; they are for those who are nobody yet."""
    page = {"context": SsoResource, "permission": NO_PERMISSION_REQUIRED, "request_method": "GET"}
    config.add_view(start, name="start", renderer="sign_in/onward.jinja2", **page)
    config.add_view(callback, name="callback", **page)
