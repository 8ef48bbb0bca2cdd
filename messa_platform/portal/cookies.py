"""The portal's cookies: their names, and what each is allowed."""

from __future__ import annotations

from datetime import timedelta

from pyramid.request import Request
from pyramid.response import Response

from messa_platform.core.site import SiteSettings

SESSION = "messa_session"
"""Holds the token of a session."""
PROBE = "messa_probe"
"""Set by every page with a form that is shown to somebody signed out; if it does not come back, the browser refuses cookies."""


def name_of(cookie: str, site: SiteSettings) -> str:
    """A cookie's name in this deployment. `__Host-`: a browser takes it from this very host, not from a neighbour (RFC 6265bis, 4.1.3)."""
    return f"__Host-{cookie}" if site.is_https else cookie


def _site(request: Request) -> SiteSettings:
    site: SiteSettings = request.registry["messa.runtime"].settings[SiteSettings]
    return site


def get(request: Request, cookie: str) -> str | None:
    """What the browser sent back of a cookie."""
    value: str | None = request.cookies.get(name_of(cookie, _site(request)))
    return value or None


def put(
    request: Request, response: Response, cookie: str, value: str, max_age: timedelta | None = None
) -> None:
    """Have the browser keep a cookie, for `max_age` or else until it is closed. What a view said of it before stands."""
    site = _site(request)
    name = name_of(cookie, site)
    if not any(line.startswith(f"{name}=") for line in response.headers.getall("Set-Cookie")):
        response.set_cookie(
            name, value, max_age=max_age, httponly=True, samesite="Lax", secure=site.is_https, path="/"
        )


def drop(request: Request, response: Response, cookie: str) -> None:
    """Have the browser forget a cookie."""
    site = _site(request)
    # without Secure a browser would not let a __Host- cookie be overwritten
    response.set_cookie(
        name_of(cookie, site), None, path="/", httponly=True, samesite="Lax", secure=site.is_https
    )
