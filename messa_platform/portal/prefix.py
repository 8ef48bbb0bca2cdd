"""The session in the address, for a browser that refuses cookies (spec I2): `/~<token>/messages`.

The prefix is taken off before anything else sees the path, and put into SCRIPT_NAME: every address that is made for the request carries it by
itself, and nothing that reads PATH_INFO, a log among them, ever holds the token.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

PREFIX = "/~"
URL_SESSION = "messa.url_session"
"""Under this the token stands in the WSGI environment."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,128}")

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def with_prefix(token: str) -> str:
    """What stands before the path of every page of the URL session."""
    return f"{PREFIX}{token}"


class UrlSessions:
    """WSGI layer that takes the prefix off."""

    def __init__(self, app: WsgiApp, enabled: bool) -> None:
        self._app = app
        self._enabled = enabled

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ.pop(URL_SESSION, None)
        path: str = environ.get("PATH_INFO", "")
        if self._enabled and path.startswith(PREFIX):
            token, _, rest = path[len(PREFIX) :].partition("/")
            if _TOKEN.fullmatch(token):
                environ[URL_SESSION] = token
                environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + with_prefix(token)
                environ["PATH_INFO"] = f"/{rest}"
                # what servers add for those who want the path as it came
                for also in ("REQUEST_URI", "RAW_URI"):
                    environ.pop(also, None)
        return self._app(environ, start_response)
