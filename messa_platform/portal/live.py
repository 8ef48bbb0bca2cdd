"""Pages that ask for news: answered from memory while there is none, before Pyramid and the database are troubled.

A live part of a page bears as its ETag the time as of which it was read. It asks again with the header `X-Messa-Live: 1` and that ETag in
`If-None-Match`, and gets 304 as long as nothing was told of its account since (`messaging.feed`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from pyramid.config import Configurator
from pyramid.events import NewRequest
from pyramid.httpexceptions import HTTPNotModified

from messa_platform.core.client import binding_of
from messa_platform.core.clock import Clock
from messa_platform.core.web import HEADERS, WsgiApp
from messa_platform.messaging.feed import Changes
from messa_platform.portal import cookies
from messa_platform.portal.identity import LIVE_HEADER
from messa_platform.portal.prefix import URL_SESSION
from messa_platform.tenants.access.models import SessionKind

_LIVE = "HTTP_" + LIVE_HEADER.upper().replace("-", "_")
_HEADERS = [*HEADERS.items(), ("Cache-Control", "no-store")]


def stamp(now: datetime) -> str:
    """An ETag for what is read from the database from `now` on."""
    return f'"{now.isoformat()}"'


def read_stamp(etag: str) -> datetime | None:
    """When what bears this ETag was read; None if it is none of ours."""
    try:
        # a proxy that compresses makes an ETag a weak one (RFC 9110, 8.8.3)
        at = datetime.fromisoformat(etag.strip().removeprefix("W/").strip('"'))
    except ValueError:
        return None
    return at if at.tzinfo else None


class Known(Protocol):
    """Whose session it is."""

    @property
    def account_id(self) -> UUID:
        """The account."""

    @property
    def kind(self) -> SessionKind:
        """Where the session's token is kept."""


class Sessions(Protocol):
    """Sessions in memory: `tenants.access.sessions.SessionCache`."""

    def get(self, token: str, binding: bytes, now: datetime) -> Known | None:
        """Whose token it is; None if the database must be asked."""


class LiveGate:
    """WSGI layer that answers those who ask for news while there is none; all else goes on to `app`. `cookie` is the name of the session's."""

    def __init__(
        self, app: WsgiApp, sessions: Sessions, changes: Changes, clock: Clock, cookie: str = cookies.SESSION
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._changes = changes
        self._clock = clock
        self._cookie = cookie

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get(_LIVE) == "1" and environ["REQUEST_METHOD"] == "GET":
            at = read_stamp(environ.get("HTTP_IF_NONE_MATCH", ""))
            if at is not None and self._quiet_since(environ, at):
                start_response("304 Not Modified", [*_HEADERS, ("ETag", stamp(at))])
                return []
        return self._app(environ, start_response)

    def _quiet_since(self, environ: dict[str, Any], at: datetime) -> bool:
        token, binding = environ.get(URL_SESSION), b""
        in_url = token is not None
        if in_url:
            binding = binding_of(environ.get("HTTP_USER_AGENT", ""), environ.get("REMOTE_ADDR", ""))
        else:
            token = _cookie(environ.get("HTTP_COOKIE", ""), self._cookie)
        known = self._sessions.get(token, binding, self._clock.now()) if token else None
        if known is None or (known.kind is SessionKind.URL) != in_url:
            return False
        return self._changes.quiet_since(known.account_id, at)


def _cookie(header: str, name: str) -> str | None:
    """The value of a cookie; None if there is none, or more than one."""
    pairs = (pair.partition("=") for pair in header.split(";"))
    values = [value.strip().strip('"') for key, _, value in pairs if key.strip() == name]
    return values[0] if len(values) == 1 else None


def _answer_quiet(event: NewRequest) -> None:
    """The same for a request whose session was not in memory, which is so once a minute: only the session has been asked for."""
    request = event.request
    request.begun_at = request.registry["messa.runtime"].clock.now()  # before anything of a page is read
    if request.method != "GET" or request.headers.get(LIVE_HEADER) != "1":
        return
    at = read_stamp(request.headers.get("If-None-Match", ""))
    if at is None or request.identity is None:
        return
    if request.registry["messa.runtime"].changes.quiet_since(request.identity.account_id, at):
        raise HTTPNotModified(headers=[("ETag", stamp(at)), ("Cache-Control", "no-store")])


def includeme(config: Configurator) -> None:
    """Answer those who ask for news while there is none, before any page is made."""
    config.add_subscriber(_answer_quiet, NewRequest)
