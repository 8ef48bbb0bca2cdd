"""Where providers call us: `/providers/<channel>/…`. The plugin authenticates and reads; `messaging` stores; then the answer.

It stands before the pages, as nothing of what they need, a visitor, a session, a transaction of the request's own, is of use here, and
all of that costs more than what a callback itself takes (measured, in processor time of a bare Pyramid view: 13 with it, 3 without). What
lets a caller in is the proof of its provider, which the plugin's `read_callback` demands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, quote

from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError

from messa_platform.core.clock import Clock
from messa_platform.core.logs import logger
from messa_platform.core.site import SiteSettings
from messa_platform.core.web import HEADERS, WsgiApp
from messa_platform.core.web_server import LATER, WAITING, Later, PutOff
from messa_platform.providers.base import Callback, CallbackRefused, CallbackResult
from messa_platform.providers.callback_channels import CallbackChannels, Deaf, OutOfOrder, Ready
from messa_platform.providers.callback_desk import CallbackDesk, NotNow

log = logger(__name__)

PREFIX = "/providers/"
MOST_BYTES = 4 * 2**20
"""Of a callback's body: some providers put hundreds of receipts into one."""
MOST_WAITING = 500
"""Requests that may wait for a thread of the web server; with more of them callbacks are put off, so that pages need not wait behind them."""
RETRY_AFTER = 10
"""Seconds after which a provider may come again that cannot be served now. Those that do not know the header come again after a while, too."""

Environ = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Said:
    """An answer."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain"
    headers: tuple[tuple[str, str], ...] = ()


def _words(status: int, words: str) -> _Said:
    return _Said(status, words.encode())


_NOT_NOW = _Said(503, b"not now", headers=(("Retry-After", str(RETRY_AFTER)),))


class CallbackDoor:
    """WSGI layer that takes callbacks; all else goes on to `app`."""

    def __init__(
        self, app: WsgiApp, channels: CallbackChannels, desk: CallbackDesk, clock: Clock, site: SiteSettings
    ) -> None:
        self._app = app
        self._channels = channels
        self._desk = desk
        self._clock = clock
        self._public_url = site.public_url.rstrip("/")
        self._headers = list(HEADERS.items())
        if site.is_https:
            self._headers.append(("Strict-Transport-Security", "max-age=31536000"))

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not environ.get("PATH_INFO", "").startswith(PREFIX):
            return self._app(environ, start_response)
        status, headers, body = self._written(self._answered(environ))
        start_response(status, headers)
        return [body]

    def _written(self, said: _Said) -> tuple[str, list[tuple[str, str]], bytes]:
        charset = "; charset=UTF-8" if said.content_type.startswith("text/") else ""
        about = [
            ("Content-Type", said.content_type + charset),
            ("Content-Length", str(len(said.body))),
            *said.headers,
        ]
        return f"{said.status} {HTTPStatus(said.status).phrase}", [*self._headers, *about], said.body

    def _answered(self, environ: Environ) -> _Said:
        if environ.get(WAITING, 0) > MOST_WAITING:
            return _NOT_NOW
        name, *path = [part for part in environ["PATH_INFO"][len(PREFIX) :].split("/") if part] or [""]
        try:
            found = self._channels.find(name) if name and path else None
        except (OperationalError, InterfaceError, TimeoutError) as error:
            log.error("callback_without_database", error=type(error).__name__)
            return _NOT_NOW
        match found:
            case None:
                return _words(404, "there is no such channel")
            case Deaf():
                return _words(404, "this channel takes no callbacks")
            case OutOfOrder():
                return _NOT_NOW
            case Ready():
                return self._taken(found, "/".join(path), environ)

    def _taken(self, channel: Ready, path: str, environ: Environ) -> _Said:
        """Take a callback. It is answered well only when everything in it is stored (spec X5); where the web server can wait for that without
        a thread, that answer is given later. Raises `PutOff` then."""
        body = _body(environ)
        if body is None:
            return _words(413, "more than a callback can hold")
        later: Later | None = environ.get(LATER)
        try:
            result = channel.plugin.read_callback(channel.settings, self._asked(path, body, environ))
            if not result.events:
                return _as_wanted(result)
            if later is None:
                self._desk.store(channel.channel_id, result.events)
                return _as_wanted(result)
            self._desk.put(channel.channel_id, result.events, partial(self._tell, channel, result, later))
        except CallbackRefused as refused:
            log.warning("callback_refused", channel=channel.name, why=str(refused))
            return _words(refused.status, str(refused))
        except NotNow as why:
            return _put_off(channel, why)
        raise PutOff

    def _tell(self, channel: Ready, result: CallbackResult, later: Later, came: BaseException | None) -> None:
        """Give the answer to a callback, now that it is known whether it is stored."""
        match came:
            case None:
                said = _as_wanted(result)
            case NotNow():
                said = _put_off(channel, came)
            case _:  # which the desk has logged
                said = _words(500, "it cannot be stored")
        later(*self._written(said))

    def _asked(self, path: str, body: bytes, environ: Environ) -> Callback:
        query = environ.get("QUERY_STRING", "")
        # providers sign the address that they were given, whatever a proxy made of it
        url = f"{self._public_url}{quote(environ['PATH_INFO'].encode('latin-1'), safe=_SAFE)}"
        return Callback(
            method=environ["REQUEST_METHOD"],
            path=path,
            query=dict(parse_qsl(query, keep_blank_values=True)),
            headers=_headers(environ),
            body=body,
            url=f"{url}?{query}" if query else url,
            at=self._clock.now(),
        )


_SAFE = "/:@!$&'()*+,;=~-._"


def _put_off(channel: Ready, why: NotNow) -> _Said:
    log.warning("callback_put_off", channel=channel.name, why=str(why))
    return _NOT_NOW


def _as_wanted(result: CallbackResult) -> _Said:
    return _Said(result.status, result.body, result.content_type)


def _headers(environ: Environ) -> dict[str, str]:
    headers = {
        key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")
    }
    # these two have names of their own (PEP 3333)
    for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if value := environ.get(key):
            headers[key.replace("_", "-").lower()] = value
    return headers


def _body(environ: Environ) -> bytes | None:
    """The body; None if it is too large."""
    told = environ.get("CONTENT_LENGTH") or ""
    # one that comes in chunks has no length, and an end only where the server says so
    length = int(told) if told.isdecimal() else (MOST_BYTES + 1) * bool(environ.get("wsgi.input_terminated"))
    if told and length > MOST_BYTES:
        return None
    body: bytes = environ["wsgi.input"].read(length)
    return body if len(body) <= MOST_BYTES else None
