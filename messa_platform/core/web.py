"""What every web request has: a transaction, a session, headers; and the two questions of those who operate it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import zope.sqlalchemy
from pyramid.config import Configurator
from pyramid.events import NewResponse
from pyramid.exceptions import URLDecodeError
from pyramid.request import Request
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED
from sqlalchemy.orm import Session

from messa_platform.core.resources import Root

Check = Callable[[], str | None]
"""Asks whether something is ready; gives None, or what is missing."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def _session(request: Request) -> Session:
    """The request's session; it commits and rolls back with the request's transaction."""
    session: Session = request.registry["messa.runtime"].database.sessions()
    # Without initial_state what Core alone has written would be rolled back without a word.
    zope.sqlalchemy.register(
        session, transaction_manager=request.tm, initial_state=zope.sqlalchemy.datamanager.STATUS_CHANGED
    )
    return session


def healthz(request: Request) -> Response:
    """Whether the process answers at all."""
    return Response("ok\n", content_type="text/plain")


def readyz(request: Request) -> Mapping[str, Any]:
    """Whether the process can do its work; 503 with what is missing if not."""
    checks: Mapping[str, Check] = request.registry["messa.runtime"].checks
    missing = {name: fault for name, check in checks.items() if (fault := check())}
    if missing:
        request.response.status_int = 503
    return {"ready": not missing, "missing": missing}


def not_a_path(error: URLDecodeError, request: Request) -> Response:
    """A path whose bytes are no UTF-8 leads nowhere; Pyramid itself would let the server fail over it."""
    return Response("the address is not UTF-8\n", status=400, content_type="text/plain")


def _add_headers(event: NewResponse) -> None:
    for name, value in HEADERS.items():
        event.response.headers.setdefault(name, value)


def includeme(config: Configurator) -> None:
    """Set up transactions, the session, the headers and the health views."""
    config.add_settings({"tm.manager_hook": "pyramid_tm.explicit_manager"})
    config.include("pyramid_tm")
    config.add_request_method(_session, "db", reify=True)
    config.add_subscriber(_add_headers, NewResponse)
    config.add_exception_view(not_a_path, context=URLDecodeError)
    config.add_view(healthz, name="healthz", context=Root, permission=NO_PERMISSION_REQUIRED)
    config.add_view(readyz, name="readyz", context=Root, renderer="json", permission=NO_PERMISSION_REQUIRED)
