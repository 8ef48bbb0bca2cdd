"""Who asks, by the session of the browser: in a cookie, or in the address (spec I2)."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote
from uuid import UUID

from pyramid.config import Configurator
from pyramid.events import NewRequest
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response

from messa_platform.core.client import binding_of
from messa_platform.portal import cookies
from messa_platform.portal.prefix import URL_SESSION
from messa_platform.tenants.access import sessions
from messa_platform.tenants.access.models import SessionKind
from messa_platform.tenants.access.sessions import Identity

LIVE_HEADER = "X-Messa-Live"
SIGNED_IN = "signed-in"
OPERATOR = "operator"


def admin_of(group_id: UUID) -> str:
    """The principal of a group's admins."""
    return f"admin:{group_id}"


def binding(request: Request) -> bytes:
    """What a URL session is bound to: the browser's name and its network."""
    return binding_of(request.user_agent or "", request.client_addr or "")


def _token(request: Request) -> str | None:
    token: str | None = request.environ.get(URL_SESSION) or cookies.get(request, cookies.SESSION)
    return token


class Sessions:
    """The identity source of the portal."""

    def identify(self, request: Request) -> Identity | None:
        """The session's identity, if it is in force; asks the database once."""
        token = _token(request)
        if token is None:
            return None
        runtime = request.registry["messa.runtime"]
        # an open page that asks for news by itself is nobody's activity
        touch = LIVE_HEADER not in request.headers
        # in a transaction of its own: what it notes of the session must be locked no longer than that
        with runtime.database.unit_of_work() as session:
            identity = sessions.recognise(session, runtime.clock.now(), token, binding(request), touch=touch)
        in_url = URL_SESSION in request.environ
        if identity is None or (identity.kind is SessionKind.URL) != in_url:
            return None
        runtime.session_cache.put(token, identity)
        if identity.kind is SessionKind.PERSISTENT and touch:
            request.add_response_callback(lambda _, response: set_cookie(request, response, token, identity))
        return identity

    def principals(self, identity: Identity) -> Sequence[str]:
        """Everybody who is signed in, this very account, the admin of each of its groups, and the operator."""
        admin = (admin_of(group_id) for group_id in identity.admin_of)
        return (
            SIGNED_IN,
            f"account:{identity.account_id}",
            *admin,
            *([OPERATOR] if identity.is_operator else []),
        )


def set_cookie(request: Request, response: Response, token: str, identity: Identity | None = None) -> None:
    """Keep the session's token in a cookie; for as long as the session lasts with `identity`, else until the browser is closed."""
    left = None if identity is None else identity.expires_at - request.registry["messa.runtime"].clock.now()
    cookies.put(request, response, cookies.SESSION, token, left)


def _is_file(request: Request) -> bool:
    # as the server gave it: what is no UTF-8 is for the router to refuse
    path: str = request.environ.get("PATH_INFO", "")
    return path.startswith("/static/") and URL_SESSION not in request.environ


def _ask_early(event: NewRequest) -> None:
    """Know who asks from the beginning, so that the pages that tell of errors need not ask any more."""
    request = event.request
    if _is_file(request) or _token(request) is None:
        return
    if request.identity is None and URL_SESSION in request.environ and request.method in ("GET", "HEAD"):
        # a session that has ended, or is somebody else's: on with the same page outside of it
        query = f"?{request.query_string}" if request.query_string else ""
        raise HTTPSeeOther(quote(request.path_info, safe="/@+") + query)


_FOR_ALL = ("/", "/guide")
"""Pages that are the same for everybody who is signed out, and may be kept; the others hold forms made for one browser."""


def _keep_private(event: NewRequest) -> None:
    def no_store(request: Request, response: Response) -> None:
        page = response.content_type == "text/html" and request.environ.get("PATH_INFO") not in _FOR_ALL
        if not _is_file(request) and (page or _token(request) is not None):
            response.headers["Cache-Control"] = "no-store"

    event.request.add_response_callback(no_store)


def includeme(config: Configurator) -> None:
    """Sessions tell who asks."""
    config.add_identity_source(Sessions())
    config.add_subscriber(_keep_private, NewRequest)
    config.add_subscriber(_ask_early, NewRequest)
