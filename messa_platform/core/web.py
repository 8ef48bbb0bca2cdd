"""What every web request has: a transaction, a session, headers; and the two questions of those who operate it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

import zope.sqlalchemy
from pyramid.config import Configurator
from pyramid.events import NewResponse
from pyramid.exceptions import URLDecodeError
from pyramid.request import Request
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED
from sqlalchemy.orm import Session

from messa_platform.core.logs import logger
from messa_platform.core.resources import Root
from messa_platform.core.row_security import Confinement, confine
from messa_platform.core.site import SiteSettings

log = logger(__name__)

Check = Callable[[], str | None]
"""Asks whether something is ready; gives None, or what is missing."""

PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
"""The Content-Security-Policy of a page: everything from here, nothing written into the page itself."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def _platform_session(request: Request) -> Session:
    """A session that sees every tenant, for signing in, for handing texts in, and for the operator; the others use `request.db`.

    Like that one it commits and rolls back with the request's transaction.
    """
    session: Session = request.registry["messa.runtime"].database.sessions()
    # Without initial_state what Core alone has written would be rolled back without a word.
    zope.sqlalchemy.register(
        session, transaction_manager=request.tm, initial_state=zope.sqlalchemy.datamanager.STATUS_CHANGED
    )
    return session


def _session(request: Request) -> Session:
    """The request's session: it sees what `request.confinement` says, the tenant of whoever is signed in; nothing of any tenant else."""
    session = _platform_session(request)
    confine(session, request.confinement)
    return session


_NOBODY = Confinement(UUID(int=0), None)


def _confinement(request: Request) -> Confinement:
    """For whom the request acts, as its identity says; a resource that stands for another tenant may set it before `db` is used."""
    identity = request.identity
    return _NOBODY if identity is None else Confinement(identity.tenant_id, identity.account_id)


def healthz(request: Request) -> Response:
    """Whether the process answers at all."""
    return Response("ok\n", content_type="text/plain")


def readyz(request: Request) -> Mapping[str, Any]:
    """Whether the process can do its work; 503 with what is missing if not. What a person should see to besides stands under `warnings`."""
    runtime = request.registry["messa.runtime"]
    missing = _faults(runtime.checks)
    if missing:
        request.response.status_int = 503
        return {"ready": False, "missing": missing}
    warnings = _faults(runtime.warnings)
    return {"ready": True, "missing": {}, **({"warnings": warnings} if warnings else {})}


def _faults(checks: Mapping[str, Check]) -> dict[str, str]:
    return {name: fault for name, check in checks.items() if (fault := check())}


def not_a_path(error: URLDecodeError, request: Request) -> Response:
    """A path whose bytes are no UTF-8 leads nowhere; Pyramid itself would let the server fail over it."""
    return Response("the address is not UTF-8\n", status=400, content_type="text/plain")


def _add_headers(event: NewResponse) -> None:
    if event.response.content_type == "text/html":
        event.response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    for name, value in HEADERS.items():
        event.response.headers.setdefault(name, value)
    if event.request.registry["messa.runtime"].settings[SiteSettings].is_https:
        event.response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")


WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class LastResort:
    """WSGI layer that answers what nothing else caught; the server would log its path, in which a URL session's token may stand."""

    def __init__(self, app: WsgiApp) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            return self._app(environ, start_response)
        except Exception:
            log.exception("request_failed", method=environ.get("REQUEST_METHOD"))
            response = Response(_FAILED, status=500, content_type="text/plain", charset="utf-8")
            response.headers.update(HEADERS)
            return list(response(environ, start_response))


_FAILED = """Något gick fel hos oss. Felet är loggat; försök igen om en stund.

Something went wrong on our side. It has been logged; try again in a while.
"""


def includeme(config: Configurator) -> None:
    """Set up transactions, the session, the headers and the health views."""
    # nobody reads who a transaction was for, and asking would come before whatever answers when the database is away
    config.add_settings({"tm.manager_hook": "pyramid_tm.explicit_manager", "tm.annotate_user": False})
    config.include("pyramid_tm")
    config.add_request_method(_session, "db", reify=True)
    config.add_request_method(_platform_session, "platform_db", reify=True)
    config.add_request_method(_confinement, "confinement", reify=True)
    config.add_subscriber(_add_headers, NewResponse)
    config.add_exception_view(not_a_path, context=URLDecodeError)
    config.add_view(healthz, name="healthz", context=Root, permission=NO_PERMISSION_REQUIRED)
    config.add_view(readyz, name="readyz", context=Root, renderer="json", permission=NO_PERMISSION_REQUIRED)
